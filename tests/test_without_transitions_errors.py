"""Structural fits without transitions: what is refused, what is told, and what is borne in silence."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, SplineTransformer
from test_without_transitions import TABLE, features, panel, states_of, without

from sklearn_iqlearn.exceptions import DataWarning
from sklearn_iqlearn.preprocessing import Hats


def not_a_number(X):
    return np.where(states_of(X)[:, None, None] == 3, np.nan, features(X))


def returning(function):
    """A transformer that returns what a function makes of X."""
    return FunctionTransformer(function)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"features": None}, "features must be a function of X without transitions.*got None"),
        ({"features": TABLE}, "features must be a function of X without transitions.*got ndarray"),
        (
            {"features": lambda X: TABLE[:5]},
            r"features must return .* here \(8, 3, K\), got \(5, 3, 2\)",
        ),
        ({"features": lambda X: TABLE[:, :2]}, r"features must return .* here \(8, 3, K\), got \(8, 2, 2\)"),
        ({"features": lambda X: TABLE[..., 0]}, r"features must return .* here \(8, 3, K\), got \(8, 3\)"),
        ({"features": lambda X: TABLE[..., :0]}, r"features must return .* here \(8, 3, K\), got \(8, 3, 0\)"),
        ({"features": not_a_number}, r"features must be finite, got nan in column 0 for action 0 .* \[3.0\]"),
        ({"features": lambda X: None}, "features: what they return must be real numbers, got None"),
        ({"basis": Hats}, r"basis must be None, a transformer, .* the actions \[0, 1, 2\] to one, got <class"),
        ({"basis": 20}, r"basis must be None, a transformer, .* got 20"),
        ({"basis": {0: Hats(), 1: Hats()}}, r"basis must be .* a mapping from each of the actions \[0, 1, 2\]"),
        ({"basis": {0: Hats(), 1: Hats(), 2: Hats}}, r"basis must be .* a mapping from each of the actions"),
        (
            {"basis": returning(lambda X: X * np.nan)},
            r"basis must return finite functions of shape \(8, J\) for 8 rows, got NaN or infinity from Function",
        ),
        ({"basis": returning(lambda X: X[:3])}, r"basis must return .* \(8, J\) for 8 rows, got \(3, 1\) from"),
        ({"basis": returning(lambda X: X[:, 0])}, r"basis must return .* \(8, J\) for 8 rows, got \(8,\) from"),
        ({"basis": returning(lambda X: X.astype(str))}, "basis: what it returns must be real numbers, got '0.0'"),
        ({"discount": 1.0}, "discount must be less than 1 for q_type='structural' without transitions, got 1"),
        ({"initial_distribution": np.full(8, 1 / 8)}, "initial_distribution must be None without transitions"),
        (
            {"classes": [0, 1, 2, 9]},
            "y must hold rows of every action whose next state is known.*0 rows of action 9",
        ),
    ],
)
def test_bad_parameters(settings, message):
    X, y, order = panel()
    with pytest.raises(ValueError, match=message):
        without(**settings).fit(X, y, **order)


def test_an_action_whose_next_states_are_not_known():
    """One row, the last of a trajectory that was cut off."""
    X, _, _ = panel()
    with pytest.raises(ValueError, match="got 1 rows of action 2, none of them such"):
        without().fit(X[:4], [0, 1, 0, 2], trajectory=[0, 0, 0, 0])
    without(basis=Hats(1)).fit(X[:4], [0, 1, 0, 2], trajectory=[0, 0, 0, 0], terminal=[False] * 3 + [True])


def test_no_next_state_is_known_since_steps_count_by_sevens():
    """The error tells why no row has a next one."""
    X, _, _ = panel()
    ids, step = np.repeat([0, 1], 6), np.tile(7 * np.arange(6), 2)
    with pytest.raises(ValueError, match=r"none of them such\. step leaves 10 of 10 .*divide them by 7\. Leave"):
        without().fit(X[:12], np.arange(12) % 3, trajectory=ids, step=step)


def test_functions_that_vanish_in_new_rows():
    """Shares of rows beyond the data must not be divided by 0."""
    X, y, order = panel()
    boxes = FunctionTransformer(lambda X: 1.0 * (np.floor(X / 4) == np.arange(2)))
    model = without(basis=boxes, features=lambda X: np.ones((len(X), 3, 1)) * [[0.0], [1.0], [2.0]])
    model.fit(X, y, **order)
    assert list(model.continuation_["way"]) == ["averaging"] * 3
    message = "basis must have a positive function in every row, got zeros only from FunctionTransformer in row 1."
    with pytest.raises(ValueError, match=re.escape(message)):
        model.predict_proba(np.array([[2.0], [9.0]]))


def test_a_constant_twice_changes_nothing():
    """A transformer may have its own, beside the one that every projection has."""
    X, y, order = panel()
    once, twice = (
        without(basis=PolynomialFeatures(2, include_bias=bias)).fit(X, y, **order) for bias in (False, True)
    )
    assert [list(model.continuation_["n_functions"]) for model in (once, twice)] == [[3] * 3, [4] * 3]
    assert_allclose(twice.policy_, once.policy_, rtol=0, atol=1e-8)


def test_more_functions_than_rows():
    """The ridge takes the smallest weights of those that fit: no error, and no jumps."""
    X, y, order = panel()
    few, many = (
        without(basis=SplineTransformer(knots, include_bias=False)).fit(X, y, **order) for knots in (9, 60)
    )
    assert many.continuation_["n_functions"].min() > len(many.states_)
    assert_allclose(many.policy_, few.policy_, rtol=0, atol=1e-3)


def test_a_basis_without_functions_is_a_constant():
    X, y, order = panel()
    constant = without(basis=Hats(1)).fit(X, y, **order)
    for basis in (returning(lambda X: X[:, :0]), returning(lambda X: 0 * X)):
        assert_allclose(without(basis=basis).fit(X, y, **order).policy_, constant.policy_, rtol=0, atol=1e-10)


def test_one_short_trajectory():
    """Hardly any row of an action, all in one fold: constants carry on, and nothing is told."""
    X, y, order = panel()
    few = slice(0, 8)
    model = without().fit(X[few], y[few], trajectory=order["trajectory"][few])
    assert list(model.continuation_["n_functions"]) == [1, 1, 1]


def test_functions_without_rows_are_told():
    """Action 1 is never taken below 4: the functions there have no row of it."""
    X, y, order = panel()
    y = np.where((X[:, 0] < 4) & (y == 1), 0, y)
    with pytest.warns(DataWarning) as told:
        model = without(basis=Hats(8)).fit(X, y, **order)
    assert len(told) == 1
    expected = "basis has 4 of 8 functions without a row of action 1 that goes on, the first is number 0"
    assert str(told[0].message).startswith(expected)
    known = model.continuation_weights_[1]
    # Hats at their nodes have no neighbours in the states: the mean of the action's rows stands for them.
    assert_allclose(known[:4], known[0], rtol=0, atol=1e-12)
    assert known[4:].min() <= known[0] <= known[4:].max()


def test_nothing_is_told_of_functions_where_an_action_does_not_exist():
    X, y, order = panel()
    y = np.where((X[:, 0] < 4) & (y == 1), 0, y)
    model = without(basis=Hats(8), action_mask=lambda X: np.asarray(X) >= [[0, 4, 0]])
    model.fit(X, y, **order)
    assert np.isfinite(model.continuation_weights_[1]).all()
