"""Episodes of a hospital: a sparse world of many states with three outcomes, and no discount.

716 states, the last three absorbing, with rows of zeros; 25 actions, 2 to 25 of which exist in a state.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg
from numpy.testing import assert_allclose
from problems import as_rows

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn._model.soft_bellman import soft_value, solve_soft_bellman
from sklearn_iqlearn._model.transitions import check_transitions

N, A, OUTCOMES = 716, 25, 3


@pytest.fixture(scope="module")
def hospital():
    """Each action leads to 6 states, and with a chance of up to 0.3 to an outcome."""
    rng = np.random.default_rng(0)
    inner = N - OUTCOMES
    origin = np.repeat(np.arange(inner), 7)
    transitions = []
    for _ in range(A):
        ends = rng.uniform(0, 0.3, size=(inner, 1))
        shares = np.hstack([(1 - ends) * rng.dirichlet(np.ones(6), size=inner), ends])
        target = np.hstack([rng.integers(inner, size=(inner, 6)), rng.integers(inner, N, size=(inner, 1))])
        transitions.append(sp.csr_array(sp.coo_array((shares.ravel(), (origin, target.ravel())), shape=(N, N))))
    order, n_actions = rng.permuted(np.tile(np.arange(A), (N, 1)), axis=1), rng.integers(2, A + 1, size=(N, 1))
    mask = order < n_actions
    policy = mask * rng.exponential(size=(N, A))
    policy /= policy.sum(axis=1, keepdims=True)
    visits = np.append(rng.integers(1, 60, size=inner), np.zeros(OUTCOMES, dtype=int))
    return SimpleNamespace(
        transitions=transitions,
        mask=mask,
        policy=policy,
        counts=np.array([rng.multinomial(n, p) for n, p in zip(visits, policy, strict=True)], dtype=float),
        initial=np.append(rng.dirichlet(np.ones(inner)), np.zeros(OUTCOMES)),
    )


def chain_of(hospital, policy):
    """Moves between states that are no outcome, and into the outcomes."""
    moves = sum(sp.diags_array(policy[:, a]) @ matrix for a, matrix in enumerate(hospital.transitions)).tocsr()
    return moves[:-OUTCOMES, :-OUTCOMES], moves[:-OUTCOMES, -OUTCOMES:].toarray()


def test_values_are_absorption_probabilities(hospital):
    among, into = chain_of(hospital, hospital.policy)
    chances = np.linalg.solve(np.eye(N - OUTCOMES) - among.toarray(), into)
    for outcome in range(OUTCOMES):
        reward = np.zeros(N)
        reward[N - OUTCOMES + outcome] = 1
        value = rewards.evaluate(hospital.policy, reward, hospital.transitions, discount=1)
        assert_allclose(value[:-OUTCOMES], chances[:, outcome], rtol=0, atol=1e-12)
    assert_allclose(chances.sum(axis=1), 1, rtol=0, atol=1e-12)


def test_a_fit(hospital):
    X, y, weight = as_rows(hospital.counts)
    taken = weight > 0
    model = IQLearnClassifier(
        hospital.transitions, action_mask=hospital.mask, discount=1, initial_distribution=hospital.initial
    ).fit(X[taken], y[taken], weight[taken])
    assert model.converged_
    assert model.gradient_norm_ < 1e-8
    assert (model.policy_[~hospital.mask] == 0).all()
    # Visits of an episode: where it starts, and where it comes from there.
    among, _ = chain_of(hospital, model.policy_)
    visits = scipy.sparse.linalg.spsolve(
        sp.csc_array(sp.eye_array(N - OUTCOMES) - among.T), hospital.initial[:-OUTCOMES]
    )
    shares = rewards.occupancy(model).sum(axis=1)
    # An outcome is the last decision of an episode.
    expected = np.append(visits, chain_of(hospital, model.policy_)[1].T @ visits)
    assert_allclose(shares, expected / expected.sum(), rtol=1e-10)


def test_the_soft_values_of_a_cost(hospital):
    """Of a decision maker who pays for each step, by value iteration."""
    reward = np.where(hospital.mask, -1.0, -np.inf)
    value = np.zeros(N)
    for _ in range(400):
        expected = np.stack([matrix @ value for matrix in hospital.transitions], axis=1)
        value = np.log(np.exp(reward + expected).sum(axis=1))
    q = solve_soft_bellman(reward, check_transitions(hospital.transitions, hospital.mask)[0], 1.0, 1.0)
    assert_allclose(soft_value(q, 1.0), value, rtol=1e-9)
