"""States that are rows of features: what follows what, and what is not known."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import DIVERGENCES, as_rows, random_problem, rollouts
from sklearn.datasets import load_iris

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._q_functions.tabular import find_rows


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_empirical_kernel_is_one_of_given_transitions(divergence):
    """With every pair tried and no cut-off, the rows and their empirical kernel are one problem."""
    states, actions, order = rollouts()
    ids, steps, terminal = order["trajectory"], order["step"], steps_end(order)
    kernel = np.zeros((3, 8, 8))
    visits = np.zeros((8, 3))
    for i in range(len(actions)):
        visits[states[i, 0], actions[i]] += 1
        if not terminal[i]:
            kernel[actions[i], states[i, 0], states[i + 1, 0]] += 1
    assert (visits > 0).all()
    kernel /= visits.T[:, :, None]
    rows = IQLearnClassifier(q_type="tabular", divergence=divergence, alpha=1.0).fit(
        states, actions, trajectory=ids, step=steps, terminal=terminal
    )
    given = IQLearnClassifier(kernel, divergence=divergence, alpha=1.0).fit(states, actions)
    assert_allclose(rows.q_table_, given.q_table_, rtol=0, atol=1e-9)
    assert_allclose(rows.predict_proba(states), given.predict_proba(states), rtol=0, atol=1e-9)


def steps_end(order):
    """Terminal where a trajectory ends: nothing is cut off."""
    return order["step"] == order["step"].max()


def test_an_action_never_tried_gets_the_mean_successor_of_the_others():
    """Tabular Q: weight kappa for the pair, and the kernel of the actions tried there."""
    X, y = np.array([[0.0], [0.0], [0.0], [1.0]]), np.array(["a", "a", "b", "c"])
    next_X = np.array([[0.0], [1.0], [1.0], [1.0]])
    terminal = np.array([False, False, False, True])
    rows = IQLearnClassifier(q_type="tabular", smoothing=0.5).fit(X, y, next_X=next_X, terminal=terminal)
    # a from 0: half stays, half goes; b goes; c never tried there: one in three stays.
    kernel = {
        "a": np.array([[1 / 2, 1 / 2], [0, 0]]),
        "b": np.array([[0, 1.0], [0, 0]]),
        "c": np.array([[1 / 3, 2 / 3], [0, 0]]),
    }
    given = IQLearnClassifier(kernel, smoothing=0.5).fit(X, y)
    assert_allclose(rows.q_table_, given.q_table_, rtol=0, atol=1e-10)
    assert_allclose(rows.reward_, given.reward_, rtol=0, atol=1e-10)


def test_a_cut_off_row_counts_in_the_likelihood_alone():
    """Linear Q: J by hand for two rows, of which the second has no known successor."""
    X, y = np.array([[1.0], [2.0]]), np.array([0, 1])
    model = IQLearnClassifier(alpha=2.0, smoothing=0.0, discount=0.9, C=10.0).fit(X, y, trajectory=[7, 7])
    q = X @ model.coef_.T + model.intercept_
    value = np.log(np.exp(q).sum(axis=1))
    reward = q[0, 0] - 0.9 * value[1]
    log_likelihood = (q[0, 0] - value[0] + q[1, 1] - value[1]) / 2
    objective = -log_likelihood + reward**2 / (4 * 2.0) / 2 + np.sum(model.coef_**2) / (2 * 10.0 * 2)
    assert_allclose(model.objective_, objective, rtol=1e-12)
    assert_allclose(model.reward_[0, 0], reward, rtol=1e-10, atol=1e-12)
    assert np.isnan(model.reward_).sum() == 3  # only one pair has a known continuation


def test_without_order_every_row_is_an_episode():
    X, y = load_iris(return_X_y=True)
    base = IQLearnClassifier(discount=0.0).fit(X, y)
    for discount in (0.5, 0.99):
        one_step = IQLearnClassifier(discount=discount).fit(X, y)
        assert_allclose(one_step.q_table_, base.q_table_, rtol=0, atol=1e-12)
    ended = IQLearnClassifier(discount=0.9).fit(X, y, next_X=X, terminal=np.ones(len(y), dtype=bool))
    assert_allclose(ended.q_table_, base.q_table_, rtol=0, atol=1e-12)


@pytest.mark.parametrize("q_type", ["tabular", "linear"])
def test_next_rows_and_trajectories_tell_the_same(q_type):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), rng.integers(3, size=40)
    ids, steps = np.repeat(np.arange(4), 10), np.tile(np.arange(10), 4)
    terminal = steps == 9
    model = IQLearnClassifier(q_type=q_type, alpha=5.0)
    by_id = model.fit(X, y, trajectory=ids, terminal=terminal).predict_proba(X)
    by_row = model.fit(X, y, next_X=np.roll(X, -1, axis=0), terminal=terminal).predict_proba(X)
    assert_allclose(by_row, by_id, rtol=0, atol=1e-10)
    order = rng.permutation(40)
    shuffled = model.fit(X[order], y[order], trajectory=ids[order], step=steps[order], terminal=terminal[order])
    assert_allclose(shuffled.predict_proba(X), by_id, rtol=0, atol=1e-10)


@pytest.mark.parametrize("q_type", ["tabular", "linear"])
def test_one_row_is_enough(q_type):
    model = IQLearnClassifier(q_type=q_type).fit([[1.0, 2.0]], ["a"], trajectory=[0])
    assert model.predict([[1.0, 2.0]]).tolist() == ["a"]
    assert model.predict_proba([[1.0, 2.0]]).tolist() == [[1.0]]


def test_a_gap_in_the_steps_cuts_off():
    X, y = np.arange(4.0)[:, None], np.array([0, 1, 0, 1])
    gap = IQLearnClassifier().fit(X, y, trajectory=[0] * 4, step=[0, 1, 3, 4])
    known = ~np.isnan(gap.reward_[np.arange(4), y])
    assert known.tolist() == [True, False, True, False]


def test_unseen_states_get_the_uniform_policy():
    model = IQLearnClassifier(q_type="tabular").fit([[0.0, 1.0], [1.0, 1.0], [1.0, 1.0]], ["a", "b", "c"])
    assert_allclose(model.predict_proba([[5.0, 5.0]]), [[1 / 3] * 3])
    assert model.predict_proba([[-0.0, 1.0]])[0, 0] > 0.4
    assert find_rows(np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[0.0, -0.0], [3.0, 0.0]])).tolist() == [1, -1]


X4, Y4 = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"trajectory": [0, 1, 0, 1]}, "trajectory: the rows of a trajectory must be contiguous.*pass step"),
        (
            {"trajectory": [0, 0, 0, 0], "step": [0, 1, 1, 2]},
            "got the step 1 twice in trajectory 0. Where steps begin anew",
        ),
        ({"trajectory": [0] * 4, "next_X": X4}, "trajectory and next_X both tell the next state"),
        ({"terminal": [False] * 4}, "terminal needs trajectory or next_X"),
        ({"step": [0, 1, 2, 3]}, "step needs trajectory"),
        ({"trajectory": [0] * 4, "terminal": [True] * 3}, r"terminal must have one value per row, shape \(4,\)"),
        ({"trajectory": [0] * 4, "terminal": [0.5] * 4}, "terminal must be boolean, got .*0.5"),
        ({"trajectory": [0] * 4, "terminal": [True, False, False, True]}, "terminal rows must be the last"),
        ({"next_X": X4[:, :1]}, r"next_X must have the shape of X, \(4, 2\), got \(4, 1\)"),
        ({"next_X": X4[:3]}, r"next_X must have the shape of X, \(4, 2\), got \(3, 2\)"),
        ({"next_X": X4 * np.nan}, "next_X must be finite in rows that are not terminal"),
        ({"trajectory": [1.0, 1.0, np.nan, np.nan]}, "trajectory must have no missing id, got .*nan"),
        (
            {"trajectory": np.array(["a", "a", None, None], dtype=object)},
            "trajectory must have no missing id, got None",
        ),
        ({"trajectory": [0] * 4, "step": [0, 1, 2, 1e300]}, r"step must be integers, got 1e\+300"),
        (
            {"trajectory": [0] * 4, "terminal": [True, False, None, pd.NA]},
            "terminal must be boolean, got None",
        ),
        ({"sample_weight": ["a", "b", "c", "d"]}, "sample_weight must be real numbers, got 'a'"),
        ({"sample_weight": [1e-320] * 4}, "sample_weight and C must not be vanishingly small"),
        ({"next_X": np.full((4, 2), "a")}, "next_X must be real numbers, got 'a'"),
    ],
)
def test_bad_order(order, message):
    model = IQLearnClassifier()
    with pytest.raises(ValueError, match=message):
        model.fit(X4, Y4, **order)
    assert not hasattr(model, "classes_")
    assert model.fit(X4, Y4).converged_


def test_next_rows_of_terminal_rows_are_not_looked_at():
    terminal = np.array([False, False, False, True])
    next_X = np.vstack([X4[1:], [[np.nan, np.inf]]])
    by_row = IQLearnClassifier().fit(X4, Y4, next_X=next_X, terminal=terminal)
    by_id = IQLearnClassifier().fit(X4, Y4, trajectory=[0] * 4, terminal=terminal)
    assert_allclose(by_row.predict_proba(X4), by_id.predict_proba(X4), rtol=0, atol=1e-12)


def test_the_last_state_of_a_cut_off_trajectory_is_bounded():
    """Tabular Q: nothing is known of what follows, so the state stands in for its own successor."""
    model = IQLearnClassifier(q_type="tabular").fit([[0.0], [1.0]], [0, 1], trajectory=[0, 0])
    assert 0.5 < model.policy_[1, 1] < 0.95
    # Its own successor: the reward is Q - discount * V of the same state.
    assert_allclose(model.reward_[1], model.q_table_[1] - 0.95 * model.value_[1], rtol=0, atol=1e-12)


def test_initial_value_term_needs_a_known_continuation():
    with pytest.raises(ValueError, match="value_term='initial' needs rows whose next state is known"):
        IQLearnClassifier(value_term="initial").fit(X4, Y4, trajectory=[0, 1, 2, 3])


def test_score_and_predict_refuse_what_fit_never_saw():
    model = IQLearnClassifier().fit(X4, Y4)
    with pytest.raises(ValueError, match=r"y must hold actions of \[0, 1\], got .*2"):
        model.score(X4, [0, 1, 2, 0])
    with pytest.raises(TypeError, match="X must be dense, got sparse rows"):
        IQLearnClassifier(q_type="tabular").fit(sp.csr_array(X4), Y4)
    with pytest.raises(ValueError, match="X contains NaN"):
        model.fit(X4 * np.nan, Y4)


def test_given_transitions_refuse_other_successors():
    transitions, counts, _ = random_problem(0)
    X, y, _ = as_rows(counts)
    for name, value in {"next_X": X, "terminal": np.zeros(len(y))}.items():
        with pytest.raises(ValueError, match=f"{name} must be None where transitions are given"):
            IQLearnClassifier(transitions).fit(X, y, **{name: value})
