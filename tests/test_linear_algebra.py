"""Factorisations against NumPy's dense solver."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite, factor


def arrow(n=400, dense_rows=2):
    """A symmetric positive definite tridiagonal matrix whose first rows are full, as a reset makes them."""
    rng = np.random.default_rng(0)
    matrix = sp.diags_array([[-1.0] * (n - 1), [4.0] * n, [-1.0] * (n - 1)], offsets=[-1, 0, 1]).toarray()
    matrix[:dense_rows, dense_rows:] = rng.uniform(-0.01, 0.01, size=(dense_rows, n - dense_rows))
    matrix[dense_rows:, :dense_rows] = matrix[:dense_rows, dense_rows:].T
    return matrix


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, sp.csc_matrix])
@pytest.mark.parametrize("dense_rows", [0, 2])
@pytest.mark.parametrize("positive_definite", [False, True])
@pytest.mark.parametrize("shape", [(400,), (400, 3)])
def test_solves(form, dense_rows, positive_definite, shape):
    matrix = arrow(dense_rows=dense_rows)
    right = np.random.default_rng(1).normal(size=shape)
    solve = factor(form(matrix), positive_definite=positive_definite)
    np.testing.assert_allclose(solve(right), np.linalg.solve(matrix, right), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_solves_unsymmetric(form):
    rng = np.random.default_rng(2)
    policy = rng.random((300, 300)) * (rng.random((300, 300)) < 0.02)
    policy[:, 5] += 0.1  # a reset: a full column
    policy /= policy.sum(axis=1, keepdims=True)
    matrix = np.eye(300) - 0.99 * policy
    right = rng.normal(size=300)
    np.testing.assert_allclose(factor(form(matrix))(right), np.linalg.solve(matrix, right), rtol=1e-9)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("position", [0, 1, 300])  # in the border, and in the sparse part
def test_indefinite_is_refused(form, position):
    matrix = arrow()
    matrix[position, position] = -1
    with pytest.raises(NotPositiveDefinite):
        factor(form(matrix), positive_definite=True)


def test_singular_sparse_is_refused():
    with pytest.raises(NotPositiveDefinite):
        factor(sp.csr_array((3, 3)), positive_definite=True)
