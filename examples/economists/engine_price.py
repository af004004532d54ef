"""
How many engines would be replaced at another price?
====================================================

The price of an engine never changes in the data of Rust (1987), so no regression of the decisions has an
answer. The costs behind the decisions have one (his figure 7): multiply the cost of replacement, solve for the
policy again, and count replacements in the long run.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.displays import CounterfactualDisplay
from sklearn_iqlearn.preprocessing import renewal_transitions

# %%
# A dear engine runs past Rust's 90 bins of 5,000 miles, and in a last bin more miles cost nothing: so there are
# 200 bins.

N_BINS = 200
PRICES = np.array([0.5, 0.75, 1.0, 1.25, 1.5, 2.0])
bus = load_rust_bus()
increments = bus.frame.loc[bus.frame["increment"] >= 0, "increment"].to_numpy()
features = np.zeros((N_BINS, 2, 2))
features[:, 0, 0] = -0.001 * np.arange(N_BINS)
features[:, 1, 1] = -1.0
costs = IQLearnClassifier(renewal_transitions(increments, N_BINS), q_type="structural", features=features)

# %%
# Two superintendents
# -------------------
# One looks ahead, as the nested fixed point of Rust has it; one does not, which is a logistic regression on
# mileage, whose constant one may read as the price. A band is of policies solved again for costs drawn from
# their distribution, which is clustered by bus.

SUPERINTENDENTS = {
    "discount 0.9999, a nested fixed point's costs": 0.9999,
    "discount 0, a logistic regression's": 0.0,
}


def per_year(world):
    """Replacements per bus and year in the long run."""
    return 12 * rewards.occupancy(world, long_run=True)[:, 1].sum()


models, curves = {}, {}
for name, discount in SUPERINTENDENTS.items():
    model = models[name] = clone(costs).set_params(discount=discount).fit(bus.data, bus.target)
    covariance = inference.covariance(model, bus.data, bus.target, trajectory=bus.bus)
    curves[name] = CounterfactualDisplay.from_estimator(
        model, PRICES, 1, quantity=per_year, covariance=covariance, n_draws=60, name=name
    )
    log_likelihood = len(bus.target) * model.score(bus.data, bus.target)
    print(f"{name}: theta {model.coef_[0]:.3f}, RC {model.coef_[1]:.3f}, log-likelihood {log_likelihood:.2f}")

# %%
# The prices and what they lead to. Bands know that costs are estimates. They do not know whether costs are
# linear in mileage, on which the answer rests where engines would run further than any did: the last column is
# the share of months beyond the data.

last_seen = bus.data["mileage_bin"].max()
for name, curve in curves.items():
    rows = {}
    for price, *demand in zip(PRICES, curve.estimate, curve.low, curve.high, strict=True):
        world = models[name].counterfactual(reward_coef=models[name].coef_ * [1, price])
        shares = rewards.occupancy(world, long_run=True)
        replaced_at = 5 * (shares[:, 1] @ np.arange(N_BINS)) / shares[:, 1].sum() + 2.5
        rows[price] = [*demand, replaced_at, shares[last_seen + 1 :].sum()]
    columns = ["per bus and year", "2.5%", "97.5%", "at 1,000 miles", "beyond the data"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("price")
    print(f"\n{name}\n{table.to_string(float_format='{:.3f}'.format)}")

# %%
# Both agree on today's price, and the myopic demand is about twice as steep. The decisions alone have no price
# in them: to them the demand is today's, whatever the price.

figure, axes = plt.subplots(figsize=(8, 4.8), layout="constrained")
for curve in curves.values():
    curve.plot(axes, marker="o", markersize=4)
today = next(iter(curves.values())).estimate[PRICES == 1]
axes.axhline(today, color="0.3", linestyle="-.", linewidth=1, label="the decisions alone: no price in them")
axes.set(
    yscale="log",
    xlabel="price of a new engine (today's is 1)",
    ylabel="replacements per bus and year, in the long run",
    title="Demand for engines, Madison Metropolitan Bus Company",
)
axes.set_yticks([0.05, 0.1, 0.2, 0.5], labels=["0.05", "0.1", "0.2", "0.5"])
axes.minorticks_off()
axes.legend(loc="upper right")
plt.show()
