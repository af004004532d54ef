"""Transitions in which no state comes back: how they are seen, and sweeps through their levels."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

from sklearn_iqlearn._model.continuation import continuation
from sklearn_iqlearn._model.levels import FEW
from sklearn_iqlearn._model.transitions import Transitions, check_transitions
from sklearn_iqlearn.datasets import make_random_mdp
from sklearn_iqlearn.preprocessing import with_time


def random_dag(seed=0, n_states=60, n_actions=3, density=0.08, form=sp.csr_array):
    """Moves from earlier to later states of a random order, some of which end."""
    rng = np.random.default_rng(seed)
    order, kernel = rng.permutation(n_states), np.zeros((n_actions, n_states, n_states))
    moves = np.triu(rng.uniform(size=kernel.shape) * (rng.uniform(size=kernel.shape) < density), 1)
    moves /= np.maximum(moves.sum(axis=2, keepdims=True), 1.0)
    kernel[:, order[:, None], order] = moves
    return kernel, Transitions([form(matrix) for matrix in kernel])


def ids(states, n_states=60):
    return np.arange(n_states)[states]


def test_levels_hold_each_state_once_and_lead_onwards():
    kernel, transitions = random_dag()
    levels = transitions.levels.levels
    assert len(levels) > 3
    place = np.full(60, -1)
    for i, level in enumerate(levels):
        assert (place[ids(level.states)] == -1).all()
        place[ids(level.states)] = i
    origin, target = np.nonzero(kernel.any(axis=0))
    assert (place >= 0).all()
    assert (place[origin] < place[target]).all()
    # As early as can be: what is not in the first level follows on a state of the one before.
    before = [place[origin[target == state]].max(initial=-1) for state in range(60)]
    np.testing.assert_array_equal(place, np.add(before, 1))


@pytest.mark.parametrize("form", [sp.csr_array, np.asarray])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_sweeps_solve_their_systems(form, shape):
    """With weights of any size and sign."""
    kernel, transitions = random_dag(1, form=form)
    rng = np.random.default_rng(0)
    weights, b = 3 * rng.normal(size=(60, 3)), rng.normal(size=(60, *shape))
    mixed = np.einsum("sa,ast->st", weights, kernel)
    values, visits = transitions.levels.values(weights, b), transitions.levels.visits(weights, b)
    scale = np.abs(values).max(), np.abs(visits).max()
    assert_allclose(values, b + np.tensordot(mixed, values, 1), rtol=0, atol=1e-14 * scale[0])
    assert_allclose(visits, b + np.tensordot(mixed.T, visits, 1), rtol=0, atol=1e-14 * scale[1])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("discount", [0.0, 0.9, 1.0])
def test_continuation_is_that_of_the_factor(transposed, discount):
    _, transitions = random_dag(2)
    cyclic = Transitions(transitions.matrices)
    cyclic.levels = None
    rng = np.random.default_rng(0)
    policy, b = rng.dirichlet(np.ones(3), size=60), rng.normal(size=(60, 2))
    found, expected = (
        continuation(policy, world, discount, transposed=transposed)(b) for world in (transitions, cyclic)
    )
    assert_allclose(found, expected, rtol=0, atol=1e-13)


def cycles():
    loop, pair, late = (random_dag()[0] for _ in range(3))
    loop[1, 7, 7] = 0.1
    first, second = np.argwhere(pair[0])[0]
    pair[1, second, first] = 0.1
    last = np.flatnonzero(~late.any(axis=(0, 2)))[-1]
    late[2, last, np.flatnonzero(late.any(axis=(0, 2)))[-1]] = 0.1
    late[0, np.flatnonzero(late[2, last])[0], last] = 0.1
    return {"itself": loop, "there and back": pair, "the last": late, "every state has one before it": make_ring()}


def make_ring():
    return np.roll(np.eye(60), 1, axis=1)[None]


@pytest.mark.parametrize("name", cycles())
def test_a_state_that_can_come_back_is_seen(name):
    kernel = cycles()[name]
    for form in (sp.csr_array, np.asarray):
        assert Transitions([form(matrix) for matrix in kernel]).levels is None


def test_usual_problems_have_none():
    assert Transitions(make_random_mdp(1, 1, random_state=0).transitions).levels is None


def test_stored_zeros_are_no_moves():
    _, transitions = random_dag()
    stored = list(transitions.matrices)
    stored[0] = sp.csr_array(
        (
            np.append(stored[0].data, 0.0),
            np.append(stored[0].indices, 59),
            [*stored[0].indptr[:-1], stored[0].nnz + 1],
        ),
        shape=stored[0].shape,
    )
    assert stored[0][59, 59] == 0
    assert len(Transitions(stored).levels.levels) == len(transitions.levels.levels)


def test_a_pair_that_does_not_exist_closes_no_cycle():
    kernel, _ = random_dag()
    closed, exists = kernel.copy(), np.ones((60, 3), dtype=bool)
    closed[1, 7, 7], exists[7, 1] = 0.1, False
    kernel[1, 7] = 0
    for form in (sp.csr_array, np.asarray):
        assert Transitions([form(matrix) for matrix in closed]).levels is None
    masked, _ = check_transitions(closed, exists)
    weights = np.random.default_rng(0).normal(size=(60, 3))
    expected = np.linalg.solve(np.eye(60) - np.einsum("sa,ast->st", weights, kernel), np.ones(60))
    assert_allclose(masked.levels.values(weights, np.ones(60)), expected, rtol=1e-10)


def test_many_narrow_levels_are_left_to_the_factor():
    for n, has in ((FEW, True), (4 * FEW, False)):
        chain = sp.diags_array([np.ones(n - 1)], offsets=[1], shape=(n, n), format="csr")
        assert (Transitions([chain]).levels is not None) is has


def test_steps_with_the_same_kernel_share_its_numbers():
    world = make_random_mdp(1, 1, n_states=30, random_state=0)
    levels = Transitions(with_time(world.transitions, 50).transitions).levels.levels
    assert len(levels) == 50
    assert len({id(level.block) for level in levels}) == 2  # one for all steps, and the last, which leads nowhere
