"""L-BFGS on the objective in JAX: an independent check of Newton's method, and for networks."""

import jax
import numpy as np
import scipy.optimize
from jax.flatten_util import ravel_pytree

from sklearn_iqlearn._solvers.jax_objective import arguments, finished, loss_and_gradient


def lbfgs(problem, start, *, tol, max_iter, report=None):
    """Minimise ``problem`` by SciPy's L-BFGS with JAX's gradient; parameters as in ``newton``."""
    with jax.enable_x64(True):
        arrays, static = arguments(problem, start)
        flat, unravel = ravel_pytree(start)

        def value_and_gradient(x):
            loss, gradient = loss_and_gradient(unravel(x), *arrays, **static)
            return float(loss), np.asarray(ravel_pytree(gradient)[0])

        curve, stopped = [value_and_gradient(flat)[0]], False

        def record(intermediate_result):
            nonlocal stopped
            curve.append(float(intermediate_result.fun))
            parameters = jax.tree.map(np.asarray, unravel(intermediate_result.x))
            stopped = bool(report is not None and report(curve[-1], parameters))
            if stopped:
                raise StopIteration

        found = scipy.optimize.minimize(
            value_and_gradient,
            np.asarray(flat),
            jac=True,
            method="L-BFGS-B",
            callback=record,
            options={"gtol": tol, "ftol": 0.0, "maxiter": max_iter, "maxfun": 2 * max_iter, "maxcor": 30},
        )
        return finished(
            problem, unravel(found.x), arrays, static, curve, str(found.message), stopped, lambda norm: norm <= tol
        )
