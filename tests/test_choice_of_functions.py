"""Which functions are chosen to carry a continuation: those that the rows bear out."""

import numpy as np
import pytest

from sklearn_iqlearn._approximation.choice import HatSearch, SplineSearch, Trial, choose
from sklearn_iqlearn.preprocessing import Hats, Polynomials, Splines


def chosen(target, families, n=4000, d=6, noise=0.1):
    """The transformer for a target that is a function of the columns, and its residual."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(n, d))
    values = target(X) + noise * rng.normal(size=n)
    trial = Trial(X, np.arange(n) % 5, np.ones(n), values, n)
    return choose(trial, [np.unique(column) for column in X.T], families)


BOTH = (HatSearch, SplineSearch)


def test_nothing_is_chosen_for_noise():
    transformer, residual = chosen(lambda X: np.zeros(len(X)), BOTH)
    assert isinstance(transformer, Hats)
    assert transformer.n_nodes == [1] * 6
    assert residual == pytest.approx(0.01, rel=0.1)  # the variance of the noise, known to 2.2%


def test_columns_that_matter_alone_and_as_fine_as_they_are():
    """A line for a line, a spline for a curve, nothing for what says nothing."""
    transformer, residual = chosen(lambda X: X[:, 1] + np.sin(4 * X[:, 3]) + X[:, 4] + X[:, 0] + X[:, 5], BOTH)
    assert isinstance(transformer, Splines)
    assert [count > 0 for count in transformer.n_knots] == [True, True, False, True, True, True]
    assert transformer.n_knots[3] == 5
    assert residual < 0.012


def test_columns_that_act_together_have_polynomials():
    transformer, _ = chosen(lambda X: X[:, 1] + X[:, 4] + X[:, 1] * X[:, 4] + X[:, 1] ** 2, BOTH)
    assert isinstance(transformer, Polynomials)
    assert list(transformer.columns) == [1, 4]


def test_averages_take_at_most_two_columns():
    transformer, _ = chosen(lambda X: X[:, 1] + X[:, 3] + X[:, 5], (HatSearch,))
    assert sum(count > 1 for count in transformer.n_nodes) == 2


def test_residuals_of_rounding_choose_nothing():
    """A continuation that is known exactly has residuals of rounding, which no column may fit."""
    transformer, residual = chosen(lambda X: np.full(len(X), 7.3), BOTH, noise=0.0)
    assert isinstance(transformer, Hats)
    assert transformer.n_nodes == [1] * 6
    assert residual < 1e-24


def test_weights_are_rows():
    rng = np.random.default_rng(1)
    X = rng.uniform(size=(500, 2))
    target, fold = X[:, 0] + 0.3 * rng.normal(size=500), np.arange(500) % 5
    values = [np.unique(column) for column in X.T]
    weight = rng.integers(1, 4, size=500)
    many = np.repeat(np.arange(500), weight)
    for family in BOTH:
        once = family(Trial(X, fold, weight.astype(float), target, 500), values)
        repeated = family(Trial(X[many], fold[many], np.ones(len(many)), target[many], 500), values)
        for levels in ((0, 0), (1, 0), (1, 1)):
            assert once.loss(levels) == pytest.approx(repeated.loss(levels), rel=1e-9)
