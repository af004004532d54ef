"""Decisions that no finite coefficients explain best.

The likelihood of the decisions has no maximum where it rises along a direction d of the coefficients for ever.
Then the reward F d makes every decision taken an optimal one, or its probability would vanish (Ng and Russell
2000, "Algorithms for inverse reinforcement learning", equation 4), and what is not optimal in a visited state
becomes ever less likely. Of a static choice this is the separation of Albert and Anderson (1984), "On the
existence of maximum likelihood estimates in logistic regression models"; an action never taken is its plainest
case.

With H (S, A, K) the changes of Q with the coefficients under a policy, and a the actions taken in s, b the others:

    (H(s, a) - H(s, a')) d = 0 for a, a' taken,    (H(s, a) - H(s, b)) d >= 0,    some of these > 0,

a linear programme (Konis 2007), of which the solution of least norm, in units of the features' sizes, names the
fewest coefficients. At a maximum it has none: there the gradient along d would be positive. A penalty on rewards
that d changes bounds what it can gain: d must leave them.
"""

from dataclasses import dataclass

import numpy as np
import scipy.optimize

from sklearn_iqlearn._coefficients.identification import sizes_of

# Difference of Q, relative to the largest along each coefficient, that is none: what is left of an extreme policy.
NO_DIFFERENCE = 1e-6
# Least gain along a direction of length 1 that counts.
LEAST_GAIN = 1e-4


@dataclass(frozen=True)
class Separation:
    """A direction of the coefficients along which decisions become ever more likely.

    Attributes
    ----------
    direction : ndarray of shape (K,)
        Changes the lead of a decision over another action by 1 at most.
    losers : ndarray of shape (A,)
        Which actions become less likely.
    """

    direction: np.ndarray
    losers: np.ndarray


def separation(change, decided, exists, held):
    """The separation that the changes of Q show, or None.

    Parameters
    ----------
    change : ndarray of shape (S, A, K)
        Change of Q with each coefficient; what all actions share does not matter.
    decided : boolean ndarray of shape (S, A)
        Actions taken.
    exists : boolean ndarray of shape (S, A)
        Pairs that exist.
    held : ndarray of shape (n, K)
        Rows whose product with the direction must be 0.
    """
    visited = decided.any(axis=1)
    change, decided, exists = change[visited], decided[visited], exists[visited]
    taken = np.take_along_axis(change, decided.argmax(axis=1)[:, None, None], axis=1)
    lead = np.where(exists[..., None], taken - change, 0.0)
    size = sizes_of(lead)
    lead, held = lead / size, held / size
    gains = lead[exists & ~decided]
    fixed = _span(np.concatenate([lead[decided], held / max(np.abs(held).max(initial=0.0), 1.0)]))
    if len(fixed) == len(size) or not gains.any():
        return None
    found = scipy.optimize.linprog(
        np.ones(2 * len(size)),  # the positive and the negative parts of d
        A_ub=np.hstack([-gains, gains]),
        b_ub=np.full(len(gains), NO_DIFFERENCE),
        A_eq=np.hstack([np.vstack([fixed, gains.mean(axis=0)]), -np.vstack([fixed, gains.mean(axis=0)])]),
        b_eq=np.append(np.zeros(len(fixed)), 1.0),
    )
    if found.x is None:
        return None
    direction = found.x[: len(size)] - found.x[len(size) :]
    gain = lead @ direction
    if gain.max() < LEAST_GAIN * np.abs(direction).sum():
        return None
    return Separation(direction / size / gain.max(), (gain > LEAST_GAIN * gain.max()).any(axis=0))


def _span(rows):
    """Orthonormal directions, (n, K), that the rows see."""
    values, directions = np.linalg.svd(np.linalg.qr(rows, mode="r"))[1:]
    return directions[: len(values)][values > NO_DIFFERENCE]
