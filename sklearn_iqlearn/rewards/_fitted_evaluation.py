"""The expected next value of an action by any regressor, and the value of taking that action for ever.

Fitted evaluation: the values of next states are regressed on states, the regression gives other values of those
next states, and so on to a fixed point. A regressor that extrapolates can let this grow without end, where a mean
cannot: so predictions are held between the least and the largest value that was averaged, which bounds the values
of a fixed point by the largest discounted sum.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

# Earlier rounds that a mixture looks at.
MEMORY = 5


@dataclass(frozen=True)
class NextValue:
    """E[value of the next state | state], for one action.

    Parameters
    ----------
    regressor : fitted regressor
    bounds : tuple of float
        The least and the largest value that it was fitted to.
    """

    regressor: Any
    bounds: tuple[float, float]

    @classmethod
    def fit(cls, fit_regressor, targets):
        return cls(fit_regressor(targets), (float(targets.min()), float(targets.max())))

    def __call__(self, X):
        return np.clip(np.ravel(self.regressor.predict(X)), *self.bounds)


@dataclass(frozen=True)
class Evaluation:
    """What ``evaluate`` has found.

    Parameters
    ----------
    next_value : NextValue
        None before the first.
    residual : float
        Root mean square of what the equation of the values misses in the rows.
    n_iter : int
        Regressions.
    """

    next_value: Any
    residual: float
    n_iter: int


def evaluate(fit_regressor, earned, moved, after, weight, *, discount, tol, max_iter):
    """Fitted evaluation of an action, from its rows.

    The values t of the next states are to solve ``t = earned + discount * E[t | next state]``, 0 where the episode
    ended. Rounds are mixed as Anderson (1965) does: for a regressor that is linear in its targets this is GMRES
    (Walker and Ni 2011), and takes some ten rounds also near discount 1, where plain rounds take ``log(tol) /
    log(discount)``. They start from the best constant expectation.

    Parameters
    ----------
    fit_regressor : callable
        From values of the next states, (n_rows,), to a regressor of them fitted to the rows.
    earned : ndarray of shape (moved.sum(),)
        In the next states, what a value is besides its continuation.
    moved : boolean ndarray of shape (n_rows,)
        Rows whose episode goes on.
    after : rows, as many as ``earned``
        The next states.
    weight : ndarray of shape (n_rows,)
    discount : float
    tol : float
        Residual at which to stop.
    max_iter : int

    Returns
    -------
    evaluation : Evaluation
        Of the round with the least residual.
    """
    share = weight / weight.sum()
    root = np.sqrt(share)
    going_on = share[moved].sum()
    level = share[moved] @ earned / (1 - discount * going_on)
    targets = np.zeros(len(moved))
    targets[moved] = earned + discount * level
    past: list[tuple] = []
    best = Evaluation(None, np.inf, 0)
    for n_iter in range(1, max_iter + 1):
        next_value = NextValue.fit(fit_regressor, targets)
        image = np.zeros(len(moved))
        if len(earned):
            image[moved] = earned + discount * next_value(after)
        miss = image - targets
        residual = float(np.sqrt(share @ miss**2))
        if residual < best.residual:
            best = Evaluation(next_value, residual, n_iter)
        if residual <= tol:
            break
        past = [*past[-MEMORY:], (targets, miss)]
        targets = _mixed(past, root)
    return Evaluation(best.next_value, best.residual, n_iter)


def _mixed(past, root):
    """The next targets: a round from the mixture of the past ones whose misses, mixed alike, are least."""
    targets, misses = (np.array(part) for part in zip(*past, strict=True))
    of_targets, of_misses = (np.diff(part, axis=0).T for part in (targets, misses))
    mixture = np.linalg.lstsq(root[:, None] * of_misses, root * misses[-1], rcond=None)[0]
    return targets[-1] + misses[-1] - (of_targets + of_misses) @ mixture
