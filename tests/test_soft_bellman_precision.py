"""The soft Bellman equation near discount 1 and in any unit, against a solution in 50 decimal digits."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._model import soft_bellman
from sklearn_iqlearn._model.soft_bellman import NotSolved, log_policy, soft_value, solve_soft_bellman
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn.datasets import make_gridworld

EPS = np.finfo(float).eps


def hard_world(seed):
    """Deterministic moves, classes that are never left, or nearly closed states; a reward of size 10."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 16))
    kernel = np.zeros((2, n, n))
    kernel[np.arange(2)[:, None], np.arange(n), rng.integers(0, n, (2, n))] = 1
    if seed % 3 == 1:
        kernel[:, :3] = np.eye(3, n)
    if seed % 3 == 2:
        leave = 2.0 ** -rng.integers(0, 30, (2, n, 1))  # sums of the rows are exact
        kernel = leave * kernel + (1 - leave) * np.eye(n)
    reward = 10 * rng.normal(size=(n, 2))
    return kernel, np.round(reward) if seed % 2 else reward


def exact_policy(kernel, reward, discount, start):
    """Soft policy iteration whose values and residuals have 50 digits; returns policy and values."""
    n = len(reward)
    value = [Decimal(float(v)) for v in start]
    with localcontext() as context:
        context.prec, context.Emin = 50, -(10**9)
        for _ in range(100):
            policy, error = np.zeros((n, 2)), []
            for s in range(n):
                q = [
                    Decimal(float(reward[s, a]))
                    + Decimal(discount)
                    * sum(Decimal(float(kernel[a, s, t])) * value[t] for t in np.flatnonzero(kernel[a, s]))
                    for a in range(2)
                ]
                weights = [(x - max(q)).exp() for x in q]
                policy[s] = [float(w / sum(weights)) for w in weights]
                error.append(max(q) + sum(weights).ln() - value[s])
            size = max(map(abs, error))
            if size < Decimal("1e-25"):
                return policy, np.array([float(v) for v in value])
            system = np.eye(n) - discount * np.einsum("sa,ast->st", policy, kernel)
            step = np.linalg.solve(system, [float(e / size) for e in error])
            value = [v + size * Decimal(float(x)) for v, x in zip(value, step, strict=True)]
    raise AssertionError("the reference did not settle")


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("discount", [0.9, 0.9999, 0.999999, 1 - 1e-8])
def test_policies_are_right_to_the_rounding_of_the_values(discount, form):
    for seed in range(12):
        kernel, reward = hard_world(seed)
        q = solve_soft_bellman(reward, Transitions([form(matrix) for matrix in kernel]), discount, 1.0)
        policy, value = exact_policy(kernel, reward, discount, soft_value(q, 1.0))
        # Two roundings of Q make up a log-odds; a probability changes by at most a quarter of that.
        assert_allclose(np.exp(log_policy(q, 1.0)), policy, rtol=0, atol=EPS * (4 + np.abs(value).max()))
        assert_allclose(soft_value(q, 1.0), value, rtol=0, atol=4 * EPS * np.abs(reward).max() / (1 - discount))


def test_a_residual_beside_the_differences_of_the_values():
    """Levels of 1e7 and decisions worth 1: policy iteration falls towards it by fits and starts."""
    rng = np.random.default_rng(4283)
    rng.choice([10, 15, 20, 30]), rng.choice([2, 3])
    kernel = np.zeros((2, 30, 30))
    kernel[np.arange(2)[:, None], np.arange(30), rng.integers(0, 30, (2, 30))] = 1
    rng.choice(6), rng.choice(3)
    reward = 10 * rng.normal(size=(30, 2))
    world = (
        IQLearnClassifier(kernel, discount=0.5).fit([[0]], [0]).counterfactual(reward=reward, discount=0.999999)
    )
    residual = reward + 0.999999 * np.einsum("ast,t->sa", kernel, world.value_) - world.q_table_
    assert np.abs(residual).max() <= 4 * EPS * np.abs(world.value_).max()  # about 1e-8
    policy, _ = exact_policy(kernel, reward, 0.999999, world.value_)
    assert_allclose(world.policy_, policy, rtol=0, atol=EPS * np.abs(world.value_).max())


@pytest.mark.parametrize("unit", [2.0**-50, 2.0**50])
def test_solutions_scale_with_the_unit(unit):
    """Powers of two have no rounding: not one bit changes."""
    for seed in range(6):
        kernel, reward = hard_world(seed)
        one = solve_soft_bellman(reward, Transitions(kernel), 0.9999, 1.0)
        other = solve_soft_bellman(unit * reward, Transitions(kernel), 0.9999, unit)
        np.testing.assert_array_equal(other, unit * one)


@pytest.mark.parametrize("unit", [1e-15, 1e15])
def test_counterfactuals_scale_with_the_unit(unit):
    kernel, reward = hard_world(2)
    model = IQLearnClassifier(kernel).fit([[0]], [0])
    one = model.counterfactual(reward=reward)
    other = model.counterfactual(reward=unit * reward, temperature=unit)
    assert_allclose(other.policy_, one.policy_, rtol=0, atol=1e-12)  # rounding of values of 200 temperatures
    assert_allclose(other.q_table_, unit * one.q_table_, rtol=1e-12)


def test_single_precision_above_one_near_discount_one():
    """Sums of 1 + 9e-7, times the discount, are above 1."""
    kernel = np.array([[[1 + 9e-7, 0], [0, 1]], [[0, 1], [1, 0]]])
    world = (
        IQLearnClassifier(kernel, discount=0.5)
        .fit([[0]], [0])
        .counterfactual(reward=[[1.0, 0.0], [0.0, 0.0]], discount=1 - 1e-7)
    )
    expected, _ = exact_policy(np.minimum(kernel, 1.0), np.array([[1.0, 0], [0, 0]]), 1 - 1e-7, world.value_)
    assert (world.value_ > 0).all()
    assert_allclose(world.policy_, expected, rtol=0, atol=1e-8)


def test_a_start_at_the_solution_and_a_reward_of_zero_cost_little(monkeypatch):
    grid = make_gridworld(1, 1, side=20, sparse=True, random_state=0)
    calls = []
    real = soft_bellman.continuation
    monkeypatch.setattr(soft_bellman, "continuation", lambda *args: calls.append(1) or real(*args))
    kernel = Transitions(grid.transitions)
    flat = solve_soft_bellman(np.zeros((400, 5)), kernel, 0.9999, 2.0)
    assert not calls
    assert_allclose(flat, 2 * np.log(5) * 0.9999 / 1e-4, rtol=1e-11)
    q = solve_soft_bellman(grid.reward, kernel, grid.discount, 1.0)
    assert len(calls) > 1
    calls.clear()
    assert_allclose(solve_soft_bellman(grid.reward, kernel, grid.discount, 1.0, start=q), q, rtol=1e-13)
    assert not calls


def test_what_is_not_solved_says_so():
    kernel, reward = hard_world(0)
    with pytest.raises(NotSolved, match=r"not solved in 2 steps.*temperatures, and its residual is \d"):
        solve_soft_bellman(reward, Transitions(kernel), 0.9999, 1.0, max_iter=2)
    model = IQLearnClassifier(kernel).fit([[0]], [0])
    with pytest.raises(ArithmeticError, match="its values overflow"):
        model.counterfactual(reward=np.full(len(reward), 1e308))
