"""Newton's change of the values by sweeps: the solution of the Schur complement that is never formed."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from test_levels import random_dag

from sklearn_iqlearn._numerics.krylov import conjugate_gradients
from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite
from sklearn_iqlearn._objective.backward import solve_by_sweeps, tolerance_at
from sklearn_iqlearn._objective.schur import Coupling, schur_complement


def coupling(seed=0, least=0.0, shape=(60, 3)):
    """Weights as Newton's method has them, with pressures from ``least`` on."""
    rng = np.random.default_rng(seed)
    policy, d = rng.dirichlet(np.ones(shape[1]), size=shape[0]), rng.uniform(0.5, 2, size=shape)

    def of(beta):
        e = d + beta[:, None] * policy
        return Coupling(k=d * beta[:, None] * policy / e, c=policy * d / e, m=1 / (policy**2 / e).sum(axis=1))

    beta = rng.uniform(least, 3, size=shape[0])
    return of(beta), of(np.maximum(beta, 0))


def test_coupling_is_its_definition():
    weights = coupling()[0]
    x = np.random.default_rng(1).normal(size=(60, 3))
    for s in range(60):
        block = np.diag(weights.k[s]) + weights.m[s] * np.outer(weights.c[s], weights.c[s])
        assert_allclose(weights.times(x)[s], block @ x[s], rtol=0, atol=1e-13)


@pytest.mark.parametrize("least", [0.0, -0.5])
@pytest.mark.parametrize("discount", [0.0, 0.9, 1.0])
def test_solves_the_schur_complement(least, discount):
    """Also where some of the weights are not positive semidefinite, but the whole is."""
    _, transitions = random_dag()
    weights, near = coupling(least=least)
    assert (weights.k < 0).any() == (least < 0)
    system = schur_complement(transitions, discount, *weights)
    assert np.linalg.eigvalsh(system)[0] > 0
    right = np.random.default_rng(2).normal(size=60)
    found = solve_by_sweeps(transitions.levels, discount, weights, near, right, 1e-13)
    assert_allclose(found, np.linalg.solve(system, right), rtol=0, atol=1e-10 * np.abs(found).max())


def test_a_direction_of_negative_curvature_is_told():
    _, transitions = random_dag()
    weights, near = coupling()
    upside_down = weights._replace(k=-weights.k, m=-weights.m)
    with pytest.raises(NotPositiveDefinite):
        solve_by_sweeps(transitions.levels, 0.9, upside_down, near, np.ones(60), 1e-10)


def test_states_without_weight_keep_their_values():
    """Nothing tells of them where nobody leads to them either."""
    _, transitions = random_dag()
    weights, _ = coupling()
    first = transitions.levels.levels[0].states
    for part in weights:
        part[first] = 0
    right = np.random.default_rng(2).normal(size=60)
    right[first] = 0
    found = solve_by_sweeps(transitions.levels, 0.9, weights, weights, right, 1e-13)
    system = schur_complement(transitions, 0.9, *weights)
    assert_allclose(found, np.linalg.solve(system, right), rtol=0, atol=1e-9 * np.abs(found).max())


def test_the_tolerance_falls_with_the_gradient():
    assert tolerance_at(np.array([1.0, -2.0])) == tolerance_at(np.array([0.5])) == 1e-3
    assert_allclose(tolerance_at(np.array([0.0, -1e-8])), 1e-5)


def spd(n, seed=0, condition=1e3):
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return (q * np.geomspace(1, condition, n)) @ q.T


def test_conjugate_gradients():
    matrix, right = spd(40), np.random.default_rng(1).normal(size=40)
    residuals = []
    for tolerance in (1e-2, 1e-12):
        found, _ = conjugate_gradients(matrix.__matmul__, lambda r: r / matrix.diagonal(), right, tolerance)
        left = right - matrix @ found
        residuals.append(np.sqrt(left**2 @ (1 / matrix.diagonal()) / (right**2 @ (1 / matrix.diagonal()))))
        assert residuals[-1] <= 1.01 * tolerance
    assert residuals[0] > 1e-12  # no more work than was asked for


def test_conjugate_gradients_of_nothing_and_of_a_diagonal():
    matrix, calls = spd(10), []
    assert_array_equal(conjugate_gradients(matrix.__matmul__, np.copy, np.zeros(10), 1e-10)[0], 0)

    def product(x):
        calls.append(x)
        return np.arange(1.0, 11) * x

    right = np.random.default_rng(0).normal(size=10)
    found, _ = conjugate_gradients(product, lambda r: r / np.arange(1.0, 11), right, 1e-10)
    assert_allclose(found, right / np.arange(1.0, 11), rtol=1e-14)
    assert len(calls) == 1


def test_conjugate_gradients_see_negative_curvature():
    matrix = sp.diags_array([1.0, 2.0, -1.0, 3.0])
    with pytest.raises(NotPositiveDefinite):
        conjugate_gradients(matrix.__matmul__, np.copy, np.ones(4), 1e-10)
