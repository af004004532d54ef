"""Newton's method, damped where a step is too long for its model.

The direction x solves (H + lambda D) x = -gradient, H the Hessian, or the nearest that is positive semidefinite,
and D the stiffness of the problem's advantages. With lambda = 0 convergence is quadratic. Where policies are
extreme there is hardly any curvature, and x is out of all proportion: rather than to creep along it, lambda is
raised until a step of x, or one of its first halvings, makes progress, and lowered again with every full step
(Levenberg and Marquardt; Nocedal and Wright 2006, section 10.3). Its unit is that of the gradient, so that it
fades with it.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Sufficient decrease of Armijo's rule; the usual value (Nocedal and Wright 2006, section 3.1).
SUFFICIENT_DECREASE = 1e-4
# Share of the decrease promised by the quadratic model with which a move is good enough.
KEPT = 0.5
# Halvings of a step before its direction is given up, and of the last direction of all.
HALVINGS, LAST_HALVINGS = 8, 200
# Damping: the first one, in units of the gradient; the factor from one to the next; the most.
FIRST_DAMPING, DAMPING_FACTOR, MOST_DAMPING = 1e-2, 4.0, 1e8
# Share of tol at which a gradient counts as 0.
NEGLIGIBLE = 1e-6
# Largest change of a probability still to come with which a policy has settled.
SETTLED = 1e-7


@dataclass
class Result:
    """What a solver returns.

    Attributes
    ----------
    parameters : ndarray
    loss : float
    gradient_norm : float
        Largest absolute component of the gradient.
    n_iter : int
    converged : bool
    message : str
        Why it ended.
    loss_curve : list of float
        The objective before the first iteration and after each.
    stopped : bool
        Whether ``report`` asked it to end.
    problem : Problem, optional
        The problem in the representation of the parameters, where that is another than at the start.
    """

    parameters: np.ndarray
    loss: float
    gradient_norm: float
    n_iter: int
    converged: bool
    message: str
    loss_curve: list[float] = field(default_factory=list)
    stopped: bool = False
    problem: Any = None


def loss_and_norm(problem, parameters):
    """The loss, and the largest component of its gradient; both infinite outside the domain."""
    point = problem.at(parameters)
    return (np.inf, np.inf) if point is None else (point.loss, _largest(point.gradient))


def _largest(gradient):
    """Largest absolute component of an array, or of nested lists of them."""
    if isinstance(gradient, list | tuple):
        return max(map(_largest, gradient))
    return float(np.abs(gradient).max())


def newton(problem, start, *, tol, max_iter, report=None):
    """Minimise the loss of a problem.

    It has converged where the gradient is below ``tol`` (or, at the edge of a domain, below what rounding
    leaves of it) and the policy has settled: where a state is rare, its share of the gradient is small long before
    its policy is right. The change of the policy still to come is extrapolated from the last two, the last being
    a full Newton step: with changes c1 and c2, about c2 * c2 / c1. A gradient that has all but vanished is
    enough by itself.

    Parameters
    ----------
    problem : NewtonProblem
    start : ndarray
        Inside the domain.
    tol : float
    max_iter : int
    report : callable, optional
        Called as ``report(loss, parameters, problem)`` after each iteration; a true answer ends the fit.

    Returns
    -------
    result : Result
        Its loss is not above that of the start. Where it has not converged, the message says whether iterations
        or descent ended, or that ``report`` asked for it.
    """
    problem, parameters, point = _centred(problem, start, problem.at(start))
    damping, change, left = 0.0, np.inf, np.inf
    curve = [point.loss]
    message, stopped = "the iteration limit was reached", False
    while not (converged := _converged(point, tol, left)) and len(curve) <= max_iter:
        policy = point.policy
        found = _step(problem, parameters, point, damping)
        if found is None:
            message = "no step reduces the objective further"
            converged = _converged(point, tol, _newton_change(problem, point))
            break
        *moved, damping, is_newton = found
        problem, parameters, point = _centred(problem, *moved)
        last, change = change, float(np.abs(point.policy - policy).max()) if is_newton else np.inf
        left = change * (change / last) if change < last < np.inf else change
        curve.append(point.loss)
        if report is not None and report(point.loss, parameters, problem):
            message, stopped = "a callback asked to stop", True
            converged = _converged(point, tol, left)
            break
    if converged and not stopped:
        message = "the gradient is below tol, and the policy has settled"
    return Result(
        parameters, point.loss, _norm(point), len(curve) - 1, converged, message, curve, stopped, problem
    )


def _norm(point):
    return float(np.abs(point.gradient).max())


def _converged(point, tol, left):
    norm = _norm(point)
    return norm <= NEGLIGIBLE * tol or (norm <= max(tol, point.gradient_rounding) and left <= SETTLED)


def _newton_change(problem, point):
    """How far Newton's step would change the policy."""
    ahead = problem.at(next(point.moves(point.newton_direction()[0], 1.0))[0])
    return np.inf if ahead is None else float(np.abs(ahead.policy - point.policy).max())


def _centred(problem, parameters, point):
    """The problem about its present point, which costs the next step fewer digits."""
    centred, moved = problem.centred(parameters)
    again = point if centred is problem else centred.at(moved)
    if again is None:  # at the very edge of a domain, rounding can undo it
        return problem, parameters, point
    return centred, moved, again


def _step(problem, parameters, point, damping):
    """The next (parameters, point), the damping for the step after, and whether it is Newton's own; or None."""
    first = FIRST_DAMPING * _norm(point)
    while True:
        direction, is_newton = point.newton_direction(damping)
        exhausted = damping >= MOST_DAMPING
        found = _line_search(problem, point, direction, LAST_HALVINGS if exhausted else HALVINGS)
        if found is not None:
            *moved, step = found
            is_newton = is_newton and step == 1
            if step == 1:
                damping = damping / DAMPING_FACTOR if damping > DAMPING_FACTOR * first else 0.0
            return *moved, damping, is_newton
        if exhausted:
            return None
        damping = max(DAMPING_FACTOR * damping, first)


def _line_search(problem, point, direction, halvings):
    """The first of a series of halved steps that makes progress, as (parameters, point, step), or None.

    Of the moves that a step allows it looks no further than a group that keeps most of what the model promises.
    """
    slope = np.sum(direction * point.gradient)
    step = point.reach(direction)
    for _ in range(halvings):
        decrease, promised = -SUFFICIENT_DECREASE * step * slope, -step * (1 - step / 2) * slope
        found = []
        for group in point.moves(direction, step):
            trials = [(moved, problem.at(moved)) for moved in group]
            found += [(moved, trial) for moved, trial in trials if trial and _is_progress(point, trial, decrease)]
            if any(point.loss - trial.loss >= KEPT * promised - point.rounding for _, trial in found):
                break
        if found:
            return *min(found, key=lambda pair: pair[1].loss), step
        step /= 2
    return None


def _is_progress(point, trial, decrease):
    """Armijo's decrease of the loss or, where that is too small to be told from rounding, a smaller gradient."""
    fall = point.loss - trial.loss
    if decrease <= point.rounding and fall >= -point.rounding and _norm(trial) < _norm(point):
        return True
    return fall >= max(decrease, point.rounding)
