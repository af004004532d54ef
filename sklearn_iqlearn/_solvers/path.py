"""The solvers, and the way to an optimum: which one fits, where to start, what to solve on the way."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from sklearn_iqlearn._solvers.newton import newton

# Stages on the way to a divergence are solved only as far as helps the next one.
STAGE_TOL = 1e-3


def _lbfgs(*args, **options):
    from sklearn_iqlearn._solvers.lbfgs import lbfgs  # JAX is loaded only where it is used

    return lbfgs(*args, **options)


def _adam(*args, **options):
    try:
        from sklearn_iqlearn._solvers.adam import adam
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "solver='adam' needs optax: pip install 'sklearn_iqlearn[neural]', or take solver='lbfgs'."
        ) from error
    return adam(*args, **options)


@dataclass(frozen=True)
class Solver:
    """A way to minimise, what it needs, and its defaults."""

    minimise: Callable
    max_iter: int
    tol: float
    needs: str = "jax"
    options: tuple = ()


SOLVERS = MappingProxyType(
    {
        "newton": Solver(newton, 200, 1e-8, needs="hessian"),
        "lbfgs": Solver(_lbfgs, 20_000, 1e-6),
        "adam": Solver(_adam, 2_000, 1e-5, options=("learning_rate", "batch_size", "n_iter_no_change", "rng")),
    }
)


def follow_path(problem, solver, start, *, tol, max_iter, report, options):
    """Solve for each divergence on the path to the problem's own, each from the optimum of the one before.

    Parameters
    ----------
    problem : a problem of ``_q_functions``
    solver : Solver
    start : parameters
    tol : float
    max_iter : int
        For all stages together.
    report : callable
        Called as ``report(problem, n_iter, loss, parameters)``.
    options : dict
        Further options of the solver.

    Returns
    -------
    problem : the problem in the representation of the result
    result : Result
    """
    final = problem.objective.divergence
    parameters = start
    curve: list[float] = []
    n_iter = 0

    def tell(loss, parameters):
        nonlocal n_iter
        n_iter += 1
        return report(problem, n_iter, loss, parameters)

    for divergence in final.path():
        last = divergence is final
        problem = replace(problem, objective=replace(problem.objective, divergence=divergence))
        centred, moved = problem.centred(parameters)
        if centred.at(moved) is not None:  # at the very edge of a domain, rounding can undo it
            problem, parameters = centred, moved
        result = solver.minimise(
            problem,
            parameters,
            tol=tol if last else max(STAGE_TOL, tol),
            max_iter=max_iter - n_iter,
            report=tell,
            **options,
        )
        parameters = result.parameters
        curve += result.loss_curve if last else result.loss_curve[1:]
        if not last and (result.stopped or n_iter >= max_iter):
            problem = replace(problem, objective=replace(problem.objective, divergence=final))
            loss = problem.at(parameters).loss
            result = replace(result, loss=loss, converged=False)
            curve.append(loss)
            break
    return problem, replace(result, n_iter=max(n_iter, 1), loss_curve=curve)


def reach_domain(problem, start, *, max_iter=200):
    """Parameters well inside the domain of the divergence, from parameters that need not be.

    A form of Q may not be able to represent a reward of 0. Then the reward penalty alone is minimised with
    an alpha wide enough for the present rewards, and alpha is drawn in as far as those allow, until it is
    the one that was asked for.
    """
    objective = problem.objective
    parameters, width = start, np.inf
    while (needed := _needed_alpha(problem, parameters)) >= objective.alpha:
        if needed > 0.999 * width:
            if problem.at(parameters) is not None:
                break
            raise ValueError(
                f"alpha={objective.alpha:g} is too small for this Q: with {type(objective.divergence).__name__} "
                f"the reward stays in its bounds only from alpha of about {needed:.3g} on. Raise alpha, add "
                "features or an intercept, or take divergence='chi2', which bounds no reward."
            )
        width = needed
        penalty_only = replace(
            objective,
            alpha=1.05 * needed,
            occupancy=np.zeros_like(objective.occupancy),
            value_weight=np.zeros_like(objective.value_weight),
        )
        stage = replace(problem, objective=penalty_only)
        parameters = newton(stage, parameters, tol=1e-6, max_iter=max_iter).parameters
    return parameters


def _needed_alpha(problem, parameters):
    """The least alpha with which the rewards at ``parameters`` are in the domain to start from."""
    objective, divergence = problem.objective, problem.objective.divergence
    reward = objective.reward_of(problem.table(parameters))[objective.penalty_weight > 0]
    needed = np.where(reward > 0, reward / divergence.upper, reward / divergence.start_lower)
    return float(needed.max(initial=0.0))
