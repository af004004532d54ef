"""Soft-Bellman equations without a discount: closed forms, limits, and those that have no finite solution.

Where a state may stay, with reward r, or leave, with reward l, its value solves e^V = e^(r + V) + e^l. Where r < 0
there is one, V = l - log(1 - e^r), else none.
"""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import random_problem

from sklearn_iqlearn._model import soft_bellman
from sklearn_iqlearn._model.soft_bellman import (
    NoFiniteValue,
    inverse_bellman,
    log_policy,
    soft_value,
    solve_soft_bellman,
)
from sklearn_iqlearn._model.transitions import Transitions

STAY, LEAVE = np.ones((1, 1)), np.zeros((1, 1))


def value_of(reward, matrices, temperature=1.0, **options):
    q = solve_soft_bellman(np.asarray(reward, dtype=float), Transitions(matrices), 1.0, temperature, **options)
    return soft_value(q, temperature)


def loops(seed=0, n_states=12):
    """Two actions that never end an episode, and one that does with probability 1/2: a kernel (A, S, S)."""
    matrices = np.random.default_rng(seed).dirichlet(np.full(n_states, 0.3), size=(3, n_states))
    matrices[2] /= 2
    return matrices


@pytest.mark.parametrize("leave", [0.0, -1000.0, 1000.0])
@pytest.mark.parametrize("stay", [-1e-9, -1e-3, -1.0, -30.0])
def test_stay_or_leave(stay, leave):
    expected = leave - np.log(-np.expm1(stay))
    # What rounding leaves of the equation counts in every step, 1 / (1 - e^r) of them.
    atol = 1e-14 * (1 + abs(leave)) / -np.expm1(stay)
    assert_allclose(value_of([[stay, leave]], [STAY, LEAVE])[0], expected, rtol=0, atol=atol)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("stay", [0.0, 1e-6, 1.0])
def test_a_loop_that_pays_has_no_value(stay, form):
    with pytest.raises(NoFiniteValue, match="leads back to state 0 is worth more"):
        value_of([[stay, 0.0]], [form(STAY), form(LEAVE)])


def test_the_state_of_the_loop_is_named():
    """Of five states in a row the fourth may stay."""
    forward, back = np.eye(5, k=1), np.zeros((5, 5))
    back[3, 3] = 1.0
    assert np.isfinite(value_of(np.where(np.arange(10).reshape(5, 2) == 7, -1e-3, 0.0), [forward, back])).all()
    with pytest.raises(NoFiniteValue, match="leads back to state 3 is"):
        value_of(np.zeros((5, 2)), [forward, back])


def test_entropy_alone_may_outweigh_the_end():
    """Of two ways to go on one is as good as the other: each step is worth log 2."""
    both = [[-np.log(2) - 0.01, -np.log(2) - 0.01, 0.0]]
    assert_allclose(value_of(both, [STAY, STAY, LEAVE]), -np.log(-np.expm1(-0.01)), rtol=1e-12)
    with pytest.raises(NoFiniteValue):
        value_of(np.add(both, 0.01), [STAY, STAY, LEAVE])
    # A lower temperature takes the worth of a choice away.
    assert np.isfinite(value_of(np.add(both, 0.01), [STAY, STAY, LEAVE], temperature=0.9))


@pytest.mark.parametrize("reward", [0.0, 0.1])
def test_no_value_is_seen_soon(reward, monkeypatch):
    calls, real = [], soft_bellman.continuation
    monkeypatch.setattr(soft_bellman, "continuation", lambda *args, **kw: calls.append(1) or real(*args, **kw))
    with pytest.raises(NoFiniteValue):
        value_of([[reward, 0.0]], [STAY, LEAVE])
    assert len(calls) < 40  # with reward 0 values rise by 1 in each step, up to -log of the rounding


def test_value_iteration():
    kernel, reward = loops(), -2 + np.random.default_rng(1).normal(size=(12, 3)) / 2
    value = np.zeros(12)
    for _ in range(3000):
        value = np.log(np.exp(reward + np.einsum("ast,t->sa", kernel, value)).sum(axis=1))
    found = value_of(reward, kernel)
    assert_allclose(found, value, rtol=1e-12)
    assert_allclose(value_of(reward, [sp.csr_array(matrix) for matrix in kernel]), found, rtol=1e-12)


def test_reward_to_q_to_reward():
    transitions = Transitions(random_problem(0, ending=True)[0])
    reward = np.random.default_rng(1).normal(size=(6, 3))
    q = solve_soft_bellman(reward, transitions, 1.0, 1.0)
    assert_allclose(inverse_bellman(q, soft_value(q, 1.0), transitions, 1.0), reward, rtol=0, atol=1e-13)


def test_the_discount_tends_to_one():
    transitions, reward = Transitions(loops()), np.full((12, 3), -1.5)
    limit = solve_soft_bellman(reward, transitions, 1.0, 1.0)
    near, nearer = (
        np.abs(solve_soft_bellman(reward, transitions, 1 - step, 1.0) - limit).max() for step in (1e-5, 1e-6)
    )
    assert_allclose(near / nearer, 10, rtol=1e-2)  # the difference is linear in the step


def test_shaping_leaves_the_policy():
    transitions, rng = Transitions(loops()), np.random.default_rng(1)
    reward, potential = -2 + rng.normal(size=(12, 3)) / 2, rng.normal(size=12)
    shaped = reward + potential[:, None] - transitions.expected_next(potential)
    one, other = (log_policy(solve_soft_bellman(r, transitions, 1.0, 1.0), 1.0) for r in (reward, shaped))
    assert_allclose(np.exp(one), np.exp(other), rtol=0, atol=1e-12)


def test_units():
    reward = -2 + np.random.default_rng(1).normal(size=(12, 3)) / 2
    assert_allclose(value_of(4 * reward, loops(), temperature=4.0), 4 * value_of(reward, loops()), rtol=1e-13)


@pytest.mark.parametrize("n", [10, 100])
def test_a_lock_that_no_random_policy_opens(n):
    """n right moves in a row end the episode, a wrong one leads back to the first: 2^n steps at random.

    With y = e^V and a cost of 1: y_k = (y_{k+1} + y_0) / e, y_n = 1.
    """
    back = np.zeros((n, n))
    back[:, 0] = 1
    found = value_of(np.full((n, 2), -1.0), [np.eye(n, k=1), back])
    assert_allclose(found[0], -n - np.log(1 - np.exp(-np.arange(1, n + 1)).sum()), rtol=1e-13)


def test_a_start_whose_policy_keeps_to_a_loop():
    """Each of two states leads to the other: from values of 0 it seems much better than to leave."""
    swap, reward = np.eye(2)[::-1], np.array([[-1.0, -1000.0]] * 2)
    found = value_of(reward, [swap, np.zeros((2, 2))], start=np.zeros((2, 2)))
    assert_allclose(found, -1000 - np.log(-np.expm1(-1)), rtol=1e-14)
