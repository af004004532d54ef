"""How precisely types are known, and how many there are."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from types_of import data, two_depots, two_modes

from sklearn_iqlearn import IQLearnClassifier, LatentTypes, inference, latent
from sklearn_iqlearn.inference._information import Information
from sklearn_iqlearn.latent._marginal import Marginal


@pytest.fixture(scope="module")
def depots():
    rows, one = two_depots(60, 50, costs=((0.02, 2.0), (0.1, 5.0)))
    return rows, one, LatentTypes(one, n_init=1, random_state=0).fit(*data(rows)[0], **data(rows)[1])


@pytest.fixture(scope="module")
def modes():
    rows, one, _ = two_modes(30, 100)
    (X, y), ids = data(rows, "who")
    return rows, LatentTypes(one, switching=True, n_init=1, random_state=0).fit(X, y, **ids)


def marginal_of(model, rows, who="bus"):
    (X, y), ids = data(rows, who)
    return Marginal(*model._model(X, y, None, ids["trajectory"], None))


@pytest.mark.parametrize("name", ["depots", "modes"])
def test_the_score_is_the_slope_of_the_likelihood(name, request):
    rows, *_, model = request.getfixturevalue(name)
    marginal = marginal_of(model, rows, "bus" if name == "depots" else "who")
    at = marginal.solution + 0.01 * np.random.default_rng(0).normal(size=len(marginal.solution))
    total, scores = marginal.at(at)
    for k, unit in enumerate(np.eye(len(at))):
        ahead, behind = (marginal.at(at + sign * 1e-5 * unit)[0] for sign in (1, -1))
        assert_allclose((ahead - behind) / 2e-5, scores[:, k], rtol=1e-5, atol=1e-6)
    assert_allclose(marginal.at(marginal.solution)[0].sum(), model.log_likelihood_, rtol=1e-10)
    assert total.sum() < model.log_likelihood_


@pytest.mark.parametrize("name", ["depots", "modes"])
def test_the_score_at_the_solution_vanishes(name, request):
    rows, *_, model = request.getfixturevalue(name)
    marginal = marginal_of(model, rows, "bus" if name == "depots" else "who")
    scores = marginal.at(marginal.solution)[1]
    assert np.abs(scores.sum(axis=0)).max() < 1e-6 * len(rows)


def test_the_information_is_that_of_louis(depots):
    """Of the complete data less the variance of its score given what is seen (Louis 1982), without differences."""
    rows, _, model = depots
    marginal = marginal_of(model, rows)
    found = marginal.information(marginal.at(marginal.solution)[1])
    parameters, logs = marginal.parts(marginal.solution)
    types, weights = model.responsibilities_.to_numpy(), np.exp(logs)
    expected = np.zeros((5, 5))
    complete = np.zeros((2, len(types), 5))  # the score of each trajectory if it were of a type
    visits = marginal.chain.visits
    for k in range(2):
        point = marginal.problems[k].at(parameters[k])
        information = Information.at(point, marginal.demonstrations[k], None)
        block = slice(2 * k, 2 * k + 2)
        expected[block, block] = information.hessian
        complete[k, :, block] = -(visits @ information.scores[marginal.pairs])
        complete[k, :, 4] = (k == 0) - weights[0]
    expected[4, 4] = len(types) * weights[0] * weights[1]
    mean = np.einsum("nk,knp->np", types, complete)
    for k in range(2):
        expected -= np.einsum("n,np,nq->pq", types[:, k], complete[k] - mean, complete[k] - mean)
    assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("kind", ["clustered", "observed"])
def test_of_one_type_the_covariance_is_that_of_the_fit(depots, kind):
    rows, one, _ = depots
    (X, y), ids = data(rows)
    alone = LatentTypes(one, 1).fit(X, y, **ids)
    found = latent.covariance(alone, X, y, kind=kind, **ids).to_numpy()[:2, :2]
    options = ids if kind == "clustered" else {}
    expected = inference.covariance(alone.estimators_[0], X, y, kind=kind, **options)
    assert_allclose(found, expected, rtol=1e-5)


def test_the_standard_errors_are_those_of_the_bootstrap(depots):
    rows, _, model = depots
    (X, y), ids = data(rows)
    table = latent.summary(model, X, y, feature_names=["mileage", "price"], **ids)
    assert list(table.index[[0, 3, 4]]) == ["mileage (type 0)", "price (type 1)", "weight (type 0)"]
    assert_allclose(
        table["coefficient"][:4], np.concatenate([each.coef_ for each in model.estimators_]), rtol=1e-9
    )
    assert_allclose(table["coefficient"][4:], model.weights_, rtol=1e-12)
    statistics = {
        "coef": lambda types: np.concatenate([each.coef_ for each in types.estimators_]),
        "w": "weights_",
    }
    model = clone(model).set_params(tol=1e-4).fit(X, y, **ids)
    drawn = latent.bootstrap(model, statistics, X, y, n_resamples=15, random_state=0, **ids)
    assert_allclose(drawn["w"].estimate, model.weights_, rtol=1e-12)
    error = np.append(drawn["coef"].standard_error, drawn["w"].standard_error[0])
    ratio = error / table["standard error"].to_numpy()[:5]
    # 15 resamples tell a standard error to 19%, and of so few buses the bootstrap's are somewhat longer.
    assert (ratio > 0.6).all()
    assert (ratio < 2.0).all()
    assert table.attrs["Trajectories"] == 120


def test_shares_and_transitions_have_errors_that_add_up(modes):
    rows, model = modes
    (X, y), ids = data(rows, "who")
    spread = latent.covariance(model, X, y, **ids).to_numpy()
    assert spread.shape == (12, 12)
    for first in (6, 8, 10):  # of each row of shares the sum does not vary
        assert_allclose(spread[first : first + 2].sum(axis=0), 0.0, atol=1e-12)
    assert (np.diag(spread) > 0).all()
    right = np.abs(model.transition_.diagonal() - 0.98) / np.sqrt(np.diag(spread)[[8, 11]])
    assert right.max() < 3


def test_what_allows_no_covariance(depots):
    rows, one, model = depots
    (X, y), ids = data(rows)
    with pytest.raises(ValueError, match="must be those of the fit"):
        latent.covariance(model, X[:-1], y[:-1], trajectory=ids["trajectory"][:-1])
    penalised = LatentTypes(
        IQLearnClassifier(one.transitions, discount=0.9, features=np.eye(90)[:, :2]), n_init=1, random_state=0
    ).fit(X, y, **ids)
    with pytest.raises(ValueError, match="nothing penalises"):
        latent.covariance(penalised, X, y, **ids)
    rng = np.random.default_rng(0)
    X, ids = rng.normal(size=(200, 1)), np.repeat(np.arange(20), 10)
    y = (X[:, 0] * (-1) ** ids + rng.normal(size=200) > 0).astype(int)
    logit = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    types = LatentTypes(logit, n_init=1, random_state=0).fit(X, y, trajectory=ids)
    with pytest.raises(ValueError, match=r"use latent\.bootstrap"):
        latent.covariance(types, X, y, trajectory=ids)


def test_one_type_is_called_one_and_two_are_called_two():
    for costs, number in (((0.02, 3.0),), 1), (((0.02, 2.0), (0.1, 6.0)), 2):
        rows, one = two_depots(50 // number, 40, costs=costs)
        (X, y), ids = data(rows)
        types = LatentTypes(one, n_init=1, random_state=0, tol=1e-3)
        found = latent.select_types(types, X, y, n_types=(1, 2), cv=2, random_state=0, **ids)
        assert found.by_bic == found.by_held_out == number
        assert found.answer == ("One type is enough." if number == 1 else "2 types.")
        assert found.answer in repr(found)
        table = found.table
        assert_allclose(table["BIC"][1], found.models[1].bic(X, y, **ids), rtol=1e-12)
        assert_allclose(table["gain"], table["held out"] - table["held out"][1], atol=1e-12)
        assert_array_equal(table.index, [1, 2])


def test_most_of_a_few_data_sets_of_one_type_are_called_one():
    """A small part of ``make bench-types``, which has a hundred data sets."""
    wrong = 0
    for seed in range(4):
        rows, one = two_depots(30, 30, costs=((0.02, 3.0),), seed=seed)
        (X, y), ids = data(rows)
        types = LatentTypes(one, n_init=1, random_state=0, tol=1e-2)
        wrong += latent.select_types(types, X, y, n_types=(1, 2), cv=0, **ids).by_bic != 1
    assert wrong <= 1  # of four at 5% more than one come up once in 70 times, and these are always the same four
