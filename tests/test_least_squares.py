"""The projection of a reward by least squares, modulo shaping."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import random_problem, shaping, world_of

from sklearn_iqlearn import rewards
from sklearn_iqlearn._coefficients.projection import project
from sklearn_iqlearn._model.transitions import Transitions, check_transitions
from sklearn_iqlearn.datasets import make_random_mdp
from sklearn_iqlearn.rewards import IdentificationWarning


def dense_projection(reward, features, weights, transitions, discount):
    """The same least squares by LAPACK on the whole design."""
    n_states, n_actions = reward.shape
    shift = np.stack([np.eye(n_states) - discount * matrix for matrix in transitions], axis=1)
    design = np.concatenate([features, shift], axis=2).reshape(n_states * n_actions, -1)
    root = np.sqrt(weights).ravel()
    return scipy.linalg.lstsq(design * root[:, None], reward.ravel() * root)[0][: features.shape[2]]


@pytest.mark.parametrize("discount", [0.0, 0.9, 0.9999])
@pytest.mark.parametrize("ending", [False, True])
def test_projection_is_the_least_squares_fit(discount, ending):
    transitions, counts, _ = random_problem(0, n_states=8, ending=ending)
    rng = np.random.default_rng(1)
    features, reward = rng.normal(size=(8, 3, 2)), rng.normal(size=(8, 3))
    counts[0] = 0.0  # a state without decisions, that others lead to
    expected = dense_projection(reward, features, counts, transitions, discount)
    for kernel in (Transitions(transitions), Transitions([sp.csr_array(matrix) for matrix in transitions])):
        found = project(reward, features, counts, kernel, discount)
        assert_allclose(found.coef, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("discount", [0.5, 0.9999, 1 - 1e-7])
def test_projection_sees_through_shaping(discount):
    world = make_random_mdp(n_trajectories=2, n_states=400, sparse=True, discount=0.9, random_state=0)
    kernel = check_transitions(world.transitions)[0]
    potential = np.random.default_rng(0).normal(size=400)
    reward = world.reward + shaping(potential, world.transitions, discount)
    weights = np.random.default_rng(1).integers(0, 50, size=reward.shape).astype(float)
    found = project(reward, world.features, weights, kernel, discount)
    assert_allclose(found.coef, world.coef, rtol=0, atol=1e-9)
    assert_allclose(found.explained, 1.0, rtol=0, atol=1e-9)
    residual = reward - world.features @ found.coef - shaping(found.potential, world.transitions, discount)
    assert_allclose(residual[weights > 0], 0.0, rtol=0, atol=1e-7 if discount > 0.9999 else 1e-9)


def test_projection_of_a_restart_that_leads_anywhere():
    """One heavy row in a large sparse kernel."""
    n = 5000
    ahead = sp.diags_array(np.ones(n - 1), offsets=1, format="csr")
    restart = sp.csr_array(np.vstack([np.full((1, n), 1 / n), np.zeros((n - 1, n))]))
    stay = sp.eye_array(n, format="csr")
    kernel = Transitions([ahead, sp.csr_array(restart + 0.9 * stay)])
    rng = np.random.default_rng(0)
    features = rng.normal(size=(n, 2, 2))
    reward = features @ [1.0, -2.0]
    found = project(reward, features, np.ones((n, 2)), kernel, 0.99)
    assert_allclose(found.coef, [1.0, -2.0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("units", [1.0, 1e-8, 1e8])
def test_unidentified_directions(units):
    """A constant, a shaping term, a copy, and a feature that is 0 wherever there are decisions."""
    world, model = world_of("dense")
    rng = np.random.default_rng(2)
    own = world.features[..., :2]
    term = shaping(rng.normal(size=12), world.transitions, world.discount)
    absent = (model.counts_ == 0)[..., None] * 1.0
    columns = [own, np.ones((12, 3, 1)), term[..., None], 2 * own[..., :1], absent]
    features = units * np.concatenate(columns, axis=2)
    with pytest.warns(IdentificationWarning, match="directions of the reward's coefficients open"):
        found = rewards.project(model, features, method="least-squares")
    assert found.unidentified.shape == (4, 6)
    expected = rewards.project(model, own, method="least-squares").coef
    assert_allclose(found.coef[1] * units, expected[1], rtol=1e-6)
    assert_allclose(found.coef[0] + 2 * found.coef[4], expected[0] / units, rtol=1e-6)
    assert_allclose(found.coef[4], found.coef[0] / 2, rtol=1e-6)  # the least norm, the copy being twice the size
    assert_allclose(found.coef[[2, 3, 5]] * units, 0.0, rtol=0, atol=1e-6)


def test_more_features_than_pairs():
    features = np.random.default_rng(0).normal(size=(2, 2, 7))
    kernel = Transitions([np.eye(2), np.eye(2)[::-1]])
    found = project(features @ np.ones(7), features, np.ones((2, 2)), kernel, 0.9)
    assert len(found.unidentified) == 7 - 2  # two potentials take two of four pairs
    assert_allclose(found.explained, 1.0)
    only_shaping = shaping(np.array([1.0, -2.0]), kernel.matrices, 0.9)
    assert project(only_shaping, features, np.ones((2, 2)), kernel, 0.9).explained == 1.0


def test_only_a_combination_may_be_unidentified():
    """Neither feature is a shaping term, their difference is."""
    world, model = world_of("dense")
    term = shaping(np.random.default_rng(3).normal(size=12), world.transitions, world.discount)
    features = np.stack([world.features[..., 0], world.features[..., 0] + term], axis=2)
    with pytest.warns(IdentificationWarning, match="directions of the reward's coefficients open"):
        found = rewards.project(model, features, method="least-squares")
    assert_allclose(found.unidentified[:, 0], -found.unidentified[:, 1], rtol=1e-6)
    alone = rewards.project(model, world.features[..., :1], method="least-squares")
    assert_allclose(found.coef.sum(), alone.coef[0], rtol=1e-6)


def test_direct_regression_is_weighted_least_squares():
    world, model = world_of("dense")
    root = np.sqrt(model.counts_.ravel())
    design = world.features.reshape(-1, 3) * root[:, None]
    expected = np.linalg.lstsq(design, model.reward_.ravel() * root)[0]
    assert_allclose(rewards.project(model, shaping=False).coef, expected, rtol=1e-9)
