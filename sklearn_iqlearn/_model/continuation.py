"""What goes on under a policy: linear systems in ``I - discount * P_policy``.

They are solved by a factor or, where that would fill, by GMRES in products with ``P_policy`` (``_model.ways``),
constants apart (``_numerics.krylov``). Their image, ``(1 - discount) + discount * P(the episode ends)``,
is known without the cancellation of 1 - 1, and what is left has the size of differences of values, not of their
level: so iterations lose fewer digits than a factor.
"""

import warnings
from functools import cache

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sklearn_iqlearn._numerics.krylov import Deflation, by_columns, generalised_minimal_residuals
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
    mixed = transitions.mix(policy)
    mixed = mixed.T if transposed else mixed
    factored = cache(lambda: factor(_system(mixed, discount)))

    @cache
    def deflation():
        stays = 1 - discount + discount * (policy * transitions.ends).sum(axis=1)
        images = stays, 1 - discount * (mixed if transposed else mixed.T).sum(axis=1)
        return Deflation(transitions.components, *(reversed(images) if transposed else images))

    def iterated(patience):
        """Column by column; together they may cost as much as the factor, which would serve them all."""
        diagonal = 1 - discount * mixed.diagonal()

        def column(right):
            nonlocal patience
            found, n_products = generalised_minimal_residuals(
                lambda y: y - discount * (mixed @ y), diagonal, deflation(), right, patience
            )
            patience -= n_products
            return found

        return column

    def solve(right):
        return transitions.ways.values.solve(
            lambda patience: by_columns(iterated(patience), right), None, factored, right
        )

    return solve


def _system(mixed, discount):
    """``I - discount * P``, dense or sparse as the moves P (S, S) are."""
    identity = sp.eye_array(mixed.shape[0]) if sp.issparse(mixed) else np.eye(len(mixed))
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
