"""What a fit that did not converge is told fits that fit."""

import re
import warnings

import numpy as np
import pytest
from problems import as_rows, random_problem
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._coefficients.separation import Separation
from sklearn_iqlearn._estimator.advice import advice, no_maximum

FIT = {
    "solver": "newton",
    "newton_fits": True,
    "stopped": False,
    "exhausted": True,
    "alpha": 1.0,
    "smoothing": 1.0,
    "C": None,
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Raise max_iter or lower alpha."),
        ({"exhausted": False}, "Raise tol where the gradient is small enough or lower alpha."),
        ({"alpha": np.inf}, "Raise max_iter or take a finite alpha."),
        ({"alpha": np.inf, "smoothing": 0.0}, "Raise max_iter or take a finite alpha."),
        ({"smoothing": 0.0}, "Raise max_iter, lower alpha or take smoothing > 0."),
        ({"C": 100.0}, "Raise max_iter, lower alpha or lower C."),
        ({"C": np.inf}, "Raise max_iter, lower alpha or take a finite C."),
        ({"solver": "lbfgs"}, "Raise max_iter, take solver='newton' or lower alpha."),
        ({"solver": "adam", "newton_fits": False, "C": 1.0}, "Raise max_iter, lower alpha or lower C."),
        ({"stopped": True}, ""),
    ],
)
def test_advice_fits_the_fit(changes, sentence):
    assert advice(**{**FIT, **changes}) == sentence


@pytest.mark.parametrize(
    ("direction", "losers", "alpha", "parts"),
    [
        (
            [0, 2.0],
            [1],
            np.inf,
            ["as the coefficient of x1 grows, since action b was never taken", "a finite alpha."],
        ),
        ([0, -2.0], [1, 2], 1.0, ["x1 falls, since actions b, c were never taken", "or take smoothing > 0."]),
        ([1.0, -4.0], [1], 1.0, ["as the coefficients go along +0.25 x0 -1 x1 (features in units of their size)"]),
        ([1.0, 0], [0, 1], 1.0, ["as the coefficient of x0 grows, since every decision is then an optimal one"]),
    ],
)
def test_no_maximum_names_what_runs_away(direction, losers, alpha, parts):
    separation = Separation(np.array(direction), np.isin(range(3), losers))
    text = no_maximum(separation, ["a", "b", "c"], np.array([False, True, True]), alpha)
    assert all(part in text for part in parts)


@pytest.mark.parametrize(
    ("settings", "told", "not_told"),
    [
        ({}, "Raise max_iter or lower alpha.", "newton"),
        ({"alpha": np.inf, "q_type": "structural"}, "Raise max_iter or take a finite alpha.", "newton| C"),
        ({"solver": "lbfgs"}, "take solver='newton'", "smoothing"),
        (
            {"q_type": "linear", "smoothing": 0.0},
            "Raise max_iter, lower alpha, take smoothing > 0 or lower C.",
            "newton",
        ),
        ({"q_type": "neural", "solver": "lbfgs"}, "Raise max_iter, lower alpha or lower C.", "newton"),
    ],
)
def test_a_fit_says_it(settings, told, not_told):
    transitions, counts, _ = random_problem(0)
    features = (
        None if settings.get("q_type", "tabular") == "tabular" else np.random.default_rng(0).normal(size=(6, 2))
    )
    if settings.get("q_type") == "structural":
        features = np.random.default_rng(0).normal(size=(6, 3, 2))
    model = IQLearnClassifier(transitions, features=features, max_iter=1, **{"q_type": "tabular", **settings})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(*as_rows(counts))
    (text,) = [str(warning.message) for warning in caught if warning.category is ConvergenceWarning]
    assert told in text
    assert not re.search(not_told, text.split("tol being")[1])
