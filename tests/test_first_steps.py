"""Standard errors of structural fits without transitions: each row's influence, continuation included."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.inference._covariance import find_fit, same_data
from sklearn_iqlearn.inference._first_steps import corrections
from sklearn_iqlearn.inference._information import Information
from sklearn_iqlearn.preprocessing import Hats, Splines

COSTS = {0: {"mileage": "-0"}, 1: {"price": "-1"}}


def buses(n_buses=60, n_steps=20, seed=0):
    """Replacement at random, the more the higher the mileage."""
    rng = np.random.default_rng(seed)
    mileage, rows = np.zeros(n_buses), []
    for step in range(n_steps):
        replaced = rng.uniform(size=n_buses) < 0.04 + 0.05 * mileage
        rows.append(np.column_stack([mileage, replaced, np.arange(n_buses), np.full(n_buses, step)]))
        mileage = np.where(replaced, 0.0, mileage) + rng.exponential(size=n_buses)
    x, y, trajectory, step = np.concatenate(rows).T
    return x[:, None], y.astype(int), trajectory, step.astype(int)


@pytest.mark.parametrize("basis", [Hats(6), {0: Splines(4), 1: Splines(0)}], ids=["averages", "projection"])
def test_influence_is_the_change_of_the_coefficients_with_the_weight_of_a_row(basis):
    """The functions held, a fit with a little more of one row moves by its influence times the inverse Hessian."""
    X, y, trajectory, step = buses()
    order = {"trajectory": trajectory, "step": step, "next_X": None, "terminal": None}
    model = IQLearnClassifier(q_type="structural", features=COSTS, basis=basis, discount=0.9, tol=1e-11)
    model.fit(X, y, **order)
    frozen = {label: FrozenEstimator(found) for label, found in model.basis_.items()}
    demonstrations, problem = same_data(find_fit(model)[0], X, y, None, order)
    parameters = problem.recall(model)
    point = problem.at(parameters)
    information = Information.at(point, demonstrations, None)
    states, actions, _, _ = problem.objective.transitions.rows
    whole = information.scores[2 * states + actions] + corrections(problem, parameters)
    moves = -np.linalg.solve(information.hessian, whole.T).T / problem.units
    for row in (0, 333, int(np.flatnonzero(y)[5]), len(y) - 1):  # the last one is cut off
        coef = []
        for more in (1e-4, -1e-4):
            weight = np.ones(len(y))
            weight[row] += more
            again = clone(model).set_params(basis=frozen).fit(X, y, weight, **order)
            coef.append(again.coef_)
        # The difference is of second order in the weight, beside rounding of 1e-11 over it.
        assert_allclose((coef[0] - coef[1]) / 2e-4, moves[row], rtol=1e-4, atol=1e-6)


def test_errors_are_those_of_other_samples():
    """Standard errors beside the spread over data sets, which they tell to the precision of 40 of them."""
    coef, errors = [], []
    for seed in range(40):
        X, y, trajectory, step = buses(seed=seed)
        model = IQLearnClassifier(q_type="structural", features=COSTS, discount=0.9)
        model.fit(X, y, trajectory=trajectory, step=step)
        coef.append(model.coef_)
        spread = inference.covariance(model, X, y, trajectory=trajectory, step=step)
        errors.append(np.sqrt(np.diag(spread)))
    assert list(spread.columns) == ["mileage", "price"]
    # A standard deviation of 40 draws has a relative standard error of 11%: three of them.
    assert_allclose(np.mean(errors, axis=0), np.std(coef, axis=0, ddof=1), rtol=0.33)


def test_kinds_that_take_the_continuation_for_known_are_refused():
    X, y, trajectory, step = buses()
    model = IQLearnClassifier(q_type="structural", features=COSTS, discount=0.9)
    model.fit(X, y, trajectory=trajectory, step=step)
    with pytest.raises(ValueError, match="kind must be 'auto', 'clustered' or 'sandwich'"):
        inference.covariance(model, X, y, kind="observed", trajectory=trajectory, step=step)
