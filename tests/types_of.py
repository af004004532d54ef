"""Decisions of several types, whose truth is known, for the tests of latent types."""

import numpy as np
import pandas as pd

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._model.soft_bellman import log_policy, solve_soft_bellman
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn.datasets import make_bus_engine, make_gridworld

COSTS = ((0.01, 3.0), (0.03, 6.0))


def two_depots(n_trajectories=250, n_steps=100, *, costs=COSTS, seed=0):
    """Buses of two types: rows with state, action, bus, step and kind; and the estimator of one type."""
    worlds = [
        make_bus_engine(
            n_trajectories, n_steps, operating_cost=cost, replacement_cost=price, random_state=seed + k
        )
        for k, (cost, price) in enumerate(costs)
    ]
    rows = pd.concat([world.frame for world in worlds], keys=range(len(worlds)), names=["kind", None])
    rows = rows.reset_index(level="kind").reset_index(drop=True)
    rows["bus"] = rows["kind"] * n_trajectories + rows["trajectory"]
    one = IQLearnClassifier(
        worlds[0].transitions, discount=0.9999, q_type="structural", features=worlds[0].features
    )
    return rows, one


def two_modes(n_trajectories=200, n_steps=500, *, stay=0.98, seed=0):
    """A walker in a grid of 25 states and 5 actions who wants to be in one corner, or in the other.

    Rows with state, action, who and mode; the estimator of one mode; the true policies, (2, 25, 5).
    """
    transitions = make_gridworld(1, 1, side=5, random_state=0).transitions
    features = np.zeros((25, 5, 3))
    features[24, :, 0] = features[0, :, 1] = features[:, 1:, 2] = 1.0
    kernel = check_transitions(transitions)[0]
    wants = [features @ coef for coef in ([2.0, -1.0, -0.2], [-1.0, 2.0, -0.2])]
    policies = np.stack([np.exp(log_policy(solve_soft_bellman(want, kernel, 0.9, 1.0), 1.0)) for want in wants])
    rng = np.random.default_rng(seed)

    def draw(shares):
        return (shares.cumsum(axis=1) < rng.random((len(shares), 1))).sum(axis=1).clip(max=shares.shape[1] - 1)

    states, modes, log = rng.integers(25, size=n_trajectories), rng.integers(2, size=n_trajectories), []
    for _ in range(n_steps):
        actions = draw(policies[modes, states])
        log.append((states, actions, np.arange(n_trajectories), modes))
        states = draw(transitions[actions, states])
        modes = np.where(rng.random(n_trajectories) < stay, modes, 1 - modes)
    table = np.stack([np.stack(columns) for columns in log])  # (time, column, who)
    rows = pd.DataFrame(table.transpose(2, 0, 1).reshape(-1, 4), columns=["state", "action", "who", "mode"])
    one = IQLearnClassifier(transitions, discount=0.9, q_type="structural", features=features)
    return rows, one, policies


def data(rows, who="bus"):
    """X, y and the trajectory, as ``fit`` takes them."""
    return (rows[["state"]], rows["action"]), {"trajectory": rows[who]}
