"""The objective in JAX, for first-order solvers.

Their line searches and steps look beyond the domain of a divergence, where J is infinite. So its penalty g is
followed up to ``margin`` before each edge u0 of the domain (on an unbounded side, until its slope is about 1 /
margin) and goes on as its second-order Taylor polynomial,

    g(u0) + g'(u0) (u - u0) + g''(u0) (u - u0)^2 / 2,

which is finite, convex and twice differentiable. Its minimum is that of J where the rewards there are within the
margins; where they are not, the solvers go on from it with the next of ``MARGINS``. What they report at the end
is J itself, by NumPy.

Jitted functions live at module level and take all data as arguments, so that problems of one shape compile
once. Their callers scope float64.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._solvers.newton import Result, loss_and_norm

# The first is wide enough for a smooth way there; past the last, rounding in the rewards is all there is to see.
MARGINS = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)


def table_loss(q, data, divergence):
    """J of a table of soft action values, written once more for differentiation by JAX."""
    value = data["temperature"] * jax.nn.logsumexp((q + data["bar"]) / data["temperature"], axis=1)
    flows = data["probabilities"] * value[data["successors"]]
    next_value = jax.ops.segment_sum(flows, data["pairs"], num_segments=q.size).reshape(q.shape)
    reward = data["centre_reward"] + q - data["discount"] * next_value
    u = jnp.where(data["penalty_weight"] > 0, (reward - data["base_reward"]) / data["alpha"], 0.0)
    return (
        jnp.sum(data["penalty_weight"] * data["alpha"] * _continued(divergence, u, data["ends"]))
        - jnp.sum(data["occupancy"] * reward)
        + data["value_weight"] @ value
        + data["centre_loss"]
    )


def _continued(divergence, u, ends):
    """The penalty between two ends, each with its slope and curvature, and its Taylor polynomial beyond."""
    (low, low_slope, low_bend), (high, high_slope, high_bend) = ends
    below, above = jnp.minimum(u - low, 0), jnp.maximum(u - high, 0)
    inside = divergence.g(jnp.clip(u, low, high), xp=jnp)
    return inside + (low_slope + low_bend / 2 * below) * below + (high_slope + high_bend / 2 * above) * above


def interval(divergence, margin):
    """Where g is followed: up to ``margin`` from the edges of its domain, or a slope of about 1 / margin."""
    low, high = divergence.lower + margin, divergence.upper - margin
    return max(low, np.log(margin)) if np.isfinite(divergence.start_lower) else low, high


def _ends(divergence, margin):
    ends = []
    for end in interval(divergence, margin):
        at = np.array(end if np.isfinite(end) else 0.0)
        ends.append((end, float(divergence.dg(at)), float(divergence.d2g(at))))
    return tuple(ends)


def problem_loss(parameters, inputs, ridge, data, jax_table, divergence):
    """The loss of a problem of ``_q_functions``: J of its table plus its ridge."""
    squares = jax.tree.map(lambda r, x: jnp.sum(r * x**2) / 2, ridge, parameters)
    table = jax_table(parameters, inputs)
    return table_loss(table, data, divergence) + sum(jax.tree.leaves(squares))


STATIC = ("jax_table", "divergence")
loss_of = partial(jax.jit, static_argnames=STATIC)(problem_loss)
loss_and_gradient = partial(jax.jit, static_argnames=STATIC)(jax.value_and_grad(problem_loss))


def _to_jax(objective, margin):
    """The arrays of an Objective."""
    stacked = [sp.coo_array(matrix) for matrix in objective.transitions.matrices]
    n_actions = objective.transitions.n_actions
    scalars = ("discount", "temperature", "alpha")
    arrays = ("occupancy", "penalty_weight", "value_weight", "base_reward", "centre_reward")
    return {
        "pairs": np.concatenate([m.row * n_actions + a for a, m in enumerate(stacked)]),
        "successors": np.concatenate([m.col for m in stacked]),
        "probabilities": np.concatenate([m.data for m in stacked]),
        "bar": np.asarray(objective.transitions.bar),
        "centre_loss": np.float64(objective.centre_loss),
        "ends": _ends(objective.divergence, margin),
        **{name: np.float64(getattr(objective, name)) for name in scalars},
        **{name: np.asarray(getattr(objective, name)) for name in arrays},
    }


def _full_ridge(problem, parameters):
    """The ridge with the structure of the parameters."""
    leaves, structure = jax.tree.flatten(parameters)
    ridge = jax.tree.leaves(problem.ridge)
    return jax.tree.unflatten(structure, ridge if len(ridge) == len(leaves) else ridge * len(leaves))


def arguments(problem, parameters, margin=MARGINS[0]):
    """Everything but the parameters that ``problem_loss`` takes, as (arrays, static)."""
    objective = problem.objective
    arrays = (problem.inputs, _full_ridge(problem, parameters), _to_jax(objective, margin))
    return arrays, {"jax_table": problem.jax_table, "divergence": objective.divergence}


def within(problem, parameters, margin):
    """Whether no reward at the parameters is beyond the ``margin`` of the domain: J there is what was followed."""
    objective = problem.objective
    low, high = interval(objective.divergence, margin)
    u = objective.scaled(objective.reward_of(problem.table(parameters)))
    return bool(((low <= u) & (u <= high)).all())


def finished(problem, parameters, curve, message, stopped, is_converged):
    """The Result at a solution; ``is_converged`` judges by the gradient norm."""
    parameters = jax.tree.map(np.asarray, parameters)
    loss, norm = loss_and_norm(problem, parameters)
    converged = is_converged(norm)
    if np.isinf(loss):
        converged, message = False, "the solution is outside the domain of the divergence"
    return Result(parameters, loss, norm, len(curve) - 1, converged, message, curve, stopped)
