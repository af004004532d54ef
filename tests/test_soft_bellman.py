"""Soft Bellman equations: round trips, invariances and plain value iteration."""

import numpy as np
import pytest
import scipy.sparse as sp
from problems import random_problem

from sklearn_iqlearn._model.soft_bellman import inverse_bellman, log_policy, soft_value, solve_soft_bellman
from sklearn_iqlearn._model.transitions import Transitions


def kernel(seed=0, form=np.asarray, **kwargs):
    transitions, _, _ = random_problem(seed, **kwargs)
    return Transitions([form(matrix) for matrix in transitions])


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("ending", [False, True])
@pytest.mark.parametrize("discount", [0.0, 0.9, 0.9999])
@pytest.mark.parametrize("temperature", [0.1, 1.0, 3.0])
def test_reward_to_q_to_reward(form, ending, discount, temperature):
    transitions = kernel(form=form, ending=ending)
    reward = np.random.default_rng(1).normal(size=(6, 3))
    q = solve_soft_bellman(reward, transitions, discount, temperature)
    back = inverse_bellman(q, soft_value(q, temperature), transitions, discount)
    np.testing.assert_allclose(back, reward, rtol=0, atol=1e-9)


def test_solution_is_that_of_value_iteration():
    transitions = kernel(ending=True)
    reward = np.random.default_rng(1).normal(size=(6, 3))
    q = np.zeros((6, 3))
    for _ in range(1000):
        q = reward + 0.9 * np.einsum("ast,t->sa", transitions.matrices, np.log(np.exp(q).sum(axis=1)))
    np.testing.assert_allclose(solve_soft_bellman(reward, transitions, 0.9, 1.0), q, atol=1e-12)


def test_shaping_leaves_the_policy():
    """Ng, Harada and Russell (1999)."""
    transitions, rng = kernel(), np.random.default_rng(1)
    reward, potential = rng.normal(size=(6, 3)), rng.normal(size=6)
    shaped = reward + potential[:, None] - 0.95 * transitions.expected_next(potential)
    policies = [np.exp(log_policy(solve_soft_bellman(r, transitions, 0.95, 1.0), 1.0)) for r in (reward, shaped)]
    np.testing.assert_allclose(*policies, rtol=0, atol=1e-9)


def test_extreme_values_do_not_overflow():
    q = np.array([[1e4, 0.0], [-1e4, -1e4]])
    np.testing.assert_allclose(soft_value(q, 1.0), [1e4, -1e4 + np.log(2)])
    np.testing.assert_allclose(log_policy(q, 1.0), [[0, -1e4], [-np.log(2)] * 2])
