"""What types are refused, and what they tell of data and of what they find."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks
from types_of import data, two_depots

from sklearn_iqlearn import IQLearnClassifier, LatentTypes, latent
from sklearn_iqlearn.exceptions import DataWarning, IdentificationWarning

# Exact enough for steps of 1e-8.
LOGIT = LogisticRegression(solver="newton-cholesky", tol=1e-10)


class ByContent(LatentTypes):
    """Types over trajectories that are told by the rows themselves, as scikit-learn's checks pass none."""

    def fit(self, X, y, sample_weight=None):
        dense = X.toarray() if sp.issparse(X) else np.asarray(X)
        trajectory = np.arange(0 if y is None else len(np.asarray(y)))
        if dense.dtype.kind in "iuf" and dense.ndim == 2 and dense.size:
            found = np.floor(np.nan_to_num(2 * dense[:, 0].astype(float)).clip(-10, 10))
            trajectory = found if len(np.unique(found)) > 1 else trajectory
        return super().fit(X, y, sample_weight, trajectory=trajectory)

    def _options(self, trajectory, step, fit_params):
        return {}  # they are no order of rows


def table(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X, ids = rng.normal(size=(n, 2)), np.repeat(np.arange(n // 5), 5)
    return X, (rng.random(n) < 1 / (1 + np.exp(-3 * X[:, 0] * (-1) ** (ids // 2)))).astype(int), ids


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"n_types": 0}, ValueError, "n_types must be an integer >= 1, got 0"),
        ({"n_types": 13}, ValueError, "n_types must be at most the number of trajectories, 12, got 13"),
        ({"switching": "often"}, ValueError, "switching must be one of .*got 'often'"),
        ({"switching": 1}, ValueError, "switching must be one of .*got 1"),
        ({"switching": "state"}, ValueError, "got 'state', which needs an IQLearnClassifier with transitions"),
        ({"tol": 0}, ValueError, "tol must be"),
        ({"max_iter": None}, ValueError, "max_iter must be an integer >= 1, got None"),
        ({"estimator": KNeighborsClassifier()}, TypeError, "must be a classifier with predict_log_proba"),
    ],
)
def test_parameters_out_of_their_range(settings, kind, message):
    X, y, ids = table()
    with pytest.raises(kind, match=message):
        LatentTypes(LOGIT).set_params(**settings).fit(X, y, trajectory=ids)


def test_who_decided_must_be_told():
    X, y, ids = table()
    with pytest.raises(TypeError, match="trajectory"):
        LatentTypes(LOGIT).fit(X, y)
    with pytest.raises(ValueError, match="trajectory must have one value per row"):
        LatentTypes(LOGIT).fit(X, y, trajectory=ids[:-1])
    with pytest.raises(NotFittedError):
        LatentTypes(LOGIT).predict_types(X, y, trajectory=ids)


def test_rows_out_of_order_are_refused_where_the_chain_needs_order():
    X, y, ids = table()
    with pytest.raises(ValueError, match="comes back later, 0 in row"):
        LatentTypes(LOGIT, switching=True).fit(X, y, trajectory=ids % 3)


def test_trajectories_of_one_row():
    X, y, _ = table()
    with pytest.warns(DataWarning, match="All 60 trajectories have one decision"):
        LatentTypes(LOGIT, n_init=1, random_state=0, tol=1e-2).fit(X, y, trajectory=np.arange(60))
    ids = np.append(np.arange(3), np.repeat(np.arange(3, 22), 3))
    model = LatentTypes(LOGIT, n_init=1, random_state=0, tol=1e-4).fit(X, y, trajectory=ids)
    assert model.responsibilities_.shape == (22, 2)


def test_steps_over_which_the_chain_passes():
    X, y, ids = table()
    step = np.tile([0, 1, 2, 5, 6], 12)
    model = LatentTypes(LOGIT, switching=True, n_init=1, random_state=0, tol=1e-3)
    with pytest.warns(DataWarning, match="step leaves out times 12 times"):
        model.fit(X, y, trajectory=ids, step=step)


def test_types_that_act_alike():
    rows, one = two_depots(20, 30, costs=((0.05, 2.0),))
    (X, y), ids = data(rows)
    model = LatentTypes(one, 3, n_init=1, random_state=0)
    with pytest.warns(IdentificationWarning, match="act alike|are empty"):
        model.fit(X, y, **ids)


def test_fewer_iterations_than_needed():
    rows, one = two_depots(20, 30)
    (X, y), ids = data(rows)
    with pytest.warns(ConvergenceWarning, match="did not converge in 2 iterations"):
        model = LatentTypes(one, n_init=1, max_iter=2, random_state=0).fit(X, y, **ids)
    assert not model.converged_
    assert model.n_iter_ == 2


def test_what_looks_wrong_in_the_rows_is_told():
    rows, one = two_depots(20, 30)
    (X, y), ids = data(rows)
    turned = clone(one).set_params(transitions=one.transitions[::-1])
    with pytest.warns(DataWarning, match="transitions fit the rows far better"):
        LatentTypes(turned, 1).fit(X, y, **ids)


def test_frames_and_names():
    X, y, ids = table()
    frame = pd.DataFrame(X, columns=["a", "b"])
    model = LatentTypes(LOGIT, n_init=1, random_state=0, tol=1e-4)
    model.fit(frame, np.where(y == 1, "yes", "no"), trajectory=pd.Series(ids).map("id{}".format))
    assert_array_equal(model.feature_names_in_, ["a", "b"])
    assert model.n_features_in_ == 2
    assert "id3" in model.responsibilities_.index
    assert_array_equal(model.classes_, ["no", "yes"])
    assert_allclose(model.predict_proba(frame).sum(axis=1), 1.0, rtol=1e-12)
    with pytest.raises(ValueError, match=r"y must hold actions of \['no', 'yes'\]"):
        model.score(frame, np.full(60, "perhaps"), trajectory=ids)


def test_trees_have_no_count_of_parameters():
    X, y, ids = table()
    forest = RandomForestClassifier(3, max_depth=2, random_state=0)
    model = LatentTypes(forest, n_init=1, random_state=0, max_iter=3)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y, trajectory=ids)
    assert np.isfinite(model.log_likelihood_)
    assert all(len(each.estimators_) == 3 for each in model.estimators_)
    with pytest.raises(ValueError, match="got RandomForestClassifier: compare held-out log-likelihoods"):
        model.bic(X, y, trajectory=ids)


@pytest.mark.parametrize("function", [latent.covariance, latent.summary, latent.select_types])
def test_a_single_fit_is_no_types(function):
    X, y, ids = table()
    with pytest.raises(TypeError, match="types must be a LatentTypes, got LogisticRegression"):
        function(LogisticRegression().fit(X, y), X, y, trajectory=ids)
    with pytest.raises(TypeError, match="types must be a LatentTypes"):
        latent.bootstrap(LogisticRegression().fit(X, y), "coef_", X, y, trajectory=ids)


def test_parameters_of_a_fit_come_back():
    rows, one = two_depots(20, 30)
    (X, y), ids = data(rows)
    model = LatentTypes(one, n_init=1, random_state=0).fit(X, y, **ids)
    assert not any(each.warm_start for each in model.estimators_)
    assert not hasattr(one, "coef_")
    fixed = {name for name in vars(model) if name.endswith("_")}
    chained = LatentTypes(one, switching=True, n_init=1, random_state=0, tol=1e-2).fit(X, y, **ids)
    assert {name for name in vars(chained) if name.endswith("_")} - fixed == {"initial_", "transition_"}
    chained.set_params(switching=False).fit(X, y, **ids)
    assert {name for name in vars(chained) if name.endswith("_")} == fixed


def test_starts_in_processes_are_those_in_turn():
    X, y, ids = table()
    one = LatentTypes(LOGIT, n_init=2, random_state=0, tol=1e-4)
    found = [clone(one).set_params(n_jobs=n).fit(X, y, trajectory=ids).log_likelihoods_ for n in (None, 2)]
    assert_array_equal(*found)


def test_searches_hand_on_what_belongs_to_rows():
    X, y, ids = table(200)
    settings = {"n_init": 1, "random_state": 0, "tol": 1e-3}
    plain = GridSearchCV(LatentTypes(LOGIT, **settings), {"estimator__C": [0.1, 1.0]}, cv=GroupKFold(2))
    plain.fit(X, y, groups=ids, trajectory=ids)
    with sklearn.config_context(enable_metadata_routing=True):
        types = LatentTypes(LOGIT, **settings).set_fit_request(trajectory=True).set_score_request(trajectory=True)
        cv = GroupKFold(2).set_split_request(groups="trajectory")
        routed = GridSearchCV(types, {"estimator__C": [0.1, 1.0]}, cv=cv, error_score="raise")
        routed.fit(X, y, trajectory=ids)
    best = plain.best_estimator_
    assert_array_equal(routed.best_estimator_.responsibilities_.index, best.responsibilities_.index)
    # Without routing the score is that of rows each alone, with it that of trajectories.
    by_hand = clone(types).set_params(estimator__C=0.1)
    train, test = next(iter(GroupKFold(2).split(X, y, ids)))
    by_hand.fit(X[train], y[train], trajectory=ids[train])
    expected = by_hand.score(X[test], y[test], trajectory=ids[test])
    assert_allclose(routed.cv_results_["split0_test_score"][0], expected, rtol=1e-12)
    expected = by_hand.score(X[test], y[test])
    assert_allclose(plain.cv_results_["split0_test_score"][0], expected, rtol=1e-12)


def test_routing_to_the_estimator():
    rows, _ = two_depots(10, 20)
    X = rows[["state"]] / 90
    with sklearn.config_context(enable_metadata_routing=True):
        inner = IQLearnClassifier(discount=0.9).set_fit_request(trajectory=True, step=True)
        types = LatentTypes(inner, n_init=1, random_state=0, tol=1e-3)
        types.fit(X, rows["action"], trajectory=rows["bus"], step=rows["step"])
    assert np.isfinite(types.estimators_[0].reward_).any()


@parametrize_with_checks([ByContent(IQLearnClassifier(discount=0.0), n_init=1, random_state=0, max_iter=6)])
@pytest.mark.filterwarnings("ignore:Types", "ignore:All", "ignore:LatentTypes did not converge")
def test_scikit_learn_checks(estimator, check):
    check(estimator)
