"""Shares of the states against exact fractions, and what simulated decisions follow."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import random_problem

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn._model.simulation import _next_states, discounted_shares, long_run_shares, simulate
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn._numerics import elimination
from sklearn_iqlearn.datasets import make_gridworld


def rare_chain(seed):
    """An irreducible chain whose chances fall to 1e-25: many groups of states are nearly closed."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 13))
    matrix = 10.0 ** -rng.uniform(0, 25, (n, n)) * (rng.random((n, n)) < 0.5)
    matrix[np.arange(n), (np.arange(n) + 1) % n] = 10.0 ** -rng.uniform(0, 25, n)
    np.fill_diagonal(matrix, 0.0)
    matrix /= n
    return matrix + np.diag(1 - matrix.sum(axis=1))


def exact_shares(matrix):
    """The stationary distribution of an irreducible chain in rational arithmetic: Gauss-Jordan on the balance."""
    n = len(matrix)
    rates = [
        [Fraction(float(x)) if i != j else Fraction(0) for j, x in enumerate(row)] for i, row in enumerate(matrix)
    ]
    # Column j: what flows into j less what leaves it; the last balance gives way to the sum.
    system = [
        [rates[i][j] - (sum(rates[i]) if i == j else 0) for i in range(n)] + [Fraction(0)] for j in range(n - 1)
    ]
    system.append([Fraction(1)] * (n + 1))
    for column in range(n):
        pivot = next(row for row in range(column, n) if system[row][column])
        system[column], system[pivot] = system[pivot], system[column]
        system[column] = [x / system[column][column] for x in system[column]]
        for row in range(n):
            if row != column and system[row][column]:
                system[row] = [
                    x - system[row][column] * y for x, y in zip(system[row], system[column], strict=True)
                ]
    return np.array([float(row[-1]) for row in system])


@pytest.mark.parametrize("method", ["one at a time", "many at once"])
def test_rare_events_keep_their_digits(method, monkeypatch):
    monkeypatch.setattr(elimination, "FEW", 64 if method == "one at a time" else 0)
    monkeypatch.setattr(elimination, "DENSE_SHARE", 2.0)
    monkeypatch.setattr(elimination, "BLOCK", 4)
    monkeypatch.setattr(elimination, "MANY", 0)  # rare events are not left to a factorisation
    for seed in range(25):
        matrix = rare_chain(seed)
        start = np.eye(len(matrix))[0]
        found = long_run_shares(np.ones((len(matrix), 1)), Transitions([matrix]), start)
        assert_allclose(found, exact_shares(matrix), rtol=1e-14, atol=0)  # a few roundings for each of 12 states


def test_ways_of_elimination_agree(monkeypatch):
    """A grid of 900 states: sparse, dense, and a factorisation."""
    world = make_gridworld(5, 5, side=30, sparse=True, random_state=0)
    kernel, start = Transitions(world.transitions), np.full(900, 1 / 900)
    found = {}
    for name, settings in {
        "dense": {"FEW": 1000},
        "sparse": {"FEW": 0, "DENSE_SHARE": 0.3},
        "blocks": {"DENSE_SHARE": 0.0},
        "factor": {"MANY": 100, "RARE": 0.0},
    }.items():
        with monkeypatch.context() as patch:
            for setting, value in settings.items():
                patch.setattr(elimination, setting, value)
            found[name] = long_run_shares(world.policy, kernel, start)
    flow = kernel.flow(found["dense"][:, None] * world.policy)
    assert_allclose(flow, found["dense"], rtol=1e-12)
    for name, shares in found.items():
        # The factorisation loses what its condition number, some 1e5, takes.
        assert_allclose(shares, found["dense"], rtol=1e-9 if name == "factor" else 1e-12, err_msg=name)


def test_a_chance_to_leave_below_rounding():
    model = IQLearnClassifier([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], discount=0.0).fit([[0], [1]], [0, 0])
    world = model.counterfactual(reward=[[0, -40], [0, 0]])
    assert_allclose(rewards.occupancy(world, long_run=True).sum(axis=1), [0, 1], rtol=0, atol=1e-16)


def test_nearly_closed_states_share_what_flows_into_them():
    """Three states that two of ten million millions leave: the first goes on to the others as 1 to 3."""
    kernel = np.array([[1 - 4e-18, 1e-18, 3e-18], [0, 1, 0], [0, 0, 1.0]])
    found = long_run_shares(np.ones((3, 1)), Transitions([kernel]), np.array([1.0, 0, 0]))
    assert_allclose(found, [0, 0.25, 0.75], rtol=1e-14, atol=0)


def test_an_action_that_is_rarely_taken_ends_episodes_still():
    """It is taken once in 1e10 steps; the run starts in state 0 and is in state 1 ever after, for 1e10 steps."""
    stay = np.array([[0, 1.0], [0, 1.0]])
    policy = np.array([[1.0, 0.0], [1 - 1e-10, 1e-10]])
    found = long_run_shares(policy, Transitions([stay, np.zeros((2, 2))]), np.array([1.0, 0.0]))
    assert_allclose(found, np.array([1e-10, 1]) / (1 + 1e-10), rtol=1e-14)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("discount", [0.0, 0.9, 0.999999])
def test_discounted_shares_balance(form, discount):
    transitions, _, start = random_problem(3, ending=True)
    kernel = Transitions([form(matrix) for matrix in transitions])
    policy = np.random.default_rng(0).dirichlet(np.ones(3), size=6)
    shares = discounted_shares(policy, kernel, discount, start)
    flow = discount * np.einsum("sa,ast,s->t", policy, transitions, shares)
    assert_allclose(shares, flow + (1 - flow.sum()) * start, rtol=1e-14)
    assert_allclose(shares.sum(), 1.0, rtol=1e-15)


def test_steps_follow_the_kernel_exactly():
    """Evenly spaced uniform numbers lead to each successor as often as its probability says, and to the end."""
    rows = np.array([[0.25, 0.0, 0.5], [0.0, 1.0, 0.0], [0.125, 0.0, 0.0]])
    kernel = sp.csr_array(rows)
    even = SimpleNamespace(uniform=lambda size: (np.arange(size) + 0.5) / size)
    for state, row in enumerate(rows):
        following = _next_states(kernel, np.concatenate([[0.0], np.cumsum(kernel.data)]), np.full(64, state), even)
        counts = np.bincount(following + 1, minlength=4)
        assert counts.tolist() == [64 * (1 - row.sum()), *(64 * row)]


def test_the_last_uniform_number_finds_a_successor():
    """Rows that sum to 1 but for single precision do not end, and no draw leaves its row."""
    kernel = sp.csr_array(np.array([[0.5, 0.5 - 4e-7, 0.0], [0.0, 0.0, 1.0], [0.5, 0.0, 0.4999]]))
    highest = SimpleNamespace(uniform=lambda size: np.full(size, 1 - 2.0**-53))
    cumulated = np.concatenate([[0.0], np.cumsum(kernel.data)])
    assert _next_states(kernel, cumulated, np.arange(3), highest).tolist() == [1, 2, -1]


def test_episodes_that_seldom_end_do_end():
    """Once in 10,000 steps in state 1, from which they start again in state 0."""
    kernel = np.array([[0.0, 1.0], [0.0, 1 - 1e-4]])
    found = long_run_shares(np.ones((2, 1)), Transitions([kernel]), np.array([1.0, 0.0]))
    assert_allclose(found, [1 / 10_001, 10_000 / 10_001], rtol=1e-11)  # 1 - (1 - 1e-4) has 12 digits


def test_trajectories_move_along_the_kernel():
    """A cycle with an exit: states, order and the end are known without a random number."""
    cycle = np.zeros((1, 4, 4))
    cycle[0, [0, 1, 2], [1, 2, 3]] = 1.0  # state 3 ends
    found = simulate(
        np.ones((4, 1)), Transitions(cycle), np.array([0, 1.0, 0, 0]), 2, 10, np.random.RandomState(0)
    )
    assert found["trajectory"].tolist() == [0, 0, 0, 1, 1, 1]
    assert found["step"].tolist() == [0, 1, 2] * 2
    assert found["state"].tolist() == [1, 2, 3] * 2
    assert found["terminal"].tolist() == [False, False, True] * 2
    cut = simulate(np.ones((4, 1)), Transitions(cycle), np.array([0, 1.0, 0, 0]), 1, 2, np.random.RandomState(0))
    assert cut["state"].tolist() == [1, 2]
    assert cut["terminal"].tolist() == [False, False]
