"""Decisions that come in parts: the fit is that of all rows at once."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from problems import DIVERGENCES, random_problem, rollouts
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._estimator import learning
from sklearn_iqlearn.exceptions import DataWarning

FORMS = {"tabular": 5.0, "linear": 50.0, "structural": 5.0}  # with an alpha that every divergence can keep


def decisions(seed, n_states=8):
    """Transitions, and decisions in them: states, actions, weights (some of them 0), ids and steps."""
    transitions = random_problem(seed, n_states=n_states)[0]
    X, y, order = rollouts(seed, n_states=n_states)
    weight = np.random.default_rng(seed).choice([0, 0.5, 1, 2.7], size=len(y))
    return transitions, X, y, weight, {name: order[name] for name in ("trajectory", "step")}


def learn(model, parts, X, y, weight=None, **order):
    """Pass parts of rows one after the other."""
    for rows in parts:
        columns = {name: values[rows] for name, values in order.items()}
        model.partial_fit(X[rows], y[rows], None if weight is None else weight[rows], **columns)
    return model


def random_parts(seed, n_rows, n_parts=4):
    rng = np.random.default_rng(seed)
    return np.split(
        rng.permutation(n_rows), np.sort(rng.choice(np.arange(10, n_rows), n_parts - 1, replace=False))
    )


def assert_same_fit(model, whole, atol=1e-9):
    assert_allclose(model.counts_, whole.counts_, rtol=0, atol=1e-11)
    assert_allclose(model.initial_distribution_, whole.initial_distribution_, rtol=0, atol=1e-14)
    assert_allclose(model.objective_, whole.objective_, rtol=0, atol=1e-10)
    assert_allclose(model.policy_, whole.policy_, rtol=0, atol=atol)
    assert_allclose(model.q_table_, whole.q_table_, rtol=0, atol=atol)
    assert model.converged_


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("q_type", FORMS)
@pytest.mark.parametrize("seed", range(2))
def test_any_split_is_the_whole(q_type, divergence, seed):
    """In any order, through trajectories, with weights; masks and both value terms by turns."""
    transitions, X, y, weight, order = decisions(seed)
    rng = np.random.default_rng(seed)
    mask = np.ones((8, 3), dtype=bool)
    mask[3, 1:] = seed == 0
    weight = weight * mask[X[:, 0], y]
    model = IQLearnClassifier(
        transitions,
        q_type=q_type,
        divergence=divergence,
        value_term=("expert", "initial")[seed],
        discount=0.9,
        alpha=FORMS[q_type],
        features=None if q_type == "tabular" else rng.normal(size=(8, 3, 2)),
        action_mask=mask,
        tol=1e-12,  # the two fits then differ by less than what either leaves
    )
    whole = clone(model).fit(X, y, weight, **order)
    assert_same_fit(learn(model, random_parts(seed, len(y)), X, y, weight, **order), whole)


@pytest.mark.parametrize("seed", range(5))
def test_the_objective_at_the_default_tolerance(seed):
    transitions, X, y, weight, order = decisions(seed)
    model = IQLearnClassifier(transitions, discount=0.9999, value_term="initial")
    whole = clone(model).fit(X, y, weight, **order)
    learn(model, random_parts(seed, len(y)), X, y, weight, **order)
    assert_allclose(model.objective_, whole.objective_, rtol=0, atol=1e-9)


def test_rows_that_are_no_trajectories():
    transitions, X, y, weight, _ = decisions(3)
    model = IQLearnClassifier(transitions, value_term="initial", tol=1e-12)
    whole = clone(model).fit(X, y, weight)
    assert_same_fit(learn(model, random_parts(3, len(y)), X, y, weight), whole)


@pytest.mark.parametrize("named", [False, True])
def test_without_step_calls_follow_each_other(named):
    """Trajectories may be cut where calls end; one that was left does not come back."""
    transitions, X, y, _, order = decisions(4)
    ids = np.array([f"bus {number}" for number in order["trajectory"]]) if named else order["trajectory"]
    model = IQLearnClassifier(transitions, value_term="initial", tol=1e-12)
    whole = clone(model).fit(X, y, trajectory=ids)
    parts = np.split(np.arange(len(y)), [5, 13, 100, 140, 371])
    assert_same_fit(learn(model, parts, X, y, trajectory=ids), whole)
    with pytest.raises(ValueError, match=r"contiguous and in order, over the calls.*pass step"):
        model.partial_fit(X[:3], y[:3], trajectory=ids[:3])
    # The last one is left by a row of another in between.
    between = np.array(["x"] if named else [-1])
    with pytest.raises(ValueError, match="comes back later"):
        model.partial_fit(X[:2], y[:2], trajectory=np.concatenate([between, ids[-1:]]))


def test_an_earlier_row_that_comes_later_is_the_start():
    transitions = random_problem(0)[0]
    ids, steps = np.array([7, 7, 8]), np.array([3, 1, 5])
    model = IQLearnClassifier(transitions)
    model.partial_fit([[4]], [0], [2.0], trajectory=ids[:1], step=steps[:1])
    assert_array_equal(model.initial_distribution_, np.eye(6)[4])
    model.partial_fit([[2], [5]], [0, 1], [3.0, 1.0], trajectory=ids[1:], step=steps[1:])
    assert_array_equal(model.initial_distribution_, 0.75 * np.eye(6)[2] + 0.25 * np.eye(6)[5])


def test_after_fit_and_storing_it_goes_on_and_fit_and_clone_forget():
    transitions, X, y, weight, order = decisions(5)
    first, second = np.arange(len(y)) < 200, np.arange(len(y)) >= 200
    columns = [{name: values[rows] for name, values in order.items()} for rows in (first, second)]
    model = IQLearnClassifier(transitions, tol=1e-12).fit(X[first], y[first], weight[first], **columns[0])
    alone, counts = clone(model), model.counts_.copy()
    stored = pickle.loads(pickle.dumps(model)).partial_fit(X[second], y[second], weight[second], **columns[1])
    assert_same_fit(stored, clone(model).fit(X, y, weight, **order))
    assert_array_equal(model.counts_, counts)
    alone.partial_fit(X[second], y[second], weight[second], **columns[1])
    again = stored.fit(X[second], y[second], weight[second], **columns[1])
    for forgetful in (alone, again):
        assert_allclose(forgetful.counts_.sum(), weight[second].sum(), rtol=1e-13)


def test_it_starts_from_the_last_fit():
    transitions, X, y, _, _ = decisions(6)
    model = IQLearnClassifier(transitions, discount=0.99).fit(X, y)
    cold = model.n_iter_
    model.partial_fit(X[:1], y[:1])
    assert model.n_iter_ < cold
    # With neither smoothing nor ridge the same rows once more leave the objective as it is.
    network = IQLearnClassifier(
        transitions, q_type="neural", hidden_layer_sizes=4, smoothing=0, C=np.inf, alpha=1.0, max_iter=3
    )
    with pytest.warns(ConvergenceWarning):
        network.partial_fit(X, y)
    reached = network.objective_
    with pytest.warns(ConvergenceWarning):
        network.partial_fit(X, y)
    assert_allclose(network.loss_curve_[0], reached, rtol=0, atol=1e-12)
    assert network.objective_ < reached


def test_an_action_that_is_taken_later():
    """A likelihood that has no maximum yet leaves no trace."""
    transitions, X, y, _, _ = decisions(7)
    features = np.random.default_rng(7).normal(size=(8, 3, 2))
    features[:, 1] = 0, 0
    features[:, 2] += 1
    model = IQLearnClassifier(transitions, q_type="structural", features=features, tol=1e-12)
    whole = clone(model).fit(X, y)
    first = np.flatnonzero((y == 2) & (X[:, 0] == 0))
    with pytest.warns(ConvergenceWarning) as told:
        model.partial_fit(X[first], y[first])
    assert told[0].filename == __file__
    rest = np.setdiff1d(np.arange(len(y)), first)
    assert_same_fit(model.partial_fit(X[rest], y[rest]), whole)


def test_doubts_are_told_where_the_call_stands():
    transitions, X, y, _, order = decisions(0)
    contrary = np.stack([np.roll(np.eye(8), shift, axis=1) for shift in range(3)])
    with pytest.warns(DataWarning) as told:
        IQLearnClassifier(contrary).partial_fit(X, y, **order)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        IQLearnClassifier(transitions).partial_fit(X, y, **order)


def test_there_is_a_method_where_transitions_are_given():
    transitions = random_problem(0)[0]
    assert hasattr(IQLearnClassifier(transitions), "partial_fit")
    for model in (IQLearnClassifier(), IQLearnClassifier("estimate")):
        assert not hasattr(model, "partial_fit")
        with pytest.raises(AttributeError, match="partial_fit"):
            model.partial_fit([[0.0]], [0])


def test_metadata_is_requested():
    model = IQLearnClassifier(random_problem(0)[0])
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_partial_fit_request(trajectory=True, step="time", classes=False)
        requests = model.get_metadata_routing().partial_fit.requests
    assert requests == {"sample_weight": None, "classes": False, "trajectory": True, "step": "time"}


def test_columns_are_those_of_the_first_call():
    transitions = random_problem(0)[0]
    model = IQLearnClassifier(transitions).partial_fit(pd.DataFrame({"state": [0, 1]}), [0, 1], classes=[2, 1, 0])
    assert (model.n_features_in_, model.feature_names_in_.tolist()) == (1, ["state"])
    with pytest.raises(ValueError, match="feature names"):
        model.partial_fit(pd.DataFrame({"place": [0, 1]}), [0, 1])
    with pytest.raises(ValueError, match="2 features"):
        IQLearnClassifier(transitions).fit([[0]], [0]).partial_fit([[0, 1]], [0])
    nameless = IQLearnClassifier(transitions).partial_fit([[0], [1]], [0, 1])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.partial_fit([[0]], [2])
    with pytest.warns(UserWarning, match="X has feature names"):
        nameless.partial_fit(pd.DataFrame({"state": [0]}), [2])
    assert model.feature_names_in_.tolist() == ["state"]
    assert not hasattr(nameless, "feature_names_in_")


@pytest.mark.parametrize("again", ["fit", "partial_fit"])
def test_a_fit_that_breaks_off_leaves_the_last_one(again, monkeypatch):
    transitions, X, y, _, _ = decisions(0)
    model = IQLearnClassifier(transitions).partial_fit(X[:50], y[:50])
    before = pickle.dumps(model)

    def broken(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(learning, "solve", broken)
        with pytest.raises(KeyboardInterrupt):
            getattr(model, again)(X[50:], y[50:])
    assert pickle.dumps(model) == before
    assert_same_fit(model.partial_fit(X[50:], y[50:]), IQLearnClassifier(transitions).fit(X, y))


def test_what_does_not_go_together_is_refused_and_changes_nothing():
    transitions = random_problem(0)[0]
    plain = IQLearnClassifier(transitions).partial_fit([[0], [1]], [0, 1])
    timed = IQLearnClassifier(transitions).partial_fit([[0], [1]], [0, 1], trajectory=[1, 1], step=[0, 1])
    refused = [
        (plain, {"trajectory": [1]}, "trajectory must be given in every call"),
        (timed, {}, "trajectory must be given in every call"),
        (timed, {"trajectory": [1]}, "step must be given in every call"),
        (timed, {"trajectory": [1], "step": [0]}, "the step 0 twice in trajectory 1"),
        (timed, {"trajectory": ["1"], "step": [2]}, "ids of one type, got int and str"),
        (plain, {"classes": [0, 1]}, r"classes must be the actions of transitions, \[0, 1, 2\], got \[0, 1\]"),
    ]
    for model, columns, message in refused:
        with pytest.raises(ValueError, match=message):
            model.partial_fit([[0]], [0], **columns)
        assert model.counts_.sum() == 2
    with pytest.raises(ValueError, match=r"6 states and the actions .* got 5 states"):
        clone_with(plain, transitions=random_problem(0, n_states=5)[0]).partial_fit([[0]], [0])
    mask = np.ones((6, 3), dtype=bool)
    mask[1, 1] = False
    with pytest.raises(ValueError, match="excludes action 1 in state 1"):
        clone_with(plain, action_mask=mask).partial_fit([[0]], [0])
    network = IQLearnClassifier(transitions, q_type="neural", early_stopping=True)
    with pytest.raises(ValueError, match="early_stopping must be False in partial_fit"):
        network.partial_fit([[0]], [0])


def clone_with(model, **parameters):
    """A fitted copy with other parameters."""
    return pickle.loads(pickle.dumps(model)).set_params(**parameters)
