"""The way of a fit: read the decisions, pose the problem, solve it, name what was found."""

from dataclasses import replace
from functools import partial

import numpy as np

from sklearn_iqlearn._estimator.default_alpha import alpha_of_the_form, with_alpha_of_the_size
from sklearn_iqlearn._estimator.fitted import remember_parameters
from sklearn_iqlearn._estimator.parameters import check_distribution, check_seed, choose
from sklearn_iqlearn._estimator.reading import names_and_width, read_rows, read_states, read_X_y
from sklearn_iqlearn._estimator.sparse_rows import same_rows
from sklearn_iqlearn._estimator.telling import tell
from sklearn_iqlearn._estimator.validation import hold_out
from sklearn_iqlearn._model.continuation import warn_ill_conditioned
from sklearn_iqlearn._model.demonstrations import check_weight
from sklearn_iqlearn._objective.divergences import DIVERGENCES
from sklearn_iqlearn._objective.objective import VALUE_TERMS, Objective
from sklearn_iqlearn._solvers.path import follow_path, reach_domain
from sklearn_iqlearn.exceptions import IdentificationWarning


def assemble(estimator, X, y, sample_weight, order, *, holding_out=False, earlier=None):
    """The decisions summarised, the problem that they pose, and the fitted attributes that they decide.

    ``earlier``, a ``Tally``, is of decisions that take part beside the rows.
    """
    estimator._check_parameters()
    values, y = read_X_y(estimator, X, y)
    weight = check_weight(sample_weight, len(y))
    held = np.zeros(len(y))
    if holding_out:
        rng = check_seed(estimator.random_state)
        held = weight * hold_out(estimator.validation_fraction, weight, order["trajectory"], rng)
        weight = weight - held
    read = read_rows if estimator.transitions is None else partial(read_states, earlier=earlier)
    demonstrations, features, fitted = read(estimator, X, values, y, weight, held, order)
    if estimator.initial_distribution is not None:
        n_states = demonstrations.transitions.n_states
        initial = check_distribution(estimator.initial_distribution, "initial_distribution", n_states)
        demonstrations = replace(demonstrations, initial_distribution=initial)
    problem, alpha = pose(estimator, demonstrations, features)
    named = names_and_width(X, None if earlier is None else estimator)
    fitted = {"_tally": None} | fitted | {"alpha_": alpha} | named | remember_parameters(estimator)
    return demonstrations, problem, fitted


def pose(estimator, demonstrations, features):
    """The objective bound to the form of Q, and the alpha that was asked for."""
    divergence = choose("divergence", estimator.divergence, DIVERGENCES)
    value_term = choose("value_term", estimator.value_term, VALUE_TERMS)
    transitions, n = demonstrations.transitions, demonstrations.counts.sum()
    discount = float(estimator.discount)
    occupancy, value_weight, total = value_term(demonstrations, discount)
    alpha, smoothing = alpha_of_the_form(estimator), float(estimator.smoothing)
    with np.errstate(over="ignore", divide="ignore"):
        penalty_weight = np.where(demonstrations.penalised, demonstrations.known + smoothing, 0.0) / total
        ridge = 1 / (float(estimator.C) * n)
    if not np.isfinite(penalty_weight).all() or not np.isfinite(ridge):
        raise ValueError(
            f"sample_weight and C must not be vanishingly small, got a sum of {n} and C={estimator.C}."
        )
    if alpha == np.inf:  # no reward is penalised, nor forbidden
        divergence, penalty_weight = DIVERGENCES["chi2"], np.zeros_like(penalty_weight)
    objective = Objective(
        transitions=transitions,
        occupancy=occupancy,
        penalty_weight=penalty_weight,
        value_weight=value_weight,
        discount=discount,
        temperature=float(estimator.temperature),
        divergence=divergence,
        alpha=1.0 if alpha in (None, np.inf) else alpha,
        n=float(n),
        base_reward=demonstrations.base_reward,
    )
    rng = check_seed(estimator.random_state)
    problem = estimator._form_for(features).create(objective, features, estimator, rng)
    if alpha is None:
        problem = with_alpha_of_the_size(problem)
        alpha = problem.objective.alpha
    return problem, alpha


def starting_point(estimator, problem, solver, fitted, warm):
    """The problem and where to start: if ``warm`` at the last fit, where it belongs to this problem."""
    if warm and _same_problem(estimator, fitted):
        try:
            last = problem.recall(estimator)
        except AttributeError:  # of another form
            last = None
        if _shapes(last) == problem.shapes and problem.at(last) is not None:
            return problem, last
    start = problem.start()
    return reach_domain(problem, start) if solver.needs == "hessian" else (problem, start)


def solve(estimator, problem, solver, start, tasks, fitted, held_out):
    """From the start, by way of the divergence's path, to the solution."""

    def report(problem, n_iter, loss, parameters):
        if estimator.verbose and n_iter % estimator.verbose == 0:
            print(f"iteration {n_iter:5d}  objective {loss:.12g}")

        def attributes():
            table = problem.table(parameters)
            return fitted | _of_the_form(problem, parameters, table) | {"q_table_": problem.objective.whole(table)}

        return tasks.iteration(attributes)

    options = {
        "learning_rate": estimator.learning_rate,
        "batch_size": estimator.batch_size,
        "n_iter_no_change": estimator.n_iter_no_change,
        "rng": check_seed(estimator.random_state),
        "validate": held_out and held_out.record,
    }
    return follow_path(
        problem,
        solver,
        start,
        tol=estimator._tol(solver),
        max_iter=estimator._max_iter(solver),
        report=report,
        options={name: options[name] for name in solver.options},
    )


def outcome(problem, solution, demonstrations, held_out):
    """Fitted attributes."""
    objective = problem.objective
    parameters, unidentified, doubts = problem.identified(solution.parameters)
    if solution.converged:  # else there is a warning of that, which comes first
        tell(doubts, IdentificationWarning, stacklevel=5)
    q = problem.table(parameters)
    form = _of_the_form(problem, parameters, q)
    tell(objective.transitions.doubts(form), IdentificationWarning, stacklevel=5)
    value, policy = objective.soft_value(q), objective.policy(q)
    reward = objective.reward(q, value)
    counts, bar = demonstrations.counts, objective.transitions.bar
    exists = objective.transitions.pairs
    warn_ill_conditioned(policy, objective.transitions, objective.discount, stacklevel=6)
    validation = {} if held_out is None else held_out.attributes(objective.whole(q))
    return (
        validation
        | form
        | {
            "q_table_": objective.whole(q),
            "value_": value + objective.centre_value,
            "policy_": policy,
            "reward_": np.where(demonstrations.penalised | ~exists, reward + bar, np.nan),
            "counts_": counts,
            "initial_distribution_": demonstrations.initial_distribution,
            "state_coverage_": float((counts > 0).any(axis=1).mean()),
            "state_action_coverage_": float((counts > 0).sum() / exists.sum()),
            "objective_": solution.loss,
            "gradient_norm_": solution.gradient_norm,
            "converged_": solution.converged,
            "n_iter_": solution.n_iter,
            "linear_solver_": objective.transitions.linear_solver,
            "loss_curve_": solution.loss_curve,
            "_unidentified": unidentified,
            "_n_fitted": None,
        }
    )


def _of_the_form(problem, parameters, q):
    """Fitted attributes of the form of Q, and of what carries its values to other states."""
    objective = problem.objective
    value = objective.soft_value(q) + objective.centre_value
    carried = objective.transitions.carried(value, objective.policy(q), objective.discount)
    return problem.attributes(parameters) | carried


def _same_problem(estimator, fitted):
    """Whether an earlier fit was of the same states and actions."""
    return all(same_rows(getattr(estimator, name, ()), fitted.get(name, ())) for name in ("classes_", "states_"))


def _shapes(parameters):
    """Shapes of the arrays of parameters, nested as they are."""
    if isinstance(parameters, list | tuple):
        return [_shapes(part) for part in parameters]
    return np.shape(parameters)
