"""A fit answers as it was fitted, whatever parameters are set on the estimator later."""

import pickle

import joblib
import numpy as np
import pytest
from problems import as_rows, random_problem

from sklearn_iqlearn import IQLearnClassifier, inference, rewards

P, COUNTS, _ = random_problem(0)
DATA = as_rows(COUNTS)
IDS = np.arange(len(DATA[1]))
FEATURES = np.random.default_rng(0).normal(size=(6, 3, 2))
OTHERS = {
    "temperature": 10.0,
    "discount": 0.1,
    "transitions": P[:, ::-1],
    "features": FEATURES + 1,
    "q_type": "neural",
    "alpha": 3.0,
    "smoothing": 9.0,
    "value_term": "initial",
    "divergence": "tv",
    "fit_intercept": False,
    "initial_distribution": np.eye(6)[0],
}


def answers(model, X=DATA[0]):
    """Everything that a fit with transitions tells."""
    y, weight = DATA[1:]
    world = model.counterfactual(forbid=2)
    anchored = rewards.anchor(model, 0)
    return [
        model.predict_proba(X),
        model.score(X, y),
        model.aic(X, y),
        model.reward_coef_,
        rewards.project(model).coef,
        anchored.reward_,
        rewards.occupancy(model),
        rewards.occupancy(world, long_run=True),
        world.q_table_,
        world.predict_proba(X),
        world.counterfactual().q_table_,
        model.sample(3, 3, random_state=0).to_numpy(dtype=float),
        inference.covariance(model, X, y, weight).to_numpy(),
        inference.summary(model, X, y, weight).to_numpy(),
        inference.bootstrap(model, "policy_", X, y, weight, trajectory=IDS, n_resamples=3, random_state=0).samples,
    ]


@pytest.mark.parametrize("q_type", ["linear", "structural"])
def test_no_answer_changes(q_type):
    model = IQLearnClassifier(P, q_type=q_type, features=FEATURES, temperature=0.7, alpha=30.0).fit(*DATA)
    expected = answers(model)
    np.testing.assert_array_equal(model.predict_proba(np.arange(6)[:, None]), model.policy_)
    for changed in (model.set_params(**OTHERS), pickle.loads(pickle.dumps(model))):
        for found, wanted in zip(answers(changed), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
        assert changed.get_params()["temperature"] == 10.0


@pytest.mark.parametrize("q_type", ["tabular", "linear", "neural"])
def test_nor_for_states_that_are_rows(q_type):
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 3
    model = IQLearnClassifier(q_type=q_type, temperature=2.0, tol=0.1, random_state=0).fit(X, y)
    expected = model.predict_proba(X), model.bic(X, y)
    model.set_params(temperature=10.0, q_type="structural", transitions=P, fit_intercept=False)
    np.testing.assert_array_equal(model.predict_proba(X), expected[0])
    assert model.bic(X, y) == expected[1]


def test_worlds_keep_their_own():
    model = IQLearnClassifier(P).fit(*DATA)
    world = model.counterfactual(temperature=0.5, discount=0.5)
    before = world.predict_proba(DATA[0]), rewards.occupancy(world)
    world.set_params(temperature=3.0, discount=0.0)
    np.testing.assert_array_equal(world.predict_proba(DATA[0]), before[0])
    np.testing.assert_array_equal(rewards.occupancy(world), before[1])


def test_the_next_fit_takes_the_new_ones():
    model = IQLearnClassifier(P).fit(*DATA).set_params(temperature=3.0, discount=0.3).fit(*DATA)
    fresh = IQLearnClassifier(P, temperature=3.0, discount=0.3).fit(*DATA)
    np.testing.assert_array_equal(model.predict_proba(DATA[0]), fresh.predict_proba(DATA[0]))


def test_a_stored_fit_holds_its_arrays_once(tmp_path):
    transitions = np.random.default_rng(0).dirichlet(np.ones(100), size=(2, 100))
    model = IQLearnClassifier(transitions, temperature=2.0).fit([[0], [1]], [0, 1])
    joblib.dump(model, tmp_path / "model")
    assert (tmp_path / "model").stat().st_size < 1.1 * transitions.nbytes
    again = joblib.load(tmp_path / "model")
    again.set_params(temperature=1.0, transitions=None)
    np.testing.assert_array_equal(again.predict_proba([[0]]), model.predict_proba([[0]]))
