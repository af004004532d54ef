"""A classifier that estimates its transitions from the rows of each fit."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.datasets import make_random_mdp
from sklearn_iqlearn.preprocessing import TransitionEstimator, estimate_transitions

STATES = 5


@pytest.fixture(scope="module")
def world():
    """2,000 decisions in few states at a high discount: what is not known of the moves matters."""
    return make_random_mdp(
        n_trajectories=100,
        n_steps=20,
        n_states=STATES,
        n_actions=2,
        n_features=2,
        n_successors=3,
        discount=0.95,
        random_state=0,
    )


def structural(world, transitions, **settings):
    settings = {"discount": world.discount, "features": world.features, "q_type": "structural"} | settings
    return IQLearnClassifier(transitions, **settings)


def test_both_steps_by_hand(world):
    order = {"trajectory": world.trajectory}
    model = structural(world, "estimate").fit(world.data, world.target, **order)
    found = estimate_transitions(world.data["state"], world.target, **order)
    by_hand = structural(world, found.transitions).fit(world.data, world.target, **order)
    assert_array_equal(model.coef_, by_hand.coef_)
    assert_array_equal(model.transitions_.counts, found.counts)
    other = {"reward_coef": model.coef_ * [1, 2], "discount": 0.5}
    assert_array_equal(model.counterfactual(**other).policy_, by_hand.counterfactual(**other).policy_)
    assert_array_equal(
        model.counterfactual(**other).counterfactual(forbid=1).q_table_,
        by_hand.counterfactual(**other).counterfactual(forbid=1).q_table_,
    )
    assert_array_equal(rewards.occupancy(model), rewards.occupancy(by_hand))
    assert model.sample(5, 5, random_state=0).equals(by_hand.sample(5, 5, random_state=0))
    settings = {"kind": "clustered", "trajectory": world.trajectory}
    assert_array_equal(
        inference.covariance(model, world.data, world.target, **settings),
        inference.covariance(by_hand, world.data, world.target, **settings),
    )
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.counterfactual(**other).policy_, model.counterfactual(**other).policy_)
    # What is set later counts from the next fit on.
    again.set_params(transitions=None)
    assert_array_equal(again.predict_proba(world.data), model.predict_proba(world.data))


def test_next_rows_ends_labels_and_masks(world):
    names = np.array(["stay", "go"])[world.target]
    states = world.data["state"].to_numpy()
    last = np.append(world.trajectory.to_numpy()[1:] != world.trajectory.to_numpy()[:-1], True)
    next_states = np.append(states[1:], 0)
    names[states == 2] = "go"
    model = IQLearnClassifier(TransitionEstimator(unseen="mask"), discount=1.0)
    model.fit(states[:, None], names, next_X=next_states[:, None], terminal=last)
    assert list(model.classes_) == ["go", "stay"]
    assert not model.transitions_.action_mask[2, 1]
    assert model.policy_[2, 1] == 0
    assert (model.transitions_.ended.sum(axis=1) > 0).all()
    by_order = clone(model).fit(states[:, None], names, trajectory=world.trajectory, terminal=last)
    assert_array_equal(by_order.q_table_, model.q_table_)
    mask = np.ones((STATES, 2), dtype=bool)
    mask[2, 1] = mask[0, 0] = False
    keep = (states != 0) | (names == "stay")
    both = clone(model).set_params(action_mask=mask)
    both.fit(states[keep][:, None], names[keep], next_X=next_states[keep][:, None], terminal=last[keep])
    assert_array_equal(both.policy_ > 0, mask)
    with pytest.raises(ValueError, match="action_mask excludes"):
        both.score([[0]], ["go"])
    with pytest.raises(
        ValueError, match=r"excludes 1 of 3 decisions, the first in row 1, for action 'stay' where"
    ):
        clone(both).fit([[0], [2], [-1]], ["stay", "stay", "go"], next_X=[[1], [1], [1]])


def test_a_search_estimates_from_each_fold(world):
    base = structural(world, TransitionEstimator(unseen="prior"))
    search = GridSearchCV(base, {"transitions__prior": [0.0, 1e6]}, cv=GroupKFold(4))
    search.fit(world.data, world.target, groups=world.trajectory, trajectory=world.trajectory)
    assert base.transitions.prior == 0.0  # clones have estimators of their own
    train, test = next(GroupKFold(4).split(world.data, groups=world.trajectory))
    X, y, ids = world.data.iloc[train], world.target.iloc[train], world.trajectory.iloc[train]
    kernel = estimate_transitions(X["state"], y, trajectory=ids, unseen="prior", n_states=STATES).transitions
    by_hand = structural(world, kernel).fit(X, y)
    score = by_hand.score(world.data.iloc[test], world.target.iloc[test])
    assert search.cv_results_["split0_test_score"][0] == pytest.approx(score, rel=1e-12)
    # A kernel that is the same for all actions makes their values differ by the rewards alone.
    assert search.best_params_ == {"transitions__prior": 0.0}


def test_the_bootstrap_has_the_uncertainty_of_both_steps(world):
    """Against the analytic correction (Murphy and Topel 1985), by derivatives in the shares of the moves."""
    order = {"trajectory": world.trajectory}
    X, y = world.data, world.target
    model = structural(world, TransitionEstimator(unseen="prior", n_states=STATES)).fit(X, y, **order)
    second = inference.covariance(model, X, y, kind="observed", **order).to_numpy()
    kernel = np.stack([matrix.toarray() for matrix in model.transitions_.transitions.values()])

    def coefficients(changed):
        return structural(world, changed, tol=1e-10).fit(X, y).coef_

    estimate, first, step = coefficients(kernel), np.zeros_like(second), 1e-5
    for a, s in np.ndindex(kernel.shape[:2]):
        *successors, last = np.flatnonzero(kernel[a, s])
        slopes = []
        for successor in successors:
            changed = kernel.copy()
            changed[a, s, [successor, last]] += [step, -step]
            slopes.append((coefficients(changed) - estimate) / step)
        share, slope = kernel[a, s, successors], np.array(slopes).T
        spread = (np.diag(share) - np.outer(share, share)) / model.transitions_.counts[s, a]
        first += slope @ spread @ slope.T
    known, both = np.sqrt(np.diag(second)), np.sqrt(np.diag(second + first))
    assert (both > 1.2 * known).all()  # a case where it matters
    found = inference.bootstrap(model, "coef_", X, y, n_resamples=100, random_state=0, **order)
    # The standard deviation of a hundred resamples is itself known to 7%.
    assert_allclose(found.standard_error, both, rtol=0.2)
    given = structural(world, list(map(sp.csr_array, kernel))).fit(X, y, **order)
    fixed = inference.bootstrap(given, "coef_", X, y, n_resamples=100, random_state=0, **order)
    assert_allclose(fixed.standard_error, known, rtol=0.2)


def test_columns_that_move_apart():
    rng = np.random.default_rng(0)
    n, sizes = 4000, (3, 2)
    columns = np.column_stack([rng.integers(size, size=n) for size in sizes])
    ids, y = np.ravel_multi_index(columns.T, sizes), rng.integers(2, size=n)
    order = {"trajectory": np.arange(n) // 10}
    model = IQLearnClassifier(TransitionEstimator(n_states=sizes), discount=0.8).fit(ids[:, None], y, **order)
    found = estimate_transitions(columns, y, n_states=sizes, **order)
    for matrix, expected in zip(model.transitions_.transitions.values(), found.transitions, strict=True):
        assert_array_equal(matrix.toarray(), expected.toarray())
    after = np.append(ids[1:], 0)
    by_rows = clone(model).fit(ids[:, None], y, next_X=after[:, None])
    apart = np.column_stack(np.unravel_index(after, sizes))
    expected = estimate_transitions(columns, y, n_states=sizes, next_state=apart).transitions[1]
    assert_array_equal(by_rows.transitions_.transitions[1].toarray(), expected.toarray())
    with pytest.raises(ValueError, match="states must be ids below 6, the product of n_states, got 9"):
        clone(model).fit([[9], [0]], [0, 1], trajectory=[0, 0])
    with pytest.raises(ValueError, match="n_states must be an integer >= 1, got 0"):
        clone(model).set_params(transitions__n_states=(3, 0)).fit(ids[:, None], y, **order)


def test_what_is_refused(world):
    with pytest.raises(ValueError, match="trajectory or next_state must tell what follows each row"):
        IQLearnClassifier("estimate").fit(world.data, world.target)
    with pytest.raises(ValueError, match=r"unseen='error' must have a row.*the first state 0 with action 'go'"):
        IQLearnClassifier("estimate").fit([[0], [1], [3]], ["stay", "go", "stay"], trajectory=[0, 0, 0])
    with pytest.raises(ValueError, match=r"got the class TransitionEstimator: write TransitionEstimator\(\)"):
        IQLearnClassifier(TransitionEstimator).fit(world.data, world.target)
    with pytest.raises(ValueError, match="transitions must be"):
        IQLearnClassifier("estimated").fit(world.data, world.target)
    with pytest.raises(ValueError, match="X must have one column, of state ids"):
        IQLearnClassifier("estimate").fit(np.zeros((3, 2)), [0, 1, 0], trajectory=[0, 0, 0])
    rows = {"X": world.data, "y": world.target, "trajectory": world.trajectory}
    with pytest.raises(ValueError, match="features must have a row for every state, got 4 rows, and state 4 in X"):
        structural(world, "estimate", features=world.features[:4]).fit(**rows)
    with pytest.raises(ValueError, match="action_mask must have a row for every state, got 2 rows"):
        IQLearnClassifier("estimate", action_mask=np.ones((2, STATES), dtype=bool)).fit(**rows)
