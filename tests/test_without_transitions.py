"""Structural fits without transitions: where they are those of the empirical kernel, or a conditional logit."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
from numpy.testing import assert_allclose, assert_array_equal
from problems import rollouts
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.preprocessing import OneHotEncoder

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.exceptions import DataWarning
from sklearn_iqlearn.preprocessing import Hats

TABLE = np.random.default_rng(7).normal(size=(8, 3, 2))
BASE = np.random.default_rng(8).normal(size=(8, 3))
EXISTS = np.array([[True, True, state % 3 > 0] for state in range(8)])


def states_of(X):
    return np.asarray(X)[:, 0].astype(int)


def features(X):
    return TABLE[states_of(X)]


def base_reward(X):
    return BASE[states_of(X)]


def exists(X):
    return EXISTS[states_of(X)]


def panel(seed=0, *, allowed=False):
    """Rows of eight states; half of the trajectories end, half are cut off."""
    X, y, order = rollouts(seed)
    if allowed:
        y = np.where(EXISTS[X[:, 0], y], y, 1)
    return X.astype(float), y, order


def empirical(X, y, order, weight):
    """The kernel as counted: (3, 8, 8)."""
    moves, known = np.zeros((3, 8, 8)), np.zeros((3, 8))
    for i, (state, action) in enumerate(zip(states_of(X), y, strict=True)):
        goes_on = i + 1 < len(y) and order["trajectory"][i + 1] == order["trajectory"][i]
        known[action, state] += weight[i] * (goes_on or order["terminal"][i])
        if goes_on:
            moves[action, state, states_of(X)[i + 1]] += weight[i]
    return moves / np.where(known > 0, known, 1.0)[..., None]


def without(**settings):
    settings = {"features": features, "discount": 0.9, "alpha": np.inf, **settings}
    return IQLearnClassifier(q_type="structural", **settings)


def check_same(model, other, tolerance=1e-8):
    for name in ("coef_", "policy_", "value_", "q_table_", "reward_"):
        assert_allclose(getattr(model, name), getattr(other, name), rtol=0, atol=tolerance)


@pytest.mark.parametrize("basis", [OneHotEncoder(), OneHotEncoder(sparse_output=False), Hats(8), Hats(50)])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 2.0},
        {"alpha": 3.0, "divergence": "kl"},
        {"base_reward": base_reward},
        {"action_mask": exists},
        {"discount": 0.999, "action_mask": exists, "base_reward": base_reward, "temperature": 0.5, "alpha": 2.0},
    ],
)
def test_a_function_for_each_state_is_the_empirical_kernel(basis, settings):
    X, y, order = panel(allowed="action_mask" in settings)
    weight = np.random.default_rng(1).uniform(0.2, 3.0, size=len(y))
    rows = without(basis=basis, **settings).fit(X, y, sample_weight=weight, **order)
    tables = {"features": TABLE, "base_reward": BASE, "action_mask": EXISTS}
    given = {name: tables[name] for name in ("base_reward", "action_mask") if name in settings}
    same = without(transitions=empirical(X, y, order, weight), **{**settings, "features": TABLE, **given})
    same.fit(X.astype(int), y, sample_weight=weight)
    assert (rows.counts_[EXISTS if "action_mask" in settings else ...] > 0).all()
    check_same(rows, same)
    assert rows.converged_
    assert_allclose(rows.loss_curve_[-1], same.loss_curve_[-1], rtol=0, atol=1e-10)


def test_a_saturated_projection_is_nearly_the_empirical_kernel():
    """As many functions as states, not adding up to 1: least squares, but for their ridge of 1e-6."""
    X, y, order = panel()
    rows = without(basis=OneHotEncoder(drop="first")).fit(X, y, **order)
    same = without(transitions=empirical(X, y, order, np.ones(len(y))), features=TABLE).fit(X.astype(int), y)
    assert list(rows.continuation_["way"]) == ["projection"] * 3
    check_same(rows, same, tolerance=1e-4)


def test_one_transformer_for_each_action():
    """The rows of an action alone decide what its functions carry."""
    X, y, order = panel()
    basis = {0: Hats(8), 1: OneHotEncoder(), 2: Hats(1)}
    rows = without(basis=basis).fit(X, y, **order)
    kernel = empirical(X, y, order, np.ones(len(y)))
    following = np.append(X[1:, 0], 0).astype(int)
    last = np.append(np.diff(order["trajectory"]) != 0, True)
    taken = y == 2
    pooled = np.bincount(following[taken & ~last], minlength=8) / np.sum(taken & (~last | order["terminal"]))
    kernel[2] = pooled
    check_same(rows, without(transitions=kernel, features=TABLE).fit(X.astype(int), y))
    assert [basis[a] is rows.basis_[a] for a in range(3)] == [False] * 3
    assert list(rows.continuation_["n_functions"]) == [8, 8, 1]


@pytest.mark.parametrize("basis", [None, OneHotEncoder(), Hats(3), OneHotEncoder(drop="first")])
def test_without_a_future_it_is_a_conditional_logit(basis):
    X, y, order = panel()

    def loss(theta):
        chosen = log_softmax(features(X) @ theta / 2.0, axis=1)[np.arange(len(y)), y]
        return -chosen.mean()

    expected = scipy.optimize.minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-9})
    model = without(basis=basis, discount=0.0, temperature=2.0).fit(X, y, **order)
    assert_allclose(model.coef_, expected.x, rtol=0, atol=1e-6)
    assert_allclose(model.score(X, y), -expected.fun, rtol=0, atol=1e-12)


def test_rows_without_an_order_are_told():
    X, y, _ = panel()
    with pytest.warns(DataWarning, match="trajectory and next_X are None.*conditional logit") as told:
        model = without().fit(X, y)
    assert len(told) == 1
    assert_allclose(model.coef_, without(discount=0.0).fit(X, y).coef_, rtol=0, atol=1e-8)


def test_an_end_after_every_row_is_an_order():
    """Episodes of one step that are said to be such are no doubt."""
    X, y, _ = panel()
    one_step = without().fit(X, y, next_X=np.full_like(X, np.nan), terminal=np.ones(len(y), dtype=bool))
    assert_allclose(one_step.coef_, without(discount=0.0).fit(X, y).coef_, rtol=0, atol=1e-8)


def following_of(X, order):
    """next_X and terminal in the place of an order; trajectories that were cut off have no next state to give."""
    last = np.append(np.diff(order["trajectory"]) != 0, True)
    return np.concatenate([X[1:], X[:1]]), last


@pytest.mark.parametrize("basis", [None, Hats(5)])
def test_next_rows_are_an_order(basis):
    X, y, order = panel()
    following, last = following_of(X, order)
    ended = {**order, "terminal": last}
    by_rows = without(basis=basis).fit(X, y, next_X=following, terminal=last)
    by_order = without(basis=basis).fit(X, y, **ended)
    assert_allclose(by_rows.coef_, by_order.coef_, rtol=0, atol=1e-8)
    assert_allclose(by_rows.predict_proba(X), by_order.predict_proba(X), rtol=0, atol=1e-8)


@pytest.mark.parametrize("basis", [None, Hats(5)])
def test_rows_in_any_order(basis):
    X, y, order = panel()
    shuffled = np.random.default_rng(0).permutation(len(y))
    model, other = without(basis=basis).fit(X, y, **order), without(basis=basis)
    other.fit(X[shuffled], y[shuffled], **{name: found[shuffled] for name, found in order.items()})
    check_same(other, model)
    assert_array_equal(other.states_, model.states_)


@pytest.mark.parametrize("basis", [Hats(5), OneHotEncoder(drop="first")])
def test_a_weight_of_two_is_a_trajectory_twice(basis):
    X, y, order = panel()
    twice = order["trajectory"] < 10
    weighted = without(basis=basis).fit(X, y, sample_weight=1.0 + twice, **order)
    again = {name: np.concatenate([found, found[twice]]) for name, found in order.items()}
    again["trajectory"][len(y) :] += 1000
    copied = without(basis=basis).fit(np.concatenate([X, X[twice]]), np.concatenate([y, y[twice]]), **again)
    check_same(weighted, copied)


def test_a_weight_of_zero_is_no_row():
    """Not even as a state: a row left out has none of the functions' say."""
    X, y, order = panel()
    kept = order["trajectory"] != 3
    left = without(basis=Hats(5)).fit(X, y, sample_weight=1.0 * kept, **order)
    gone = without(basis=Hats(5)).fit(X[kept], y[kept], **{name: found[kept] for name, found in order.items()})
    check_same(left, gone)


@pytest.mark.parametrize("basis", [None, Hats(4), OneHotEncoder(drop="first")])
@pytest.mark.parametrize("masked", [False, True])
def test_predictions_of_rows_are_the_policy(basis, masked):
    X, y, order = panel(allowed=masked)
    settings = {"action_mask": exists, "base_reward": base_reward} if masked else {}
    model = without(basis=basis, **settings).fit(X, y, **order)
    assert_allclose(model.predict_proba(model.states_), model.policy_, rtol=0, atol=1e-10)
    assert_allclose(model.q_values(model.states_), model.q_table_, rtol=0, atol=1e-9)
    # Q = reward + discount E[V]: what a row is worth follows from its features and its functions.
    value = np.log(np.exp(model.q_table_).sum(axis=1))
    assert_allclose(model.value_, value, rtol=0, atol=1e-10)


def test_new_rows_lie_between_their_nodes():
    """Two nodes and features that are lines in the state: so is Q, of states that were never seen too."""

    def lines(X):
        x = np.asarray(X)[:, 0]
        return np.stack([[x, 0 * x], [0 * x, x], [0 * x, 0 * x]]).transpose(2, 0, 1)

    X, y, order = panel()
    model = without(basis=Hats(2), features=lines).fit(X, y, **order)
    low, high = model.q_values([[0.0], [7.0]])
    share = np.array([[0.123], [0.5], [0.987]])
    assert_allclose(model.q_values(7 * share), low + share * (high - low), rtol=0, atol=1e-12)


def named(X):
    """Features of a frame, by its columns."""
    assert isinstance(X, pd.DataFrame)
    assert list(X.columns) == ["place", "noise"]
    return TABLE[X["place"].astype(int)]


def test_frames_stay_frames():
    X, y, order = panel()
    noise = np.random.default_rng(0).integers(2, size=len(y))
    frame = pd.DataFrame({"place": X[:, 0].astype(int), "noise": noise}, index=np.arange(len(y))[::-1])
    model = without(features=named, basis=Hats([8, 1])).fit(frame, y, **order)
    plain = without(basis=Hats(8)).fit(X, y, **order)
    assert_allclose(model.coef_, plain.coef_, rtol=0, atol=1e-8)
    assert_allclose(model.predict_proba(frame), plain.predict_proba(X), rtol=0, atol=1e-8)
    assert_array_equal(model.feature_names_in_, ["place", "noise"])


def test_columns_that_say_nothing_are_left_out():
    X, y, order = panel()
    noise = np.random.default_rng(0).normal(size=len(y))
    model = without().fit(np.column_stack([X[:, 0], noise]), y, **order)
    assert {transformer.n_nodes[1] for transformer in model.basis_.values()} == {1}
    assert model.continuation_["held_out_residual"].gt(0).all()


def test_clones_and_pickles():
    X, y, order = panel()
    model = without(basis=Hats(5)).fit(X, y, **order)
    again = clone(model)
    assert again.features is features
    assert again.basis is not model.basis
    check_same(again.fit(X, y, **order), model, tolerance=0)
    stored = pickle.loads(pickle.dumps(model))
    assert_array_equal(stored.predict_proba(X), model.predict_proba(X))


def test_a_search_over_bases():
    X, y, order = panel()
    grid = [{"basis": [Hats(1), Hats(8), None]}, {"basis": [Hats(3)], "basis__n_nodes": [2, 4]}]
    search = GridSearchCV(without(), grid, cv=GroupKFold(2), error_score="raise")
    search.fit(X, y, groups=order["trajectory"], **order)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.cv_results_["params"]) == 5
    best = clone(search.best_estimator_).fit(X, y, **order)
    check_same(search.best_estimator_, best, tolerance=0)
