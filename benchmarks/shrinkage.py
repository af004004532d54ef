"""Should estimated transitions be shrunk? ``python benchmarks/shrinkage.py`` (``--quick`` for small sizes).

In simulated worlds the transitions are estimated from decisions, shrunk towards the kernel of each state whatever
the action with ``prior`` visits. First what they lose in the log-likelihood of a new move, in expectation, to the
true transitions; then the largest error of the coefficients of a structural fit with them.
"""

import warnings

import numpy as np
import pandas as pd
from _measure import parser
from scipy.special import xlogy
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import make_bus_engine, make_gridworld, make_random_mdp
from sklearn_iqlearn.exceptions import DataWarning, IdentificationWarning
from sklearn_iqlearn.preprocessing import estimate_transitions

N_STEPS = 50
WORLDS = {
    "random": make_random_mdp,
    "grid of 25 cells": lambda *size, **seed: make_gridworld(*size, side=5, **seed),
    "bus of 25 bins": lambda *size, **seed: make_bus_engine(*size, n_bins=25, **seed),
}
PRIORS = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0]
FLOOR = 1e-3  # share of the uniform distribution in what predicts a move, which may be new


def loss_of_moves(estimated, world):
    """Expected loss of log-likelihood at the moves of new decisions in the states of the data."""
    visits = np.bincount(world.frame["state"], minlength=len(world.policy))[:, None] * world.policy
    loss = 0.0
    for a, truth in enumerate(world.transitions):
        predicted = (1 - FLOOR) * estimated[a].toarray() + FLOOR / len(truth)
        loss += visits[:, a] @ (xlogy(truth, truth) - xlogy(truth, predicted)).sum(axis=1)
    return loss / visits.sum()


def error_of_coefficients(estimated, world, relative):
    model = IQLearnClassifier(estimated, discount=world.discount, q_type="structural", features=world.features)
    with warnings.catch_warnings():  # in worlds with few rows some coefficients run away
        for category in (ConvergenceWarning, DataWarning, IdentificationWarning):
            warnings.simplefilter("ignore", category)
        coef = model.fit(world.data, world.target).coef_
    return np.max(np.abs(coef - world.coef) / (world.coef if relative else 1.0))


def errors(name, n_trajectories, seed):
    """Both errors of each weight of the prior in one world."""
    world = WORLDS[name](n_trajectories, N_STEPS, random_state=seed)
    order = {"trajectory": world.trajectory, "step": world.step}
    size = {"n_states": len(world.policy), "n_actions": world.policy.shape[1]}
    for prior in PRIORS:
        found = estimate_transitions(
            world.frame["state"], world.target, **order, **size, prior=prior, unseen="prior"
        ).transitions
        yield prior, loss_of_moves(found, world), error_of_coefficients(found, world, name.startswith("bus"))


def main(quick=False):
    rows = [
        (name, n * N_STEPS, *row)
        for name in WORLDS
        for n in ([20] if quick else [20, 100, 400])
        for seed in range(2 if quick else 6)
        for row in errors(name, n, seed)
    ]
    table = pd.DataFrame(rows, columns=["world", "decisions", "prior", "moves", "coefficients"])
    by = table.groupby(["world", "decisions", "prior"])
    print("Moves: mean loss of log-likelihood; coefficients: median of the largest error (bus: relative)")
    found = by.agg({"moves": "mean", "coefficients": "median"}).unstack()
    print(found.stack(0, future_stack=True).round(4).to_string())


if __name__ == "__main__":
    main(**vars(parser(__doc__).parse_args()))
