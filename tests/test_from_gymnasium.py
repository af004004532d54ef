"""Environments that carry their table, as arrays."""

from collections import UserDict
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import random_problem

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.preprocessing import from_gymnasium


def environment(table, **others):
    return SimpleNamespace(unwrapped=SimpleNamespace(P=table, **others))


def dense(found):
    return np.array([matrix.toarray() for matrix in found.transitions])


def random_table(seed=0):
    """A table with moves in pieces and ends, the kernel of what goes on, and the rewards of moves and ends."""
    rng = np.random.default_rng(seed)
    kernel = random_problem(seed, n_states=5, ending=True)[0]
    of_move, of_end = rng.normal(size=kernel.shape), rng.normal(size=(5, 3))
    table = {}
    for s in range(5):
        table[s] = {}
        for a in range(3):
            halves = [
                (p / 2, to, r, False) for to, (p, r) in enumerate(zip(kernel[a, s], of_move[a, s], strict=True))
            ]
            table[s][a] = [*halves, (1 - kernel[a, s].sum(), rng.integers(5), of_end[s, a], True), *halves]
    return table, kernel, of_move, of_end


def test_kernel_and_expected_reward():
    table, kernel, of_move, of_end = random_table()
    initial = np.full(5, 0.2)
    found = from_gymnasium(environment(table, initial_state_distrib=initial))
    ends = 1 - kernel.sum(axis=2).T
    assert_allclose(dense(found), kernel, rtol=1e-14)
    assert_allclose(found.reward, np.einsum("ast,ast->sa", kernel, of_move) + ends * of_end, rtol=0, atol=1e-14)
    assert_array_equal(found.initial_distribution, initial)
    assert found.action_mask is None
    assert repr(found) == "TabularEnvironment(5 states, 3 actions)"


def test_a_table_is_any_mapping_in_any_order_of_an_environment_or_its_wrapper():
    table, kernel, _, _ = random_table()
    backwards = UserDict({s: UserDict(dict(reversed(row.items()))) for s, row in reversed(table.items())})
    for env in (environment(backwards), SimpleNamespace(P=table)):
        found = from_gymnasium(env)
        assert_allclose(dense(found), kernel, rtol=1e-14)
        assert found.initial_distribution is None


def test_actions_that_a_state_lacks():
    table, kernel, _, _ = random_table()
    del table[2][1], table[4][0]
    found = from_gymnasium(environment(table))
    exists = np.ones((5, 3), dtype=bool)
    exists[2, 1] = exists[4, 0] = False
    assert_array_equal(found.action_mask, exists)
    assert_allclose(dense(found), kernel * exists.T[:, :, None], rtol=1e-14)
    assert_array_equal(found.reward[~exists], 0)
    model = IQLearnClassifier(found.transitions, action_mask=found.action_mask, base_reward=found.reward)
    model.fit([[0], [2], [4]], [0, 2, 1])
    assert_array_equal(model.policy_ > 0, exists)


@pytest.mark.parametrize("name", ["FrozenLake-v1", "CliffWalking-v1"])
def test_environments_of_gymnasium(name):
    """The environment's own steps: shares, ends and rewards within four standard errors."""
    env = gymnasium.make(name)
    found = from_gymnasium(env)
    world, rng = env.unwrapped, np.random.default_rng(0)
    n_states, n_actions = env.observation_space.n, env.action_space.n
    assert found.reward.shape == (n_states, n_actions)
    assert_allclose(found.initial_distribution.sum(), 1)
    env.reset(seed=0)
    kernel = dense(found)
    for _ in range(10):
        s, a = int(rng.integers(n_states)), int(rng.integers(n_actions))
        n, rewards, arrivals, ends = 300, [], np.zeros(n_states), 0
        for _ in range(n):
            world.s, world.lastaction = s, None
            to, reward, terminated, _, _ = world.step(a)
            rewards.append(reward)
            ends += terminated
            arrivals[to] += not terminated
        share = kernel[a, s]
        assert (np.abs(arrivals / n - share) <= 4 * np.sqrt(share * (1 - share) / n)).all()
        end = 1 - share.sum()
        assert abs(ends / n - end) <= 4 * np.sqrt(max(end * (1 - end), 0) / n) + 1e-12
        assert abs(np.mean(rewards) - found.reward[s, a]) <= 4 * np.std(rewards) / np.sqrt(n) + 1e-12
    env.close()


MOVE = [(1.0, 0, 0.0, False)]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({0: {0: MOVE}, 2: {0: MOVE}}, r"env.unwrapped.P must have the states 0 to 1, as it has 2, got 2"),
        ({"a": {0: MOVE}}, "env.unwrapped.P must have the states 0 to 0, as it has 1, got 'a'"),
        ({0: {"left": MOVE}}, "env.unwrapped.P must have actions 0, 1, ..., got .'left'."),
        ({0: {}}, r"env.unwrapped.P must have actions 0, 1, ..., got \[\]"),
        (
            {0: {0: MOVE}, 1: {}},
            "env.unwrapped.P must have an action in every state, got none in state 1: give it",
        ),
        ({0: {0: []}}, r"env.unwrapped.P\[0\]\[0\] must have shape \(moves, 4\), got \(0,\)"),
        ({0: {0: [(1.0, 0, 0.0)]}}, r"env.unwrapped.P\[0\]\[0\] must have shape \(moves, 4\), got \(1, 3\)"),
        ({0: {0: [(1.0, 0, np.nan, False)]}}, r"env.unwrapped.P\[0\]\[0\] must be finite, got nan"),
        ({0: {0: [(0.9, 0, 0.0, False)]}}, r"P\[0\]\[0\] must have probabilities >= 0 of sum 1, got \[0.9\]"),
        ({0: {0: [(1.5, 0, 0.0, False), (-0.5, 0, 0.0, True)]}}, r"of sum 1, got \[1.5, -0.5\]"),
        ({0: {0: [(1.0, 1, 0.0, False)]}}, r"P\[0\]\[0\] must lead to states 0 to 0, got \[1.0\]"),
        ({0: {0: [(1.0, 0.5, 0.0, False)]}}, r"P\[0\]\[0\] must lead to states 0 to 0, got \[0.5\]"),
    ],
)
def test_tables_that_are_none(table, message):
    with pytest.raises(ValueError, match=message):
        from_gymnasium(environment(table))


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (SimpleNamespace(), "env must carry its table as env.unwrapped.P, .* got SimpleNamespace without it"),
        (environment({}), "got SimpleNamespace with {}: estimate the transitions from episodes"),
        (environment([MOVE]), "got SimpleNamespace with .*: estimate the transitions from episodes"),
        (None, "env must carry its table .* got NoneType without it"),
    ],
)
def test_environments_without_a_table(env, message):
    with pytest.raises(TypeError, match=message):
        from_gymnasium(env)


def test_initial_distribution_is_checked():
    table, _, _, _ = random_table()
    with pytest.raises(ValueError, match=r"initial_state_distrib must have shape \(5,\), got \(4,\)"):
        from_gymnasium(environment(table, initial_state_distrib=np.full(4, 0.25)))
