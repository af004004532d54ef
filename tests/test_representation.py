"""How the estimator presents itself: HTML, tags, names, clones."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from problems import as_rows, random_problem
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags
from walks import linear, walks

from sklearn_iqlearn import IQLearnClassifier, LatentTypes, _site
from sklearn_iqlearn.preprocessing import Hats

PAGE = "api/generated/sklearn_iqlearn.IQLearnClassifier.html"


def links(estimator):
    return re.findall(r'href="([^"]*)"', estimator._repr_html_())


def test_html_links_to_the_site_where_it_is_built(tmp_path, monkeypatch):
    monkeypatch.delenv(_site.ELSEWHERE, raising=False)
    monkeypatch.setattr(_site, "BUILT", tmp_path)
    assert links(linear()) == []
    (tmp_path / PAGE).parent.mkdir(parents=True)
    (tmp_path / PAGE).touch()
    assert {link.partition("#")[0] for link in links(linear())} == {(tmp_path / PAGE).as_uri()}
    assert links(Hats()) == []


def test_html_links_to_the_site_that_is_named(monkeypatch):
    monkeypatch.setenv(_site.ELSEWHERE, "../..")
    assert links(linear())[0] == f"../../{PAGE}"
    assert links(LatentTypes(linear()))[0] == "../../api/generated/sklearn_iqlearn.LatentTypes.html"
    assert links(Hats())[0] == "../../api/generated/sklearn_iqlearn.preprocessing.Hats.html"


def test_html_of_a_class_of_others_links_nowhere(monkeypatch):
    class Mine(IQLearnClassifier):
        __module__ = "elsewhere"

    monkeypatch.setenv(_site.ELSEWHERE, "../..")
    assert links(Mine()) == []


def test_tags():
    tags = get_tags(linear())
    assert tags.estimator_type == "classifier"
    assert tags.target_tags.required
    assert tags.classifier_tags.multi_class
    assert not tags.input_tags.allow_nan
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


def test_a_prompt_shows_arrays_by_their_shape():
    transitions, features = np.zeros((2, 90, 90)), np.zeros((90, 2, 2))
    model = IQLearnClassifier(transitions, discount=0.9999, q_type="structural", features=features, alpha=np.inf)
    assert " ".join(repr(model).split()) == (
        "IQLearnClassifier(alpha=inf, discount=0.9999, features=<ndarray (90, 2, 2)>, q_type='structural', "
        "transitions=<ndarray (2, 90, 90)>)"
    )
    assert all(len(line) < 80 for line in repr(model).splitlines())
    assert repr(IQLearnClassifier()) == "IQLearnClassifier()"
    sparse, dense = sp.eye_array(1000, format="csr"), np.eye(90)
    assert repr(IQLearnClassifier([sparse] * 2)) == (
        "IQLearnClassifier(transitions=[<csr_array (1000, 1000)>, <csr_array (1000, 1000)>])"
    )
    named = repr(IQLearnClassifier({"keep": sparse, "replace": dense}))
    assert "{'keep': <csr_array (1000, 1000)>, 'replace': <ndarray (90, 90)>}" in named
    assert len(repr(IQLearnClassifier(np.eye(1000)[None].tolist()))) < 200
    assert repr(IQLearnClassifier([[[1.0]], [[1.0]]], alpha=2)) == (
        "IQLearnClassifier(alpha=2, transitions=[[[1.0]], [[1.0]]])"
    )


def test_a_notebook_shows_no_array():
    plain, large = IQLearnClassifier(), IQLearnClassifier(np.zeros((2, 90, 90)))
    assert len(large._repr_html_()) < len(plain._repr_html_()) + 1000
