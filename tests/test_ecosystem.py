"""The estimator among scikit-learn's tools: what each tool reports, checked by other means."""

import copy
import pickle
import re
import subprocess
import sys
import warnings
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import jax
import joblib
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.sparse as sp
import sklearn
import skops.io
from numpy.testing import assert_allclose, assert_array_equal
from problems import as_rows, random_problem
from scipy.special import expit, log_softmax, logsumexp
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import DecisionBoundaryDisplay, PartialDependenceDisplay, permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    cross_val_predict,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from sklearn_iqlearn import IQLearnClassifier

try:
    from sklearn.callback import ProgressBar, ScoringMonitor
except ImportError:
    ProgressBar = ScoringMonitor = None

mpl.use("Agg")
needs_callbacks = pytest.mark.skipif(ScoringMonitor is None, reason="scikit-learn 1.9 brought callbacks")

CV = GroupKFold(3)


def walks(seed=0, n_trajectories=12, length=8, n_actions=2, decimals=6):
    """Trajectories of a drifting walk on the plane, with actions that depend on where it is."""
    rng = np.random.default_rng(seed)
    shape = (n_trajectories, length)
    X = (rng.normal(size=(*shape, 2)).cumsum(axis=1) / 2 + [0, 5]).reshape(-1, 2).round(decimals)
    scores = (X - [0, 5]) @ rng.normal(size=(2, n_actions)) + rng.gumbel(size=(len(X), n_actions))
    step = np.tile(np.arange(length), n_trajectories)
    return SimpleNamespace(
        X=X,
        y=scores.argmax(axis=1),
        trajectory=np.repeat(np.arange(n_trajectories), length),
        step=step,
        next_X=np.roll(X, -1, axis=0),  # what it says of terminal rows is never used
        terminal=step == length - 1,
    )


def linear(**parameters):
    return IQLearnClassifier(**({"discount": 0.8, "alpha": 2.0} | parameters))


def small(q_type, **parameters):
    """A model that fits in no time; a network does not converge in it."""
    quick = {"learning_rate": 0.05} | ({"max_iter": 20} if q_type == "neural" else {})
    return linear(q_type=q_type, hidden_layer_sizes=(4,), random_state=0, **(quick | parameters))


def fitted(model, *args, **kwargs):
    """The model after its fit; the networks here have no time to converge."""
    if model.q_type == "neural":
        with pytest.warns(ConvergenceWarning):
            return model.fit(*args, **kwargs)
    return model.fit(*args, **kwargs)


def log_likelihood(model, X, y):
    """Mean log-probability of the actions, by way of predict_proba."""
    return np.mean(np.log(model.predict_proba(X)[np.arange(len(y)), np.searchsorted(model.classes_, y)]))


def assert_same(one, two, X, atol=0.0):
    """Two fits have the same policy: to the last bit unless told otherwise."""
    assert_allclose(one.predict_proba(X), two.predict_proba(X), rtol=0, atol=atol)


def differ(one, two, X):
    return np.abs(one.predict_proba(X) - two.predict_proba(X)).max()


# ------------------------------------------------------------------------------------------ inside other tools


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


# ------------------------------------------------------------------------------- what belongs to each row: routing


def test_search_with_routing_is_the_search_without():
    d = walks()
    plain = GridSearchCV(linear(), {"alpha": [0.5, 5.0]}, cv=CV, error_score="raise")
    plain.fit(d.X, d.y, groups=d.trajectory, trajectory=d.trajectory, step=d.step)
    with sklearn.config_context(enable_metadata_routing=True):
        model = linear().set_fit_request(trajectory=True, step=True)
        by_trajectory = GroupKFold(3).set_split_request(groups="trajectory")
        routed = GridSearchCV(model, {"alpha": [0.5, 5.0]}, cv=by_trajectory, error_score="raise")
        routed.fit(d.X, d.y, trajectory=d.trajectory, step=d.step)
    for fold in range(3):
        key = f"split{fold}_test_score"
        assert_array_equal(routed.cv_results_[key], plain.cv_results_[key])
    assert_same(routed.best_estimator_, plain.best_estimator_, d.X)


def test_pipeline_must_transform_next_states():
    d = walks()
    with sklearn.config_context(enable_metadata_routing=True):
        model = linear().set_fit_request(trajectory=True, next_X=True, terminal=True)
        plain, transforming = (
            Pipeline([("scale", StandardScaler()), ("model", clone(model))], transform_input=names)
            for names in (None, ["next_X"])
        )
        follow = clone(plain).fit(d.X, d.y, trajectory=d.trajectory, terminal=d.terminal)
        pairs = transforming.fit(d.X, d.y, next_X=d.next_X, terminal=d.terminal)
        unscaled = clone(plain).fit(d.X, d.y, next_X=d.next_X, terminal=d.terminal)
        assert_same(pairs, follow, d.X)
        assert differ(unscaled, follow, d.X) > 1e-2  # states met next states in other units


def objective_by_hand(parameters, X, y, following, alpha, discount, C):
    """J of a linear Q with chi2, two actions and smoothing 1, in distinct states: straight from its definition.

    ``following`` holds the next state of each row, NaN where the row was cut off.
    """
    coef, intercept = parameters[:4].reshape(2, 2), parameters[4:]
    q = X @ coef.T + intercept
    chosen = np.arange(len(y)), y
    known = ~np.isnan(following[:, 0])
    reward = q[chosen] - discount * logsumexp(np.nan_to_num(following) @ coef.T + intercept, axis=1)
    penalty = np.sum((1 + 1.0) * reward[known] ** 2 / (4 * alpha)) / len(y)
    return -np.mean(log_softmax(q, axis=1)[chosen]) + penalty + np.sum(coef**2) / (2 * C * len(y))


def test_step_prevents_false_successors_in_shuffled_folds():
    d = walks()
    settings = {"alpha": 2.0, "discount": 0.8, "C": 10.0}
    splits = list(KFold(3, shuffle=True, random_state=0).split(d.X))
    search = GridSearchCV(linear(**settings), {"alpha": [2.0]}, cv=splits, error_score="raise")
    search.fit(d.X, d.y, trajectory=d.trajectory, step=d.step)
    for fold, (train, test) in enumerate(splits):
        # The true next row counts where it is in the fold; else the row was cut off.
        present = np.isin(train + 1, train) & ~d.terminal[train]
        assert 0.3 < present.mean() < 0.8
        following = np.where(present[:, None], d.next_X[train], np.nan)
        arguments = (d.X[train], d.y[train], following, *(settings[name] for name in ("alpha", "discount", "C")))
        found = scipy.optimize.minimize(objective_by_hand, np.zeros(6), arguments, options={"gtol": 1e-6})
        order = np.random.default_rng(0).permutation(train)
        model = linear(**settings).fit(d.X[order], d.y[order], trajectory=d.trajectory[order], step=d.step[order])
        assert_allclose(model.objective_, found.fun, rtol=0, atol=1e-9)
        assert_allclose(np.append(model.coef_, model.intercept_), found.x, rtol=0, atol=1e-3)
        expected = log_likelihood(model, d.X[test], d.y[test])
        assert_allclose(search.cv_results_[f"split{fold}_test_score"], expected, rtol=0, atol=1e-10)
        # Without step, rows on either side of one left out would become neighbours.
        joined = linear(**settings).fit(d.X[train], d.y[train], trajectory=d.trajectory[train])
        assert differ(joined, model, d.X) > 1e-3


# ------------------------------------------------------------------------------------------------- callbacks

SOLVERS = [
    ("newton", "linear"),
    ("newton", "tabular"),
    ("lbfgs", "linear"),
    ("adam", "linear"),
    ("adam", "neural"),
]


class Stop:
    """Ends a fit after so many iterations."""

    def __init__(self, after):
        self.after, self.seen = after, 0

    def setup(self, estimator, context):
        self.seen = 0

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.seen += context.task_name == "iteration"
        return self.seen == self.after


@needs_callbacks
@pytest.mark.parametrize(("solver", "q_type"), SOLVERS)
@pytest.mark.parametrize("as_frame", [False, True])
def test_scoring_monitor(solver, q_type, as_frame):
    d = walks()
    X = pd.DataFrame(d.X, columns=["x", "y"]) if as_frame else d.X
    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = small(q_type, solver=solver).set_callbacks(monitor)
    fitted(model, X, d.y, trajectory=d.trajectory)
    fit, *iterations = monitor.get_logs().data
    assert [entry["task_name"] for entry in iterations] == ["iteration"] * model.n_iter_
    assert_allclose(fit["neg_log_loss"], model.score(X, d.y), rtol=1e-12)
    # Adam returns its best epoch, the others the last iteration.
    atol = 1e-2 if solver == "adam" else 1e-12
    assert_allclose(iterations[-1]["neg_log_loss"], model.score(X, d.y), rtol=0, atol=atol)
    assert iterations[0]["neg_log_loss"] != iterations[-1]["neg_log_loss"]


@needs_callbacks
def test_scoring_monitor_uses_the_weights():
    d = walks()
    weight = np.where(d.y == 1, 3.0, 0.5)
    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = linear().set_callbacks(monitor).fit(d.X, d.y, sample_weight=weight, trajectory=d.trajectory)
    assert_allclose(monitor.get_logs().data[0]["neg_log_loss"], model.score(d.X, d.y, weight), rtol=1e-12)
    assert abs(model.score(d.X, d.y, weight) - model.score(d.X, d.y)) > 1e-3


@needs_callbacks
def test_scoring_monitor_of_a_second_fit_on_other_columns():
    d = walks()
    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = linear().fit(np.column_stack([d.X, d.X]), d.y).set_callbacks(monitor).fit(d.X, d.y)
    assert_allclose(monitor.get_logs().data[-1]["neg_log_loss"], model.score(d.X, d.y), rtol=1e-6)


@needs_callbacks
@pytest.mark.parametrize(("solver", "q_type"), SOLVERS)
@pytest.mark.parametrize("max_iter", [1, 30])
def test_progress_bar(solver, q_type, max_iter, capsys):
    pytest.importorskip("rich")
    d = walks()
    plain, shown = (small(q_type, solver=solver, max_iter=max_iter) for _ in range(2))
    for model in (plain, shown.set_callbacks(ProgressBar())):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # some have converged by then, some not
            model.fit(d.X, d.y, trajectory=d.trajectory)
    assert "IQLearnClassifier - fit" in capsys.readouterr().out
    assert_same(plain, shown, d.X)
    assert plain.n_iter_ == shown.n_iter_ <= max_iter


@needs_callbacks
@pytest.mark.parametrize("max_iter", [1, 5, 200])
def test_callbacks_on_the_way_through_barriers(max_iter, capsys):
    d = walks()
    model = linear(divergence="tv", max_iter=max_iter).set_callbacks(ProgressBar())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(d.X, d.y, trajectory=d.trajectory)
    assert "IQLearnClassifier - fit" in capsys.readouterr().out
    assert model.n_iter_ <= max_iter
    assert model.converged_ == (max_iter == 200)


@needs_callbacks
@pytest.mark.parametrize(
    ("solver", "q_type", "divergence"), [(*names, "chi2") for names in SOLVERS] + [("newton", "linear", "tv")]
)
def test_a_callback_ends_the_fit(solver, q_type, divergence):
    d = walks()
    stop = Stop(after=2)
    model = small(q_type, solver=solver, divergence=divergence).set_callbacks(stop)
    with pytest.warns(ConvergenceWarning, match="after 2 iterations"):
        model.fit(d.X, d.y, trajectory=d.trajectory)
    assert not model.converged_
    assert model.n_iter_ == stop.seen == 2
    assert np.isfinite(model.score(d.X, d.y))


@needs_callbacks
def test_callbacks_under_a_search(capsys):
    d = walks()
    monitor = ScoringMonitor(scoring="neg_log_loss")
    search = GridSearchCV(
        linear().set_callbacks(monitor), {"alpha": [0.5, 5.0]}, cv=CV, n_jobs=1, error_score="raise"
    ).set_callbacks(ProgressBar())
    search.fit(d.X, d.y, groups=d.trajectory, trajectory=d.trajectory)
    shown = capsys.readouterr().out
    assert "GridSearchCV - fit" in shown
    assert "IQLearnClassifier - fit" in shown
    logged = [entry["neg_log_loss"] for entry in monitor.get_logs().data if entry["task_name"] == "fit"]
    best = search.best_estimator_
    expected = [best.score(d.X, d.y)] + [
        log_likelihood(
            linear(alpha=alpha).fit(d.X[train], d.y[train], trajectory=d.trajectory[train]),
            d.X[train],
            d.y[train],
        )
        for alpha in (0.5, 5.0)
        for train, _ in CV.split(d.X, d.y, d.trajectory)
    ]
    assert_allclose(np.sort(logged), np.sort(expected), rtol=1e-10)


def run(code, *arguments):
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_fit_without_the_callback_module():
    code = """
import sys
sys.modules["sklearn.callback"] = None
from sklearn_iqlearn import IQLearnClassifier
model = IQLearnClassifier().fit([[0.0], [1.0], [2.0]], [0, 1, 1])
print(hasattr(model, "set_callbacks"), model.converged_, model.predict([[2.0]]))
"""
    assert run(code) == "False True [1]\n"


# ------------------------------------------------------------------------------- parallel jobs, compilations


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_parallel_search(backend):
    d = walks()
    grid = {"solver": ["newton", "lbfgs"], "alpha": [0.5, 5.0], "divergence": ["chi2", "kl"]}
    serial, parallel = (GridSearchCV(linear(), grid, cv=CV, error_score="raise", n_jobs=n) for n in (1, 2))
    serial.fit(d.X, d.y, groups=d.trajectory, trajectory=d.trajectory)
    with joblib.parallel_config(backend=backend):
        parallel.fit(d.X, d.y, groups=d.trajectory, trajectory=d.trajectory)
    for fold in range(3):
        key = f"split{fold}_test_score"
        assert_allclose(parallel.cv_results_[key], serial.cv_results_[key], rtol=0, atol=1e-8)
        assert np.ptp(serial.cv_results_[key]) > 1e-3


@pytest.mark.parametrize(
    ("solver", "q_type"), [("lbfgs", "linear"), ("lbfgs", "tabular"), ("adam", "linear"), ("adam", "neural")]
)
def test_fifty_fits_of_one_shape_compile_once(solver, q_type):
    d = walks(n_trajectories=5, length=6)
    rng = np.random.default_rng(0)
    compiled = []

    def listen(event, duration, **_):
        compiled.append(event) if event == "/jax/core/compile/backend_compile_duration" else None

    def fit(seed):
        model = small(q_type, solver=solver, max_iter=2, alpha=rng.uniform(1, 3)).set_params(
            discount=rng.uniform(0.5, 0.9), random_state=seed, hidden_layer_sizes=(3, 5)
        )
        X, y = rng.normal(size=d.X.shape), rng.permutation(d.y)
        with pytest.warns(ConvergenceWarning):
            model.fit(X, y, trajectory=d.trajectory)

    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        fit(0)
        assert compiled  # the listener hears of compilations
        compiled.clear()
        for seed in range(1, 50):
            fit(seed)
        assert not compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


# ------------------------------------------------------------------------------------------------- persistence

CLASSIFIER = "sklearn_iqlearn._classifier.IQLearnClassifier"


def stored(kind):
    """A fitted model, its data, and the types that skops must be told to trust."""
    if kind in ("linear", "neural", "rows"):
        d = walks(n_actions=3, decimals=0)
        q_type = "tabular" if kind == "rows" else kind
        return fitted(small(q_type), d.X, d.y, trajectory=d.trajectory), d.X, d.y, [CLASSIFIER]
    transitions, counts, _ = random_problem(0)
    X, y, weight = as_rows(counts)
    trusted = [CLASSIFIER]
    if kind == "sparse":
        transitions = [sp.csr_array(matrix) for matrix in transitions]
        trusted = ["scipy.sparse._csr.csr_array", CLASSIFIER]
    if kind == "mapping":
        labels = np.array(["c", "a", "b"])
        transitions, y = dict(zip(labels.tolist(), transitions, strict=True)), labels[y]
    return IQLearnClassifier(transitions).fit(X, y, weight), X, y, trusted


def through_joblib(model):
    file = BytesIO()
    joblib.dump(model, file)
    return joblib.load(file)


KINDS = ["dense", "sparse", "mapping", "rows", "linear", "neural"]


@pytest.mark.parametrize("kind", KINDS)
def test_persistence(kind):
    model, X, y, trusted = stored(kind)
    dumped = skops.io.dumps(model)
    assert skops.io.get_untrusted_types(data=dumped) == trusted
    copies = {
        "pickle": pickle.loads(pickle.dumps(model)),
        "cloudpickle": cloudpickle.loads(cloudpickle.dumps(model)),
        "joblib": through_joblib(model),
        "copy": copy.deepcopy(model),
        "skops": skops.io.loads(dumped, trusted=trusted),
    }
    for again in copies.values():
        assert again is not model
        assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert_array_equal(again.predict(X), model.predict(X))
        assert again.score(X, y) == model.score(X, y)
        assert vars(again).keys() == vars(model).keys()
        assert fitted(again, X, y).predict_proba(X).shape == model.predict_proba(X).shape  # it fits again


def test_a_network_predicts_without_jax(tmp_path):
    model, X, _, _ = stored("neural")
    joblib.dump((model, X), tmp_path / "model.joblib")
    code = """
import sys, joblib, numpy as np
model, X = joblib.load(sys.argv[1])
np.save(sys.argv[2], model.predict_proba(X))
print(sorted({name.split(".")[0] for name in sys.modules} & {"jax", "jaxlib", "optax"}))
"""
    assert run(code, str(tmp_path / "model.joblib"), str(tmp_path / "found.npy")) == "[]\n"
    assert_array_equal(np.load(tmp_path / "found.npy"), model.predict_proba(X))


# ------------------------------------------------------------------------------------- representation, tags, names


def test_html_representation_links_to_the_documentation():
    html = linear()._repr_html_()
    assert 'class="sk-estimator-doc-link' in html
    links = [part.split('"')[0] for part in html.split('href="')[1:]]
    assert any(link.startswith("https://") for link in links)


def test_tags():
    tags = get_tags(linear())
    assert tags.estimator_type == "classifier"
    assert tags.target_tags.required
    assert tags.classifier_tags.multi_class
    assert not tags.input_tags.sparse
    assert not tags.input_tags.allow_nan
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        linear().fit(sp.csr_array(np.eye(3)), [0, 1, 1])
    with pytest.raises(ValueError, match="NaN"):
        linear().fit([[0.0], [np.nan]], [0, 1])


def test_names_of_features():
    d = walks()
    frame = pd.DataFrame(d.X, columns=["left", "up"])
    model = linear().fit(frame, d.y, trajectory=d.trajectory)
    assert model.feature_names_in_.tolist() == ["left", "up"]
    assert_array_equal(
        model.predict_proba(frame), linear().fit(d.X, d.y, trajectory=d.trajectory).predict_proba(d.X)
    )
    for method in (model.predict, model.predict_proba, model.decision_function, model.q_values):
        with pytest.raises(ValueError, match="same order"):
            method(frame[["up", "left"]])
    with pytest.raises(ValueError, match="same order"):
        model.score(frame[["up", "left"]], d.y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(d.X)
    with pytest.raises(ValueError, match="next_X must have the columns of X"):
        model.fit(frame, d.y, next_X=frame[["up", "left"]])


# A fold lacks states, and with them what tells the features apart.
@pytest.mark.filterwarnings("ignore::sklearn_iqlearn.rewards.IdentificationWarning")
def test_clones_share_large_arrays_also_in_a_search():
    transitions, counts, _ = random_problem(0)
    features = np.random.default_rng(0).normal(size=(6, 4))
    X, y, weight = as_rows(counts)
    model = IQLearnClassifier(transitions, features=features)
    search = GridSearchCV(model, {"alpha": [1.0, 2.0]}, cv=2, error_score="raise")
    search.fit(X, y, sample_weight=weight)
    vote = VotingClassifier([("one", model)]).fit(X, y)
    for other in (clone(model), clone(search).estimator, search.best_estimator_, vote.estimators_[0]):
        assert other is not model
        assert other.transitions is transitions
        assert other.features is features
    assert not hasattr(model, "q_table_")


# ------------------------------------------------------------------------------------- weights, order of the rows

Q_TYPES = ["tabular", "linear", "neural"]


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("q_type", Q_TYPES)
def test_weight_two_is_a_row_twice(q_type, follow):
    d = walks(decimals=1 if q_type == "neural" else 0, n_actions=3)
    weight = 1.0 + (np.arange(len(d.y)) % 3 == 0)
    twice = np.repeat(np.arange(len(d.y)), weight.astype(int))
    rows = {"next_X": d.next_X, "terminal": d.terminal} if follow else {}
    weighted = fitted(small(q_type), d.X, d.y, sample_weight=weight, **rows)
    repeated = fitted(
        small(q_type), d.X[twice], d.y[twice], **{name: column[twice] for name, column in rows.items()}
    )
    once = fitted(small(q_type), d.X, d.y, **rows)
    assert_same(weighted, repeated, d.X, atol=1e-10)
    assert_allclose(weighted.objective_, repeated.objective_, rtol=1e-12)
    assert differ(weighted, once, d.X) > 1e-5


@pytest.mark.parametrize("follow", ["trajectory", "next_X"])
@pytest.mark.parametrize("q_type", Q_TYPES)
def test_weight_zero_is_a_row_left_out(q_type, follow):
    d = walks(n_actions=3, decimals=1)
    kept = np.random.default_rng(0).uniform(size=len(d.y)) < 0.8
    names = ("trajectory", "step", "terminal") if follow == "trajectory" else ("next_X", "terminal")
    rows = {name: getattr(d, name) for name in names}
    weighted = fitted(small(q_type), d.X, d.y, sample_weight=1.0 * kept, **rows)
    fewer = fitted(small(q_type), d.X[kept], d.y[kept], **{name: column[kept] for name, column in rows.items()})
    assert_same(weighted, fewer, d.X, atol=1e-10)
    assert_allclose(weighted.objective_, fewer.objective_, rtol=1e-12)
    assert differ(weighted, fitted(small(q_type), d.X, d.y, **rows), d.X) > 1e-5


@pytest.mark.parametrize("q_type", Q_TYPES)
def test_any_order_of_the_rows(q_type):
    d = walks(n_actions=3, decimals=0)
    order = np.random.default_rng(0).permutation(len(d.y))
    weight = np.random.default_rng(1).uniform(0.5, 2, size=len(d.y))
    straight, shuffled = (
        fitted(
            small(q_type),
            d.X[rows],
            d.y[rows],
            sample_weight=weight[rows],
            trajectory=d.trajectory[rows],
            step=d.step[rows],
        )
        for rows in (np.arange(len(d.y)), order)
    )
    assert_same(straight, shuffled, d.X, atol=1e-10)
    with pytest.raises(ValueError, match="contiguous and in order"):
        linear().fit(d.X[order], d.y[order], trajectory=d.trajectory[order])


# ------------------------------------------------------------------------------------------------- the user's page


@needs_callbacks
def test_the_snippets_of_the_page_run():
    page = Path(__file__).parents[1] / "docs" / "scikit_learn.md"
    snippets = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    names = {}
    exec(compile("\n".join(snippets), str(page), "exec"), names)
    X, y = names["X"], names["y"]
    assert_allclose(names["model"].score(X, y), log_likelihood(names["model"], X, y))
    shuffled = names["by_likelihood"].importances_mean
    assert shuffled[0] > 0.1 > 0.01 > abs(shuffled[1])
    assert not names["brief"].converged_
