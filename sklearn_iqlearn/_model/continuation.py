"""What goes on under a policy: linear systems in ``I - discount * P_policy``."""

import warnings

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite, factor

# Condition number from which on a solution keeps less than about 6 digits.
ILL_CONDITIONED = 1e10


def continuation(policy, transitions, discount, *, transposed=False):
    """Solve in ``I - discount * P_policy``, or its transpose.

    Parameters
    ----------
    policy : ndarray of shape (S, A)
    transitions : Transitions
    discount : float
    transposed : bool

    Returns
    -------
    solve : callable
        ``solve(right_hand_side)`` for arrays of shape (S,) or (S, k): of rewards under the policy the values, of
        starts, transposed, the discounted visits.
    """
    shortcut = transitions.shortcut(discount * policy, transposed)
    if shortcut is not None:
        return shortcut
    system = continuation_system(policy, transitions, discount)
    return factor(system.T if transposed else system)


def continuation_system(policy, transitions, discount):
    """``I - discount * P_policy``, (S, S), dense or sparse as the transitions are."""
    mixed = transitions.mix(policy)
    identity = sp.eye_array(len(policy)) if sp.issparse(mixed) else np.eye(len(policy))
    return identity - discount * mixed


def warn_ill_conditioned(policy, transitions, discount, stacklevel):
    """Warn where ``I - discount * P_policy`` is ill-conditioned, to rounding of its terms, in the maximum norm.

    The inverse has no negative entry, so that its norm is what it makes of a vector of ones: the longest expected
    episode.
    """
    if discount < 1 and (1 + discount) / (1 - discount) < ILL_CONDITIONED:  # the worst case
        return
    try:
        longest = np.abs(continuation(policy, transitions, discount)(np.ones(len(policy)))).max()
    except NotPositiveDefinite:  # at discount 1 what a policy hardly ever takes can end it
        longest = np.inf
    condition = (1 + discount) * longest
    if condition > ILL_CONDITIONED:
        warnings.warn(
            f"discount={discount!r} is so near 1, for episodes as long, that values are ill-conditioned: the "
            f"condition number of their linear system is about {condition:.1e}, which leaves about "
            f"{max(0, 15.7 - np.log10(condition)):.0f} digits. Use a smaller discount, or transitions whose "
            "episodes end sooner.",
            scipy.linalg.LinAlgWarning,
            stacklevel=stacklevel,
        )
