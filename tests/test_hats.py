"""``Hats``, ``Splines`` and ``Polynomials``: functions of columns, and what makes them fit to carry values."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_iqlearn.preprocessing import Hats, Polynomials, Splines


def rows(seed=0, n=200, d=2):
    return np.random.default_rng(seed).normal(size=(n, d))


@parametrize_with_checks([Hats(), Splines(), Polynomials()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("n_nodes", [1, 2, 7, 1000, [3, 1], [1, 5], [4, 6]])
def test_hats_are_shares(n_nodes):
    """Non-negative and adding up to 1, within the data and beyond; at most four corners carry a row."""
    X = rows()
    functions = Hats(n_nodes).fit(X).transform(np.concatenate([X, 10 * rows(1)]))
    assert functions.data.min() > 0
    assert_allclose(functions.sum(axis=1), 1, rtol=0, atol=1e-14)
    assert np.diff(functions.indptr).max() <= 4


def test_hats_interpolate_lines_exactly():
    """A line through its values at the nodes; of two columns, their product too."""
    X = rows()
    hats = Hats([6, 4]).fit(X)
    corners = np.array([(a, b) for a in hats.nodes_[0] for b in hats.nodes_[1]])

    def bilinear(Z):
        return 1.0 + 2.0 * Z[:, 0] - 3.0 * Z[:, 1] + 0.5 * Z[:, 0] * Z[:, 1]

    assert_allclose(hats.transform(X) @ bilinear(corners), bilinear(X), rtol=0, atol=1e-13)
    assert_allclose(hats.transform(corners).toarray(), np.eye(24), rtol=0, atol=1e-14)


def test_hats_of_columns_multiply():
    X = rows()
    first, second = (Hats(5).fit(X[:, [k]]).transform(X[:, [k]]).toarray() for k in range(2))
    product = np.einsum("ij,ik->ijk", first, second).reshape(len(X), 25)
    assert_allclose(Hats(5).fit(X).transform(X).toarray(), product, rtol=0, atol=1e-15)


def test_hats_stop_at_the_last_nodes():
    hats = Hats(3).fit([[0.0], [1.0], [2.0], [4.0]])
    assert_array_equal(hats.nodes_[0], [0.0, 2.0, 4.0])
    assert_array_equal(hats.transform([[-5.0], [9.0]]).toarray(), [[1, 0, 0], [0, 0, 1]])


def test_a_node_for_each_of_few_values():
    """Where a column has no more distinct values than nodes, hats are its one-hot encoding, unevenly spaced."""
    values = np.array([0.0, 0.1, 5.0, 7.0])
    found = Hats(20).fit(values[[3, 0, 1, 2, 1], None]).transform(values[:, None])
    assert_array_equal(found.toarray(), np.eye(4))


def test_a_column_of_one_value_plays_no_role():
    X = rows()
    X[:, 1] = 3.0
    alone = Hats(5).fit(X[:, :1]).transform(X[:, :1])
    assert_array_equal(Hats(5).fit(X).transform(X).toarray(), alone.toarray())
    assert_array_equal(Splines(5).fit(X).transform(X), Splines(5).fit(X[:, :1]).transform(X[:, :1]))


@pytest.mark.parametrize("n_knots", [3, 5, 8])
def test_splines_hold_the_cubic_polynomials(n_knots):
    """With a constant beside them: a cubic is one of the functions, so that least squares find it exactly."""
    x = rows()[:, :1]
    functions = np.column_stack([np.ones(len(x)), Splines(n_knots).fit(x).transform(x)])
    cubic = (1 - x + 2 * x**2 - 0.3 * x**3)[:, 0]
    fitted = functions @ np.linalg.lstsq(functions, cubic, rcond=None)[0]
    assert functions.shape[1] == n_knots + 2
    assert_allclose(fitted, cubic, rtol=0, atol=1e-10)


def test_splines_are_linear_beyond_the_data():
    x = rows()[:, :1]
    beyond = Splines(5).fit(x).transform(x.max() + np.arange(5.0)[:, None])
    assert_allclose(np.diff(beyond, n=2, axis=0), 0, rtol=0, atol=1e-12)
    assert np.abs(np.diff(beyond, axis=0)).max() > 0.1


def test_splines_of_columns_stand_side_by_side():
    """Two knots or one make a line, in units of the spread; none leaves the column out."""
    X = rows(d=3)
    found = Splines([5, 1, 0]).fit(X).transform(X)
    assert_array_equal(found[:, :6], Splines(5).fit(X[:, :1]).transform(X[:, :1]))
    assert_allclose(found[:, 6], (X[:, 1] - X[:, 1].mean()) / X[:, 1].std(), rtol=0, atol=1e-14)
    assert found.shape == (200, 7)
    assert_array_equal(Splines([5, 2, 0]).fit(X).transform(X), found)


def test_polynomials_hold_products_of_columns():
    """Beside a constant: a bilinear function of two columns is found exactly, whatever their units."""
    X = rows(d=3) * [1.0, 1e4, 1.0]
    functions = np.column_stack([np.ones(len(X)), Polynomials(2, columns=[0, 1]).fit(X).transform(X)])
    product = 1 - X[:, 0] + X[:, 1] / 1e4 + 2 * X[:, 0] * X[:, 1] / 1e4
    assert functions.shape[1] == 6
    fitted = functions @ np.linalg.lstsq(functions, product, rcond=None)[0]
    assert_allclose(fitted, product, rtol=0, atol=1e-10)


@pytest.mark.parametrize("repeats", [1, 50])
def test_neither_depends_on_how_often_a_value_occurs(repeats):
    """They describe where states are, not how often they were visited."""
    X = rows(n=40)
    often = np.concatenate([X, np.repeat(X[:3], repeats, axis=0)])
    assert_array_equal(Hats(5).fit(often).transform(X).toarray(), Hats(5).fit(X).transform(X).toarray())
    assert_allclose(Splines(5).fit(often).transform(X), Splines(5).fit(X).transform(X), rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", [Hats, Polynomials, Splines])
def test_names_of_columns(kind):
    frame = pd.DataFrame(rows(), columns=["mileage", "age"])
    transformer = kind().fit(frame)
    assert_array_equal(transformer.feature_names_in_, ["mileage", "age"])
    with pytest.raises(ValueError, match="feature names"):
        transformer.transform(frame[["age", "mileage"]])


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (Hats(0), "n_nodes must be an integer >= 1, or one for each of 2 columns, got 0"),
        (Hats(2.5), "n_nodes must be an integer >= 1, or one for each of 2 columns, got 2.5"),
        (Hats([3, 0]), r"n_nodes must be an integer >= 1, or one for each of 2 columns, got \[3, 0\]"),
        (Hats([3, 4, 5]), r"n_nodes must be .* each of 2 columns, got \[3, 4, 5\]"),
        (Hats("many"), "n_nodes must be .* got 'many'"),
        (Hats(True), "n_nodes must be .* got True"),
        (Splines(-1), "n_knots must be an integer >= 0, or one for each of 2 columns, got -1"),
        (Splines([5]), r"n_knots must be .* each of 2 columns, got \[5\]"),
        (Polynomials(0), "degree must be"),
        (Polynomials(columns=[0, 5]), r"columns must be among 0 to 1, got \[0, 5\]"),
        (Splines(None), "n_knots must be .* got None"),
    ],
)
def test_bad_counts(transformer, message):
    with pytest.raises(ValueError, match=message):
        transformer.fit(rows())


def test_polynomials_are_products_of_powers_of_the_columns_taken():
    """Any polynomial of the degree is a sum of them and a constant; columns that are not taken play no role."""
    X = rows(d=3)
    functions = Polynomials(degree=3, columns=[0, 2]).fit_transform(X)
    target = X[:, 0] ** 2 * X[:, 2] - 2 * X[:, 2] ** 3 + X[:, 0]
    design = np.column_stack([np.ones(len(X)), functions])
    assert functions.shape[1] == 9
    assert_allclose(design @ np.linalg.lstsq(design, target)[0], target, rtol=0, atol=1e-11)
    with pytest.raises(ValueError, match=r"columns must be among 0 to 2, got \[3\]"):
        Polynomials(columns=[3]).fit(X)
