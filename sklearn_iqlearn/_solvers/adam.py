"""Adam (Kingma and Ba 2015) on the objective in JAX, over all pairs at once or over batches of them.

Long steps end in a ball around a minimum, and short ones hide how far away it is. So the search goes in rounds,
each from the best parameters so far: with steps of the full length until ``n_iter_no_change`` epochs in a row have
not brought the loss more than ``tol`` down, then of a fifth of it, and so on through ``SHORTER``. It has converged
where a whole round over all pairs has not either. Before the wall of a bounded divergence no step may help though
the minimum is far: there the gradient must be at most sqrt(tol) too, which with a curvature of 1 leaves a fall of
tol / 2. Batches, whose noise hides a fall, only lead there: first there is one round of them, judged by the loss
of all pairs.
"""

from functools import partial

import jax
import numpy as np
import optax

from sklearn_iqlearn._solvers.batches import epochs
from sklearn_iqlearn._solvers.jax_objective import (
    MARGINS,
    STATIC,
    arguments,
    finished,
    loss_of,
    problem_loss,
    within,
)

# What the searches of a round make of the learning rate: in the end about a hundredth.
SHORTER = (1, 1 / 5, 1 / 25, 1 / 125)
STOPPED, LIMIT = "a callback asked to stop", "the iteration limit was reached"


def adam(
    problem,
    start,
    *,
    tol,
    max_iter,
    report=None,
    learning_rate,
    batch_size,
    n_iter_no_change,
    rng,
    validate=None,
):
    """Minimise ``problem`` by Adam.

    Parameters
    ----------
    problem, start, max_iter, report
        As in ``newton``; an iteration is an epoch, a pass through the pairs.
    tol, learning_rate : float
    batch_size : int or "auto"
    n_iter_no_change : int
    rng : numpy.random.RandomState
    validate : callable, optional
        The score of a table of action values on decisions held out, higher is better. With it there is one
        search, with steps of the full length, which ends where ``n_iter_no_change`` epochs have not brought the
        score more than ``tol`` up; the parameters are those of the best score.

    Returns
    -------
    result : Result
        ``loss`` and ``gradient_norm`` are those of J at the parameters returned, by NumPy: infinite outside the
        domain of the divergence. ``converged`` says that a whole round over all pairs did not bring J more than
        ``tol`` down, where the divergence is bounded also that the gradient norm is at most sqrt(tol); or that
        ``validate`` ended the search. ``loss_curve`` holds the loss of all pairs before each epoch; where rewards
        are beyond the margins of the domain it is that of the continuation.
    """
    with jax.enable_x64(True):
        search = _Search(problem, start, tol, max_iter, report, n_iter_no_change, validate)
        sweeps = _sweeps(problem, start, batch_size, rng)
        converged, walled = False, problem.objective.divergence.bounded
        if validate is None:
            for sweep, margin in sweeps:
                helps = True
                while helps and not search.ended:
                    helps = search.round(sweep, learning_rate) > tol and margin is not None
                converged = margin is not None and within(problem, search.best, margin)
                if converged or search.ended:
                    break
        else:
            search.descend(next(sweeps)[0], learning_rate)
            converged = True
        message = search.ended or "the loss stopped falling"

        def is_converged(norm):
            stationary = validate is not None or not walled or norm <= np.sqrt(tol)
            return converged and stationary and not search.ended

        return finished(problem, search.best, search.curve, message, search.ended == STOPPED, is_converged)


class _Search:
    """The epochs so far, and the best parameters that they led to."""

    def __init__(self, problem, start, tol, max_iter, report, patience, validate):
        self.problem, self.tol, self.max_iter, self.report = problem, tol, max_iter, report
        self.patience, self.validate = patience, validate
        self.best, self.least = start, np.inf
        self.curve: list[float] = []
        self.ended = ""  # or why, before it came to an end of its own

    def round(self, sweep, learning_rate):
        """Searches with steps of every length; returns what the cost has fallen by."""
        self.least = np.inf  # another sweep may have another loss
        return sum(self.descend(sweep, learning_rate * shorter) for shorter in SHORTER)

    def descend(self, sweep, rate):
        """From the best parameters with steps of one length; returns what the cost has fallen by."""
        parameters, state = self.best, optax.adam(rate).init(self.best)
        mark, waited, costs = np.inf, 0, [0.0]
        while waited < self.patience and not self.ended:
            before = parameters
            loss, parameters, state = sweep(before, state, rate)
            costs.append(self._judge(before, float(loss)))
            waited += 1
            if costs[-1] < mark - self.tol:
                mark, waited = costs[-1], 0
        return costs[1] - min(costs[1:]) if costs[1:] else 0.0

    def _judge(self, parameters, loss):
        """The cost at the parameters: their loss, or what they lack on the decisions held out."""
        self.curve.append(loss)
        cost = (
            loss
            if self.validate is None
            else -self.validate(self.problem.objective.whole(self.problem.table(parameters)))
        )
        if cost < self.least:
            self.best, self.least = parameters, cost
        if len(self.curve) > self.max_iter:
            self.ended = LIMIT
        wanted = len(self.curve) > 1 and self.report is not None
        if wanted and self.report(loss, jax.tree.map(np.asarray, parameters)):
            self.ended = STOPPED
        return cost


def _sweeps(problem, start, batch_size, rng):
    """What an epoch does, in each of the rounds to go through in turn.

    Yields
    ------
    sweep : callable
        From (parameters, state of Adam, rate) to (loss of all pairs before, parameters, state) after.
    margin : float or None
        Where the loss goes over to its continuation; None for batches.
    """
    arrays, static = arguments(problem, start)
    batches = epochs(problem, arrays, batch_size, rng)

    def in_batches(parameters, state, rate):
        loss = loss_of(parameters, *arrays, **static)
        for batch in next(batches):
            _, parameters, state = _step(*batch, parameters, state, rate, **static)
        return loss, parameters, state

    if batches is not None:
        yield in_batches, None
    for margin in MARGINS:
        yield partial(_step, *arguments(problem, start, margin)[0], **static), margin


@partial(jax.jit, static_argnames=STATIC)
def _step(inputs, ridge, data, parameters, state, rate, *, jax_table, divergence):
    loss, gradient = jax.value_and_grad(problem_loss)(parameters, inputs, ridge, data, jax_table, divergence)
    updates, state = optax.adam(rate).update(gradient, state)
    return loss, optax.apply_updates(parameters, updates), state
