"""Inference and rewards find the classifier at the end of pipelines and searches, and say what they cannot use."""

import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from walks import CV, linear, walks

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.datasets import make_bus_engine

PANEL = walks(n_trajectories=30)
FRAME = pd.DataFrame(PANEL.X, columns=["right", "up"])
IDS = {"trajectory": PANEL.trajectory, "step": PANEL.step}


def routed(name="iqlearnclassifier"):
    return {f"{name}__{key}": value for key, value in IDS.items()}


def search(model, prefix=""):
    ids = {f"{prefix}{key}": value for key, value in IDS.items()}
    return GridSearchCV(model, {f"{prefix}alpha": [2.0]}, cv=CV).fit(
        FRAME, PANEL.y, groups=PANEL.trajectory, **ids
    )


WRAPPED = {
    "pipeline": lambda: make_pipeline(StandardScaler(), linear()).fit(FRAME, PANEL.y, **routed()),
    "search": lambda: search(make_pipeline(StandardScaler(), linear()), "iqlearnclassifier__"),
    "nested": lambda: make_pipeline(FunctionTransformer(), make_pipeline(StandardScaler(), linear())).fit(
        FRAME, PANEL.y, **{f"pipeline__iqlearnclassifier__{key}": value for key, value in IDS.items()}
    ),
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_inference_through_steps_is_inference_on_what_they_hand_on(kind):
    scaled = FRAME.copy()
    scaled[:] = StandardScaler().fit_transform(FRAME)
    plain, wrapped = linear().fit(scaled, PANEL.y, **IDS), WRAPPED[kind]()
    expected = inference.covariance(plain, scaled, PANEL.y, **IDS)
    found = inference.covariance(wrapped, FRAME, PANEL.y, **IDS)
    assert list(found.index) == list(expected.index)  # the names of the columns after the steps
    assert_allclose(found, expected, rtol=1e-10)
    table = inference.summary(wrapped, FRAME, PANEL.y, **IDS)
    assert_allclose(table, inference.summary(plain, scaled, PANEL.y, **IDS), rtol=1e-8)
    assert_allclose(table.attrs["Log-likelihood"], len(FRAME) * wrapped.score(FRAME, PANEL.y), rtol=1e-12)
    two = [
        inference.bootstrap(model, "coef_", X, PANEL.y, n_resamples=3, random_state=0, **IDS)
        for model, X in ((plain, scaled), (wrapped, FRAME))
    ]
    assert_allclose(two[1].samples, two[0].samples, rtol=1e-8)


def test_names_are_those_after_the_steps():
    model = make_pipeline(PolynomialFeatures(2, include_bias=False), linear()).fit(FRAME, PANEL.y, **routed())
    names = list(inference.covariance(model, FRAME, PANEL.y, **IDS).index)
    assert names[:5] == ["right (0)", "up (0)", "right^2 (0)", "right up (0)", "up^2 (0)"]


def test_next_states_go_through_the_steps_where_the_pipeline_says_so():
    next_X = pd.DataFrame(PANEL.next_X, columns=FRAME.columns)
    rows = {"next_X": next_X, "terminal": PANEL.terminal}
    with sklearn.config_context(enable_metadata_routing=True):
        model = linear().set_fit_request(next_X=True, terminal=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("fit", model)], transform_input=["next_X"])
        pipeline.fit(FRAME, PANEL.y, **rows)
    scaler = StandardScaler().fit(FRAME.to_numpy())
    scaled = {"next_X": scaler.transform(PANEL.next_X), "terminal": PANEL.terminal}
    plain = linear().fit(scaler.transform(PANEL.X), PANEL.y, **scaled)
    expected = inference.covariance(plain, scaler.transform(PANEL.X), PANEL.y, **scaled)
    assert_allclose(inference.covariance(pipeline, FRAME, PANEL.y, **rows), expected, rtol=1e-10)


def test_rewards_of_a_search():
    bus = make_bus_engine(n_trajectories=50, random_state=0)
    table = IQLearnClassifier(bus.transitions, discount=bus.discount, alpha=10.0)
    found = GridSearchCV(table, {"alpha": [10.0]}, cv=2).fit(bus.data, bus.target)
    model = found.best_estimator_
    assert_array_equal(rewards.project(found, bus.features).coef, rewards.project(model, bus.features).coef)
    assert_array_equal(rewards.anchor(found, action=1).reward_, rewards.anchor(model, action=1).reward_)
    assert_array_equal(rewards.occupancy(found), rewards.occupancy(model))


@pytest.mark.parametrize(
    ("model", "error", "told"),
    [
        (LogisticRegression(), TypeError, "got LogisticRegression"),
        (make_pipeline(StandardScaler(), LogisticRegression()), TypeError, "got LogisticRegression"),
        (CalibratedClassifierCV(linear()), TypeError, "got CalibratedClassifierCV around IQLearnClassifier"),
        (GridSearchCV(linear(), {}, refit=False), TypeError, "refit=False"),
        ("a", TypeError, "got str"),
    ],
)
def test_anything_else_is_told_what_it_is(model, error, told):
    if hasattr(model, "fit"):
        model.fit(FRAME, PANEL.y)
    with pytest.raises(error, match=told):
        inference.summary(model, FRAME, PANEL.y)
    with pytest.raises(error, match=told):
        rewards.occupancy(model)


@pytest.mark.parametrize(
    "model", [linear(), make_pipeline(StandardScaler(), linear()), GridSearchCV(linear(), {})]
)
def test_what_is_not_fitted_is_told_so(model):
    with pytest.raises(NotFittedError):
        inference.covariance(model, FRAME, PANEL.y)
