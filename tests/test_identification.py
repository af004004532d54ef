"""What is told and what is left open: exact ranks, free directions, contrasts."""

import warnings
from fractions import Fraction

import exact
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import cross_validate

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn._coefficients.identification import describe, rank
from sklearn_iqlearn._coefficients.projection import project
from sklearn_iqlearn._coefficients.pseudo_likelihood import advantages, open_directions
from sklearn_iqlearn._estimator import telling
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn.datasets import make_random_mdp
from sklearn_iqlearn.rewards import IdentificationWarning

DISCOUNTS = ["0.9", "0.999", "0.9999", "0.999999"]


def small_problem(seed):
    """A few decisions in a small world whose numbers are short decimals: transitions, features, counts."""
    rng = np.random.default_rng(seed)
    S, A, K = rng.integers(2, 6), rng.integers(2, 4), rng.integers(1, 4)
    transitions = np.zeros((A, S, S))
    for _ in range(rng.choice([1, 4])):  # one next state, or up to four
        ahead = rng.integers(S, size=(A, S))
        np.add.at(transitions, (np.arange(A)[:, None], np.arange(S), ahead), 0.25)
    transitions /= transitions.sum(axis=2, keepdims=True)
    features = rng.integers(-5, 6, size=(S, A, K)) / 10
    counts = rng.integers(0, 3, size=(S, A)) * (rng.random((S, 1)) < 0.6)
    counts[rng.integers(S), rng.integers(A)] += 1
    return transitions, features, counts.astype(float)


def exact_columns(transitions, features, counts, discount):
    """Of the visited pairs, in fractions: the features, and the shaping term of each state."""
    n_states = len(counts)
    shift = np.stack([np.eye(n_states)] * len(transitions), axis=1).astype(int).astype(object)
    shift = shift - Fraction(discount) * exact.fractions(transitions).transpose(1, 0, 2)
    visited = counts > 0
    return exact.fractions(features)[visited], shift[visited]


@pytest.mark.parametrize("discount", DISCOUNTS)
def test_least_squares_tells_what_the_visited_pairs_do(discount):
    """Rank and, where everything is told, coefficients as in fractions."""
    n_open, n_told = 0, 0
    for seed in range(60):
        transitions, features, counts = small_problem(seed)
        reward = np.random.default_rng(seed).integers(-9, 10, size=counts.shape) / 10
        columns, shaping = exact_columns(transitions, features, counts, discount)
        both = np.concatenate([columns, shaping], axis=1)
        told = exact.rank(both) - exact.rank(shaping)
        found = project(reward, features, counts, Transitions(transitions), float(discount))
        assert len(found.unidentified) == features.shape[2] - told, seed
        n_open += told < features.shape[2]
        if told == features.shape[2]:
            n_told += 1
            weighted = exact.fractions(counts[counts > 0])[:, None] * both
            expected = exact.solution(weighted.T @ both, weighted.T @ exact.fractions(reward[counts > 0]))
            assert_allclose(found.coef, expected[: len(found.coef)].astype(float), rtol=1e-5, atol=1e-5)
    assert min(n_open, n_told) > 5


@pytest.mark.parametrize("discount", DISCOUNTS)
def test_three_pairs_and_three_potentials(discount):
    """The rewards of the pairs tell nothing; the form, which has rewards of the other pairs too, does."""
    transitions = np.zeros((2, 3, 3))
    transitions[0] = [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    transitions[1] = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    features = np.array([[-0.2, 1.2], [2.5, -0.7], [-0.4, 0.5]])[..., None]
    rows = [[0], [2], [2], [2], [2]], [0, 0, 0, 1, 1]
    settings = {"discount": float(discount), "features": features}
    table = IQLearnClassifier(transitions, q_type="tabular", **settings).fit(*rows)
    with pytest.warns(IdentificationWarning):
        found = rewards.project(table, method="least-squares")
    assert_allclose(found.unidentified, [[1 / 2.5]])
    assert found.coef == [0.0]
    structural = IQLearnClassifier(transitions, q_type="structural", alpha=np.inf, **settings).fit(*rows)
    assert_allclose(table.reward_coef_, structural.coef_, rtol=1e-5)
    assert table.unidentified_.shape == structural.unidentified_.shape == (0, 1)


@pytest.mark.parametrize("discount", DISCOUNTS)
def test_a_form_tells_what_changes_choices(discount):
    """The rank of the action values' differences under a policy, the uniform one, as in fractions."""
    ranks = []
    for seed in range(60):
        transitions, features, counts = small_problem(seed)
        S, A, K = features.shape
        exact_features, kernel = exact.fractions(features), exact.fractions(transitions)
        system = np.eye(S, dtype=int).astype(object) - Fraction(discount) * sum(kernel) / A
        value = np.stack([exact.solution(system, column) for column in exact_features.sum(axis=1).T / A], axis=1)
        worth = exact_features + Fraction(discount) * np.stack([matrix @ value for matrix in kernel], axis=1)
        visited = counts.any(axis=1)
        told = exact.rank((worth - worth[:, :1])[visited].reshape(-1, K))
        uniform = np.full((S, A), 1 / A)
        slope, _ = advantages(features, uniform, Transitions(transitions), float(discount))
        assert K - len(open_directions(slope, uniform * visited[:, None])) == told, seed
        ranks.append(K - told)
    assert {0, 1, 2} <= set(ranks)


ONE_HOT = np.eye(6)


@pytest.fixture(scope="module")
def states():
    """Decisions whose reward is a number for each state."""
    return make_random_mdp(n_trajectories=100, n_states=6, random_state=0)


def fit(states, features, q_type="structural", alpha=np.inf):
    settings = {"discount": states.discount, "q_type": q_type, "features": features, "alpha": alpha}
    model = IQLearnClassifier(states.transitions, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IdentificationWarning)
        return model.fit(states.data, states.target)


def test_one_free_direction_costs_one_direction(states):
    """One-hot features of the states: the sum is open, every difference has the error of a model without it."""
    model, other = fit(states, ONE_HOT), fit(states, ONE_HOT[:, 1:])
    assert_allclose(np.abs(model.unidentified_), np.full((1, 6), 6**-0.5), rtol=1e-8)
    assert_allclose(model.coef_.sum(), 0.0, rtol=0, atol=1e-9)
    assert_allclose(model.coef_[1:] - model.coef_[0], other.coef_, rtol=1e-6)
    assert_allclose(model.policy_, other.policy_, rtol=0, atol=1e-8)
    for criterion in ("aic", "bic"):
        one, without = (getattr(fitted, criterion)(states.data, states.target) for fitted in (model, other))
        assert_allclose(one, without, rtol=0, atol=1e-6)
    rows = {"X": states.data, "y": states.target, "trajectory": states.trajectory}
    differences = np.column_stack([-np.ones(5), np.eye(5)])
    for kind in ("observed", "opg", "sandwich", "clustered"):
        expected = inference.covariance(other, **rows, kind=kind).to_numpy()
        found = inference.covariance(model, **rows, kind=kind, contrasts=differences)
        assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
        deviations = inference.covariance(model, **rows, kind=kind).to_numpy()
        less_mean = (np.eye(6) - 1 / 6)[:, 1:]
        assert_allclose(deviations, less_mean @ expected @ less_mean.T, rtol=1e-4, atol=1e-8)


def test_a_table_keeps_the_same_representative(states):
    table, structural = fit(states, ONE_HOT, "tabular", 10), fit(states, ONE_HOT)
    with pytest.warns(IdentificationWarning, match="directions of the reward's coefficients open"):
        assert_allclose(table.reward_coef_, structural.coef_, rtol=1e-6)
    assert_allclose(np.abs(table.unidentified_), np.abs(structural.unidentified_), rtol=1e-8)
    world = structural.counterfactual(reward_coef=structural.coef_)
    assert_allclose(world.policy_, structural.policy_, rtol=0, atol=1e-9)


def test_units_change_no_direction(states):
    """A constant, and features whose units differ: what a coefficient loses is its own unit."""
    units = np.array([1e6, 1.0, 1e-6])
    features = np.concatenate([states.features[..., :1], np.ones((6, 3, 1)), states.features[..., 1:2]], axis=2)
    plain, scaled = fit(states, features), fit(states, features * units)
    assert_allclose(scaled.coef_ * units, plain.coef_, rtol=1e-6, atol=1e-9)
    assert_allclose(np.abs(scaled.unidentified_ * units), [[0, 1, 0]], rtol=0, atol=1e-8)


def test_contrasts(states):
    model, rows = fit(states, ONE_HOT), (states.data, states.target)
    names = [f"x{k}" for k in range(6)]
    array = np.array([[-1.0, 1, 0, 0, 0, 0], [0, 0, 1, -2, 1, 0]])
    found = inference.covariance(model, *rows, contrasts=array)
    assert found.index.tolist() == ["0", "1"]
    whole = inference.covariance(model, *rows)
    assert_allclose(found, array @ whole.to_numpy() @ array.T, rtol=1e-8)
    named = inference.covariance(model, *rows, contrasts={"x1 - x0": array[0], "curve": array[1]})
    assert named.index.tolist() == ["x1 - x0", "curve"]
    assert_allclose(named, found)
    by_name = pd.DataFrame({"x1": [1.0], "x0": [-1.0]}, index=["d"])
    assert_allclose(inference.covariance(model, *rows, contrasts=by_name), found.iloc[:1, :1])
    with pytest.warns(IdentificationWarning, match="covariance of NaN: level"):
        level = inference.covariance(model, *rows, contrasts={"level": ONE_HOT[0], "d": array[0]})
    assert np.isnan(level.loc["level"]).all()
    assert_allclose(level.loc["d", "d"], found.iloc[0, 0])
    for bad in ([[1.0, 2.0]], {"a": ["b"] * 6}, [[np.nan] * 6], pd.DataFrame({"x9": [1.0]})):
        with pytest.raises(ValueError, match="contrasts must have"):
            inference.covariance(model, *rows, contrasts=bad)
    table = inference.summary(model, *rows, contrasts={"x1 - x0": array[0]})
    assert_allclose(table["coefficient"], model.coef_[1] - model.coef_[0])
    assert_allclose(table["standard error"], np.sqrt(found.iloc[0, 0]))
    assert names == whole.index.tolist()


def test_a_search_tells_it_once(states, monkeypatch):
    """And once that these states leave the discount free, too."""
    monkeypatch.setattr(telling, "_TOLD", set())
    model = IQLearnClassifier(
        states.transitions, discount=states.discount, q_type="structural", features=ONE_HOT, alpha=np.inf
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        cross_validate(model, states.data, states.target, cv=3)
        clone(model).fit(states.data, states.target)
    assert [warning.category for warning in caught] == [IdentificationWarning] * 2
    assert len({str(warning.message) for warning in caught}) == 2


@pytest.mark.parametrize("q_type", ["structural", "linear"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_a_collinear_feature_is_no_parameter(states, q_type, intercept, shared):
    features = states.features if shared else states.features[:, 0]
    doubled = np.concatenate([features, features @ np.full((features.shape[-1], 1), 0.1)], axis=-1)
    numbers = []
    for one in (features, doubled):
        model = IQLearnClassifier(
            states.transitions, discount=states.discount, q_type=q_type, features=one, fit_intercept=intercept
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IdentificationWarning)
            numbers.append(model.fit(states.data, states.target)._n_free())
    expected = 3 if q_type == "structural" or shared else 2 * 3
    assert numbers == [expected + 2 * (q_type == "linear" and intercept)] * 2


def test_directions_in_words():
    assert describe(np.array([[0.6, 0.0, -0.3]]), ["a", "b", "c"]) == "1 a -0.5 c"
    assert describe(np.eye(5), list("abcde")) == "1 a; 1 b; 1 c; 2 more directions"
    assert describe(np.full((1, 5), 0.2), list("abcde")) == "1 a +1 b +1 c ... (5 coefficients)"
    assert rank(np.array([[1e-9, 2e5], [2e-9, 4e5]])) == 1
