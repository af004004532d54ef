"""
From raw logs to a counterfactual
=================================

A workshop keeps a log of its pumps: every week somebody reads the vibration, and lets the pump run, adjusts it,
or overhauls it. The log is a text file with dates and words in it. How dear is vibration to those who decide,
what does an overhaul cost them, and what would they do were overhauls half as dear again?

The log is simulated, so that the answers can be compared with the truth.
"""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.diagnostics import check_demonstrations
from sklearn_iqlearn.displays import CoefficientDisplay, CounterfactualDisplay, PolicyDisplay
from sklearn_iqlearn.preprocessing import renewal_transitions

# %%
# The log
# -------
# 150 pumps over two years. An adjustment halves the vibration, an overhaul takes it away, and it grows by 0.2 a
# week or so. A week costs 0.8 for a unit of vibration, an adjustment 2.5 and an overhaul 7. Three weeks of the
# log got lost.

LEVELS, DISCOUNT = 80, 0.95  # levels of vibration, 0.1 each
TRUTH = np.array([0.8, 2.5, 7.0])
ACTIONS = ["adjusted", "overhauled", "ran"]


def simulated_world(seed=0):
    """The pumps, and people who decide as they do."""
    run, overhaul = renewal_transitions(np.random.default_rng(seed).poisson(2, 100_000), LEVELS)
    adjust = run[np.arange(LEVELS) // 2]
    costs = np.zeros((LEVELS, 3, 3))
    costs[:, [0, 2], 0] = -0.1 * np.arange(LEVELS)[:, None]
    costs[:, 0, 1] = costs[:, 1, 2] = -1.0
    world = IQLearnClassifier([adjust, overhaul, run], discount=DISCOUNT, features=costs)
    every_action = np.arange(LEVELS)[:, None], np.arange(LEVELS) % 3
    return world.fit(*every_action).counterfactual(reward_coef=TRUTH)


def write_log(world, seed=1):
    """The text of a log."""
    new = np.repeat([1 / 20, 0.0], [20, LEVELS - 20])
    log = world.sample(150, 104, initial_distribution=new, random_state=seed)
    log["date"] = pd.Timestamp("2022-01-03") + pd.to_timedelta(7 * log["step"], unit="D")
    log["pump"] = "P" + log["trajectory"].astype(str).str.zfill(3)
    log["vibration"] = (0.1 * log["state"]).round(1)
    log["done"] = np.array(ACTIONS)[log["action"]]
    kept = log.drop(index=[500, 501, 9000]).sort_values(["date", "pump"])
    return kept[["date", "pump", "vibration", "done"]].to_csv(index=False)


world = simulated_world()
log = pd.read_csv(io.StringIO(write_log(world)), parse_dates=["date"])
print(log.head(4).to_string(index=False))
print(log["done"].value_counts().to_string())

# %%
# Looking at the rows
# -------------------
# Weeks are counted from dates. ``check_demonstrations`` finds the lost ones, before a fit, and says what to do
# had none been lost.

X, y = log[["vibration"]], log["done"]
order = {"trajectory": log["pump"], "step": (log["date"] - log["date"].min()).dt.days // 7}
print(check_demonstrations(X, y, **order))

# %%
# The costs
# ---------
# What each action costs, as expressions in the columns of the log. How pumps move nobody says: it is in the
# order of the rows. Standard errors are clustered by pump.

costs = {
    "ran": {"vibration": "-vibration"},
    "adjusted": {"vibration": "-vibration", "adjustment": "-1"},
    "overhauled": {"overhaul": "-1"},
}
model = IQLearnClassifier(discount=DISCOUNT, q_type="structural", features=costs).fit(X, y, **order)
found = inference.summary(model, X, y, **order)
print(
    found.assign(truth=TRUTH)[["truth", "coefficient", "standard error"]].to_string(float_format="{:.3f}".format)
)

# %%
# The counterfactual
# ------------------
# Overhauls half as dear again: the policy of those who pay so much, at the vibrations of the log. The truth is
# that of the simulated people. A classifier of the same log could not say, as no price ever changed.

dearer = model.counterfactual(reward_coef=model.coef_ * [1, 1, 1.5])
truly = world.counterfactual(reward_coef=TRUTH * [1, 1, 1.5])
level = (10 * log[["vibration"]]).round().astype(int).to_numpy()
for name, fitted, true in (("as it is", model, world), ("dearer", dearer, truly)):
    shares = [one.predict_proba(rows)[:, 1].mean() for one, rows in ((fitted, X), (true, level))]
    print(f"Overhauls in 1,000 weeks, {name}: fit {1000 * shares[0]:.1f}, truth {1000 * shares[1]:.1f}")

# %%
# In pictures: the costs beside the truth, when one overhauls, and how many overhauls there would be at other
# prices.

covariance = inference.covariance(model, X, y, **order)
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.4), layout="constrained")
CoefficientDisplay.from_summaries(found).plot(left, numbers=False)
left.plot(TRUTH, range(3), "kx", markersize=9, label="truth")
left.legend()
left.set_title("what it costs")
PolicyDisplay.from_estimator(
    model, X, y, action="overhauled", band=covariance, n_draws=30, name="fit, 95% band"
).plot(middle)
PolicyDisplay.from_estimator(dearer, X, action="overhauled", name="were overhauls half as dear again").plot(middle)
middle.set(title="when one overhauls", ylim=(0, 1))
curve = CounterfactualDisplay.from_estimator(
    model,
    [0.5, 0.75, 1.0, 1.25, 1.5],
    "overhaul",
    action="overhauled",
    X=X,
    covariance=covariance,
    n_draws=30,
    name="fit, 95% band",
).plot(right)
true_shares = [
    world.counterfactual(reward_coef=TRUTH * [1, 1, price]).predict_proba(level)[:, 1].mean()
    for price in curve.values
]
right.plot(curve.values, true_shares, "k:", label="truth")
right.set(xlabel="price of an overhaul (today's is 1)", ylabel="share of weeks", title="overhauls at other prices")
right.legend()
plt.show()
