"""
Reading a reward
================

What did a new engine, and an old one, cost Harold Zurcher (Rust 1987)? Both costs by maximum likelihood, beside
the published ones; five kinds of standard error, and whether their differences mean anything; what is free of
units; and how to read the reward behind a free table of Q.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.datasets import load_rust_bus, make_bus_engine
from sklearn_iqlearn.displays import CoefficientDisplay
from sklearn_iqlearn.preprocessing import renewal_transitions

N_BINS = 90
FEATURES = np.zeros((N_BINS, 2, 2))
FEATURES[:, 0, 0] = -0.001 * np.arange(N_BINS)  # keeping costs 0.001 theta for each bin
FEATURES[:, 1, 1] = -1.0  # replacing costs RC
NAMES = ["theta", "RC"]
KINDS = ["observed", "opg", "sandwich", "clustered"]
# Rust (1987), table IX, discount 0.9999: theta, RC, their standard errors, log-likelihood.
PUBLISHED = {
    "group 4": ([4], [2.2930, 10.0750], [0.639, 1.582], -163.584),
    "groups 1-4": ([1, 2, 3, 4], [2.6275, 9.7558], [0.618, 1.227], -300.250),
}


def two_steps(frame):
    """Transitions from the increments of mileage, then the costs from the decisions: the fit, and its rows."""
    increments = frame.loc[frame["increment"] >= 0, "increment"].to_numpy()
    rows = frame[frame["period"] > 1]  # the first month of a bus only opens its record
    X, y = rows[["mileage_bin"]], rows["replaced"]
    settings = {"discount": 0.9999, "q_type": "structural", "features": FEATURES}
    return IQLearnClassifier(renewal_transitions(increments, N_BINS), **settings).fit(X, y), X, y, rows["bus_id"]


# %%
# The costs, beside the published ones
# ------------------------------------

frame = load_rust_bus().frame
samples = {name: two_steps(frame[frame["group"].isin(groups)]) for name, (groups, *_) in PUBLISHED.items()}
for name, (model, X, y, bus) in samples.items():
    _, coef, spread, log_likelihood = PUBLISHED[name]
    print(f"\n{name}: {bus.nunique()} buses, {len(y):,} months, {y.sum()} replacements\n")
    print(inference.summary(model, X, y, trajectory=bus, feature_names=NAMES))
    print(
        f"Rust (1987): theta {coef[0]:.4f} ({spread[0]:.3f}), RC {coef[1]:.4f} ({spread[1]:.3f}), "
        f"log-likelihood {log_likelihood:.3f}"
    )

# %%
# Five standard errors
# --------------------
# The inverse Hessian, the outer product of scores (Rust's), the sandwich of both, the same clustered by bus,
# and a bootstrap over whole buses. Where the model is right the first three agree, up to chance.


def standard_errors(model, X, y, trajectory):
    """One row for each kind."""
    spreads = [inference.covariance(model, X, y, kind=kind, trajectory=trajectory) for kind in KINDS]
    return pd.DataFrame([np.sqrt(np.diag(spread)) for spread in spreads], index=KINDS, columns=NAMES)


asked = {"coef": "coef_", "ratio": lambda fit: fit.coef_[1] / (0.001 * fit.coef_[0])}
errors, boots = {}, {}
for name, (model, X, y, bus) in samples.items():
    boots[name] = inference.bootstrap(model, asked, X, y, trajectory=bus, n_resamples=200, random_state=0)
    errors[name] = standard_errors(model, X, y, bus)
    errors[name].loc["bootstrap"] = boots[name]["coef"].standard_error
    ratio, (low, high) = boots[name]["ratio"].estimate, boots[name]["ratio"].interval()
    print(f"{name}. Free of units: RC / (0.001 theta) = {ratio:,.0f} bin-months ({low:,.0f} to {high:,.0f}).")
print(pd.concat(errors, axis=1).to_string(float_format="{:.3f}".format))

# %%
# In the picture the intervals for RC, and Rust's.

figure, panels = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for axes, (name, (model, X, y, bus)) in zip(panels, samples.items(), strict=True):
    _, coef, spread, _ = PUBLISHED[name]
    kinds = {kind: kind for kind in KINDS} | {"bootstrap": boots[name]["coef"]}
    tables = {
        told: inference.summary(model, X, y, covariance=kind, trajectory=bus, feature_names=NAMES)
        for told, kind in kinds.items()
    }
    reach = 1.96 * spread[1]
    bounds = {"coefficient": coef[1], "low": coef[1] - reach, "high": coef[1] + reach}
    tables["Rust (1987)"] = pd.DataFrame(bounds, index=["RC"])
    CoefficientDisplay.from_summaries(tables, parameters=["RC"]).plot(axes)
    axes.set(title=name, xlim=(0, None))
    axes.legend(loc="upper left", fontsize="small")
plt.show()

# %%
# Do the differences mean anything?
# ---------------------------------
# In data of the same size that the fitted model itself has made, the ratios of these errors differ from 1 by
# chance alone. In group 4 chance explains all; in groups 1-4 it does not: one pair of costs for all buses looks
# wrong.


def simulated(model, months, seed):
    """Standard errors in data that the fitted model itself has made."""
    decisions = model.sample(len(months), months.max(), random_state=seed)
    decisions = decisions[decisions["step"].to_numpy() < months[decisions["trajectory"]]]
    X, y = decisions[["mileage_bin"]], decisions["action"]
    return standard_errors(clone(model).fit(X, y), X, y, decisions["trajectory"])


for name, (model, _, _, bus) in samples.items():
    tables = [simulated(model, bus.value_counts().to_numpy(), seed) for seed in range(60)]
    print(f"{name}: ratios for RC, and their 5% to 95% in 60 samples that the fitted model has made")
    for above, below in (("opg", "observed"), ("sandwich", "observed"), ("clustered", "sandwich")):
        low, high = np.quantile([one.loc[above, "RC"] / one.loc[below, "RC"] for one in tables], [0.05, 0.95])
        here = errors[name].loc[above, "RC"] / errors[name].loc[below, "RC"]
        print(f"  {above + ' / ' + below:<22}{here:.2f}   ({low:.2f} to {high:.2f})")

# %%
# Do groups 1-3 have costs of their own, then? A likelihood ratio test says so, the transitions being common: by
# chance the ratio is above 5.99 in one case of twenty. And what does the first step, the transitions, add to the
# errors? Estimated again in resamples of buses it moves the costs by little.

pooled, X, y, _ = samples["groups 1-4"]
fourth = frame["group"].loc[y.index] == 4
first, last = (clone(pooled).fit(X[part], y[part]) for part in (~fourth, fourth))
apart = sum(part.sum() * fit.score(X[part], y[part]) for fit, part in ((first, ~fourth), (last, fourth)))
for name, fit in {"Groups 1-3": first, "Group 4": last}.items():
    print(f"{name}: theta {fit.coef_[0]:.2f}, RC {fit.coef_[1]:.2f}")
print(f"Likelihood ratio: {2 * (apart - y.size * pooled.score(X, y)):.2f}, for 2 parameters.")


def resampled(frame, model, seed):
    """Costs from buses drawn with replacement: with transitions estimated again, less with the known ones."""
    buses = dict(list(frame.groupby("bus_id")))
    drawn = np.random.RandomState(seed).choice(list(buses), size=len(buses))
    again, X, y, _ = two_steps(pd.concat([buses[bus] for bus in drawn], ignore_index=True))
    return again.coef_ - clone(model).fit(X, y).coef_


known, X, y, _ = samples["group 4"]
moved = np.std([resampled(frame[frame["group"] == 4], known, seed) for seed in range(20)], axis=0)
print(f"Group 4: the first step moves theta by {moved[0]:.3f}, RC by {moved[1]:.3f}.")

# %%
# The reward behind a table of Q
# ------------------------------
# Coefficients by the likelihood are those of the structural fit, whatever the table's penalty; least squares on
# the table's own reward, one of many with the same policy, are not. Of what the table
# gains over the frequencies of actions ``explained`` is the share that the form gains too; ``misfit`` is about
# standard normal where the form holds.


def show_projection(table):
    """Coefficients by the likelihood; by least squares on ``reward_`` modulo shaping; and without shaping."""
    found = rewards.project(table)
    least = rewards.project(table, method="least-squares").coef
    direct = rewards.project(table, shaping=False).coef
    print(f"alpha {table.alpha}: {found.coef.round(4)}, explained {found.explained:.3f},", end=" ")
    print(f"misfit {found.misfit:.1f}; least squares {least.round(4)}, without shaping {direct.round(4)}")


print("Group 4; maximum likelihood gives", *known.coef_.round(4))
for alpha in (1, 10, 1000):
    show_projection(clone(known).set_params(q_type="tabular", alpha=alpha).fit(X, y))

# %%
# The same with simulated engines, whose truth is known, and errors by the bootstrap.

bus = make_bus_engine(random_state=0)
settings = {"discount": bus.discount, "features": bus.features, "q_type": "tabular", "alpha": 1000}
model = IQLearnClassifier(bus.transitions, **settings).fit(bus.data, bus.target)
boot = {"trajectory": bus.trajectory, "n_resamples": 50, "random_state": 0}
spread = inference.bootstrap(model, "reward_coef_", bus.data, bus.target, **boot)
print("The truth is", *bus.coef)
print(inference.summary(model, bus.data, bus.target, covariance=spread, feature_names=bus.feature_names))
show_projection(model)
