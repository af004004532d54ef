"""Adam on the objective in JAX, over all pairs at once or over batches of them."""

from dataclasses import dataclass, field
from functools import partial

import jax
import numpy as np
import optax
import scipy.sparse as sp

from sklearn_iqlearn._objective.objective import Objective
from sklearn_iqlearn._solvers.jax_objective import STATIC, arguments, finished, problem_loss

# Up to this many pairs, "auto" takes them all in every step; beyond, this many in a batch.
FULL_BATCH, BATCH = 10_000, 1_024
# The search ends with steps this share of the first ones.
SHORTEST = 1e-2


def adam(problem, start, *, tol, max_iter, report=None, learning_rate, batch_size, n_iter_no_change, rng):
    """Minimise ``problem`` by Adam (Kingma and Ba 2015).

    Where ``n_iter_no_change`` epochs in a row have not brought the loss more than ``tol`` below the best
    before them, it goes back to the best and takes steps a fifth as long; it ends where that has made them
    ``SHORTEST`` of the first.

    Parameters
    ----------
    problem, start, max_iter, report
        As in ``newton``; an iteration is an epoch, a pass through the pairs.
    tol, learning_rate : float
    batch_size : int or "auto"
    n_iter_no_change : int
    rng : numpy.random.RandomState

    Returns
    -------
    result : Result
        ``loss_curve`` holds the mean loss of the steps of each epoch.
    """
    with jax.enable_x64(True):
        arrays, static = arguments(problem, start)
        epochs = _epochs(problem, arrays, batch_size, rng)
        parameters = best = start
        state, rate = optax.adam(learning_rate).init(start), learning_rate
        curve: list[float] = []
        least, waited = np.inf, 0
        message, settled, stopped = "the iteration limit was reached", False, False
        while len(curve) <= max_iter:
            before, losses = parameters, []
            for batch in next(epochs):
                parameters, state, loss = _step(parameters, state, *batch, rate, **static)
                losses.append(loss)
            curve.append(float(np.mean(losses)))
            waited = 0 if curve[-1] < least - tol else waited + 1
            if curve[-1] < least:
                best, least = before, curve[-1]
            if waited >= n_iter_no_change:
                rate, waited = rate / 5, 0
                parameters, state = best, optax.adam(rate).init(best)
            settled = rate < SHORTEST * learning_rate
            if report is not None and len(curve) > 1:
                stopped = bool(report(curve[-1], jax.tree.map(np.asarray, before)))
            if settled or stopped:
                message = "a callback asked to stop" if stopped else "the loss stopped falling"
                break
        return finished(problem, best, arrays, static, curve, message, stopped, lambda norm: settled)


@partial(jax.jit, static_argnames=STATIC)
def _step(parameters, state, inputs, ridge, data, learning_rate, *, jax_table, divergence):
    loss, gradient = jax.value_and_grad(problem_loss)(parameters, inputs, ridge, data, jax_table, divergence)
    updates, state = optax.adam(learning_rate).update(gradient, state)
    return optax.apply_updates(parameters, updates), state, loss


def _epochs(problem, arrays, batch_size, rng):
    """For each epoch, the batches: arguments of ``_step``."""
    objective = problem.objective
    active = np.flatnonzero((objective.occupancy + objective.penalty_weight).ravel())
    if batch_size == "auto":
        batch_size = len(active) if len(active) <= FULL_BATCH else BATCH
    if batch_size >= len(active) or problem.inputs is None:
        while True:
            yield [arrays]
    batches = Batches(objective, problem.inputs, active, arrays)
    while True:
        shuffled = rng.permutation(active.size)
        yield (
            batches.take(shuffled[first : first + batch_size], rng)
            for first in range(0, active.size - batch_size + 1, batch_size)
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
        """Arguments of ``_step`` for some of the active pairs."""
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
                "base_reward": np.zeros((local.size, n_actions)),
            },
        )
