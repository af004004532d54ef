"""Other worlds of structural fits without transitions: those of the empirical kernel, for any rows."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures
from test_without_transitions import (
    BASE,
    EXISTS,
    TABLE,
    base_reward,
    empirical,
    exists,
    panel,
    states_of,
    without,
)

from sklearn_iqlearn.exceptions import DataWarning
from sklearn_iqlearn.preprocessing import Hats

# Action 1, which the mask allows everywhere, stays.
BANNED = np.array([[state > 4, False, state < 3] for state in range(8)])


def banned(X):
    return BANNED[states_of(X)]


def fits(*, allowed=False, **settings):
    """One with a function for each state, and one on the empirical kernel; with the mask or without."""
    X, y, order = panel(allowed=allowed)
    masks = ({"action_mask": exists}, {"action_mask": EXISTS}) if allowed else ({}, {})
    rows = without(basis=OneHotEncoder(), **masks[0], **settings).fit(X, y, **order)
    kernel = empirical(X, y, order, np.ones(len(y)))
    same = without(**{"transitions": kernel, **masks[1], **settings, "features": TABLE}).fit(X.astype(int), y)
    return rows, same


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize(
    ("change", "changes_table"),
    [
        ({"reward_coef": np.array([1.0, -2.0])}, {}),
        ({"discount": 0.5}, {}),
        ({"discount": 0.9999}, {}),
        ({"temperature": 0.3}, {}),
        ({"base_reward": base_reward}, {"base_reward": BASE}),
        ({"forbid": 0}, {}),
        ({"forbid": [0, 2]}, {}),
        ({"forbid": banned}, {"forbid": BANNED}),
        (
            {"reward_coef": np.array([0.5, 1.5]), "base_reward": base_reward, "discount": 0.97, "forbid": banned},
            {"base_reward": BASE, "forbid": BANNED},
        ),
    ],
)
def test_worlds_are_those_of_the_empirical_kernel(allowed, change, changes_table):
    rows, same = fits(allowed=allowed)
    world, other = rows.counterfactual(**change), same.counterfactual(**{**change, **changes_table})
    assert_allclose(world.policy_, other.policy_, rtol=0, atol=1e-8)
    assert_allclose(world.reward_, other.reward_, rtol=0, atol=1e-8)
    # Values are as large as 1 / (1 - discount).
    assert_allclose(world.value_, other.value_, rtol=1e-8)
    assert np.abs(world.policy_ - rows.policy_).max() > 1e-3


@pytest.mark.parametrize("basis", [None, Hats(4), PolynomialFeatures(2)])
def test_the_world_of_unchanged_parameters_is_the_fit(basis):
    X, y, order = panel(allowed=True)
    model = without(basis=basis, action_mask=exists, base_reward=base_reward, temperature=0.7).fit(X, y, **order)
    same = {"reward_coef": model.coef_, "base_reward": base_reward, "discount": 0.9, "temperature": 0.7}
    for world in (model.counterfactual(), model.counterfactual(**same), model.counterfactual(forbid=[])):
        for name in ("policy_", "q_table_", "value_", "reward_", "coef_"):
            assert_allclose(getattr(world, name), getattr(model, name), rtol=0, atol=1e-8, err_msg=name)
        assert_allclose(world.q_values(X), model.q_values(X), rtol=0, atol=1e-8)
        assert world.spectral_radius_ == pytest.approx(model.spectral_radius_, abs=1e-8)


@pytest.mark.parametrize("basis", [None, Hats(4), PolynomialFeatures(2)])
@pytest.mark.parametrize(
    "change",
    [
        {"forbid": 2},
        {"forbid": banned},
        {"reward_coef": [2.0, -1.0]},
        {"discount": 0.6, "base_reward": base_reward},
    ],
)
def test_worlds_answer_for_rows(basis, change):
    """As they do for the states, and a forbidden action is never taken."""
    X, y, order = panel()
    model = without(basis=basis).fit(X, y, **order)
    world = model.counterfactual(**change)
    assert_allclose(world.predict_proba(world.states_), world.policy_, rtol=0, atol=1e-9)
    if "forbid" in change:
        forbidden = banned(X) if callable(change["forbid"]) else np.arange(3) == [[2]] * len(X)
        assert_array_equal(world.predict_proba(X) == 0, forbidden)


def test_the_fit_stays_as_it_was():
    X, y, order = panel()
    model = without(basis=Hats(4)).fit(X, y, **order)
    before = pickle.dumps(model)
    model.counterfactual(reward_coef=[3.0, 3.0], discount=0.1, forbid=1)
    assert pickle.dumps(model) == before


def test_worlds_of_worlds():
    """Earlier bans and changes stay."""
    X, y, order = panel()
    model = without(basis=Hats(4)).fit(X, y, **order)
    steps = model.counterfactual(forbid=0).counterfactual(discount=0.5).counterfactual(reward_coef=[1.0, 1.0])
    once = model.counterfactual(forbid=0, discount=0.5, reward_coef=[1.0, 1.0])
    assert_allclose(steps.q_table_, once.q_table_, rtol=0, atol=1e-10)
    assert_array_equal(steps.predict_proba(X)[:, 0], 0)
    stored = pickle.loads(pickle.dumps(steps))
    assert_array_equal(stored.predict_proba(X), steps.predict_proba(X))


def test_without_a_future_worlds_are_logits():
    X, y, order = panel()
    world = without(basis=Hats(4)).fit(X, y, **order).counterfactual(discount=0.0, reward_coef=[1.0, -1.0])
    reward = TABLE @ [1.0, -1.0]
    expected = np.exp(reward) / np.exp(reward).sum(axis=1, keepdims=True)
    assert_allclose(world.policy_, expected, rtol=0, atol=1e-12)


def test_a_known_reward_stays_in_worlds_of_worlds():
    X, y, order = panel()
    model = without(basis=Hats(4)).fit(X, y, **order)
    steps = model.counterfactual(base_reward=base_reward).counterfactual(discount=0.5)
    once = model.counterfactual(base_reward=base_reward, discount=0.5)
    assert_allclose(steps.q_table_, once.q_table_, rtol=0, atol=1e-10)


def test_averages_solve_worlds_in_which_a_projection_runs_away():
    """Told; the world is the one of a fit by the same averages, at its coefficients."""
    X, y, order = runaway()
    basis = {0: PolynomialFeatures(2, include_bias=False), 1: Hats(1)}
    features = {0: ["-0"], 1: ["-1"]}
    model = without(features=features, basis=basis, discount=0.5).fit(X, y, **order)
    assert model.continuation_["way"].tolist() == ["projection", "averaging"]
    with pytest.warns(DataWarning, match="basis runs away in this world") as told:
        world = model.counterfactual(discount=0.99, reward_coef=[0.0, 50.0])
    assert len(told) == 1
    assert world.continuation_["way"].tolist() == ["averaging", "averaging"]
    assert_allclose(world.predict_proba(world.states_), world.policy_, rtol=0, atol=1e-9)
    with pytest.warns(DataWarning, match="without a row of action 0"):
        again = without(features=features, basis=world.basis_, discount=0.5).fit(X, y, **order)
    same = again.counterfactual(discount=0.99, reward_coef=[0.0, 50.0])
    assert_allclose(world.q_table_, same.q_table_, rtol=0, atol=1e-9)


def runaway():
    """A state that grows by a third in each step kept; the projection of a polynomial grows faster yet."""
    rng = np.random.default_rng(0)
    rows = []
    for trajectory in range(60):
        x = rng.uniform(0.5, 1.0)
        for step in range(12):
            action = int(rng.uniform() < 0.15)
            rows.append((x, action, trajectory, step))
            x = rng.uniform(0.5, 1.0) if action else 1.3 * x * rng.uniform(0.9, 1.1)
    x, y, trajectory, step = np.array(rows).T
    return x[:, None], y.astype(int), {"trajectory": trajectory, "step": step.astype(int)}


def test_a_discount_asks_for_moves():
    """Rows of which none has a next state say nothing of what one that looks ahead would do."""
    X, y, _ = panel()
    model = without(basis=Hats(4), discount=0.0).fit(X, y)
    with pytest.raises(ValueError, match="discount must be None for a fit to rows of which none has a next state"):
        model.counterfactual(discount=0.9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"transitions": np.ones((3, 8, 8)) / 8},
            "transitions and reward must be None for a fit without transitions",
        ),
        ({"reward": np.zeros((8, 3))}, "transitions and reward must be None for a fit without transitions"),
        ({"reward_coef": [1.0]}, "reward_coef"),
        ({"reward_coef": [1.0, np.nan]}, "reward_coef"),
        ({"base_reward": BASE}, "base_reward must be a function of X without transitions"),
        ({"discount": 1.0}, "discount must be less than 1 without transitions, got 1"),
        ({"discount": 2.0}, "discount must be"),
        ({"temperature": 0.0}, "temperature must be"),
        ({"forbid": 7}, r"forbid must be actions of \[0, 1, 2\]"),
        ({"forbid": BANNED}, r"forbid must be actions of \[0, 1, 2\], or a function of X"),
        ({"forbid": lambda X: BANNED[:3]}, "forbid"),
        ({"forbid": [0, 1, 2]}, r"forbid must leave an action in every state, got none in \[0.0\]"),
        (
            {"forbid": lambda X: np.tile(states_of(X)[:, None] == 3, 3)},
            r"forbid must leave an action in every state, got none in \[3.0\]",
        ),
    ],
)
def test_bad_changes(change, message):
    X, y, order = panel()
    model = without(basis=Hats(4)).fit(X, y, **order)
    with pytest.raises(ValueError, match=message):
        model.counterfactual(**change)
