"""Latent types on simulated decisions: ``python benchmarks/latent_types.py`` (``--quick``: few data sets).

- two kinds of buses, costs (0.01, 3) and (0.03, 6), 250 + 250 buses for 100 months: the mean over data sets;
- one kind: how often BIC says so;
- the buses of Arcidiacono and Miller (2011, section 7.1): a finite horizon of 20 periods, discount 0.9, 1,000
  buses, of which 0.4 are of a kind whose engines are worth 1 more a period. Mileage goes to 25 in steps of 1, all
  buses are of one route, and each type has its own constant and slope;
- a walker in a grid of 25 cells who switches between two corners: how many modes are told, and how many could be.
"""

import copy
import time

import numpy as np
import pandas as pd
from _measure import parser

from sklearn_iqlearn import IQLearnClassifier, LatentTypes, latent
from sklearn_iqlearn.datasets import make_bus_engine, make_gridworld
from sklearn_iqlearn.preprocessing import with_time

COSTS = np.array([[0.01, 3.0], [0.03, 6.0]])
# Arcidiacono and Miller: constant and slope of keeping an engine, for each type, and the share of the second.
WORTH, SHARE = np.array([[2.0, -0.15], [3.0, -0.15]]), 0.4
PERIODS, STEP, MOST, DISCOUNT = 20, 1.0, 25.0, 0.9


def buses(costs, n_buses, n_months, seed):
    """X, y, who, and the estimator of one type."""
    worlds = [
        make_bus_engine(n_buses, n_months, operating_cost=cost, replacement_cost=price, random_state=seed + k)
        for k, (cost, price) in enumerate(costs)
    ]
    who = np.concatenate([k * n_buses + world.trajectory for k, world in enumerate(worlds)])
    one = IQLearnClassifier(
        worlds[0].transitions, discount=0.9999, q_type="structural", features=worlds[0].features
    )
    X, y = pd.concat([world.data for world in worlds]), np.concatenate([world.target for world in worlds])
    return X, y, who, one


def told_by_the_truth(types, worlds, shares):
    """The types with their true parameters: nobody can tell them better."""
    truth = copy.copy(types)
    truth.estimators_, truth._logs = worlds, np.log(shares)
    return truth


def two_kinds(n_sets, n_init=1):
    found, seconds = [], []
    for seed in range(n_sets):
        X, y, who, one = buses(COSTS, 250, 100, 2 * seed)
        started = time.perf_counter()
        types = LatentTypes(one, n_init=n_init, random_state=0).fit(X, y, trajectory=who)
        seconds.append(time.perf_counter() - started)
        coef = np.stack(sorted(each.coef_.tolist() for each in types.estimators_))
        right = (types.predict_types(X, y, trajectory=who) == (np.arange(500) >= 250)).mean()
        single = one.fit(X, y)
        gain = types.log_likelihood_ - single.score(X, y) * len(y)
        bound = told_by_the_truth(types, [single.counterfactual(reward_coef=cost) for cost in COSTS], [0.5, 0.5])
        bound = (bound.predict_types(X, y, trajectory=who) == (np.arange(500) >= 250)).mean()
        found.append([*coef.ravel(), max(right, 1 - right), bound, gain])
    mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(n_sets)
    print(f"two kinds of buses, mean of {n_sets} data sets (standard error), {np.mean(seconds):.2f} s a fit")
    names = [
        "cost, type 0",
        "price, type 0",
        "cost, type 1",
        "price, type 1",
        "buses right",
        "  by the true parameters",
        "gain of log-likelihood",
    ]
    for name, value, spread in zip(names, mean, error, strict=True):
        print(f"  {name:24}{value:10.4f} ({spread:.4f})")


def one_kind(n_sets):
    said = []
    for seed in range(n_sets):
        X, y, who, one = buses(COSTS[:1], 250, 100, seed)
        types = LatentTypes(one, n_init=2, random_state=0, tol=1e-4)
        said.append(latent.select_types(types, X, y, n_types=(1, 2), trajectory=who, cv=0).by_bic)
    print(f"one kind of buses: BIC says 1 in {np.mean(np.array(said) == 1):.0%} of {n_sets} data sets")


def horizon_of_buses():
    """Actions 0 (replace) and 1 (keep)."""
    levels = np.arange(0, MOST + STEP / 2, STEP)
    n = len(levels)
    growth = np.exp(-levels) - np.exp(-levels - STEP)
    rows = np.zeros((n, n))
    for state in range(n):
        reached = growth[: n - state]
        rows[state, state:] = reached
        rows[state, -1] += 1 - reached.sum()
    features = np.zeros((n, 2, 2))
    features[:, 1, 0], features[:, 1, 1] = 1.0, levels
    return with_time(np.stack([np.tile(rows[0], (n, 1)), rows]), PERIODS, features=features)


def arcidiacono_miller(n_sets, n_buses=1000):
    horizon = horizon_of_buses()
    one = IQLearnClassifier(horizon.transitions, discount=DISCOUNT, q_type="structural", features=horizon.features)
    ids = np.arange(horizon.n_layers * horizon.n_states)
    world = one.fit(np.tile(ids, 2)[:, None], np.repeat([0, 1], len(ids)))
    worlds = [world.counterfactual(reward_coef=worth) for worth in WORTH]
    found, seconds = [], []
    for seed in range(n_sets):
        n_second = np.random.default_rng(seed).binomial(n_buses, SHARE)
        logs = [
            model.sample(n, PERIODS, initial_distribution=1.0 * (ids == 0), random_state=2 * seed + k)
            for k, (model, n) in enumerate(zip(worlds, (n_buses - n_second, n_second), strict=True))
        ]
        log = pd.concat(logs, keys=[0, 1], names=["type", None]).reset_index(level="type")
        who = log["type"] * n_buses + log["trajectory"]
        started = time.perf_counter()
        types = LatentTypes(one, n_init=1, random_state=0).fit(log[["state"]], log["action"], trajectory=who)
        seconds.append(time.perf_counter() - started)
        first, second = np.argsort([each.coef_[0] for each in types.estimators_])
        a, b = types.estimators_[first].coef_, types.estimators_[second].coef_
        found.append([a[0], a[1], b[1], b[0] - a[0], types.weights_[second]])
    mean, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1)
    print(f"Arcidiacono and Miller, {n_sets} data sets, {np.mean(seconds):.2f} s a fit")
    print("                           truth      mean  deviation  standard errors of the mean off")
    names = [
        "constant",
        "mileage, first type",
        "mileage, second type",
        "worth of second type",
        "share of second type",
    ]
    truth = [2.0, -0.15, -0.15, 1.0, SHARE]
    off = (mean - truth) / (spread / np.sqrt(n_sets))
    for row in zip(names, truth, mean, spread, off, strict=True):
        print("  {:22}{:8.2f}{:10.4f}{:11.4f}{:10.2f}".format(*row))
    return off


def two_modes(n_walkers, n_steps, stay=0.98):
    transitions = make_gridworld(1, 1, side=5, random_state=0).transitions
    features = np.zeros((25, 5, 3))
    features[24, :, 0] = features[0, :, 1] = features[:, 1:, 2] = 1.0
    one = IQLearnClassifier(transitions, discount=0.9, q_type="structural", features=features)
    world = one.fit(np.repeat(np.arange(25), 5)[:, None], np.tile(np.arange(5), 25))
    coefs = [[2.0, -1.0, -0.2], [-1.0, 2.0, -0.2]]
    worlds = [world.counterfactual(reward_coef=coef) for coef in coefs]
    policies = np.stack([each.policy_ for each in worlds])
    rng = np.random.default_rng(0)

    def draw(shares):
        return (shares.cumsum(axis=1) < rng.random((len(shares), 1))).sum(axis=1).clip(max=shares.shape[1] - 1)

    state, mode, log = rng.integers(25, size=n_walkers), rng.integers(2, size=n_walkers), []
    for _ in range(n_steps):
        action = draw(policies[mode, state])
        log.append((state, action, np.arange(n_walkers), mode))
        state = draw(transitions[action, state])
        mode = np.where(rng.random(n_walkers) < stay, mode, 1 - mode)
    state, action, who, mode = np.stack([np.stack(row) for row in log]).transpose(1, 2, 0).reshape(4, -1)
    X = state[:, None]
    started = time.perf_counter()
    types = LatentTypes(one, switching=True, n_init=1, random_state=0).fit(X, action, trajectory=who)
    seconds = time.perf_counter() - started
    order = np.argsort([-each.coef_[0] for each in types.estimators_])
    found = np.argsort(order)[types.predict_types(X, action, trajectory=who)]
    truth = told_by_the_truth(types, worlds, [[0.5, 0.5], [stay, 1 - stay], [1 - stay, stay]])
    bound = truth.predict_types(X, action, trajectory=who)
    print(f"a walker who switches, {len(mode)} decisions, {seconds:.1f} s")
    print(f"  modes right {(found == mode).mean():.4f}, by the true parameters {(bound == mode).mean():.4f}")


def main():
    quick = parser(__doc__).parse_args().quick
    two_kinds(2 if quick else 20)
    one_kind(2 if quick else 100)
    arcidiacono_miller(2 if quick else 20, 200 if quick else 1000)
    two_modes(*((20, 100) if quick else (200, 500)))


if __name__ == "__main__":
    main()
