"""A linear Q of sparse rows is that of the same dense rows, and costs nothing of their size."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from problems import DIVERGENCES, rollouts
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import get_tags

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn._q_functions.sparse_linear import sparse_rank


def sparse_rollouts(seed=0, n_features=12):
    """Trajectories whose states are rows of mostly zeros, dense."""
    states, y, order = rollouts(seed, n_states=20)
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(20, n_features)) * (rng.random((20, n_features)) < 0.2)
    return table[states[:, 0]], y, order


def both(X, y, order, weight=None, **settings):
    """The fit of the dense rows and that of the sparse ones."""
    return [IQLearnClassifier(**settings).fit(rows, y, weight, **order) for rows in (X, sp.csr_array(X))]


@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_the_same_optimum(divergence, value_term):
    X, y, order = sparse_rollouts()
    weight = np.random.default_rng(1).integers(0, 3, size=len(y))
    settings = {"divergence": divergence, "value_term": value_term, "alpha": 20.0, "C": 10.0}
    dense, sparse = both(X, y, order, weight, **settings, tol=1e-11)
    assert dense.converged_
    assert sparse.converged_
    assert sparse.gradient_norm_ < 1e-11
    assert_allclose(sparse.objective_, dense.objective_, rtol=1e-10)
    for found, expected in ((sparse.coef_, dense.coef_), (sparse.intercept_, dense.intercept_)):
        assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    assert_allclose(sparse.predict_proba(sp.csc_array(X)), dense.predict_proba(X), atol=1e-6)
    assert sparse.aic(sp.csr_array(X), y, weight) == pytest.approx(dense.aic(X, y, weight), rel=1e-9)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_maximum_likelihood(fit_intercept):
    X, y, order = sparse_rollouts(1)
    dense, sparse = both(X, y, order, alpha=np.inf, C=5.0, fit_intercept=fit_intercept)
    assert_allclose(sparse.coef_, dense.coef_, atol=1e-6)
    assert_allclose(sparse.coef_.sum(axis=0), 0, atol=1e-12)  # of what the actions share nothing is told
    assert_allclose(sparse.predict_proba(sp.csr_array(X)), dense.predict_proba(X), atol=1e-7)


def first_only_where_positive(X):
    rows = sp.csr_array(X)
    return np.stack([rows[:, [0]].toarray()[:, 0] >= 0, np.ones(rows.shape[0]), np.ones(rows.shape[0])], axis=1)


def test_masks_and_known_rewards_of_sparse_rows():
    X, y, order = sparse_rollouts(2)
    y = np.where(X[:, 0] < 0, np.maximum(y, 1), y)
    settings = {"action_mask": first_only_where_positive, "base_reward": lambda X: np.full(X.shape[0], -0.1)}
    dense, sparse = both(X, y, order, **settings)
    assert_allclose(sparse.predict_proba(sp.csr_array(X)), dense.predict_proba(X), atol=1e-6)
    assert (sparse.predict_proba(sp.csr_array(X))[X[:, 0] < 0, 0] == 0).all()
    assert sparse.aic(sp.csr_array(X), y) == pytest.approx(dense.aic(X, y), rel=1e-9)


def test_the_order_and_the_form_of_the_rows_do_not_matter():
    X, y, _ = sparse_rollouts(3)
    next_X = np.roll(X, -1, axis=0)
    model = IQLearnClassifier(discount=0.8)
    first = model.fit(sp.csr_array(X), y, next_X=sp.csr_array(next_X))
    other = clone(model)
    rows = np.random.default_rng(0).permutation(len(y))
    untidy = sp.coo_array(X[rows])
    twice = sp.coo_array(
        (
            np.concatenate([untidy.data / 2, untidy.data / 2, [0.0]]),
            ([*np.tile(untidy.row, 2).tolist(), 0], [*np.tile(untidy.col, 2).tolist(), 3]),
        ),
        shape=X.shape,
    )
    other.fit(twice, y[rows], next_X=next_X[rows])
    assert_array_equal(other.coef_, first.coef_)
    assert_array_equal(other.states_.toarray(), first.states_.toarray())
    assert len(first.counts_) == len(np.unique(X, axis=0))
    into_dense = clone(model).fit(X, y, next_X=sp.csr_array(next_X))
    assert_allclose(into_dense.coef_, first.coef_, atol=1e-5)
    frames = [pd.DataFrame.sparse.from_spmatrix(sp.csr_array(table)) for table in (X, next_X)]
    of_frames = clone(model).fit(frames[0], y, next_X=frames[1])
    assert sp.issparse(of_frames.states_)
    assert_array_equal(of_frames.coef_, first.coef_)


def test_next_rows_that_do_not_fit():
    rows, y = sp.csr_array(np.eye(3)), [0, 1, 1]
    model = IQLearnClassifier()
    for X in (rows, rows.toarray()):
        with pytest.raises(ValueError, match=r"next_X must have the shape of X, \(3, 3\), got \(3, 2\)"):
            model.fit(X, y, next_X=rows[:, :2])
        with pytest.raises(ValueError, match="next_X must be finite in rows that are not terminal"):
            model.fit(X, y, next_X=rows * np.inf, terminal=[False, True, True])
        model.fit(X, y, next_X=sp.csr_array(np.diag([np.nan, 1.0, 1.0])), terminal=[True, False, False])


def test_searches_pipelines_pickles_and_warm_starts():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 5, size=(300, 3)), rng.integers(0, 3, size=300)
    pipe = make_pipeline(OneHotEncoder(handle_unknown="ignore"), IQLearnClassifier(C=1.0, warm_start=True))
    search = GridSearchCV(pipe, {"iqlearnclassifier__C": [0.1, 1.0]}).fit(X, y)
    assert sp.issparse(search.best_estimator_[-1].states_)
    dense = make_pipeline(OneHotEncoder(handle_unknown="ignore", sparse_output=False), IQLearnClassifier(C=1.0))
    again = pickle.loads(pickle.dumps(pipe.fit(X, y)))
    assert_allclose(again.predict_proba(X), dense.fit(X, y).predict_proba(X), atol=1e-6)
    assert again.fit(X, y)[-1].n_iter_ <= 2
    light = pipe[-1].without_rows()
    rows = pipe[0].transform(X)
    assert_array_equal(light.predict(rows), pipe.predict(X))
    assert light.bic(rows, y) == pytest.approx(pipe[-1].bic(rows, y))


@pytest.mark.parametrize("shape", [(40, 8), (8, 40), (60, 60), (200, 30)])
def test_the_rank_of_a_sparse_matrix(shape):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        matrix = rng.integers(-2, 3, size=shape) * (rng.random(shape) < 0.1)
        matrix[:, -2:] = matrix[:, :2] @ [[1, 2], [1, -1]]
        matrix = np.hstack([matrix, np.ones((shape[0], 1))])
        units = 10.0 ** rng.integers(-3, 4, size=matrix.shape[1])
        assert sparse_rank(sp.csr_array(matrix * units)) == np.linalg.matrix_rank(matrix)


def test_free_parameters_count_no_collinear_column():
    X, y, order = sparse_rollouts(4)
    model = IQLearnClassifier(C=1.0)
    rows = sp.csr_array(X)
    twice = sp.csr_array(sp.hstack([rows, 3 * rows[:, [2]], rows[:, [1]] - rows[:, [4]]]))
    found = [clone(model).fit(X, y, **order)._n_free() for X in (X, rows, twice, twice.toarray())]
    assert len(set(found)) == 1


def coefficients(model):
    return model.coef_


def test_covariance_refuses_and_bootstrap_serves():
    X, y, order = sparse_rollouts(5, n_features=3)
    rows = sp.csr_array(X)
    model = IQLearnClassifier(C=1.0).fit(rows, y, **order)
    with pytest.raises(ValueError, match="covariance needs dense X"):
        inference.covariance(model, rows, y, **order)
    settings = {"n_resamples": 3, "random_state": 0, **order}
    found = inference.bootstrap(model, coefficients, rows, y, **settings)
    dense = inference.bootstrap(clone(model).fit(X, y, **order), coefficients, X, y, **settings)
    assert_allclose(found.samples, dense.samples, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "takes"),
    [
        ({}, True),
        ({"q_type": "linear", "solver": "newton"}, True),
        ({"solver": "lbfgs"}, False),
        ({"q_type": "tabular"}, False),
        ({"q_type": "neural"}, False),
        ({"transitions": np.ones((1, 1, 1))}, False),
        ({"q_type": "no such"}, False),
    ],
)
def test_the_tag_says_who_takes_sparse_rows(settings, takes):
    model = IQLearnClassifier(**settings)
    assert get_tags(model).input_tags.sparse == takes
    if takes:
        model.fit(sp.csr_array([[0.0], [1.0]]), [0, 1])
    else:
        with pytest.raises((TypeError, ValueError), match=r"X must be dense, got sparse rows|q_type must be"):
            model.fit(sp.csr_array([[0.0], [0.0]]), [0, 0])


def test_memory_is_that_of_the_nonzeros():
    """8,000 rows of three ones each among 50,000 columns, 3.2 GB when dense, 3 actions."""
    rng = np.random.default_rng(0)
    n, K = 8_000, 50_000
    columns = rng.integers(0, K, size=(n, 3))
    rows = sp.csr_array((np.ones(3 * n), (np.repeat(np.arange(n), 3), columns.ravel())), shape=(n, K))
    y = rng.integers(0, 3, size=n)
    tracemalloc.start()
    model = IQLearnClassifier(C=1.0).fit(rows, y, trajectory=np.arange(n) // 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert model.converged_
    # Tables (K, A) and (S, A) of floats, some dozens of them, and the rows.
    assert peak < 150e6
