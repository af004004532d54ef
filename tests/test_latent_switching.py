"""Types that change along a trajectory: the messages, and two modes of a walker."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from types_of import data, two_modes

from sklearn_iqlearn import LatentTypes
from sklearn_iqlearn.latent._decisions import Decisions
from sklearn_iqlearn.latent._mixture import Mixture
from sklearn_iqlearn.latent._switching import Switching

LOGIT = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12)


def small_chain(weight=None):
    """Three trajectories of 4, 1 and 3 rows, mixed with each other, two types that say something at random."""
    rng = np.random.default_rng(0)
    ids = np.array(["a", "c", "a", "b", "c", "a", "c", "a"])
    step = np.array([3, 1, 1, 7, 0, 2, 2, 0])
    X, y = rng.normal(size=(8, 1)), rng.integers(2, size=8)
    decisions = Decisions.of_rows(X, y, np.arange(2), weight, ids)
    logs = np.log([[0.3, 0.7], [0.8, 0.2], [0.4, 0.6]])
    return Switching(decisions, 2, step), logs, np.log(rng.dirichlet([1, 1], size=8)), ids, step


def test_the_messages_are_sums_over_all_ways():
    chain, logs, said, ids, step = small_chain()
    found = chain.expect(logs, said)
    moves, ahead = np.zeros((2, 2)), chain.predicted(logs, said)
    for number, who in enumerate("abc"):
        rows = np.flatnonzero(ids == who)
        rows = rows[np.argsort(step[rows])]
        ways = np.array(list(itertools.product([0, 1], repeat=len(rows))))
        each = logs[0][ways[:, 0]] + said[rows[None], ways].sum(axis=1)
        each += logs[1:][ways[:, :-1], ways[:, 1:]].sum(axis=1)
        total = logsumexp(each)
        assert_allclose(found.log_likelihood[number], total, rtol=1e-13)
        chance = np.exp(each - total)
        for t, row in enumerate(rows):
            assert_allclose(found.responsibilities[row, 1], chance @ ways[:, t], rtol=1e-12)
            before = each - said[rows[t:][None], ways[:, t:]].sum(axis=1)  # what later rows say summed out
            assert_allclose(ahead[row, 1], np.exp(before - logsumexp(before)) @ ways[:, t], rtol=1e-12)
        for t in range(len(rows) - 1):
            np.add.at(moves, (ways[:, t], ways[:, t + 1]), chance)
    assert_allclose(found.counts[1:], moves, rtol=1e-12)
    assert_allclose(found.counts[0], found.responsibilities[[7, 3, 4]].sum(axis=0), rtol=1e-12)


def test_types_that_never_change_are_a_mixture():
    chain, logs, said, *_ = small_chain()
    fixed = Mixture(chain.decisions, 2)
    found, expected = chain.expect(fixed.as_chain(logs[0]), said), fixed.expect(logs[0], said)
    assert_allclose(found.log_likelihood, expected.log_likelihood, rtol=1e-13)
    assert_allclose(found.weight, expected.weight, rtol=1e-12)


def test_thousands_of_rows_against_a_type_do_not_silence_it():
    """In probabilities a type would be lost at exp(-745); in logarithms it comes back."""
    n = 4000
    decisions = Decisions.of_rows(np.zeros((n, 1)), np.zeros(n), np.arange(1), None, np.zeros(n))
    said = np.zeros((n, 2))
    said[: n // 2, 0], said[n // 2 :, 1] = -1.0, -1.0 - 1e-3
    found = Switching(decisions, 2).expect(Mixture.as_chain(np.log([0.5, 0.5])), said)
    assert_allclose(found.log_likelihood, logsumexp([-n / 2, -n / 2 * 1.001]) + np.log(0.5), rtol=1e-13)
    assert_allclose(found.responsibilities[0, 0], 1 / (1 + np.exp(-2.0)), rtol=1e-9)


def test_a_row_without_weight_is_left_out():
    weight = np.ones(8)
    weight[[1, 3]] = 0.0
    chain, logs, said, ids, step = small_chain(weight)
    kept = weight > 0
    decisions = Decisions.of_rows(np.zeros((6, 1)), np.zeros(6), np.arange(2), None, ids[kept])
    expected = Switching(decisions, 2, step[kept]).expect(logs, said[kept])
    found = chain.expect(logs, said)
    assert_allclose(found.log_likelihood, expected.log_likelihood, rtol=1e-13)
    assert_allclose(found.responsibilities[kept], expected.responsibilities, rtol=1e-12)
    assert np.isnan(found.responsibilities[~kept]).all()


@pytest.fixture(scope="module")
def modes():
    rows, one, policies = two_modes()
    model = LatentTypes(one, switching=True, n_init=1, random_state=0, tol=1e-6)
    (X, y), ids = data(rows, "who")
    return rows, model.fit(X, y, **ids), policies


def test_the_modes_of_a_walker_are_found(modes):
    rows, model, policies = modes
    (X, y), ids = data(rows, "who")
    order = np.argsort([-each.coef_[0] for each in model.estimators_])
    types = np.argsort(order)[model.predict_types(X, y, **ids)]
    right = (types == rows["mode"]).mean()
    chain = Switching(Decisions.of_rows(X, y, model.classes_, None, ids["trajectory"]), 2)
    said = np.log(policies[:, rows["state"], y].T)
    truth = chain.expect(np.log([[0.5, 0.5], [0.98, 0.02], [0.02, 0.98]]), said)
    bound = (truth.responsibilities.argmax(axis=1) == rows["mode"]).mean()
    assert bound > 0.95
    assert bound + 0.002 > right >= 0.99 * bound
    assert model.log_likelihood_ >= truth.total
    for type_, policy in zip(order, policies, strict=True):
        assert np.abs(model.estimators_[type_].policy_ - policy).sum(axis=1).max() / 2 < 0.1
    assert_allclose(model.transition_.diagonal(), 0.98, atol=0.003)
    assert_allclose(model.transition_.sum(axis=1), 1.0, rtol=1e-12)


def test_next_decisions_multiply_to_the_likelihood(modes):
    rows, model, _ = modes
    rows = rows[rows["who"] < 5].sample(frac=1, random_state=0)
    (X, y), ids = data(rows, "who")
    step = rows.index.to_numpy()
    found = model.predict_next_proba(X, y, **ids, step=step)
    by_turn = np.bincount(rows["who"], np.log(found[np.arange(len(y)), y]))
    assert_allclose(by_turn, model.log_likelihood(X, y, **ids, step=step), rtol=1e-10)


def test_persistence_by_state():
    """Where persistence is the same in all states, transitions for each of them gain what chance gives them."""
    rows, one, _ = two_modes(60, 200, stay=0.95)
    (X, y), ids = data(rows, "who")
    settings = {"n_init": 1, "random_state": 0, "tol": 1e-5}
    plain = LatentTypes(one, switching=True, **settings).fit(X, y, **ids)
    by_state = LatentTypes(one, switching="state", **settings).fit(X, y, **ids)
    assert by_state.transition_.shape == (25, 2, 2)
    assert_allclose(by_state.transition_.sum(axis=2), 1.0, rtol=1e-12)
    gain = by_state.log_likelihood_ - plain.log_likelihood_
    assert 0 < gain < 24 * 2 * 2  # twice the expected gain of so many parameters that say nothing is their number
    assert by_state.aic(X, y, **ids) > plain.aic(X, y, **ids)
    left = np.bincount(X["state"], minlength=25)
    assert_allclose(np.average(by_state.transition_[:, 0, 0], weights=left), plain.transition_[0, 0], atol=0.02)


def test_a_chain_over_one_trajectory():
    rng = np.random.default_rng(1)
    mode = np.cumsum(rng.random(600) < 0.03) % 2
    X = rng.normal(size=(600, 1))
    y = (rng.random(600) < 1 / (1 + np.exp(-4 * X[:, 0] * (1 - 2 * mode)))).astype(int)
    model = LatentTypes(LOGIT, switching=True, n_init=3, random_state=0).fit(X, y, trajectory=np.zeros(600))
    types = model.predict_types(X, y, trajectory=np.zeros(600))
    right = (types == mode).mean()
    assert max(right, 1 - right) > 0.9
    assert np.diff(model.log_likelihood_curve_).min() > -1e-9
    assert_array_equal(model.responsibilities_.index, np.arange(600))
    assert_allclose(model.weights_, model.responsibilities_.mean(), rtol=1e-12)
