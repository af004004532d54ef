"""A stored model is the same model."""

import copy
import pickle
from io import BytesIO

import cloudpickle
import joblib
import numpy as np
import pytest
import scipy.sparse as sp
import skops.io
from numpy.testing import assert_array_equal
from problems import as_rows, random_problem
from walks import fitted, run, small, walks

from sklearn_iqlearn import IQLearnClassifier, __version__

CLASSIFIER = "sklearn_iqlearn.IQLearnClassifier"


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


def test_a_model_of_another_version_says_so(monkeypatch):
    model, X, _, _ = stored("linear")
    written = pickle.dumps(model)
    assert_array_equal(pickle.loads(written).predict_proba(X), model.predict_proba(X))
    monkeypatch.setattr("sklearn_iqlearn._estimator.settings.__version__", "9.9")
    with pytest.warns(UserWarning, match=f"stored by sklearn_iqlearn {__version__} and is read by 9.9"):
        read = pickle.loads(written)
    assert vars(read).keys() == vars(model).keys()


@pytest.mark.parametrize("q_type", ["linear", "neural"])
def test_a_model_without_its_rows_is_small_and_predicts_the_same(q_type):
    d = walks(n_trajectories=500)
    model = fitted(small(q_type), d.X, d.y, trajectory=d.trajectory)
    light = model.without_rows()
    assert_array_equal(light.predict_proba(d.X), model.predict_proba(d.X))
    assert light.score(d.X, d.y) == model.score(d.X, d.y)
    assert light.bic(d.X, d.y) == model.bic(d.X, d.y)
    stored_size = len(pickle.dumps(light))
    assert stored_size < 5_000 < 100 * stored_size < len(pickle.dumps(model))
    assert d.X[17, 0].tobytes() in pickle.dumps(model)
    assert d.X[17, 0].tobytes() not in pickle.dumps(light)
    assert hasattr(model, "states_")


def test_a_table_is_its_rows():
    with pytest.raises(ValueError, match="without_rows needs transitions, or a linear or neural Q"):
        stored("rows")[0].without_rows()


def test_a_fit_with_transitions_can_forget_whose_rows_they_were():
    transitions, X, y = np.full((2, 3, 3), 1 / 3), [[0], [1], [2], [0]], [0, 1, 1, 0]
    ids = {"trajectory": np.array([7_283_645_191, 7_283_645_191, 12, 12])}
    model = IQLearnClassifier(transitions).fit(X, y, **ids)
    light = model.without_rows()
    told = ids["trajectory"][0].tobytes()
    assert told in pickle.dumps(model)
    assert told not in pickle.dumps(light)
    assert_array_equal(light.predict_proba(X), model.predict_proba(X))
    assert light.bic(X, y) == model.bic(X, y)
    with pytest.raises(ValueError, match="partial_fit must have the sums of all earlier rows"):
        light.partial_fit(X, y, **ids)
    assert model.partial_fit(X, y, trajectory=[3, 3, 4, 4]).counts_.sum() == 8
