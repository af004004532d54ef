"""Shares of the pairs among discounted visits, and in the long run."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import world_of

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn._model.simulation import long_run_shares
from sklearn_iqlearn._model.transitions import Transitions, check_transitions
from sklearn_iqlearn.datasets import make_random_mdp

KINDS = ["dense", "sparse", "substochastic"]


@pytest.mark.parametrize("kind", KINDS)
def test_discounted_occupancy_is_the_sum_over_time(kind):
    world, model = world_of(kind)
    start = np.random.default_rng(4).dirichlet(np.ones(12))
    shares = rewards.occupancy(model, initial_distribution=start)
    kernel = check_transitions(world.transitions)[0]
    now, total = start, np.zeros((12, 3))
    for step in range(800):  # 0.95^800 is 1e-18
        pairs = now[:, None] * model.policy_
        total += world.discount**step * pairs
        now = kernel.flow(pairs)
    assert_allclose(shares, total / total.sum(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_long_run_occupancy_repeats_itself(kind):
    world, model = world_of(kind)
    shares = rewards.occupancy(model, long_run=True)
    flow = check_transitions(world.transitions)[0].flow(shares)
    restarted = flow + (1 - flow.sum()) * model.initial_distribution_
    assert_allclose(shares.sum(axis=1), restarted, rtol=0, atol=1e-14)
    assert_allclose(shares.sum(), 1.0)
    assert_allclose(shares, shares.sum(axis=1, keepdims=True) * model.policy_, rtol=0, atol=1e-15)


RARE = 0.9 * np.eye(60, k=1) + 0.1 * np.eye(60, k=-1) + np.diag([0.1, *np.zeros(58), 0.9])


CHAINS = {
    "periodic": ([[0, 1], [1, 0]], [1, 0], [0.5, 0.5]),
    "absorbing": ([[0.5, 0.5], [0, 1]], [1, 0], [0, 1]),
    "two classes": ([[1, 0, 0], [0.5, 0.2, 0.3], [0, 0, 1]], [0, 1, 0], [0.625, 0, 0.375]),
    "two classes from both": ([[1, 0, 0], [0.5, 0.2, 0.3], [0, 0, 1]], [0.5, 0, 0.5], [0.5, 0, 0.5]),
    "ends": ([[0, 1], [0, 0.5]], [1, 0], [1 / 3, 2 / 3]),
    "ends at once": ([[0, 0], [0, 0]], [0.3, 0.7], [0.3, 0.7]),
    "the first state is rare": (RARE, np.eye(60)[0], None),
    "one class of two ends never": ([[1, 0], [0, 0.5]], [0.5, 0.5], [1, 0]),
}


@pytest.mark.parametrize("name", CHAINS)
def test_long_run_shares_of_chains(name):
    kernel, start, expected = CHAINS[name]
    if expected is None:  # detailed balance: each step up is nine times as likely as the one down
        expected = 9.0 ** np.arange(60)
        expected /= expected.sum()
    kernel, start = np.array(kernel, dtype=float), np.array(start, dtype=float)
    for matrix in (kernel, sp.csr_array(kernel)):
        found = long_run_shares(np.ones((len(kernel), 1)), Transitions([matrix]), start)
        assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_rounding_of_single_precision_ends_no_episode():
    transitions = np.zeros((2, 5, 5), np.float32)
    transitions[:, :3, :3] = [0.35, 0.64, 0.01]
    transitions[:, 3:, 3:] = 0.5
    model = IQLearnClassifier(transitions, initial_distribution=np.full(5, 0.2)).fit(np.zeros((2, 1)), [0, 1])
    shares = rewards.occupancy(model, long_run=True).sum(axis=1)
    assert_allclose(shares, [0.21, 0.384, 0.006, 0.2, 0.2], rtol=0, atol=1e-6)
    assert not model.sample(5, 2000, random_state=0)["terminal"].any()


@pytest.mark.parametrize("discount", [0.9999, 1 - 1e-8])
def test_policies_are_distributions_near_discount_one(discount):
    world = make_random_mdp(discount=discount, random_state=0)
    assert_allclose(world.policy.sum(axis=1), 1.0, rtol=0, atol=1e-14)
    value = rewards.evaluate(world.policy, world.reward, world.transitions, discount=discount, temperature=1.0)
    assert_allclose(value, world.value, rtol=1e-7)
