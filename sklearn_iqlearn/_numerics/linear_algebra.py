"""Factorisations of the S-by-S systems, dense or sparse.

Two kinds occur: the symmetric Schur complement of Newton's method, and ``I - discount * P_policy``, a
diagonally dominant M-matrix. Both can be eliminated along the diagonal without pivoting, so an order
that keeps the factors sparse may be chosen freely.

Dense products and factorisations are NumPy's throughout: NumPy and SciPy may carry a BLAS each, whose threads
stand in each other's way when calls alternate (measured: four times the time).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg


class NotPositiveDefinite(ArithmeticError):
    """The matrix has a pivot that is not positive."""


@dataclass(frozen=True)
class LowRankUpdate:
    """``base + rows' diag(weights) rows`` for a few dense rows of any sign.

    Parameters
    ----------
    base : sparse array of shape (n, n)
        Positive definite.
    rows : ndarray of shape (r, n)
    weights : ndarray of shape (r,)
    """

    base: sp.sparray
    rows: np.ndarray
    weights: np.ndarray


def factor(matrix, *, positive_definite=False):
    """Factor a square matrix.

    Parameters
    ----------
    matrix : ndarray, sparse array or, where it is positive definite, LowRankUpdate, of shape (n, n)
    positive_definite : bool
        Whether the matrix is symmetric and must be positive definite.

    Returns
    -------
    solve : callable
        ``solve(right_hand_side)`` for arrays of shape (n,) or (n, k).

    Raises
    ------
    NotPositiveDefinite
        If ``positive_definite`` and the matrix is not; here or in ``solve`` if the matrix is singular.
    """
    if isinstance(matrix, LowRankUpdate):
        return _factor_update(matrix)
    if sp.issparse(matrix):
        return _factor_sparse(sp.csc_array(matrix), positive_definite)
    if not positive_definite:
        return partial(_solve_dense, matrix)
    try:
        lower = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError as error:
        raise NotPositiveDefinite from error

    def solve(b):
        half = scipy.linalg.solve_triangular(lower, b, lower=True, check_finite=False)
        return scipy.linalg.solve_triangular(lower, half, lower=True, trans="T", check_finite=False)

    return solve


def _solve_dense(matrix, b):
    try:
        return np.linalg.solve(matrix, b)
    except np.linalg.LinAlgError as error:
        raise NotPositiveDefinite from error


def solve_scaled(matrix, b):
    """Solve a small system whose unknowns may have units as different as may be.

    The matrix is scaled to a diagonal of 1 first. An unknown that it does not see stays 0.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        Positive semidefinite.
    b : ndarray of shape (n,)

    Returns
    -------
    x : ndarray of shape (n,)

    Raises
    ------
    NotPositiveDefinite
        If the matrix has a negative eigenvalue.
    """
    diagonal = matrix.diagonal()
    if np.any(diagonal < 0):
        raise NotPositiveDefinite
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix * scale[:, None] * scale
    scaled[np.diag_indices_from(scaled)] = 1 + 1e-11
    return scale * factor(scaled, positive_definite=True)(scale * b)


def _factor_update(matrix):
    """Woodbury's formula, with the weights' signs as the middle matrix."""
    signs = np.sign(matrix.weights)
    scaled = (matrix.rows * np.sqrt(np.abs(matrix.weights))[:, None])[signs != 0]
    signs = signs[signs != 0]
    base = factor(matrix.base, positive_definite=True)
    lifted = base(np.ascontiguousarray(scaled.T))
    capacitance = np.diag(signs) + scaled @ lifted
    # The whole is positive definite where the capacitance has as many negative eigenvalues as the weights.
    if np.sum(np.linalg.eigvalsh(capacitance) < 0) != np.sum(signs < 0):
        raise NotPositiveDefinite

    def solve(b):
        x = base(b)
        return x - lifted @ np.linalg.solve(capacitance, scaled @ x)

    return solve


def weighted_gram(rows, weights):
    """``rows' diag(weights) rows``: (n, p), (n,) -> (p, p)."""
    negative = weights < 0
    if negative.any():
        positive = ~negative
        return weighted_gram(rows[positive], weights[positive]) - weighted_gram(rows[negative], -weights[negative])
    # A product of a matrix with its own transpose takes half the work of one with another matrix.
    scaled = rows * np.sqrt(weights)[:, None]
    return scaled.T @ scaled


def _factor_sparse(matrix, positive_definite):
    """Eliminate the states with few neighbours first, by minimum degree; the others form a dense border.

    A state that every other one can jump to (a reset) has a full row. Left to a minimum degree order,
    it costs 60 to 200 times the whole factorisation; as a border it costs one more right-hand side.
    """
    n = matrix.shape[0]
    degree = np.diff(matrix.indptr) + np.bincount(matrix.indices, minlength=n)
    heavy = degree > max(64, 10 * np.sqrt(n))
    if not heavy.any():
        return _eliminate(matrix, positive_definite)
    light, border = np.flatnonzero(~heavy), np.flatnonzero(heavy)
    inner = _eliminate(matrix[light][:, light], positive_definite) if light.size else lambda b: b
    right = matrix[light][:, border].toarray()
    below = matrix[border][:, light]
    inner_right = inner(right)
    outer = factor(matrix[border][:, border].toarray() - below @ inner_right, positive_definite=positive_definite)

    def solve(b):
        x = np.empty_like(b)
        y = inner(b[light])
        x[border] = outer(b[border] - below @ y)
        x[light] = y - inner_right @ x[border]
        return x

    return solve


def _eliminate(matrix, positive_definite):
    try:
        lu = scipy.sparse.linalg.splu(
            sp.csc_matrix(matrix),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
    except RuntimeError as error:  # exactly singular
        raise NotPositiveDefinite from error
    # Sylvester: with pivots on the diagonal, their signs are those of the eigenvalues.
    if positive_definite and (np.any(lu.perm_r != lu.perm_c) or np.any(lu.U.diagonal() <= 0)):
        raise NotPositiveDefinite
    return lu.solve
