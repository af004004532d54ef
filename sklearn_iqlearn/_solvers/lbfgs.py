"""L-BFGS on the objective in JAX: an independent check of Newton's method, and for networks."""

import jax
import numpy as np
import scipy.optimize
from jax.flatten_util import ravel_pytree

from sklearn_iqlearn._solvers.jax_objective import MARGINS, arguments, finished, loss_and_gradient


def lbfgs(problem, start, *, tol, max_iter, report=None):
    """Minimise ``problem`` by SciPy's L-BFGS with JAX's gradient; parameters as in ``newton``.

    Where the continuation of J beyond a margin has been minimised and J has not, the next margin is narrower.

    Returns
    -------
    result : Result
        ``loss`` and ``gradient_norm`` are those of J, by NumPy, at the parameters returned: infinite outside the
        domain of the divergence. ``converged`` says that this gradient norm is at most ``tol``.
        ``loss_curve`` holds the continuation's values, which are those of J within its margins.
    """
    with jax.enable_x64(True):
        parameters, curve = start, list[float]()
        for margin in MARGINS:
            parameters, slope, message, stopped = _descend(
                problem, parameters, margin, curve, tol=tol, max_iter=max_iter, report=report
            )
            result = finished(problem, parameters, curve, message, stopped, lambda norm: norm <= tol)
            if result.converged or slope > tol or stopped or len(curve) > max_iter:
                break
        return result


def _descend(problem, start, margin, curve, *, tol, max_iter, report):
    """Minimise the continuation beyond one margin, and append its values to ``curve``.

    Returns
    -------
    parameters, slope, message, stopped
        ``slope`` is the largest component of the continuation's gradient.
    """
    arrays, static = arguments(problem, start, margin)
    flat, unravel = ravel_pytree(start)

    def value_and_gradient(x):
        loss, gradient = loss_and_gradient(unravel(x), *arrays, **static)
        return float(loss), np.asarray(ravel_pytree(gradient)[0])

    stopped = False
    if not curve:
        curve.append(value_and_gradient(flat)[0])

    def record(intermediate_result):
        nonlocal stopped
        curve.append(float(intermediate_result.fun))
        parameters = jax.tree.map(np.asarray, unravel(intermediate_result.x))
        stopped = bool(report is not None and report(curve[-1], parameters))
        if stopped:
            raise StopIteration

    left = max_iter - len(curve) + 1
    found = scipy.optimize.minimize(
        value_and_gradient,
        np.asarray(flat),
        jac=True,
        method="L-BFGS-B",
        callback=record,
        options={"gtol": tol, "ftol": 0.0, "maxiter": left, "maxfun": 2 * left, "maxcor": 30},
    )
    return unravel(found.x), np.abs(found.jac).max(), str(found.message), stopped
