"""J, its gradient and its Newton direction against JAX's derivatives of J written from its definition."""

from dataclasses import replace
from itertools import pairwise

import jax
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import DIVERGENCES, objective, random_problem

from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn._numerics.linear_algebra import LowRankUpdate, NotPositiveDefinite, factor
from sklearn_iqlearn._objective.divergences import DIVERGENCES as CLASSES
from sklearn_iqlearn._objective.objective import SHARES, Objective, first_descent
from sklearn_iqlearn._objective.schur import schur_complement
from sklearn_iqlearn._q_functions.tabular import Tabular
from sklearn_iqlearn._solvers.newton import newton

SETTINGS = {"discount": 0.9, "alpha": 3.0, "temperature": 0.7, "smoothing": 0.5}


def both(divergence, value_term, *, form=np.asarray, base=0.0, seed=0, unvisited=()):
    """The package's objective and the reference on one random problem with episodes that end."""
    transitions, counts, p0 = random_problem(seed, ending=True)
    counts[list(unvisited)] = 0
    kernel, occupancy = Transitions([form(matrix) for matrix in transitions]), counts / counts.sum()
    weights = {
        "expert": occupancy.sum(axis=1) - 0.9 * kernel.flow(occupancy),
        "initial": (1 - 0.9) * p0,
    }
    ours = Objective(
        transitions=kernel,
        occupancy=occupancy,
        penalty_weight=(counts + SETTINGS["smoothing"]) / counts.sum(),
        value_weight=weights[value_term],
        discount=0.9,
        temperature=0.7,
        divergence=CLASSES[divergence],
        alpha=3.0,
    )
    if np.any(base):
        ours = ours.about(base)

    def reference(flat):
        return objective(
            flat.reshape(6, 3),
            transitions,
            counts,
            p0,
            divergence=divergence,
            value_term=value_term,
            **SETTINGS,
        )

    return ours, reference


def derivatives(reference, q):
    with jax.enable_x64(True):
        return [np.asarray(f(q.ravel())) for f in (reference, jax.grad(reference), jax.hessian(reference))]


# Rewards small enough for every domain, and values far from a solution.
Q = np.random.default_rng(3).uniform(0.0, 1.0, size=(6, 3))


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize("spread", [0.0, 40.0])
def test_value_gradient_and_direction(divergence, value_term, spread):
    base = spread * np.random.default_rng(4).normal(size=6)
    ours, reference = both(divergence, value_term, base=base)
    point = ours.at(Q - base[:, None])
    value, gradient, hessian = derivatives(reference, Q)
    np.testing.assert_allclose(point.loss, value, rtol=1e-11)
    np.testing.assert_allclose(point.gradient.ravel(), gradient, atol=1e-13)
    x = np.random.default_rng(5).normal(size=Q.shape)
    product = point.hessian_product(point.pressure / ours.temperature, point.curvature, x)
    np.testing.assert_allclose(product.ravel(), hessian @ x.ravel(), rtol=1e-9, atol=1e-12)
    direction = point.newton_direction()[0]
    assert np.sum(direction * point.gradient) < 0
    if np.linalg.eigvalsh(hessian)[0] > 1e-10:
        np.testing.assert_allclose(direction.ravel(), -np.linalg.solve(hessian, gradient), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_direction_is_exact_at_negative_pressure(seed):
    """States that are entered but never seen have b < 0; clipping it there costs the quadratic convergence."""
    ours, reference = both("hellinger", "expert", seed=seed, unvisited=[1, 2, 3])
    found = newton(Tabular(ours), np.zeros((6, 3)), tol=1e-9, max_iter=100)
    optimum = found.problem.objective.whole(found.parameters)
    q = optimum + np.random.default_rng(seed).normal(scale=0.01, size=(6, 3))
    point = ours.at(q)
    _, gradient, hessian = derivatives(reference, q)
    assert point.pressure.min() < -1e-3
    assert np.linalg.eigvalsh(hessian)[0] > 0
    exact = -np.linalg.solve(hessian, gradient)
    np.testing.assert_allclose(point.newton_direction()[0].ravel(), exact, rtol=1e-6, atol=1e-9)


def point_of_negative_pressure(seed):
    """Some of it more, some less than the penalty makes up for in the advantages of its state."""
    rng = np.random.default_rng(seed)
    ours, _ = both("chi2", "expert", seed=seed, unvisited=[1, 2, 3])
    ours = replace(ours, value_weight=ours.value_weight - rng.choice([0, 0.005, 0.01, 0.02, 0.1], size=6))
    point = ours.at(Q + rng.normal(size=(6, 3)))
    assert (point.pressure < 0).any()
    return point


@pytest.mark.parametrize("seed", range(4))
def test_curvatures_lead_from_the_true_one_to_one_that_is_never_negative(seed):
    """Each drops more of what is negative, and adds nothing else."""
    point = point_of_negative_pressure(seed)
    units = np.eye(Q.size).reshape(-1, *Q.shape)
    hessians = [
        np.array([point.hessian_product(*curvatures, unit).ravel() for unit in units])
        for curvatures in point.curvatures()
    ]
    assert len(hessians) == 5
    rounding = 1e-12 * np.abs(hessians).max()
    for larger, smaller in pairwise(reversed(hessians)):
        assert np.linalg.eigvalsh(larger - smaller)[0] > -rounding
    assert np.linalg.eigvalsh(hessians[-1])[0] > -rounding


@pytest.mark.parametrize("dropped", range(5))
def test_a_step_is_newtons_own_only_with_the_curvatures_tried_first(dropped):
    point, tried = point_of_negative_pressure(0), []

    def solve(beta, curvature):
        tried.append(beta)
        if len(tried) <= dropped:
            raise NotPositiveDefinite
        return -point.gradient

    assert first_descent(point, solve, 0.0)[1] == (dropped == 0)
    assert len(tried) == dropped + 1
    assert not first_descent(point, solve, 1.0)[1]


@pytest.mark.parametrize("seed", range(4))
def test_of_a_negative_curvature_is_left_what_is_convex_in_the_advantages_of_its_state(seed):
    point = point_of_negative_pressure(seed)
    beta = point.pressure / point.objective.temperature
    left, d = next(point.curvatures())
    for state in np.flatnonzero(beta < 0):
        advantages = scipy.linalg.null_space(point.policy[state][None])
        least = {
            share: np.linalg.eigvalsh(
                (advantages.T * (d[state] + share * beta[state] * point.policy[state])) @ advantages
            )[0]
            for share in SHARES
        }
        convex = [share for share, curvature in least.items() if curvature > 0]
        assert_allclose(left[state], max(convex, default=0.0) * beta[state], rtol=1e-15)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_dense_and_sparse_directions_agree(divergence, monkeypatch):
    dense = both(divergence, "expert")[0].at(Q).newton_direction()[0]
    monkeypatch.setattr(Transitions, "prefers_dense", lambda self: False)
    sparse = both(divergence, "expert", form=sp.csr_array)[0].at(Q).newton_direction()[0]
    np.testing.assert_allclose(sparse, dense, rtol=1e-9, atol=1e-12)


def test_schur_complement_is_its_definition():
    transitions, _, _ = random_problem(5)
    rng = np.random.default_rng(0)
    k, c, m = rng.uniform(size=(6, 3)), rng.uniform(size=(6, 3)), rng.uniform(-1, 1, size=6)
    found = schur_complement(Transitions(list(transitions)), 0.9, k, c, m)
    rows = np.eye(6)[:, None, :] - 0.9 * transitions.transpose(1, 0, 2)
    coupling = np.einsum("sa,sat->st", c, rows)
    expected = np.einsum("sa,sat,sau->tu", k, rows, rows) + coupling.T @ np.diag(m) @ coupling
    np.testing.assert_allclose(np.tril(found), np.tril(expected), atol=1e-14)


@pytest.mark.parametrize("negative", [False, True])
def test_a_restart_row_is_a_term_of_low_rank(negative):
    """A chain whose first states lead anywhere: the sparse form agrees with the dense one."""
    n = 600
    rng = np.random.default_rng(0)
    kernel = []
    for _ in range(2):
        chain = sp.diags_array([0.3, 0.7], offsets=[0, 1], shape=(n, n)).tolil()
        chain[:2] = rng.dirichlet(np.ones(n), size=2)
        kernel.append(sp.csr_array(chain))
    transitions = Transitions(kernel)
    assert transitions.heavy_states().sum() == 2
    assert not transitions.prefers_dense()
    k, c, m = rng.uniform(1, 2, size=(n, 2)), rng.uniform(0.1, 0.4, size=(n, 2)), rng.uniform(1, 2, size=n)
    if negative:
        k[0, 0], m[1] = -0.01, -0.01
    system = schur_complement(transitions, 0.99, k, c, m)
    dense = schur_complement(Transitions([matrix.toarray() for matrix in kernel]), 0.99, k, c, m)
    right = rng.normal(size=n)
    assert isinstance(system, LowRankUpdate)
    assert np.linalg.eigvalsh(dense)[0] > 0
    found = factor(system, positive_definite=True)(right)
    np.testing.assert_allclose(found, np.linalg.solve(dense, right), rtol=1e-8, atol=1e-10)
    k[0] = -50.0
    with pytest.raises(NotPositiveDefinite):
        factor(schur_complement(transitions, 0.99, k, c, m), positive_definite=True)


def test_outside_the_domain_there_is_no_value():
    ours, _ = both("tv", "expert")
    assert ours.at(Q) is not None
    assert ours.at(100 * Q) is None


def test_a_curved_step_keeps_the_promise_of_its_linearisation():
    """With bounded rewards a step's reward is the linearised one up to third order."""
    ours, _ = both("hellinger", "expert")
    point = ours.at(Q)
    direction = np.random.default_rng(0).normal(size=(6, 3))
    errors = []
    for step in (0.02, 0.01):
        moved = ours.at(point.moved_reward(direction, step))
        errors.append(np.abs(moved.reward - point.reward - step * point.reward_change(direction)).max())
    assert errors[0] / errors[1] > 7  # 2^3 for third order; 2^2 for a straight step
    assert point.reach(direction * 1e6) < 1e-3
