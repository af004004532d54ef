"""Types that trajectories keep: found, told apart, and exact where an answer is known."""

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from types_of import COSTS, data, two_depots

from sklearn_iqlearn import IQLearnClassifier, LatentTypes

# To rounding, as the tests want it.
LOGIT = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12)


@pytest.fixture(scope="module")
def depots():
    rows, one = two_depots()
    start = time.process_time()
    model = LatentTypes(one, n_init=1, random_state=0).fit(*data(rows)[0], **data(rows)[1])
    return rows, one, model, time.process_time() - start


@pytest.fixture(scope="module")
def few():
    rows, one = two_depots(30, 40, costs=((0.02, 2.0), (0.1, 4.0)))
    return rows, one, LatentTypes(one, n_init=3, random_state=0).fit(*data(rows)[0], **data(rows)[1])


def test_two_types_of_buses_are_found(depots):
    rows, one, model, seconds = depots
    (X, y), ids = data(rows)
    found = np.stack(sorted(type_.coef_.tolist() for type_ in model.estimators_))
    assert_allclose(
        found, COSTS, rtol=0.08
    )  # standard errors are up to 4%; the means of bench-types are within 3%
    kinds = rows.groupby("bus")["kind"].first()
    types = model.predict_types(X, y, **ids)
    assert_array_equal(types.index, kinds.index)
    right = (types == kinds).mean()
    assert max(right, 1 - right) >= 0.9
    single = clone(one).fit(X, y)
    assert model.log_likelihood_ > single.score(X, y) * len(y) + 150
    assert model.converged_
    assert model.n_iter_ < 40  # plain EM takes hundreds
    assert seconds < 3  # of this process: others may be at work


def reference(rows, one, estimators, weights):
    """Log-likelihood by trajectory, straight from its definition."""
    chosen = [each.policy_[rows["state"], rows["action"]] for each in estimators]
    by_type = [np.bincount(rows["bus"], np.log(each)) for each in chosen]
    return logsumexp(np.stack(by_type, axis=1), axis=1, b=weights)


def test_the_likelihood_is_that_of_the_definition(few):
    rows, one, model = few
    (X, y), ids = data(rows)
    expected = reference(rows, one, model.estimators_, model.weights_)
    assert_allclose(model.log_likelihood(X, y, **ids), expected, rtol=1e-12)
    assert_allclose(model.log_likelihood_, expected.sum(), rtol=1e-12)
    assert_allclose(model.score(X, y, **ids), expected.sum() / len(y), rtol=1e-12)
    n = 2 * 2 + 1
    assert_allclose(model.bic(X, y, **ids), n * np.log(len(y)) - 2 * expected.sum(), rtol=1e-12)
    assert_allclose(model.aic(X, y, **ids), n * 2 - 2 * expected.sum(), rtol=1e-12)
    policies = [each.policy_[rows["state"]] for each in model.estimators_]
    mixed = model.weights_[0] * policies[0] + model.weights_[1] * policies[1]
    assert_allclose(model.predict_proba(X), mixed, rtol=1e-12)
    assert_allclose(model.score(X, y), np.log(mixed[np.arange(len(y)), y]).mean(), rtol=1e-12)
    assert_array_equal(model.predict(X), mixed.argmax(axis=1))


def test_the_maximum_is_that_of_another_optimiser(few):
    """Of all five parameters at once, by BFGS on the marginal likelihood with finite differences."""
    rows, one, model = few
    visits = np.bincount(rows["bus"] * 180 + rows["state"] * 2 + rows["action"], minlength=60 * 180).reshape(
        60, 180
    )
    world = clone(one).fit(*data(rows)[0])

    def loss(parameters):
        coefs, odds = np.split(parameters, [4])
        logs = [
            np.log(world.counterfactual(reward_coef=coef * [0.01, 1]).policy_.ravel())
            for coef in coefs.reshape(2, 2)
        ]
        weights = np.exp([0.0, *odds]) / np.exp([0.0, *odds]).sum()
        return -logsumexp(visits @ np.stack(logs, axis=1), axis=1, b=weights).sum()

    at = np.concatenate(
        [*(each.coef_ * [100, 1] for each in model.estimators_), np.log(model.weights_[1:] / model.weights_[0])]
    )
    assert_allclose(loss(at), -model.log_likelihood_, rtol=1e-12)
    start = at + 0.05 * np.array([1, -1, 1, 1, -1])
    found = minimize(loss, start, method="BFGS", options={"gtol": 1e-3})
    assert -model.log_likelihood_ <= found.fun + 1e-9
    # A gradient of 1e-3 where the least curvature is about 1.
    assert_allclose(found.x, at, atol=5e-3)


def test_the_likelihood_never_falls():
    rng = np.random.default_rng(0)
    for seed in range(10):
        X = rng.normal(size=(600, 2))
        y = rng.integers(3, size=600)
        ids = rng.integers(30, size=600)
        model = LatentTypes(LOGIT, 2, n_init=1, random_state=seed, tol=1e-5).fit(X, y, trajectory=ids)
        curve = np.array(model.log_likelihood_curve_)
        assert len(curve) > 5
        # Newton's method inside ends at gradients of 1e-12 of the mean, where the loss is exact to rounding.
        assert np.diff(curve).min() > -1e-9


def test_one_type_is_the_estimator_itself(few):
    rows, one, _ = few
    (X, y), ids = data(rows)
    model = LatentTypes(one, 1).fit(X, y, **ids)
    single = clone(one).fit(X, y, **ids)
    assert_array_equal(model.estimators_[0].coef_, single.coef_)
    assert_array_equal(model.predict_proba(X), single.predict_proba(X))
    assert_allclose(model.log_likelihood(X, y, **ids), single.log_likelihood(X, y, **ids), rtol=1e-12)
    assert_allclose(model.bic(X, y, **ids), single.bic(X, y), rtol=1e-12)
    assert_array_equal(model.weights_, [1.0])


def test_weights_at_a_vertex_are_the_single_fit(few):
    rows, _, model = few
    (X, y), ids = data(rows)
    vertex = clone(model).set_params(n_init=1).fit(X, y, **ids)
    vertex._logs = np.array([0.0, -np.inf])
    single = vertex.estimators_[0]
    assert_allclose(vertex.log_likelihood(X, y, **ids), single.log_likelihood(X, y, **ids), rtol=1e-12)
    assert (vertex.predict_types(X, y, **ids) == 0).all()
    assert_allclose(vertex.bic(X, y, **ids) - single.bic(X, y), 3 * np.log(len(y)), rtol=1e-9)


def test_rows_and_starts_in_another_order_give_the_same_model(few):
    rows, one, model = few
    mixed = rows.sample(frac=1, random_state=1)
    (X, y), ids = data(mixed)
    other = LatentTypes(one, n_init=2, random_state=5).fit(X, y, **ids, step=mixed["step"])
    assert_allclose(other.weights_, model.weights_, rtol=1e-6)
    for found, expected in zip(other.estimators_, model.estimators_, strict=True):
        assert_allclose(found.coef_, expected.coef_, rtol=1e-5)
    assert_allclose(other.responsibilities_, model.responsibilities_, atol=1e-6)
    assert model.weights_[0] > model.weights_[1]
    assert_allclose(model.log_likelihoods_, model.log_likelihood_, rtol=1e-9)


def test_actions_by_another_name_give_the_same_model(few):
    rows, one, model = few
    (X, y), ids = data(rows)
    named = clone(one).set_params(transitions=dict(zip(["keep", "new"], one.transitions, strict=True)))
    other = LatentTypes(named, n_init=1, random_state=0).fit(X, np.where(y == 1, "new", "keep"), **ids)
    assert_allclose(other.estimators_[0].coef_, model.estimators_[0].coef_, rtol=1e-5)
    assert set(other.predict(X)) <= {"keep", "new"}


def test_counts_of_pairs_are_as_good_as_rows(few):
    """With transitions the rows are summed up; a pipeline hides them, so that every row takes part."""
    from sklearn.pipeline import make_pipeline

    rows, one, model = few
    (X, y), ids = data(rows)
    by_row = LatentTypes(make_pipeline("passthrough", one), n_init=1, random_state=0).fit(X, y, **ids)
    for found, expected in zip(by_row.estimators_, model.estimators_, strict=True):
        assert_allclose(found[-1].coef_, expected.coef_, rtol=1e-5)
    assert_allclose(by_row.log_likelihood_, model.log_likelihood_, rtol=1e-10)
    assert_allclose(by_row.bic(X, y, **ids), model.bic(X, y, **ids), rtol=1e-10)


def test_a_latent_class_logit_satisfies_its_likelihood_equations():
    rng = np.random.default_rng(0)
    kind, ids = rng.integers(2, size=60), np.repeat(np.arange(60), 20)
    X = rng.normal(size=(1200, 2))
    slopes = np.array([[2.0, 0.5], [-1.0, 1.0]])
    y = rng.random(1200) < 1 / (1 + np.exp(-np.sum(X * slopes[kind[ids]], axis=1)))
    model = LatentTypes(LOGIT, n_init=3, random_state=0).fit(X, y, trajectory=ids)
    types = model.responsibilities_.to_numpy()
    columns = np.column_stack([X, np.ones(len(X))])
    for k, estimator in enumerate(model.estimators_):
        rest = y - estimator.predict_proba(X)[:, 1]
        score = columns.T @ (types[ids, k] * rest) / len(y)
        assert np.abs(score).max() < 1e-6
    assert_allclose(types.mean(axis=0), model.weights_, atol=1e-6)
    right = (model.predict_types(X, y, trajectory=ids) == kind).mean()
    assert max(right, 1 - right) > 0.95


def test_a_weight_of_two_is_a_row_twice(few):
    rows, one, _ = few
    twice = rows.loc[rows.index.repeat(np.where(rows["bus"] % 3 == 0, 2, 1))]
    kept = rows["step"] < 35
    settings = {"n_init": 1, "random_state": 0}
    step = rows["step"].to_numpy()
    moment = np.arange(len(twice))  # rows that are there twice are no moves that the transitions know
    for weight, other, times in (
        (np.where(rows["bus"] % 3 == 0, 2.0, 1.0), twice, 2 * moment),
        (1.0 * kept, rows[kept], step[kept]),
    ):
        (X, y), ids = data(rows)
        weighted = LatentTypes(one, **settings).fit(X, y, sample_weight=weight, **ids, step=step)
        (X, y), ids = data(other)
        repeated = LatentTypes(one, **settings).fit(X, y, **ids, step=times)
        assert_allclose(weighted.log_likelihood_, repeated.log_likelihood_, rtol=1e-10)
        assert_allclose(weighted.estimators_[0].coef_, repeated.estimators_[0].coef_, rtol=1e-5)


def test_next_decisions_are_predicted_from_those_before(few):
    rows, _, model = few
    (X, y), ids = data(rows)
    found = model.predict_next_proba(X, y, **ids)
    chosen = found[np.arange(len(y)), y]
    # The chain rule: the probabilities of the decisions in turn multiply to that of all.
    by_turn = np.bincount(rows["bus"], np.log(chosen))
    assert_allclose(by_turn, model.log_likelihood(X, y, **ids), rtol=1e-10)
    first = rows["step"] == 0
    assert_allclose(found[first], model.predict_proba(X[first]), rtol=1e-10)


def test_penalised_fits_settle():
    rows, one = two_depots(60, 60)
    (X, y), ids = data(rows)
    linear = IQLearnClassifier(one.transitions, features=np.arange(90.0)[:, None] / 90, discount=0.99, alpha=50)
    model = LatentTypes(linear, n_init=2, random_state=0).fit(X, y, **ids)
    assert model.converged_
    again = linear.fit(X, y, sample_weight=model.responsibilities_[0].to_numpy()[rows["bus"]])
    assert_allclose(again.policy_, model.estimators_[0].policy_, atol=1e-6)
