"""
When not to trust a reward
==========================

Six ways in which a reward learned from decisions can be wrong although the policy fits, each with a number. The
worlds are simulated, so that the truth is known, but for the buses of Rust (1987) in the fifth.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.datasets import load_rust_bus, make_bus_engine, make_gridworld, make_random_mdp
from sklearn_iqlearn.displays import PolicyDisplay
from sklearn_iqlearn.exceptions import DataWarning
from sklearn_iqlearn.preprocessing import renewal_transitions


def fit(world, q_type="tabular", features=None, alpha="auto"):
    """A fit to a simulated world."""
    settings = {"discount": world.discount, "q_type": q_type, "features": features, "alpha": alpha}
    return IQLearnClassifier(world.transitions, **settings).fit(world.data, world.target)


def show(rows, names=None):
    """Print a table."""
    print(pd.DataFrame(rows, columns=names).to_string(index=False, float_format="{:.3f}".format))


# %%
# 1. Identification
# -----------------
# Rewards of one policy: all of these have the same decisions here. In other transitions they have not, and what
# is known of the reward decides what its policy is worth there.

world = make_random_mdp(n_trajectories=500, random_state=0)
new = make_random_mdp(n_trajectories=1, random_state=100).transitions
table = fit(world, alpha=100)
known = {
    "nothing: reward_ as it is": table.reward_,
    "that of action 0: anchor": rewards.anchor(table, 0, world.reward[:, 0]).reward_,
    "the form: project": world.features @ rewards.project(table, world.features).coef,
    "the form: structural": fit(world, "structural", world.features).reward_,
    "everything": world.reward,
}
settings = {"discount": world.discount, "temperature": world.temperature}
kept = rewards.evaluate(table.policy_, world.reward, new, **settings).mean()
rows = [["no reward: the old policy kept", np.nan, 0.0, kept]]
for name, reward in known.items():
    here = table.counterfactual(reward=reward).policy_ - table.policy_
    there = table.counterfactual(reward=reward, transitions=new).policy_
    value = rewards.evaluate(there, world.reward, new, **settings).mean()
    rows.append([name, np.abs(reward - world.reward).mean(), np.abs(here).max(), value])
show(rows, ["known of the reward", "its mean error", "policy differs", "value in other transitions"])

# %%
# Some coefficients no decisions can tell, as that of a constant. A warning says so.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", rewards.IdentificationWarning)
    found = rewards.project(table, np.concatenate([world.features, np.ones((20, 3, 1))], axis=2)).coef
print(f"With a constant among the features: {found.round(2)}. {str(caught[0].message).partition('.')[0]}.")

# %%
# 2. Coverage
# -----------
# States that nobody visited have the policy that the penalty gives them, and no interval knows better.

engines = make_bus_engine(n_trajectories=100, random_state=0)
model = fit(engines, alpha=10)
boot = {"trajectory": engines.trajectory, "n_resamples": 100, "random_state": 0}
policy = inference.bootstrap(model, "policy_", engines.data, engines.target, **boot)
(low, high), truth = policy.interval(), engines.policy
spread = pd.DataFrame({"width": high[:, 1] - low[:, 1], "error": np.abs(policy.estimate - truth)[:, 1]})
spread["inside"] = ((low <= truth) & (truth <= high))[:, 1]
visits = pd.cut(model.counts_.sum(axis=1), [-1, 0, 99, np.inf], labels=["0", "1 to 99", "100 or more"])
print(f"Coverage of states {model.state_coverage_:.0%}: probability of action 1, 95% intervals")
show(spread.groupby(visits, observed=True).mean().rename_axis("visits").reset_index())

# %%
# 3. The form of the reward
# -------------------------
# A reward anchored on an action is as good as that action's rows; a form with a column missing fits worse,
# which the AIC says, and ``project``, but only where one looks.

grid = make_gridworld(n_trajectories=500, random_state=0)
table = fit(grid, alpha=100)
for action in (0, 1):
    error = np.abs(rewards.anchor(table, action, grid.reward[:, action]).reward_ - grid.reward).mean()
    rare = (table.counts_[:, action] < 20).sum()
    print(f"Grid anchored on action {action}, rare in {rare} of 64 states: mean error {error:.2f}")
rows = [["table", table.aic(grid.data, grid.target), "", ""]]
for name, columns in {"right": [0, 1, 2], "no hazards": [0, 2], "no goal": [1, 2]}.items():
    structural = fit(grid, "structural", grid.features[:, :, columns])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # that says of two that they do not hold
        found = rewards.project(table, structural.features)
    facts = f"{found.explained:.3f}", f"{found.misfit:.1f}"
    rows.append([name, structural.aic(grid.data, grid.target), *facts])
show(rows, ["form", "AIC", "explained", "misfit"])

# %%
# 4. The penalty
# --------------
# Of a structural fit a small ``alpha`` shrinks the costs; what a table's costs are by the likelihood does not
# depend on it.

engines = make_bus_engine(random_state=0)
print(f"The truth is {engines.coef}")
rows = []
for alpha in (1, 10, 100, 1000):
    table, structural = (fit(engines, q_type, engines.features, alpha) for q_type in ("tabular", "structural"))
    rows.append([alpha, table.reward_coef_.round(4), structural.coef_.round(4)])
show(rows, ["alpha", "table", "structural"])

# %%
# 5. Discount and transitions
# ---------------------------
# The real buses, with other discounts and with mileage that grows twice as fast. The likelihoods of the last
# three rows are within 1 of each other, and their yearly demands at half the price are not; the decisions speak
# against the first two.

bus, rows = load_rust_bus(), []
increments = bus.frame.loc[bus.frame["increment"] >= 0, "increment"].to_numpy()
costs = np.stack([np.outer(-0.001 * np.arange(90), [1, 0]), np.tile([0.0, -1.0], (90, 1))], axis=2)
for discount, times in ((0.0, 1), (0.9, 1), (0.99, 1), (0.9999, 1), (0.9999, 2)):
    bus.update(transitions=renewal_transitions(increments * times, 90), discount=discount)
    model, table = fit(bus, "structural", costs), fit(bus, alpha=1e6)
    half = rewards.occupancy(model.counterfactual(reward_coef=model.coef_ * [1, 0.5]), long_run=True)
    structural, free = (len(bus.target) * one.score(bus.data, bus.target) for one in (model, table))
    rows.append([str(discount), f"x {times}", model.coef_.round(2), structural, free, 12 * half[:, 1].sum()])
names = ["discount", "mileage", "theta, RC", "log-likelihood", "of a table", "yearly demand at half price"]
demands = pd.DataFrame(rows, columns=names)
show(demands)

# %%
# 6. Few trajectories
# -------------------
# RC, 9.8 in truth, in 100 simulated samples of buses whose engines last about as long as the real ones.


def draw(n, seed):
    """RC and its standard errors in a sample of n buses."""
    world = make_bus_engine(n, 116, operating_cost=0.0026, replacement_cost=9.8, random_state=seed)
    model = fit(world, "structural", world.features)
    rows = {"X": world.data, "y": world.target, "trajectory": world.trajectory}
    variances = [inference.covariance(model, **rows, kind=kind).iloc[1, 1] for kind in ("clustered", "observed")]
    return [model.coef_[1], *np.sqrt(variances)]


draws = {n: np.array([draw(n, seed) for seed in range(100)]) for n in (5, 20, 100)}
rows = []
for n, found in draws.items():
    covered = (np.abs(found[:, :1] - 9.8) < 1.96 * found[:, 1:]).mean(axis=0)
    rows.append([n, *np.quantile(found[:, 0], [0.05, 0.5, 0.95]), *covered])
show(rows, ["buses", "5%", "median", "95%", "in clustered intervals", "in observed"])

# %%
# Three of them in pictures: a policy where nobody was; an answer that the discount or the transitions decide; and
# few buses, with boxes from quartile to quartile, and whiskers from 5% to 95%.

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
few = make_bus_engine(n_trajectories=100, random_state=0)
model = fit(few, alpha=10)
display = PolicyDisplay.from_estimator(model, few.data, few.target, action=1, band=policy, name="fit, 95% band")
display.plot(left)
left.plot(few.policy[:, 1], "k:", label="truth")
left.set(xlabel="mileage bin", ylabel="probability of a replacement", title="2. Coverage", ylim=(0, 1))
left.legend(fontsize="small", loc="upper right")
labels = [f"{row['discount']}\nmileage {row['mileage']}" for _, row in demands.iterrows()]
bars = middle.bar(labels, demands["yearly demand at half price"], color="#0072b2")
middle.bar_label(bars, [f"log-lik.\n{told:.1f}" for told in demands["log-likelihood"]], fontsize="small")
middle.tick_params(axis="x", labelsize="small")
middle.set(
    ylabel="replacements per bus and year, at half price", xlabel="discount", title="5. Discount and transitions"
)
middle.margins(y=0.2)
right.boxplot([found[:, 0] for found in draws.values()], tick_labels=draws, whis=(5, 95), showfliers=False)
right.axhline(9.8, color="k", linestyle=":", label="truth")
right.set(yscale="log", xlabel="buses in a sample", ylabel="cost of a replacement", title="6. Few trajectories")
right.set_yticks([5, 10, 20, 40, 80], labels=["5", "10", "20", "40", "80"])
right.minorticks_off()
right.legend()
plt.show()
