"""The limit on BLAS threads is scoped."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
import scipy.linalg  # noqa: F401  (its BLAS counts too)
import scipy.sparse as sp
from problems import as_rows, random_problem
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn._estimator.fitting import assemble
from sklearn_iqlearn._numerics.threads import few_threads
from sklearn_iqlearn._q_functions import linear
from sklearn_iqlearn.datasets import make_bus_engine


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(limits=2, user_api="blas"):
        yield


def threads():
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


def test_a_fit_within_a_fit_leaves_the_limit_to_the_outer_one():
    with few_threads(90):
        with few_threads(90):
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == {2}


def test_overlapping_threads_lift_the_limit():
    """The first to come is the first to go, while the other one is still at work."""
    came, gone = Event(), Event()

    def first():
        with few_threads(90):
            came.set()
            other_came.wait(10)
        gone.set()

    def second():
        came.wait(10)
        with few_threads(90):
            other_came.set()
            gone.wait(10)

    other_came = Event()
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result()
    assert threads() == {2}


def test_an_error_lifts_it_too():
    with pytest.raises(RuntimeError), few_threads(90):
        raise RuntimeError
    assert threads() == {2}


def test_large_problems_keep_their_threads():
    with few_threads(10_000):
        assert threads() == {2}


def test_fits_leave_the_threads_as_they_were():
    transitions, counts, _ = random_problem(0)

    def fit(_):
        return IQLearnClassifier(transitions).fit(*as_rows(counts)).converged_

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(fit, range(20)))
    assert threads() == {2}


@pytest.fixture(scope="module")
def fits():
    """A fit of each kind, with the decisions that it was made with."""
    bus = make_bus_engine(20, 20, random_state=0)
    rows, y = bus.data.to_numpy(), bus.target
    given = {"transitions": bus.transitions, "discount": bus.discount, "features": bus.features}
    models = {
        "table": IQLearnClassifier(**given, q_type="tabular"),
        "structural": IQLearnClassifier(**given, q_type="structural"),
        "linear": IQLearnClassifier(),
        "network": IQLearnClassifier(q_type="neural", hidden_layer_sizes=3, tol=1e-2),
    }
    return {name: (model.fit(rows, y), rows, y) for name, model in models.items()}


ALL, OF_STATES = ("table", "structural", "linear", "network"), ("table", "structural")
CALLS = {
    "predict_proba": (ALL, lambda model, X, y: model.predict_proba(X)),
    "score": (ALL, lambda model, X, y: model.score(X, y)),
    "counterfactual": (OF_STATES, lambda model, X, y: model.counterfactual(discount=0.9)),
    "sample": (OF_STATES, lambda model, X, y: model.sample(2, 5, random_state=0)),
    "reward_coef_": (OF_STATES, lambda model, X, y: model.reward_coef_),
    "occupancy": (OF_STATES, lambda model, X, y: rewards.occupancy(model)),
    "project": (OF_STATES, lambda model, X, y: rewards.project(model)),
    "covariance": (("structural", "linear"), lambda model, X, y: inference.covariance(model, X, y)),
}


@pytest.mark.parametrize("call", CALLS)
def test_what_a_fit_answers_leaves_the_threads_as_they_were(fits, call):
    kinds, ask = CALLS[call]
    for kind in kinds:
        ask(*fits[kind])
        assert threads() == {2}, kind


def test_what_a_fit_refuses_does_too(fits):
    model = fits["table"][0]
    with pytest.raises(ValueError, match="leave an action in every state"):
        model.counterfactual(forbid=np.ones(model.q_table_.shape, dtype=bool))
    assert threads() == {2}


def test_the_import_leaves_the_threads_as_they_were():
    code = """
import os, scipy.linalg, threadpoolctl

def limits():
    return {info["filepath"]: info["num_threads"] for info in threadpoolctl.threadpool_info()}

before, environment = limits(), dict(os.environ)
import sklearn_iqlearn, sklearn_iqlearn.inference, sklearn_iqlearn.latent, sklearn_iqlearn.rewards
print(before.items() <= limits().items(), os.environ == environment)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


def narrowest(transitions, X, y, **settings):
    order = dict.fromkeys(["trajectory", "step", "next_X", "terminal"])
    return assemble(IQLearnClassifier(transitions, **settings), X, y, None, order)[1].narrowest


def test_the_smallest_dimension_of_the_products_decides():
    """A tall thin matrix counts by its columns, and dense transitions, which are factored, by their states."""
    rows, actions = np.random.default_rng(0).normal(size=(600, 3)), np.arange(600) % 2
    assert narrowest(None, rows, actions) == 8  # three slopes and a constant for each action
    assert narrowest(None, rows, actions, q_type="tabular") == 600
    assert narrowest(None, rows, actions, q_type="neural", hidden_layer_sizes=(5, 7)) == 7
    dense = np.full((2, 300, 300), 1 / 300)
    ids = (np.arange(600) % 300)[:, None]
    assert narrowest(dense, ids, actions) == 300
    assert narrowest(dense, ids, actions, features=rows[:300]) == 300
    sparse = [sp.eye_array(300, format="csr")] * 2
    assert narrowest(sparse, ids, actions, features=rows[:300]) == 8


def test_a_fit_to_many_rows_of_few_features_takes_one_thread(monkeypatch):
    seen = set()
    gram = linear.weighted_gram

    def spy(*args):
        seen.update(threads())
        return gram(*args)

    monkeypatch.setattr(linear, "weighted_gram", spy)
    IQLearnClassifier().fit(np.random.default_rng(0).normal(size=(300, 3)), np.arange(300) % 2)
    assert seen == {1}
    assert threads() == {2}
