"""What to say of a fit that did not converge: only what can help this one."""

import numpy as np

from sklearn_iqlearn._solvers.path import SOLVERS

# Share of the largest coefficient of a direction below which another does not belong to it.
BELONGS = 1e-5


def trouble(estimator, problem, solver, solution, separation):
    """Why a fit did not converge, and what may help."""
    if separation is not None:
        never_taken = ~estimator.counts_.any(axis=0)
        return no_maximum(separation, estimator.classes_.tolist(), never_taken, estimator.alpha_)
    ways = advice(
        solver=next(name for name in SOLVERS if SOLVERS[name] is solver),
        newton_fits=estimator._form_gives("hessian"),
        stopped=solution.stopped,
        exhausted=solution.n_iter >= estimator._max_iter(solver),
        alpha=estimator.alpha_,
        smoothing=estimator.smoothing,
        C=estimator.C if np.ndim(problem.ridge) else None,
    )
    return (
        f"{solution.message} after {solution.n_iter} iterations, with a gradient norm of "
        f"{solution.gradient_norm:.1e}, tol being {estimator._tol(solver):.1e}. {ways}"
    ).rstrip()


def advice(*, solver, newton_fits, stopped, exhausted, alpha, smoothing, C):
    """What may make a fit converge, as a sentence.

    Parameters
    ----------
    solver : str
        The one that was used.
    newton_fits : bool
        Whether the form of Q allows "newton".
    stopped, exhausted : bool
        Whether a callback ended the fit, or ``max_iter``.
    alpha, smoothing : float
    C : float or None
        None where no weight has a ridge.

    Returns
    -------
    sentence : str
        Empty where the caller ended the fit.
    """
    if stopped:
        return ""
    ways = ["raise max_iter" if exhausted else "raise tol where the gradient is small enough"]
    if newton_fits and solver != "newton":
        ways.append("take solver='newton'")
    ways.append("take a finite alpha" if np.isinf(alpha) else "lower alpha")
    if np.isfinite(alpha) and smoothing == 0:
        ways.append("take smoothing > 0")
    if C is not None:
        ways.append("take a finite C" if np.isinf(C) else "lower C")
    sentence = f"{', '.join(ways[:-1])} or {ways[-1]}."
    return sentence[0].upper() + sentence[1:]


def no_maximum(separation, actions, never_taken, alpha):
    """Why the likelihood of a structural fit has no maximum, and what gives it one.

    Parameters
    ----------
    separation : Separation
    actions : sequence
        Labels.
    never_taken : boolean ndarray of shape (A,)
    alpha : float

    Returns
    -------
    sentences : str
    """
    share = separation.direction / np.abs(separation.direction).max()
    moving = [(k, c) for k, c in enumerate(share) if abs(c) > BELONGS]
    if len(moving) == 1:
        way = f"as the coefficient of x{moving[0][0]} {'grows' if moving[0][1] > 0 else 'falls'}"
    else:
        terms = " ".join(f"{c:+.3g} x{k}" for k, c in moving)
        way = f"as the coefficients go along {terms} (features in units of their size)"
    lost = [str(action) for action, loses in zip(actions, separation.losers, strict=True) if loses]
    why = "every decision is then an optimal one"
    if never_taken[separation.losers].all():
        why = (
            f"action {lost[0]} was never taken"
            if len(lost) == 1
            else f"actions {', '.join(lost)} were never taken"
        )
    mend = "a finite alpha" if np.isinf(alpha) else "smoothing > 0"
    return (
        f"the likelihood has no maximum. It rises for ever {way}, since {why}. The coefficients are where the "
        f"solver stopped. Add data, leave a feature out, or take {mend}."
    )
