"""
When not to trust a reward
==========================

Six ways in which a reward learned from decisions can be wrong although the policy fits, each with a number.
"""

import warnings

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.datasets import load_rust_bus, make_bus_engine, make_gridworld, make_random_mdp
from sklearn_iqlearn.exceptions import DataWarning
from sklearn_iqlearn.preprocessing import renewal_transitions


def fit(world, q_type="tabular", features=None, alpha="auto"):
    settings = {"discount": world.discount, "q_type": q_type, "features": features, "alpha": alpha}
    return IQLearnClassifier(world.transitions, **settings).fit(world.data, world.target)


def show(title, rows, names=None):
    table = pd.DataFrame(rows, columns=names).to_string(index=False, float_format="{:.3f}".format)
    print(f"\n{title}\n{table}")


def identification():
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
    names = ["known of the reward", "its mean error", "policy differs", "value in other transitions"]
    show("1. Identification: rewards of one policy", rows, names)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", rewards.IdentificationWarning)
        found = rewards.project(table, np.concatenate([world.features, np.ones((20, 3, 1))], axis=2)).coef
    print(f"With a constant among the features: {found.round(2)}. {str(caught[0].message).partition('.')[0]}.")


def coverage_and_form():
    world = make_bus_engine(n_trajectories=100, random_state=0)
    model = fit(world, alpha=10)
    boot = {"trajectory": world.trajectory, "n_resamples": 100, "n_jobs": 2, "random_state": 0}
    policy = inference.bootstrap(model, lambda fit: fit.policy_[:, 1], world.data, world.target, **boot)
    (low, high), truth = policy.interval(), world.policy[:, 1]
    frame = pd.DataFrame({"width": high - low, "error": abs(policy.estimate - truth)})
    frame["inside"] = (low <= truth) & (truth <= high)
    visits = pd.cut(model.counts_.sum(axis=1), [-1, 0, 99, np.inf], labels=["0", "1 to 99", "100 or more"])
    frame = frame.groupby(visits, observed=True).mean().rename_axis("visits").reset_index()
    show(f"2. Coverage of states {model.state_coverage_:.0%}: probability of action 1, 95% intervals", frame)
    world = make_gridworld(n_trajectories=500, random_state=0)
    table = fit(world, alpha=100)
    for action in (0, 1):
        error = np.abs(rewards.anchor(table, action, world.reward[:, action]).reward_ - world.reward).mean()
        rare = (table.counts_[:, action] < 20).sum()
        print(f"Grid anchored on action {action}, rare in {rare} of 64 states: mean error {error:.2f}")
    rows = [["table", table.aic(world.data, world.target), "", ""]]
    for name, columns in {"right": [0, 1, 2], "no hazards": [0, 2], "no goal": [1, 2]}.items():
        structural = fit(world, "structural", world.features[:, :, columns])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # that says of two that they do not hold
            found = rewards.project(table, structural.features)
        facts = f"{found.explained:.3f}", f"{found.misfit:.1f}"
        rows.append([name, structural.aic(world.data, world.target), *facts])
    show("3. Form of the reward of the grid", rows, ["form", "AIC", "explained", "misfit"])


def penalty():
    world, rows = make_bus_engine(random_state=0), []
    for alpha in (1, 10, 100, 1000):
        table, structural = (fit(world, q_type, world.features, alpha) for q_type in ("tabular", "structural"))
        rows.append([alpha, table.reward_coef_.round(4), structural.coef_.round(4)])
    show(f"4. Penalty: the truth is {world.coef}", rows, ["alpha", "table", "structural"])


def dynamics():
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
    show("5. Discount and transitions: the real buses", rows, names)


def draw(n, seed):
    """RC and its standard errors in simulated buses, whose engines last about as long as the real ones."""
    world = make_bus_engine(n, 116, operating_cost=0.0026, replacement_cost=9.8, random_state=seed)
    model = fit(world, "structural", world.features)
    kinds, rows = ("clustered", "observed"), {"X": world.data, "y": world.target, "trajectory": world.trajectory}
    return [model.coef_[1], *(inference.covariance(model, **rows, kind=kind).iloc[1, 1] ** 0.5 for kind in kinds)]


def few():
    rows = []
    for n in (5, 20, 100):
        found = np.array(Parallel(n_jobs=2)(delayed(draw)(n, seed) for seed in range(100)))
        covered = (np.abs(found[:, :1] - 9.8) < 1.96 * found[:, 1:]).mean(axis=0)
        rows.append([n, *np.quantile(found[:, 0], [0.05, 0.5, 0.95]), *covered])
    names = ["buses", "5%", "median", "95%", "in clustered intervals", "in observed"]
    show("6. Few trajectories: RC, 9.8 in truth, in 100 simulated samples", rows, names)


def main():
    for part in (identification, coverage_and_form, penalty, dynamics, few):
        part()


if __name__ == "__main__":
    main()
