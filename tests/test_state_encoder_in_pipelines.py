"""States of a table, in pipelines and searches with the estimator."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import sklearn
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from walks import CV, assert_same, walks

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.preprocessing import StateEncoder

ALPHAS = [0.5, 5.0]
EDGES = {"east": [-np.inf, -0.5, 0.5, np.inf], "north": [-np.inf, 4, 6, np.inf]}


def panel():
    """Walks as a frame, an encoder fitted to it, and smoothed shares of the moves between its states."""
    d = walks()
    frame = pd.DataFrame(d.X, columns=["east", "north"])
    encoder = StateEncoder(edges=EDGES, combinations="product").fit(frame)
    ids = encoder.transform(frame)
    moves = np.full((2, 9, 9), 0.5)
    at = np.flatnonzero(~d.terminal)
    np.add.at(moves, (d.y[at], ids[at, 0], ids[at + 1, 0]), 1)
    return SimpleNamespace(
        frame=frame,
        y=d.y,
        ids=ids,
        encoder=encoder,
        order={"trajectory": d.trajectory, "step": d.step},
        transitions=moves / moves.sum(axis=2, keepdims=True),
    )


def in_pipeline(order):
    return {f"iqlearnclassifier__{name}": value for name, value in order.items()}


def test_pipeline_is_the_fit_to_the_ids():
    p = panel()
    features = np.zeros((9, 2, 2))
    features[:, 1] = p.encoder.states_[["east", "north"]]
    model = IQLearnClassifier(p.transitions, discount=0.8, q_type="structural", features=features)
    alone = clone(model).fit(p.ids, p.y, **p.order)
    for encoder in (FrozenEstimator(p.encoder), StateEncoder(edges=EDGES, combinations="product")):
        pipeline = make_pipeline(encoder, clone(model)).fit(p.frame, p.y, **in_pipeline(p.order))
        assert_array_equal(pipeline.predict_proba(p.frame), alone.predict_proba(p.ids))
        told = inference.summary(pipeline, p.frame, p.y, **p.order)
        assert_frame_equal(told, inference.summary(alone, p.ids, p.y, **p.order), check_exact=True)


def test_search_is_the_search_over_the_ids():
    p = panel()
    model = IQLearnClassifier(p.transitions, discount=0.8)
    alone = GridSearchCV(model, {"alpha": ALPHAS}, cv=CV, error_score="raise")
    alone.fit(p.ids, p.y, groups=p.order["trajectory"], **p.order)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = GridSearchCV(
            make_pipeline(
                FrozenEstimator(p.encoder),
                IQLearnClassifier(p.transitions, discount=0.8).set_fit_request(trajectory=True, step=True),
            ),
            {"iqlearnclassifier__alpha": ALPHAS},
            cv=GroupKFold(3).set_split_request(groups="trajectory"),
            error_score="raise",
        )
        routed.fit(p.frame, p.y, **p.order)
    for fold in range(3):
        key = f"split{fold}_test_score"
        assert_array_equal(routed.cv_results_[key], alone.cv_results_[key])
    assert_array_equal(routed.predict_proba(p.frame), alone.predict_proba(p.ids))


def test_without_transitions_the_bins_can_be_searched():
    p = panel()
    search = GridSearchCV(
        make_pipeline(
            StateEncoder(combinations="product").set_output(transform="pandas"),
            IQLearnClassifier(discount=0.8, q_type="tabular"),
        ),
        {"stateencoder__n_bins": [1, 3]},
        cv=CV,
        error_score="raise",
    )
    search.fit(p.frame, p.y, groups=p.order["trajectory"], **in_pipeline(p.order))
    one, three = search.cv_results_["mean_test_score"]
    assert three > one  # what to do depends on where one is
    assert search.best_estimator_[-1].feature_names_in_.tolist() == ["state"]


def test_weights_go_to_the_classifier_alone():
    p = panel()
    weight = np.random.default_rng(0).integers(1, 3, len(p.y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = IQLearnClassifier(p.transitions).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StateEncoder(edges=EDGES, combinations="product"), model)
        pipeline.fit(p.frame, p.y, sample_weight=weight)
    alone = IQLearnClassifier(p.transitions).fit(p.ids, p.y, sample_weight=weight)
    assert_same(pipeline[-1], alone, p.ids)
