"""scikit-learn's tools around the estimator: what each reports, checked by other means."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.optimize
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import DecisionBoundaryDisplay, PartialDependenceDisplay, permutation_importance
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_predict, learning_curve
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from walks import CV, assert_same, differ, linear, log_likelihood, walks

mpl.use("Agg")


def test_pipeline_scales_before_the_fit():
    d = walks()
    scaled = (d.X - d.X.mean(axis=0)) / d.X.std(axis=0)
    pipeline = make_pipeline(StandardScaler(), linear())
    pipeline.fit(d.X, d.y, iqlearnclassifier__trajectory=d.trajectory)
    by_hand = linear().fit(scaled, d.y, trajectory=d.trajectory)
    assert_allclose(pipeline.predict_proba(d.X), by_hand.predict_proba(scaled), rtol=0, atol=1e-9)
    assert differ(by_hand, linear().fit(scaled, d.y), scaled) > 1e-3  # the trajectory was used


def test_column_transformer_in_front():
    d = walks()
    place = np.array(["left", "right"])[(d.X[:, 0] > 0).astype(int)]
    frame = pd.DataFrame({"height": d.X[:, 1], "place": place})
    columns = ColumnTransformer(
        [("number", StandardScaler(), ["height"]), ("label", OneHotEncoder(), ["place"])], sparse_threshold=0
    )
    pipeline = make_pipeline(columns, linear()).fit(frame, d.y, iqlearnclassifier__trajectory=d.trajectory)
    height = (d.X[:, 1] - d.X[:, 1].mean()) / d.X[:, 1].std()
    coded = np.column_stack([height, place == "left", place == "right"]).astype(float)
    by_hand = linear().fit(coded, d.y, trajectory=d.trajectory)
    assert_allclose(pipeline.predict_proba(frame), by_hand.predict_proba(coded), rtol=0, atol=1e-9)


GRID = {"alpha": [0.5, 5.0], "divergence": ["chi2", "kl"], "q_type": ["linear", "tabular"]}


def test_grid_search_slices_the_trajectories_of_each_fold():
    d = walks(decimals=0)  # states come back, also in other trajectories
    search = GridSearchCV(linear(), GRID, cv=CV, error_score="raise")
    search.fit(d.X, d.y, groups=d.trajectory, trajectory=d.trajectory)
    assert len(search.cv_results_["params"]) == 8
    for fold, (train, test) in enumerate(CV.split(d.X, d.y, d.trajectory)):
        for i, parameters in enumerate(search.cv_results_["params"]):
            model = linear(**parameters).fit(d.X[train], d.y[train], trajectory=d.trajectory[train])
            expected = log_likelihood(model, d.X[test], d.y[test])
            assert_allclose(search.cv_results_[f"split{fold}_test_score"][i], expected, rtol=1e-12)
    means = search.cv_results_["mean_test_score"]
    assert len(np.unique(means.round(9))) == 8  # every parameter counts
    assert search.best_params_ == search.cv_results_["params"][means.argmax()]
    again = linear(**search.best_params_).fit(d.X, d.y, trajectory=d.trajectory)
    assert_same(search.best_estimator_, again, d.X)


def test_halving_grid_search():
    d = walks(decimals=0)
    search = HalvingGridSearchCV(
        linear(), GRID, cv=CV, factor=2, min_resources=24, random_state=0, error_score="raise"
    )
    # It shuffles the rows that it samples, so that step is needed.
    search.fit(d.X, d.y, groups=d.trajectory, trajectory=d.trajectory, step=d.step)
    assert search.n_candidates_ == [8, 4, 2]
    results = pd.DataFrame(search.cv_results_)
    last = results[results["iter"] == 2]
    assert search.best_params_ == last.loc[last["mean_test_score"].idxmax(), "params"]
    again = linear(**search.best_params_).fit(d.X, d.y, trajectory=d.trajectory)
    assert_same(search.best_estimator_, again, d.X, atol=1e-12)


def test_cross_val_predict():
    d = walks(n_actions=3)
    found = cross_val_predict(
        linear(),
        d.X,
        d.y,
        groups=d.trajectory,
        cv=CV,
        method="predict_proba",
        params={"trajectory": d.trajectory},
    )
    for train, test in CV.split(d.X, d.y, d.trajectory):
        model = linear().fit(d.X[train], d.y[train], trajectory=d.trajectory[train])
        assert_array_equal(found[test], model.predict_proba(d.X[test]))


def test_learning_curve_reports_log_likelihoods():
    d = walks()
    sizes, train_scores, test_scores = learning_curve(
        linear(),
        d.X,
        d.y,
        groups=d.trajectory,
        cv=CV,
        train_sizes=[0.5, 1.0],
        error_score="raise",
        params={"trajectory": d.trajectory},
    )
    assert sizes.tolist() == [32, 64]
    for fold, (train, test) in enumerate(CV.split(d.X, d.y, d.trajectory)):
        for i, size in enumerate(sizes):
            first = train[:size]
            model = linear().fit(d.X[first], d.y[first], trajectory=d.trajectory[first])
            assert_allclose(train_scores[i, fold], log_likelihood(model, d.X[first], d.y[first]))
            assert_allclose(test_scores[i, fold], log_likelihood(model, d.X[test], d.y[test]))


@pytest.mark.parametrize("labels", [["go", "stay"], [0, 1]])
def test_calibration(labels):
    d = walks()
    y = np.array(labels)[d.y]
    calibrated = CalibratedClassifierCV(linear(), cv=list(CV.split(d.X, y, d.trajectory)))
    calibrated.fit(d.X, y, trajectory=d.trajectory)
    total = 0.0
    for (train, test), one in zip(CV.split(d.X, y, d.trajectory), calibrated.calibrated_classifiers_, strict=True):
        model = linear().fit(d.X[train], y[train], trajectory=d.trajectory[train])
        assert_same(one.estimator, model, d.X)
        sigmoid = one.calibrators[0]
        total += expit(-(sigmoid.a_ * model.decision_function(d.X) + sigmoid.b_))
        # Platt's sigmoid is fitted to the decisions held out, with his targets short of 0 and 1.
        scores, positive = model.decision_function(d.X[test]), y[test] == labels[1]
        target = np.where(positive, (positive.sum() + 1) / (positive.sum() + 2), 1 / ((~positive).sum() + 2))

        def loss(ab, scores=scores, target=target):
            z = ab[0] * scores + ab[1]
            return np.mean(target * np.logaddexp(0, z) + (1 - target) * np.logaddexp(0, -z))

        found = scipy.optimize.minimize(loss, np.zeros(2)).x
        assert_allclose([sigmoid.a_, sigmoid.b_], found, rtol=0, atol=1e-3)
    assert_allclose(calibrated.predict_proba(d.X)[:, 1], total / 3, rtol=1e-10)
    assert calibrated.score(d.X, y) == np.mean(calibrated.predict(d.X) == y)  # accuracy, not a likelihood


def test_voting():
    d = walks(n_actions=3)
    y = np.array(["a", "b", "c"])[d.y]
    members = [("wide", linear(alpha=20.0)), ("narrow", linear(alpha=0.1))]
    vote = VotingClassifier(members, voting="soft").fit(d.X, y)
    expected = np.mean([model.fit(d.X, y).predict_proba(d.X) for _, model in members], axis=0)
    assert_allclose(vote.predict_proba(d.X), expected, rtol=1e-12)
    assert_array_equal(vote.predict(d.X), np.array(["a", "b", "c"])[expected.argmax(axis=1)])


def test_stacking():
    d = walks(n_actions=3)
    folds = list(CV.split(d.X, d.y, d.trajectory))
    stack = StackingClassifier([("one", linear())], final_estimator=linear(alpha=10.0), cv=folds).fit(d.X, d.y)
    held_out = np.zeros((len(d.y), 3))
    for train, test in folds:
        held_out[test] = linear().fit(d.X[train], d.y[train]).predict_proba(d.X[test])
    final = linear(alpha=10.0).fit(held_out, d.y)
    expected = final.predict_proba(linear().fit(d.X, d.y).predict_proba(d.X))
    assert_allclose(stack.predict_proba(d.X), expected, rtol=1e-9)


def test_bagging():
    d = walks(n_actions=3)
    bags = BaggingClassifier(linear(), n_estimators=3, random_state=0).fit(d.X, d.y)
    members = [linear().fit(d.X[rows], d.y[rows]) for rows in bags.estimators_samples_]
    expected = np.mean([model.predict_proba(d.X) for model in members], axis=0)
    assert_allclose(bags.predict_proba(d.X), expected, rtol=0, atol=1e-9)


def test_one_against_the_rest():
    d = walks(n_actions=3)
    y = np.array(["a", "b", "c"])[d.y]
    rest = OneVsRestClassifier(linear()).fit(d.X, y)
    each = np.column_stack([linear().fit(d.X, y == label).predict_proba(d.X)[:, 1] for label in "abc"])
    assert_allclose(rest.predict_proba(d.X), each / each.sum(axis=1, keepdims=True), rtol=1e-12)


def test_permutation_importance_is_lost_log_likelihood():
    d = walks()
    X = np.column_stack([d.X, np.ones(len(d.X))])
    model = linear().fit(X, d.y, trajectory=d.trajectory)
    default, likelihood, accuracy = (
        permutation_importance(model, X, d.y, scoring=scoring, n_repeats=3, random_state=0).importances
        for scoring in (None, "neg_log_loss", "accuracy")
    )
    assert_allclose(default, likelihood, rtol=0, atol=1e-12)
    assert np.abs(default - accuracy).max() > 0.01
    assert_array_equal(default[2], 0)
    assert default[:2].max() > 0.01


def test_partial_dependence():
    d = walks()
    model = linear().fit(d.X, d.y, trajectory=d.trajectory)
    display = PartialDependenceDisplay.from_estimator(
        model, d.X, [1], response_method="predict_proba", grid_resolution=5
    )
    found = display.pd_results[0]
    for value, average in zip(found["grid_values"][0], found["average"][0], strict=True):
        moved = np.column_stack([d.X[:, 0], np.full(len(d.X), value)])
        assert_allclose(average, model.predict_proba(moved)[:, 1].mean(), rtol=1e-12)
    mpl.pyplot.close("all")


def test_decision_boundary():
    d = walks(n_actions=3)
    model = linear().fit(d.X, d.y)
    display = DecisionBoundaryDisplay.from_estimator(
        model, d.X, response_method="predict_proba", class_of_interest=1, grid_resolution=7
    )
    points = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
    assert_allclose(display.response.ravel(), model.predict_proba(points)[:, 1], rtol=1e-12)
    mpl.pyplot.close("all")


def test_frozen():
    d, other = walks(), walks(seed=1)
    model = linear().fit(d.X, d.y, trajectory=d.trajectory)
    before = model.predict_proba(other.X)
    frozen = clone(FrozenEstimator(model)).fit(other.X, other.y)
    assert frozen.estimator is model
    assert_array_equal(frozen.predict_proba(other.X), before)
    calibrated = CalibratedClassifierCV(frozen, cv=CV.split(other.X, other.y, other.trajectory))
    assert calibrated.fit(other.X, other.y).calibrated_classifiers_[0].estimator.estimator is model
    assert_array_equal(model.predict_proba(other.X), before)
