"""Counterfactual worlds and simulation."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import as_rows, bus_problem, random_problem
from sklearn.base import clone

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn.datasets import make_bus_engine, make_gridworld, make_random_mdp


@pytest.fixture(scope="module")
def world():
    return make_random_mdp(n_trajectories=50, random_state=0, temperature=0.5)


@pytest.fixture(scope="module")
def model(world):
    model = IQLearnClassifier(
        world.transitions,
        discount=world.discount,
        temperature=0.5,
        q_type="tabular",
        features=world.features,
        alpha=1.0,
    )
    return model.fit(world.data, world.target, trajectory=world.trajectory, step=world.step)


@pytest.mark.parametrize("settings", [{}, {"q_type": "structural"}, {"q_type": "linear"}, {"divergence": "tv"}])
def test_nothing_changed_changes_nothing(world, settings):
    model = IQLearnClassifier(world.transitions, discount=0.99, features=world.features, **settings)
    model.fit(world.data, world.target)
    same = model.counterfactual()
    assert_allclose(same.policy_, model.policy_, rtol=0, atol=1e-9)
    assert_allclose(same.q_table_, model.q_table_, rtol=0, atol=1e-7)


def test_a_world_has_the_parameters_of_its_fit(world):
    model = IQLearnClassifier(world.transitions, q_type="structural", features=world.features)
    model.fit(world.data, world.target)
    for other in (model.counterfactual(), rewards.anchor(model, 0, model.reward_[:, 0])):
        for criterion in ("aic", "bic"):
            here, there = (getattr(one, criterion)(world.data, world.target) for one in (model, other))
            assert_allclose(there, here, rtol=1e-9)
    refitted = model.counterfactual().fit(world.data, world.target)
    table = clone(refitted).fit(world.data, world.target)
    assert refitted.aic(world.data, world.target) == table.aic(world.data, world.target)


def test_nothing_changed_near_discount_one():
    X, y, _, transitions, features = bus_problem()
    for settings in ({}, {"q_type": "structural", "features": features, "alpha": np.inf}):
        model = IQLearnClassifier(transitions, discount=0.9999, **settings).fit(X, y)
        assert_allclose(model.counterfactual().policy_, model.policy_, rtol=0, atol=1e-9)


def test_the_truth_is_the_solution(world, model):
    found = model.counterfactual(reward_coef=world.coef)
    assert_allclose(found.q_table_, world.q_table, rtol=0, atol=1e-10)
    assert_allclose(found.value_, world.value, rtol=0, atol=1e-10)
    assert_allclose(found.policy_, world.policy, rtol=0, atol=1e-12)
    assert_allclose(found.reward_, world.reward, rtol=0, atol=1e-12)
    assert_allclose(found.reward_coef_, world.coef)


def test_a_world_is_a_fitted_estimator(world, model):
    other = model.counterfactual(discount=0.5)
    assert other.discount == 0.5
    assert model.discount == world.discount
    for name in ("classes_", "counts_", "initial_distribution_", "feature_names_in_"):
        np.testing.assert_array_equal(getattr(other, name), getattr(model, name))
    X = world.data.head(50)
    assert_allclose(other.predict_proba(X), other.policy_[X["state"]], rtol=1e-12)
    assert other.predict(X).shape == (50,)
    assert np.isfinite(other.score(world.data, world.target))
    again = pickle.loads(pickle.dumps(other))
    np.testing.assert_array_equal(again.policy_, other.policy_)
    assert not hasattr(clone(other), "policy_")
    back = other.counterfactual(discount=world.discount)
    assert_allclose(back.policy_, model.policy_, rtol=0, atol=1e-9)


def test_temperature_and_reward_have_one_unit(world, model):
    one = model.counterfactual(reward=world.reward)
    other = model.counterfactual(reward=3 * world.reward, temperature=1.5)
    assert_allclose(other.policy_, one.policy_, rtol=0, atol=1e-12)
    hot = model.counterfactual(temperature=1e6)
    assert_allclose(hot.policy_, 1 / 3, rtol=0, atol=1e-4)


def test_rewards_of_states(world, model):
    of_states = np.arange(20.0)
    one, other = model.counterfactual(reward=of_states), model.counterfactual(reward=np.tile(of_states, (3, 1)).T)
    np.testing.assert_array_equal(one.q_table_, other.q_table_)


def test_a_forbidden_action_is_one_that_is_not_there(world, model):
    """Against the same world without the action."""
    forbidden = model.counterfactual(reward=world.reward, forbid=1)
    assert (forbidden.policy_[:, 1] == 0).all()
    assert (forbidden.q_table_[:, 1] == -np.inf).all()
    two = IQLearnClassifier(world.transitions[[0, 2]], discount=world.discount, temperature=0.5)
    two.fit(world.data, np.minimum(world.target, 1))
    expected = two.counterfactual(reward=world.reward[:, [0, 2]])
    assert_allclose(forbidden.policy_[:, [0, 2]], expected.policy_, rtol=0, atol=1e-12)
    assert_allclose(forbidden.value_, expected.value_, rtol=0, atol=1e-10)
    drawn = forbidden.sample(20, 50, random_state=0)
    assert set(drawn["action"]) == {0, 2}
    assert forbidden.predict_log_proba(world.data.head(1))[0, 1] == -np.inf
    still = forbidden.counterfactual(discount=0.5)
    assert (still.policy_[:, 1] == 0).all()
    assert (forbidden.counterfactual(reward=world.reward).policy_[:, 1] == 0).all()


def test_forbidding_pairs(world, model):
    mask = np.zeros((20, 3), dtype=bool)
    mask[:10, 0] = mask[10:, 1:] = True
    found = model.counterfactual(forbid=mask)
    assert (found.policy_[mask] == 0).all()
    assert_allclose(found.policy_.sum(axis=1), 1.0)
    by_reward = model.counterfactual(reward=np.where(mask, -np.inf, model.reward_))
    np.testing.assert_array_equal(found.policy_, by_reward.policy_)


def test_what_is_worth_nothing_hurts_nobody(world, model):
    """The value of a world falls when actions are forbidden, and rises with every reward."""
    base = model.counterfactual(reward=world.reward)
    assert (model.counterfactual(reward=world.reward, forbid=0).value_ < base.value_).all()
    assert (model.counterfactual(reward=world.reward + np.eye(20, 3)).value_ > base.value_).all()


def test_dearer_engines_are_kept_longer():
    bus = make_bus_engine(n_trajectories=100, random_state=0)
    model = IQLearnClassifier(
        bus.transitions, discount=bus.discount, q_type="structural", features=bus.features, alpha=np.inf
    ).fit(bus.data, bus.target)
    demand = [
        rewards.occupancy(model.counterfactual(reward_coef=model.coef_ * [1, price]), long_run=True)[:, 1].sum()
        for price in (0.5, 1.0, 2.0, 4.0)
    ]
    assert (np.diff(demand) < 0).all()


def test_labels_of_a_mapping():
    transitions, counts, _ = random_problem(0, n_actions=2)
    X, y, weight = as_rows(counts)
    named = dict(zip(["keep", "replace"], transitions, strict=True))
    labels = np.array(["keep", "replace"])[y]
    model = IQLearnClassifier(named).fit(X, labels, weight)
    swapped = {"replace": transitions[0], "keep": transitions[1]}
    other = model.counterfactual(transitions=swapped, forbid=["replace"])
    assert (other.policy_[:, 1] == 0).all()
    assert set(other.sample(3, 5, random_state=0)["action"]) == {"keep"}
    with pytest.raises(ValueError, match="the actions"):
        model.counterfactual(transitions=transitions)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transitions": np.stack([np.eye(4)] * 3)}, r"transitions must have the 20 states .* got 4 states"),
        ({"transitions": np.stack([np.eye(20)] * 2)}, r"the actions \[0, 1, 2\] of the fit, got 20 states and"),
        ({"reward": np.ones((4, 3))}, r"reward must have shape \(20, 3\) or \(20,\), got \(4, 3\)"),
        ({"reward": np.full((20, 3), np.nan)}, "reward must be finite or minus infinity"),
        ({"reward": np.full((20, 3), np.inf)}, "reward must be finite or minus infinity"),
        ({"reward_coef": [1.0]}, r"reward_coef must have shape \(3,\), got \(1,\)"),
        ({"reward_coef": [1.0, np.nan, 0.0]}, "reward_coef must be finite.*do not identify"),
        ({"reward": np.ones(20), "reward_coef": np.ones(3)}, "pass one of them"),
        ({"discount": 1.5}, r"discount must be a number in \[0, 1\], got 1.5"),
        ({"temperature": 0.0}, "temperature must be a finite number > 0, got 0.0"),
        ({"forbid": 5}, r"forbid must be actions of \[0, 1, 2\], or a boolean array"),
        ({"forbid": [0, 1, 2]}, "must leave an action in every state, got none in state 0"),
        ({"forbid": np.zeros((3, 20), dtype=bool)}, "forbid must be actions"),
        (
            {"forbid": [False, False, True]},
            r"forbid must be actions .* got \[False, False, True\] of shape \(3,\)",
        ),
    ],
)
def test_bad_changes(model, change, message):
    with pytest.raises(ValueError, match=message):
        model.counterfactual(**change)


def test_a_state_named_like_another_column(world):
    frame = world.data.rename(columns={"state": "step"})
    drawn = IQLearnClassifier(world.transitions).fit(frame, world.target).sample(2, 3, random_state=0)
    assert drawn.columns.tolist() == ["trajectory", "step", "state", "action", "terminal"]


def test_low_temperatures_take_many_steps():
    """A grid of long paths: as many steps of policy iteration as the longest has, and no fewer."""
    grid = make_gridworld(2, 2, side=60, temperature=0.01, slip=0.0, discount=0.999, sparse=True, random_state=0)
    kernel = check_transitions(grid.transitions)[0]
    assert_allclose(grid.q_table, grid.reward + 0.999 * kernel.expected_next(grid.value), rtol=1e-12)


def test_worlds_need_transitions_and_features(world):
    rows = IQLearnClassifier().fit([[0.0], [1.0]], [0, 1])
    for act in (rows.counterfactual, rows.sample):
        with pytest.raises(ValueError, match="transitions must be given to the estimator"):
            act()
    bare = IQLearnClassifier(world.transitions).fit(world.data, world.target)
    with pytest.raises(ValueError, match="reward_coef needs features"):
        bare.counterfactual(reward_coef=[1.0])


# ---------------------------------------------------------------------------------------------------- samples


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_samples_follow_the_policy_and_the_transitions(kind):
    world = make_random_mdp(
        n_trajectories=4000, n_steps=50, n_states=6, ending=0.02, sparse=kind == "sparse", random_state=0
    )
    frame = world.frame
    visits = pd.crosstab(frame["state"], frame["action"]).to_numpy()
    shares = visits / visits.sum(axis=1, keepdims=True)
    error = np.sqrt(world.policy * (1 - world.policy) / visits.sum(axis=1, keepdims=True))
    assert (np.abs(shares - world.policy) < 4.5 * error).all()
    following = frame.groupby("trajectory")["state"].shift(-1)
    known = following.notna() | frame["terminal"]
    for action in range(3):
        taken = known & (frame["action"] == action)
        moves = pd.crosstab(frame["state"][taken], following[taken].fillna(-1))
        matrix = world.transitions[action]
        matrix = matrix.toarray() if sp.issparse(matrix) else matrix
        expected = np.column_stack([1 - matrix.sum(axis=1), matrix])
        moves = moves.reindex(columns=range(-1, 6), fill_value=0).to_numpy()
        total = moves.sum(axis=1, keepdims=True)
        error = np.sqrt(expected * (1 - expected) / total)
        assert (np.abs(moves / total - expected) <= 4.5 * error + 1e-12).all()


def test_samples_have_an_order():
    world = make_random_mdp(n_trajectories=30, n_steps=40, ending=0.1, random_state=0)
    frame = world.frame
    assert frame.columns.tolist() == ["trajectory", "step", "state", "action", "terminal"]
    for _, rows in frame.groupby("trajectory"):
        assert rows["step"].tolist() == list(range(len(rows)))
        assert not rows["terminal"].iloc[:-1].any()
        assert rows["terminal"].iloc[-1] == (len(rows) < 40) or len(rows) == 40
    assert frame["trajectory"].nunique() == 30


def test_samples_are_repeatable_and_fit_again(world, model):
    one, other = (model.sample(200, 100, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)
    again = clone(model).fit(one[["state"]], one["action"], trajectory=one["trajectory"], step=one["step"])
    visited = one["state"].value_counts().reindex(range(20), fill_value=0) > 500
    assert visited.sum() >= 5
    assert_allclose(again.policy_[visited], model.policy_[visited], rtol=0, atol=0.1)
    start = np.eye(20)[7]
    assert (model.sample(5, 1, initial_distribution=start, random_state=0)["state"] == 7).all()
    with pytest.raises(ValueError, match="n_steps must be an integer >= 1, got 0"):
        model.sample(1, 0)


def test_the_state_keeps_its_name():
    X, y, order, transitions, _ = bus_problem((4,))
    model = IQLearnClassifier(transitions, discount=0.99).fit(X, y, **order)
    drawn = model.sample(10, 20, random_state=0)
    assert drawn.columns[2] == "mileage_bin"
    assert np.isfinite(model.score(drawn[["mileage_bin"]], drawn["action"]))


# ------------------------------------------------------------------------------------------- worlds with a truth


@pytest.mark.parametrize("make", [make_bus_engine, make_gridworld, make_random_mdp])
def test_the_truth_is_consistent(make):
    world = make(n_trajectories=5, n_steps=7, discount=0.9, temperature=0.8, random_state=0)
    assert_allclose(world.reward, world.features @ world.coef)
    assert len(world.feature_names) == len(world.coef)
    ahead = world.reward + 0.9 * np.einsum("ast,t->sa", world.transitions, world.value)
    assert_allclose(world.q_table, ahead, rtol=1e-12)
    assert_allclose(world.value, 0.8 * np.log(np.exp(world.q_table / 0.8).sum(axis=1)), rtol=1e-12)
    assert_allclose(world.policy, np.exp((world.q_table - world.value[:, None]) / 0.8), rtol=1e-10)
    assert len(world.data) == len(world.target) == 35
    pd.testing.assert_frame_equal(
        make(n_trajectories=5, n_steps=7, random_state=4).frame,
        make(n_trajectories=5, n_steps=7, random_state=4).frame,
    )


def test_buses_start_new_and_replacement_resets():
    frame = make_bus_engine(n_trajectories=50, random_state=0).frame
    assert (frame[frame["step"] == 0]["state"] == 0).all()
    after = frame["action"].shift() == 1
    assert (frame[after & (frame["step"] > 0)]["state"] <= 2).all()


def test_grid_moves_and_walls():
    grid = make_gridworld(side=3, slip=0.0, random_state=0)
    moves = grid.transitions[:, 0].argmax(axis=1)  # from the upper left corner: stay, down, right, up, left
    assert moves.tolist() == [0, 3, 1, 0, 0]
    assert grid.features[-1, :, 0].tolist() == [1.0] * 5
    sparse = make_gridworld(side=3, slip=0.0, sparse=True, random_state=0)
    np.testing.assert_array_equal(np.stack([matrix.toarray() for matrix in sparse.transitions]), grid.transitions)


@pytest.mark.parametrize(
    ("make", "parameters", "message"),
    [
        (make_random_mdp, {"n_states": 3}, "n_successors must be at most n_states=3, got 5"),
        (make_random_mdp, {"n_features": 0}, "n_features must be an integer >= 1, got 0"),
        (make_bus_engine, {"discount": 1.5}, r"discount must be a number in \[0, 1\], got 1.5"),
        (make_bus_engine, {"temperature": 0}, "temperature must be a finite number > 0, got 0"),
        (make_bus_engine, {"n_bins": 2.5}, "n_bins must be an integer >= 1, got 2.5"),
        (make_gridworld, {"side": 1}, "side must be an integer >= 2, got 1"),
        (make_gridworld, {"n_steps": 0}, "n_steps must be an integer >= 1, got 0"),
    ],
)
def test_bad_worlds(make, parameters, message):
    with pytest.raises(ValueError, match=message):
        make(**parameters)
