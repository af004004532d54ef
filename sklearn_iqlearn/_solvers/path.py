"""The solvers, and the way to an optimum: which one fits, where to start, what to solve on the way."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sklearn_iqlearn._solvers.newton import loss_and_norm, newton

# Stages on the way to a divergence are solved only as far as helps the next one.
STAGE_TOL = 1e-3
# Iterations of Newton's method at one stage from which on it is slow.
PATIENCE = 100
# Temperatures on the way to the problem's, in its units.
COOLING = (1e3, 1e2, 1e1)


def _lbfgs(*args, **options):
    from sklearn_iqlearn._solvers.lbfgs import lbfgs  # JAX is loaded only where it is used

    return lbfgs(*args, **options)


def _adam(*args, **options):
    from sklearn_iqlearn._solvers.adam import adam

    return adam(*args, **options)


@dataclass(frozen=True)
class Solver:
    """A way to minimise, what it needs, and its defaults."""

    minimise: Callable
    max_iter: int
    tol: float
    needs: str = "jax"
    options: tuple = ()


ADAM_OPTIONS = ("learning_rate", "batch_size", "n_iter_no_change", "rng", "validate")

SOLVERS = {
    "newton": Solver(newton, 400, 1e-8, needs="hessian"),
    "lbfgs": Solver(_lbfgs, 20_000, 1e-6),
    "adam": Solver(_adam, 2_000, 1e-5, options=ADAM_OPTIONS),
}


def follow_path(problem, solver, start, *, tol, max_iter, report, options):
    """Solve for each divergence on the path to the problem's own, each from the optimum of the one before.

    Where Newton's method is slow at a stage, policies are so extreme that soft values have kinks, across which no
    step goes far. Then it starts anew at temperatures at which they are smooth, and cools down to the problem's
    own.

    Parameters
    ----------
    problem : Problem
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
    curve: list[float] = []
    n_iter = 0

    def minimise(stage, parameters, tol, patience):
        def tell(loss, parameters, centred=stage):
            nonlocal n_iter
            n_iter += 1
            return report(centred, n_iter, loss, parameters)

        most = min(patience, max_iter - n_iter)
        result = solver.minimise(stage, parameters, tol=tol, max_iter=most, report=tell, **options)
        curve.extend(result.loss_curve[bool(curve) :])
        return result.problem or stage, result

    def follow(stages, parameters, patience):
        """The problem, as far as it came, and the result there."""
        stage = problem
        for divergence, temperature in stages[:-1]:
            stage = _changed(stage, divergence, temperature)
            stage, result = minimise(stage, parameters, max(STAGE_TOL, tol), patience)
            parameters = result.parameters
            if result.stopped or n_iter >= max_iter or result.n_iter >= patience:
                stage = _changed(stage, *stages[-1])
                loss, norm = loss_and_norm(stage, parameters)
                curve[-1] = loss
                return stage, replace(result, loss=loss, gradient_norm=norm, converged=False)
        return minimise(_changed(stage, *stages[-1]), parameters, tol, patience)

    divergence, temperature = problem.objective.divergence, problem.objective.temperature
    stages = [(stage, temperature) for stage in divergence.path()]
    cools = solver.needs == "hessian" and not divergence.bounded and not problem.objective.is_likelihood
    found = follow(stages, start, PATIENCE if cools else max_iter)
    if cools and not found[1].converged and not found[1].stopped and n_iter < max_iter:
        stages = [(divergence, factor * temperature) for factor in COOLING] + stages
        again = follow(stages, _changed(problem, *stages[0]).start(), max_iter)
        found = min(found, again, key=lambda reached: (not reached[1].converged, reached[1].loss))
        curve[-1] = found[1].loss
    reached, result = found
    return reached, replace(result, n_iter=max(n_iter, 1), loss_curve=curve)


def _changed(problem, divergence, temperature):
    if (problem.objective.divergence, problem.objective.temperature) == (divergence, temperature):
        return problem
    return replace(problem, objective=replace(problem.objective, divergence=divergence, temperature=temperature))


def reach_domain(problem, start, *, max_iter=200):
    """Parameters well inside the domain of the divergence, from parameters that need not be.

    A form of Q may not be able to represent a reward of 0. Then the reward penalty alone is minimised with
    an alpha wide enough for the present rewards, and alpha is drawn in as far as those allow, until it is
    the one that was asked for.

    Returns
    -------
    problem : the problem in the representation of the parameters
    parameters
    """
    objective = problem.objective
    parameters, width = start, np.inf
    while (needed := _needed_alpha(problem, parameters)) >= objective.alpha:
        if needed > 0.999 * width:
            if problem.at(parameters) is not None:
                break
            raise ValueError(
                f"alpha={objective.alpha:g} is too small for this Q: with {type(objective.divergence).__name__} "
                f"the reward stays in its bounds only from alpha of about {min(needed, width):.3g} on. Raise "
                "alpha, lower discount, add features or an intercept, or take divergence='chi2', which bounds no "
                "reward."
            )
        width = needed
        penalty_only = replace(
            problem.objective,
            alpha=1.05 * needed,
            occupancy=np.zeros_like(objective.occupancy),
            value_weight=np.zeros_like(objective.value_weight),
        )
        result = newton(replace(problem, objective=penalty_only), parameters, tol=1e-6, max_iter=max_iter)
        parameters, reached = result.parameters, result.problem
        asked = {name: getattr(objective, name) for name in ("alpha", "occupancy", "value_weight")}
        problem = replace(reached, objective=replace(reached.objective, **asked))
    return problem, parameters


def _needed_alpha(problem, parameters):
    """The least alpha with which the rewards at ``parameters`` are in the domain to start from."""
    objective, divergence = problem.objective, problem.objective.divergence
    try:
        table = problem.table(parameters)
    except ArithmeticError:  # at discount 1 they are as good as without values
        return np.inf
    reward = (objective.reward_of(table) - objective.base_reward)[objective.penalty_weight > 0]
    needed = np.where(reward > 0, reward / divergence.upper, reward / divergence.start_lower)
    return float(needed.max(initial=0.0))
