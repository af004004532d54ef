"""Decisions held out of a fit, whose likelihood says when to stop it."""

import math

import numpy as np

from sklearn_iqlearn._model.demonstrations import check_ids
from sklearn_iqlearn._model.soft_bellman import log_policy


def hold_out(fraction, weight, trajectory, rng):
    """Rows to hold out: a share of the trajectories, whole, or of the rows where there is no trajectory.

    The decisions of a trajectory resemble each other: part of it would say too much about the rest.

    Parameters
    ----------
    fraction : float in (0, 1)
        Share of the trajectories, rounded up, but never all of them.
    weight : ndarray of shape (n_rows,)
        Rows of weight 0 do not count.
    trajectory : array of shape (n_rows,) or None
    rng : numpy.random.RandomState

    Returns
    -------
    held_out : boolean ndarray of shape (n_rows,)
    """
    ids = np.arange(len(weight)) if trajectory is None else check_ids(trajectory, "trajectory", len(weight))
    distinct = np.unique(ids[weight > 0])
    if len(distinct) < 2:
        kind = "rows" if trajectory is None else "trajectories"
        raise ValueError(f"early_stopping=True needs at least 2 {kind} of positive weight, got 1 sample of them.")
    n_held = min(math.ceil(fraction * len(distinct)), len(distinct) - 1)
    return np.isin(ids, distinct[rng.permutation(len(distinct))[:n_held]]) & (weight > 0)


class HeldOutScore:
    """Mean log-likelihood of decisions held out, as a function of the table of action values.

    Parameters
    ----------
    counts : ndarray of shape (S, A)
        Weighted decisions held out.
    temperature : float

    Attributes
    ----------
    scores : list of float
        What ``record`` has found so far.
    """

    def __init__(self, counts, temperature):
        self.states = np.flatnonzero(counts.any(axis=1))
        self.cells = np.nonzero(counts[self.states])
        self.share = counts[self.states][self.cells] / counts.sum()
        self.temperature = temperature
        self.scores: list[float] = []

    def score(self, table):
        return float(self.share @ log_policy(table[self.states], self.temperature)[self.cells])

    def record(self, table):
        self.scores.append(self.score(table))
        return self.scores[-1]

    def attributes(self, table):
        """Fitted attributes."""
        return {"validation_scores_": self.scores, "best_validation_score_": self.score(table)}
