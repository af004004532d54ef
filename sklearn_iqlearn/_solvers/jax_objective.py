"""The objective in JAX, for first-order solvers.

Jitted functions live at module level and take all data as arguments, so that problems of one shape compile
once. Their callers scope float64.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jax.flatten_util import ravel_pytree

from sklearn_iqlearn._solvers.newton import Result

# How close to the edge of a divergence's domain, and how far out on an unbounded side, its formula is
# followed; its second-order Taylor polynomial continues it beyond, so that a line search may look there.
EDGE = 1e-4
FAR = -30.0


def table_loss(q, data, divergence):
    """J of a table of soft action values, written once more for differentiation by JAX."""
    value = data["temperature"] * jax.nn.logsumexp(q / data["temperature"], axis=1)
    flows = data["probabilities"] * value[data["successors"]]
    next_value = jax.ops.segment_sum(flows, data["pairs"], num_segments=q.size).reshape(q.shape)
    reward = data["base_reward"] + q - data["discount"] * next_value
    u = jnp.where(data["penalty_weight"] > 0, reward / data["alpha"], 0.0)
    return (
        jnp.sum(data["penalty_weight"] * data["alpha"] * _extended(divergence, u))
        - jnp.sum(data["occupancy"] * reward)
        + data["value_weight"] @ value
        + data["base_loss"]
    )


def _extended(divergence, u):
    low = np.maximum(divergence.lower + EDGE, FAR)
    high = divergence.upper - EDGE
    result = divergence.g(jnp.clip(u, low, high), xp=jnp)
    for edge, excess in ((low, jnp.minimum(u - low, 0)), (high, jnp.maximum(u - high, 0))):
        if np.isfinite(edge):
            slope, bend = float(divergence.dg(np.array(edge))), float(divergence.d2g(np.array(edge)))
            result += slope * excess + bend / 2 * excess**2
    return result


def problem_loss(parameters, inputs, ridge, data, jax_table, divergence):
    """The loss of a problem of ``_q_functions``: J of its table plus its ridge."""
    squares = jax.tree.map(lambda r, x: jnp.sum(r * x**2) / 2, ridge, parameters)
    table = jax_table(parameters, inputs)
    return table_loss(table, data, divergence) + sum(jax.tree.leaves(squares))


STATIC = ("jax_table", "divergence")
loss_and_gradient = partial(jax.jit, static_argnames=STATIC)(jax.value_and_grad(problem_loss))


def _to_jax(objective):
    """The arrays of an Objective."""
    stacked = [sp.coo_array(matrix) for matrix in objective.transitions.matrices]
    n_actions = objective.transitions.n_actions
    scalars = ("discount", "temperature", "alpha")
    arrays = ("occupancy", "penalty_weight", "value_weight", "base_reward")
    return {
        "pairs": np.concatenate([m.row * n_actions + a for a, m in enumerate(stacked)]),
        "successors": np.concatenate([m.col for m in stacked]),
        "probabilities": np.concatenate([m.data for m in stacked]),
        "base_loss": np.float64(objective.base_loss),
        **{name: np.float64(getattr(objective, name)) for name in scalars},
        **{name: np.asarray(getattr(objective, name)) for name in arrays},
    }


def _full_ridge(problem, parameters):
    """The ridge with the structure of the parameters."""
    leaves, structure = jax.tree.flatten(parameters)
    ridge = jax.tree.leaves(problem.ridge)
    return jax.tree.unflatten(structure, ridge if len(ridge) == len(leaves) else ridge * len(leaves))


def arguments(problem, parameters):
    """Everything but the parameters that ``problem_loss`` takes, as (arrays, static)."""
    objective = problem.objective
    arrays = (problem.inputs, _full_ridge(problem, parameters), _to_jax(objective))
    return arrays, {"jax_table": problem.jax_table, "divergence": objective.divergence}


def finished(problem, parameters, arrays, static, curve, message, stopped, is_converged):
    """The Result at a solution; ``is_converged`` judges by the gradient norm."""
    loss, gradient = loss_and_gradient(parameters, *arrays, **static)
    norm = float(np.abs(ravel_pytree(gradient)[0]).max())
    parameters = jax.tree.map(np.asarray, parameters)
    converged = is_converged(norm)
    if problem.at(parameters) is None:
        converged, message = False, "the solution is outside the domain of the divergence"
    return Result(parameters, float(loss), norm, len(curve) - 1, converged, message, curve, stopped)
