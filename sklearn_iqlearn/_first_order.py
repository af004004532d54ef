"""The objective in JAX, and L-BFGS on it: an independent check of Newton's method, and its fallback."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
import scipy.sparse as sp

from sklearn_iqlearn._newton import Result

# How close to the edge of a divergence's domain, and how far out on an unbounded side, its formula is
# followed; its second-order Taylor polynomial continues it beyond, so that a line search may look there.
EDGE = 1e-5
FAR = -30.0


def lbfgs(problem, start, *, tol, max_iter, report=None):
    """Minimise ``problem`` by SciPy's L-BFGS with JAX's gradient; parameters as in ``newton``."""
    curve = [problem.at(start).loss]

    def record(intermediate_result):
        curve.append(float(intermediate_result.fun))
        if report is not None:
            report(len(curve) - 1, curve[-1], float("nan"))

    with jax.enable_x64(True):
        data = _to_jax(problem)
        shape = start.shape

        def value_and_gradient(flat):
            value, gradient = _loss_and_gradient(flat.reshape(shape), data, divergence=problem.divergence)
            return float(value), np.asarray(gradient).ravel()

        found = scipy.optimize.minimize(
            value_and_gradient,
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            callback=record,
            options={"gtol": tol, "ftol": 0.0, "maxiter": max_iter, "maxfun": 2 * max_iter, "maxcor": 30},
        )
    parameters = found.x.reshape(shape)
    point = problem.at(parameters)
    if point is None:
        return Result(parameters, float("inf"), float("inf"), found.nit, False, "it left the domain", curve)
    norm = float(np.abs(point.gradient).max())
    return Result(parameters, point.loss, norm, found.nit, norm <= tol, str(found.message), curve)


def _to_jax(objective):
    """The arrays of an Objective, traced as arguments: problems of one shape share one compilation."""
    stacked = [sp.coo_array(matrix) for matrix in objective.transitions.matrices]
    n_actions = objective.transitions.n_actions
    return {
        "pairs": jnp.asarray(np.concatenate([m.row * n_actions + a for a, m in enumerate(stacked)])),
        "successors": jnp.asarray(np.concatenate([m.col for m in stacked])),
        "probabilities": jnp.asarray(np.concatenate([m.data for m in stacked])),
        "occupancy": jnp.asarray(objective.occupancy),
        "penalty_weight": jnp.asarray(objective.penalty_weight),
        "value_weight": jnp.asarray(objective.value_weight),
        "base_reward": jnp.asarray(objective.base_reward),
        "base_loss": jnp.asarray(objective.level * objective.value_weight.sum()),
        "discount": jnp.asarray(objective.discount, dtype=float),
        "temperature": jnp.asarray(objective.temperature, dtype=float),
        "alpha": jnp.asarray(objective.alpha, dtype=float),
    }


def table_loss(q, data, divergence):
    """J of a table of soft action values, written once more for differentiation by JAX."""
    value = data["temperature"] * jax.nn.logsumexp(q / data["temperature"], axis=1)
    flows = data["probabilities"] * value[data["successors"]]
    next_value = jax.ops.segment_sum(flows, data["pairs"], num_segments=q.size).reshape(q.shape)
    reward = data["base_reward"] + q - data["discount"] * next_value
    penalty = data["alpha"] * _extended(divergence, reward / data["alpha"])
    return (
        jnp.sum(data["penalty_weight"] * penalty)
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


@partial(jax.jit, static_argnames="divergence")
def _loss_and_gradient(q, data, *, divergence):
    return jax.value_and_grad(table_loss)(q, data, divergence)
