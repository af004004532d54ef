"""Linear systems of which nothing is used but products: conjugate gradients, GMRES, and deflation.

Near discount 1 both kinds of system of this package, ``I - gamma P`` and Newton's Schur complement, all but lose a
constant vector, whose image has the order of 1 - gamma: it would rule the condition number. A set of states
that is connected to no other one has a constant of its own. With a column of Z for each such set, the indicator of
its states, B the system and f its right-hand side,

    x = y + Z (Z'BZ)^-1 Z'(f - B y),        P B y = P f,        P = I - B Z (Z'BZ)^-1 Z',

the first in closed form, as no entry of B leads from one set to another and Z'BZ is diagonal; in the second B has
lost those directions, and vectors stay as small as the differences within a set (Nicolaides 1987; Frank and Vuik
2001).
"""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import scipy.sparse.linalg

from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite

# Iterations of conjugate gradients after which what they have found must do.
MOST_ITERATIONS = 500
# Iterations after which their rate tells how many are still to come.
WARM = 20
# Fall of the residual in one round; rounds.
ROUND, MOST_ROUNDS = 1e-8, 6
# Residual that is rounding, relative to the terms that make it; the most, in its units, to which it may come.
ROUNDING, MOST_ROUNDING = 4 * np.finfo(float).eps, 32


class TooSlow(ArithmeticError):
    """More iterations would be needed than are allowed."""


@dataclass(frozen=True)
class Deflation:
    """The directions Z of a symmetric or unsymmetric B, in the notation of the module's docstring.

    Parameters
    ----------
    labels : integer ndarray of shape (n,)
        The connected set of each state.
    image : ndarray of shape (n,)
        ``B Z 1``, the product of B with a vector of ones.
    transposed_image : ndarray of shape (n,)
        ``B' Z 1``.

    Raises
    ------
    NotPositiveDefinite
        By the methods, if B has no positive curvature along a direction that it sees.
    """

    labels: np.ndarray
    image: np.ndarray
    transposed_image: np.ndarray

    @cached_property
    def curvature(self):
        """``Z'B Z``, infinite where B does not see a set at all: nothing tells of its level, which stays 0."""
        images = self.image, self.transposed_image
        exact = min(images, key=lambda image: np.abs(image).sum())  # the sums of the other one cancel
        curvature, seen = self.sums(exact), self.sums(np.abs(exact)) > 0
        if (curvature[seen] <= 0).any():
            raise NotPositiveDefinite
        return np.where(seen, curvature, np.inf)

    @cached_property
    def _order(self):
        """The states set by set, and where each begins."""
        starts = np.cumsum(np.bincount(self.labels)) - np.bincount(self.labels)
        return np.argsort(self.labels, kind="stable") if len(starts) > 1 else slice(None), starts

    def sums(self, x):
        """``Z' x``, in pairs: one by one a million terms would lose six digits."""
        order, starts = self._order
        return np.add.reduceat(x[order], starts)

    def project(self, f, product=0.0, y=0.0):
        """``P (f - B y)``, given ``B y``: (Z'B) y has no cancellation where B' hardly sees Z."""
        share = self._level(self.sums(f) - self.sums(self.transposed_image * y))
        return f - product - self.image * share

    def project_transposed(self, y):
        """``P' y``, for the transpose of B in the place of B."""
        return y - self._level(self.sums(self.transposed_image * y))

    def complete(self, y, f):
        """x, of y and f."""
        return y + self._level(self.sums(f) - self.sums(self.transposed_image * y))

    def _level(self, sums):
        return (sums / self.curvature)[self.labels]


def by_columns(solve, right):
    """What ``solve`` makes of each column of an array of shape (n,) or (n, k), in its shape."""
    columns = right.reshape(len(right), -1).T
    return np.stack([solve(np.ascontiguousarray(column)) for column in columns], axis=1).reshape(right.shape)


def conjugate_gradients(product, precondition, right, tolerance, *, patience=None):
    """Solve ``B x = right`` for a symmetric B.

    Each iterate minimises ``x'B x / 2 - right'x`` among more directions than the one before, and is of use however
    early the iteration ends.

    Parameters
    ----------
    product : callable
        ``product(x)`` is ``B x``.
    precondition : callable
        ``precondition(r)``, symmetric and positive definite, about ``B^-1 r``.
    right : ndarray of shape (n,)
    tolerance : float
        Length of the residual r relative to that of ``right``, both as ``r' precondition(r)``.
    patience : float, optional
        Iterations allowed. By default ``MOST_ITERATIONS``, of which the last one is returned.

    Returns
    -------
    x : ndarray of shape (n,)
    n_iter : int

    Raises
    ------
    NotPositiveDefinite
        If B has a direction without positive curvature among those tried.
    TooSlow
        If ``patience`` is given and does not suffice; as soon as the rate so far tells so.
    """
    x, residual = np.zeros_like(right), right
    scaled = precondition(residual)
    direction, first = scaled, residual @ scaled
    size, n_iter = first, 0
    while size > tolerance**2 * first and (patience is not None or n_iter < MOST_ITERATIONS):
        if patience is not None and n_iter >= min(WARM, patience / 3):
            needed = n_iter * np.log(tolerance**2) / np.log(size / first) if size < first else np.inf
            if needed > patience:
                raise TooSlow
        image = product(direction)
        curvature = direction @ image
        if not curvature > 0:
            raise NotPositiveDefinite
        step = size / curvature
        x, residual, n_iter = x + step * direction, residual - step * image, n_iter + 1
        scaled = precondition(residual)
        last, size = size, residual @ scaled
        direction = scaled + size / last * direction
    return x, n_iter


def generalised_minimal_residuals(product, diagonal, deflation, right, patience):
    """Solve ``B x = right`` to rounding by GCROT, a GMRES that keeps what it learned when it starts anew.

    In rounds, each on the true residual of the one before (iterative refinement), so that x is as accurate as the
    products are.

    Parameters
    ----------
    product : callable
        ``product(x)`` is ``B x``.
    diagonal : ndarray of shape (n,)
        Of B: the preconditioner.
    deflation : Deflation
    right : ndarray of shape (n,)
    patience : float
        Products allowed.

    Returns
    -------
    x : ndarray of shape (n,)
    n_products : int

    Raises
    ------
    TooSlow
        If they do not suffice.
    """
    n_products = 0

    def deflated(y):
        nonlocal n_products
        n_products += 1
        if n_products > patience:
            raise TooSlow
        return -deflation.project(np.zeros_like(y), product(y), y)

    operator = partial(scipy.sparse.linalg.LinearOperator, (right.size,) * 2, dtype=float)
    y, residual = np.zeros_like(right), deflation.project(right)
    size, within = np.abs(residual).max(), np.bincount(deflation.labels)
    for _ in range(MOST_ROUNDS):
        rounding = ROUNDING * (np.abs(right).max() + np.abs(y).max())
        if size <= rounding:
            break
        change, _ = scipy.sparse.linalg.gcrotmk(
            operator(deflated),
            residual,
            rtol=ROUND,
            atol=rounding * np.sqrt(right.size),
            M=operator(lambda r: r / diagonal),
        )
        changed = y + change
        changed -= (deflation.sums(changed) / within)[deflation.labels]
        residual = deflation.project(right, product(changed), changed)
        last, size = size, np.abs(residual).max()
        if not size < last / 2:  # as small as it gets
            size = last
            break
        y = changed
    if not size <= MOST_ROUNDING * rounding:
        raise TooSlow
    return deflation.complete(y, right), n_products
