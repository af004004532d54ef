"""What the claims share: simulated decisions, searches, losses."""

import sys
from pathlib import Path

import numpy as np
from sklearn.model_selection import GridSearchCV, GroupKFold

from sklearn_iqlearn.datasets import make_random_mdp

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

from logistic import WORLDS, loss

__all__ = ["DIVERGENCES", "SEEDS", "WORLDS", "loss", "lost", "means", "searched", "told", "world_and_rows"]

SEEDS = range(6)
ALPHAS = [1, 3, 10, 30, 100, 300]
DIVERGENCES = ("chi2", "kl", "js", "hellinger", "tv")


def world_and_rows(n_trajectories, seed, **settings):
    world = make_random_mdp(n_trajectories, 50, random_state=seed, **settings)
    rows = {"X": world.data, "y": world.target, "trajectory": world.trajectory, "step": world.step}
    return world, rows


def searched(model, rows):
    """The fit with the ``alpha`` that predicts trajectories held out best."""
    search = GridSearchCV(model, {"alpha": ALPHAS}, cv=GroupKFold(3))
    return search.fit(**rows, groups=rows["trajectory"]).best_estimator_


def lost(model, world):
    return loss(model.policy_, world.policy, world.frame["state"])


def means(values):
    """Mean over seeds, and standard error, of named lists."""
    return {name: (np.mean(each), np.std(each, ddof=1) / np.sqrt(len(each))) for name, each in values.items()}


def told(found, form="{:.0f} ({:.0f})"):
    return ", ".join(f"{name} {form.format(*pair)}" for name, pair in found.items())
