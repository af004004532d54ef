"""Batches of state-action pairs: unbiased pieces of an objective, for stochastic steps."""

from dataclasses import dataclass, field
from itertools import count

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._objective.objective import Objective

# Up to this many pairs, "auto" takes them all in every step; beyond, this many in a batch.
FULL_BATCH, BATCH = 10_000, 1_024


def epochs(problem, arrays, batch_size, rng):
    """Passes through the pairs in batches, each batch the arguments of ``problem_loss`` but the parameters.

    Parameters
    ----------
    problem : a problem of ``_q_functions``
    arrays : tuple
        Its own arguments of ``problem_loss``.
    batch_size : int or "auto"
    rng : numpy.random.RandomState

    Returns
    -------
    epochs : iterator of iterators, or None
        None where a batch would hold all pairs, or the form of Q has no inputs to take a part of.
    """
    objective = problem.objective
    active = np.flatnonzero((objective.occupancy + objective.penalty_weight).ravel())
    if batch_size == "auto":
        batch_size = len(active) if len(active) <= FULL_BATCH else BATCH
    if batch_size >= len(active) or problem.inputs is None:
        return None
    batches = Batches(objective, problem.inputs, active, arrays)
    return (
        (
            batches.take(shuffled[first : first + batch_size], rng)
            for first in range(0, active.size - batch_size + 1, batch_size)
        )
        for shuffled in (rng.permutation(active.size) for _ in count())
    )


@dataclass
class Batches:
    """Unbiased pieces of an objective: a few pairs with their next states, as a small objective of its own.

    The likelihood part of the value term belongs to the pairs, ``rho (V - discount E[V'])``; what is left of
    the value weight (nothing for value_term="expert") is sampled from the states that have some.
    """

    objective: Objective
    inputs: np.ndarray
    active: np.ndarray
    arrays: tuple
    successors: np.ndarray = field(init=False)
    probabilities: np.ndarray = field(init=False)
    rest: np.ndarray = field(init=False)

    def __post_init__(self):
        objective = self.objective
        states, actions = np.divmod(self.active, objective.transitions.n_actions)
        width = 1
        rows = []
        for a, matrix in enumerate(objective.transitions.matrices):
            csr = sp.csr_array(matrix)[states[actions == a]]
            rows.append(csr)
            width = max(width, int(np.diff(csr.indptr).max(initial=0)))
        # Every pair gets the same number of next states; the spare ones have probability 0.
        self.successors = np.zeros((self.active.size, width), dtype=np.int64)
        self.probabilities = np.zeros((self.active.size, width))
        for a, csr in enumerate(rows):
            length = np.diff(csr.indptr)
            slot = np.arange(csr.nnz) - np.repeat(csr.indptr[:-1], length)
            row = np.repeat(np.flatnonzero(actions == a), length)
            self.successors[row, slot] = csr.indices
            self.probabilities[row, slot] = csr.data
        likelihood = objective.occupancy.sum(axis=1) - objective.discount * objective.transitions.flow(
            objective.occupancy
        )
        rest = objective.value_weight - likelihood
        self.rest = np.where(np.abs(rest) > 1e-14, rest, 0.0)

    def take(self, chosen, rng):
        """Arguments of ``problem_loss`` for some of the active pairs."""
        objective = self.objective
        inputs, ridge, data = self.arrays
        n, n_actions = len(chosen), objective.transitions.n_actions
        scale = self.active.size / n
        states, actions = np.divmod(self.active[chosen], n_actions)
        successors, probabilities = self.successors[chosen], self.probabilities[chosen]
        support = np.flatnonzero(self.rest)
        sampled = rng.choice(support, size=n) if support.size else np.zeros(0, dtype=np.int64)
        local = np.concatenate([states, successors.ravel(), sampled])

        def spread(values):
            table = np.zeros((local.size, n_actions))
            table[np.arange(n), actions] = values
            return table

        occupancy = scale * objective.occupancy[states, actions]
        value_weight = np.concatenate(
            [
                occupancy,
                (-objective.discount * occupancy[:, None] * probabilities).ravel(),
                self.rest[sampled] * support.size / n,
            ]
        )
        return (
            inputs[local],
            ridge,
            data
            | {
                "pairs": np.repeat(np.arange(n) * n_actions + actions, successors.shape[1]),
                "successors": np.arange(n, n + successors.size),
                "probabilities": probabilities.ravel(),
                "occupancy": spread(occupancy),
                "penalty_weight": spread(scale * objective.penalty_weight[states, actions]),
                "value_weight": value_weight,
                "bar": _of_states(data["bar"], local),
                "base_reward": _of_states(data["base_reward"], local),
            },
        )


def _of_states(table, states):
    """Rows of a table, or the one number that stands for all."""
    return table[states] if table.ndim else table
