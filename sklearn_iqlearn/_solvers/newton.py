"""Newton's method with a line search that stays in the domain."""

from dataclasses import dataclass, field

import numpy as np

# Sufficient decrease of Armijo's rule; the usual value (Nocedal and Wright 2006, section 3.1).
SUFFICIENT_DECREASE = 1e-4
SHORTEST_STEP = 1e-12
# Share of tol at which a gradient counts as 0.
NEGLIGIBLE = 1e-6
# A change of the parameters, relative to their size, after which one more step would change nothing to speak of.
SETTLED = 1e-5


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
    """

    parameters: np.ndarray
    loss: float
    gradient_norm: float
    n_iter: int
    converged: bool
    message: str
    loss_curve: list[float] = field(default_factory=list)
    stopped: bool = False


def newton(problem, start, *, tol, max_iter, report=None):
    """Minimise a smooth function.

    The gradient must be below ``tol``, and the last step short: where a state is rare, its share of the
    gradient is small long before its parameters are right. Convergence is quadratic, so the error that is
    left is about the square of the last step. Where there is no finite minimum the steps never get short,
    and the gradient must have all but vanished.

    Parameters
    ----------
    problem : object
        ``problem.at(parameters)`` is None outside the domain, else a point with ``loss``, ``rounding`` (of
        the loss), ``gradient``, ``newton_direction()``, ``reach(direction)`` (the largest step to try) and
        ``moved(direction, step)`` (the parameters there).
    start : ndarray
        Inside the domain.
    tol : float
    max_iter : int
    report : callable, optional
        Called as ``report(loss, parameters)`` after each iteration; a true answer ends the fit.

    Returns
    -------
    result : Result
    """
    parameters, point = start, problem.at(start)
    norm, change = _norm(point), np.inf
    curve = [point.loss]
    message, stopped = "the iteration limit was reached", False
    while len(curve) <= max_iter:
        if norm <= NEGLIGIBLE * tol or (norm <= tol and change <= SETTLED):
            message = "the gradient is below tol"
            break
        found = _line_search(problem, parameters, point)
        if found is None:
            message = "no step reduces the objective further"
            break
        change = np.abs(found[0] - parameters).max() / (problem.objective.temperature + np.abs(parameters).max())
        parameters, point = found
        norm = _norm(point)
        curve.append(point.loss)
        if report is not None and report(point.loss, parameters):
            message, stopped = "a callback asked to stop", True
            break
    return Result(parameters, point.loss, norm, len(curve) - 1, norm <= tol, message, curve, stopped)


def _norm(point):
    return float(np.abs(point.gradient).max())


def _line_search(problem, parameters, point):
    """The first of a series of halved steps that makes progress, as (parameters, point), or None.

    Progress is Armijo's sufficient decrease of the objective; where that is too small to be told from
    rounding, it is a smaller gradient.
    """
    direction = point.newton_direction()
    slope = np.sum(direction * point.gradient)
    step = point.reach(direction)
    # Where a policy is extreme there is hardly any curvature, and a full step is out of all proportion.
    size = problem.objective.temperature + np.abs(parameters).max()
    shortest = SHORTEST_STEP * min(1.0, size / np.abs(direction).max())
    while step > shortest:
        moved = point.moved(direction, step)
        trial = problem.at(moved)
        if trial is not None:
            decrease = -SUFFICIENT_DECREASE * step * slope
            fall = point.loss - trial.loss
            progress = fall >= max(decrease, point.rounding)
            if decrease <= point.rounding and fall >= -point.rounding:
                progress = progress or _norm(trial) < _norm(point)
            if progress:
                return moved, trial
        step /= 2
    return None
