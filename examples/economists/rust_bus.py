"""
When does Harold Zurcher replace a bus engine?
==============================================

Ten years of monthly decisions on 104 buses (Rust 1987): keep the engine, or replace it. This example first gets
what Rust got, the costs of his table IX, and, without being told how buses age, costs within a standard error
of these. It then asks what hangs on the law of motion, and which models predict buses that they have not seen.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.displays import PolicyDisplay
from sklearn_iqlearn.preprocessing import estimate_transitions, renewal_transitions

N_BINS, DISCOUNT = 90, 0.9999  # bins of 5,000 miles, months


def transitions_of(frame):
    """The law of motion: mileage bins that grow by the observed increments, or start anew."""
    return renewal_transitions(frame.loc[frame["increment"] >= 0, "increment"].to_numpy(), N_BINS)


bus = load_rust_bus()
law = transitions_of(bus.frame)
print(
    f"{len(bus.frame):,} monthly records of {bus.bus.nunique()} buses, {len(bus.data):,} decisions, "
    f"{bus.target.sum()} replacements.\nMonthly increments of 0, 1, 2 bins of 5,000 miles: "
    + ", ".join(f"{share:.3f}" for share in law[0, 0, :3])
    + f". Discount {DISCOUNT}."
)

# %%
# Rust's table IX
# ---------------
# Two costs, by maximum likelihood of the decisions given the law of motion: of 0.001 a month for each bin, and
# of a replacement. Standard errors are his, by outer products of the scores.

COLUMNS = ["mileage", "(s.e.)", "replacement", "(s.e.)", "log-likelihood"]
FORMATS = ["{:.4f}".format, "({:.3f})".format] * 2 + ["{:.3f}".format]
GROUPS = {"4": [4], "1, 2, 3": [1, 2, 3], "1, 2, 3, 4": [1, 2, 3, 4]}


def structural(transitions):
    """The estimator of the two costs."""
    features = np.zeros((N_BINS, 2, 2))
    features[:, 0, 0] = -0.001 * np.arange(N_BINS)
    features[:, 1, 1] = -1.0
    return IQLearnClassifier(transitions, discount=DISCOUNT, q_type="structural", features=features)


def row_of(model, X, y, **kind):
    """Estimates, each with its standard error, and the log-likelihood."""
    errors = np.sqrt(np.diag(inference.covariance(model, X, y, **kind)))
    return [*np.column_stack([model.coef_, errors]).ravel(), len(y) * model.score(X, y)]


rows = {}
for name, groups in GROUPS.items():
    frame = bus.frame[bus.frame["group"].isin(groups)]
    decisions = frame[frame["period"] > 1]  # the first month of a bus only opens its record
    X, y = decisions[["mileage_bin"]], decisions["replaced"]
    rows[name] = row_of(structural(transitions_of(frame)).fit(X, y), X, y, kind="opg")
print("\nRust's table IX, by groups of buses:\n")
print(pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS).to_string(formatters=FORMATS))

# %%
# Without bins and transitions
# ----------------------------
# The same costs as functions of rows, mileage as it is, and which row follows which. Standard errors are
# clustered by bus.


def costs_by_mileage(X):
    """Features (n, 2, 2) of miles since the last replacement in thousands, 5 of them a bin."""
    features = np.zeros((len(X), 2, 2))
    features[:, 0, 0] = -0.001 * X["mileage_since_replacement"] / 5
    features[:, 1, 1] = -1.0
    return features


rows = {}
for name, groups in GROUPS.items():
    decisions = bus.frame[bus.frame["group"].isin(groups) & (bus.frame["period"] > 1)]
    X, y = decisions[["mileage_since_replacement"]], decisions["replaced"]
    ids = {"trajectory": decisions["bus_id"], "step": decisions["period"]}
    model = IQLearnClassifier(q_type="structural", features=costs_by_mileage, discount=DISCOUNT).fit(X, y, **ids)
    rows[name] = row_of(model, X, y, feature_names=["mileage", "replacement"], **ids)
print("\nThe same without bins and transitions, from mileage and trajectories (clustered by bus):\n")
print(pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS).to_string(formatters=FORMATS))

# %%
# What hangs on the law of motion
# -------------------------------
# Increments that all bins share, or a kernel of each bin and action? 60 replacements leave most bins without
# one, so that something must stand in there: the law, which may also count as visits to each pair, or the moves
# of the bin whatever the action.

moves = {"trajectory": bus.frame["bus_id"], "step": bus.frame["period"], "n_states": N_BINS, "unseen": "prior"}
priors = {
    "own kernels, the law as 100 visits to each": (100, law),
    "own kernels, the law as 10 visits to each": (10, law),
    "own kernels, the law where no row is": (0, law),
    "own kernels, the bin's moves where no row is": 0,
}
kernels = {"increments shared by all bins, the law": law} | {
    name: estimate_transitions(bus.frame["mileage_bin"], bus.frame["replaced"], prior=prior, **moves).transitions
    for name, prior in priors.items()
}
rows = {}
for name, kernel in kernels.items():
    model = structural(kernel).fit(bus.data, bus.target)
    rows[name] = [*model.coef_, len(bus.target) * model.score(bus.data, bus.target)]
costs_by_law = pd.DataFrame.from_dict(rows, orient="index", columns=["mileage", "replacement", "log-likelihood"])
print("\nThe costs by the law of motion, all groups:\n")
print(costs_by_law.to_string(float_format="{:.3f}".format))

# %%
# The last likelihood is no merit. Where nobody replaced, replacing moves like keeping there and buys nothing:
# the kernel has read the decisions off.
#
# What predicts buses that were not seen
# --------------------------------------
# Held-out log-likelihood per decision, over five folds of whole buses. Logistic regression on mileage and its
# square is as good: it predicts, though it has no costs, and no answer for another price. A free table has a
# number for each bin, and 60 replacements to find them. Without a future the penalty is one on Q itself, and draws
# the policy of rare bins to even chances.

folds = GroupKFold(n_splits=5)
table = IQLearnClassifier(law, discount=DISCOUNT)
grid = {"alpha": [0.3, 1, 3, 10], "divergence": ["chi2", "hellinger", "js", "kl", "tv"]}
search = GridSearchCV(table, grid, cv=folds).fit(bus.data, bus.target, groups=bus.bus)
bins = np.arange(N_BINS)[:, None] / N_BINS
logistic = make_pipeline(StandardScaler(), LogisticRegression(C=100.0))
models = {
    "IQ-Learn, structural: costs of mileage and replacement": structural(law),
    f"IQ-Learn, best table of the grid: {search.best_params_}": search.best_estimator_,
    "IQ-Learn, defaults (a table, alpha=1, divergence=chi2)": table,
    "IQ-Learn, no future (discount=0)": clone(table).set_params(discount=0.0),
    "IQ-Learn, Q linear in mileage and its square": clone(table).set_params(
        features=np.hstack([bins, bins**2]), alpha=100.0
    ),
    "Logistic regression on mileage": logistic,
    "Logistic regression on mileage and its square": make_pipeline(
        PolynomialFeatures(2, include_bias=False), StandardScaler(), logistic[-1]
    ),
    "Action frequencies": DummyClassifier(strategy="prior"),
}
held_out = pd.Series(
    {
        name: cross_val_score(model, bus.data, bus.target, groups=bus.bus, cv=folds, scoring="neg_log_loss").mean()
        for name, model in models.items()
    }
)
print("\nHeld-out log-likelihood per decision:\n")
print(held_out.sort_values(ascending=False).to_string(float_format="{:.4f}".format))

# %%
# What it costs
# -------------
# In units of the scale of the choice shocks, standard errors clustered by bus.

ids = {"trajectory": bus.bus, "step": bus.period}
costs = structural(law).fit(bus.data, bus.target, **ids)
names = ["a bin of 5,000 miles, a month, x 1000", "a replacement"]
print("\nWhat it costs:\n")
print(inference.summary(costs, bus.data, bus.target, feature_names=names, **ids))

# %%
# In the picture are the observed frequencies and three of the policies. Where most of the data are they agree;
# beyond, a policy with costs goes on as costs do, and a square turns round. Two frequencies lie above the frame:
# one replacement in 4 months at bin 72, and one in 2 at bin 77.

figure, axes = plt.subplots(figsize=(8, 4.8), layout="constrained")
covariance = inference.covariance(costs, bus.data, bus.target, **ids)
PolicyDisplay.from_estimator(
    costs, bus.data, bus.target, action=1, band=covariance, name="IQ-Learn, structural, 95% band"
).plot(axes)
for name in ("IQ-Learn, Q linear in mileage and its square", "Logistic regression on mileage and its square"):
    model = models[name].fit(bus.data, bus.target)
    PolicyDisplay.from_estimator(model, bus.data, action=1, values=np.arange(N_BINS), name=name).plot(axes)
axes.set_xticks(range(0, N_BINS + 1, 10), range(0, 5 * N_BINS + 1, 50))
axes.set(
    xlabel="miles since the last replacement (thousands)",
    ylabel="probability of replacement in a month",
    xlim=(0, N_BINS),
    ylim=(-0.005, 0.15),
    title="Engine replacement, Madison Metropolitan Bus Company",
)
axes.legend(loc="upper left")
plt.show()
