"""Rows of features as states: how they are found, kept in single precision, and summed up block by block."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._estimator.reading import _distinct
from sklearn_iqlearn._numerics.blocks import BLOCK


@pytest.mark.parametrize("levels", [2, 40, 10**6])
@pytest.mark.parametrize("n_columns", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distinct_rows_are_those_of_numpy(levels, n_columns, dtype):
    """Sorted by the first column, then the next; with few levels nearly all rows are tied."""
    rng = np.random.default_rng(levels + n_columns)
    rows = rng.integers(-levels, levels, size=(500, n_columns)).astype(dtype)
    states, position = _distinct([rows[:100], rows[100:]])
    expected, inverse = np.unique(rows, axis=0, return_inverse=True)
    assert_array_equal(states, expected)
    assert_array_equal(position, inverse.reshape(-1))
    assert states.dtype == dtype


def panel(n_rows, n_columns=4, n_actions=3, seed=0):
    """Decisions in states drawn anew each time, in single precision."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n_rows, n_columns)) + 3).astype(np.float32)
    y = (X @ rng.normal(size=(n_columns, n_actions)) + rng.gumbel(size=(n_rows, n_actions))).argmax(axis=1)
    return X, y, np.arange(n_rows) // 50


@pytest.mark.parametrize("divergence", ["chi2", "kl", "tv"])
@pytest.mark.parametrize("by_pairs", [False, True])
def test_single_precision_is_kept_and_changes_little(divergence, by_pairs):
    """What is rounded is what remains of a column after its mean: 6e-8 of it."""
    X, y, ids = panel(BLOCK + 500)
    order = {"trajectory": ids}
    if by_pairs:
        following = np.roll(X, -1, axis=0)
        order = {"next_X": following, "terminal": np.arange(len(y)) % 50 == 49}
    single = IQLearnClassifier(divergence=divergence).fit(X, y, **order)
    double = order | {"next_X": following.astype(np.float64)} if by_pairs else order
    double = IQLearnClassifier(divergence=divergence).fit(X.astype(np.float64), y, **double)
    assert (single.states_.dtype, double.states_.dtype) == (np.float32, np.float64)
    assert_array_equal(single.states_, double.states_)
    for name in ("q_table_", "policy_", "reward_", "coef_", "intercept_"):
        assert getattr(single, name).dtype == np.float64
    assert_allclose(single.objective_, double.objective_, rtol=0, atol=1e-8)
    assert_allclose(single.policy_, double.policy_, rtol=0, atol=1e-6)
    assert_allclose(single.coef_, double.coef_, rtol=0, atol=1e-5)
    assert_allclose(single.bic(X, y), double.bic(X, y), rtol=1e-8)


def test_next_rows_in_another_precision_are_the_wider_of_the_two():
    X, y, _ = panel(60)
    model = IQLearnClassifier().fit(X, y, next_X=np.roll(X, -1, axis=0).astype(np.float64))
    assert model.states_.dtype == np.float64
    assert len(model.states_) == 60


@pytest.mark.parametrize("q_type", ["tabular", "linear"])
def test_no_negative_zero_tells_rows_apart(q_type):
    rows = np.array([[0.0], [-0.0], [1.0]], dtype=np.float32)
    assert len(IQLearnClassifier(q_type=q_type).fit(rows, [0, 1, 0]).states_) == 2


def test_memory_is_that_of_the_rows():
    """Nothing that a fit makes has a row for each state and a column for each parameter."""
    X, y, ids = panel(8_000, n_columns=40, n_actions=8)
    model = IQLearnClassifier()
    tracemalloc.start()
    model.fit(X, y, trajectory=ids)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    of_the_parameters = 8 * model.coef_.size * len(X)
    assert peak < of_the_parameters
