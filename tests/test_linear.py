"""Q linear in features: what it has in common with logistic regression and with a table."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import DIVERGENCES, as_rows, random_problem
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from sklearn_iqlearn import IQLearnClassifier


@pytest.mark.parametrize("C", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_one_step_without_penalty_is_logistic_regression(C, fit_intercept):
    X, y = load_iris(return_X_y=True)
    ours = IQLearnClassifier(alpha=np.inf, C=C, fit_intercept=fit_intercept).fit(X, y)
    theirs = LogisticRegression(
        C=C, fit_intercept=fit_intercept, solver="newton-cg", tol=1e-10, max_iter=1000
    ).fit(X, y)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-6)
    assert_allclose(ours.coef_ - ours.coef_.mean(axis=0), theirs.coef_, rtol=0, atol=1e-4)
    assert ours.coef_.shape == (3, 4)
    assert ours.intercept_.shape == (3,)


def test_two_actions_share_the_ridge_of_one_coefficient_vector():
    X, y = load_iris(return_X_y=True)
    X, y = X[y > 0], y[y > 0]
    ours = IQLearnClassifier(alpha=np.inf, C=0.5).fit(X, y)
    theirs = LogisticRegression(C=1.0, solver="newton-cg", tol=1e-10).fit(X, y)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-6)


# One-hot features contain the shaping terms.
@pytest.mark.filterwarnings("ignore::sklearn_iqlearn.rewards.IdentificationWarning")
@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize("shared", [False, True])
def test_one_hot_features_are_a_table(divergence, value_term, shared):
    transitions, counts, p0 = random_problem(0, ending=True)
    settings = {"divergence": divergence, "value_term": value_term, "initial_distribution": p0, "alpha": 2.0}
    features = np.eye(18).reshape(6, 3, 18) if shared else np.eye(6)
    table = IQLearnClassifier(transitions, **settings).fit(*as_rows(counts))
    linear = IQLearnClassifier(
        transitions, q_type="linear", features=features, C=np.inf, fit_intercept=False, **settings
    ).fit(*as_rows(counts))
    assert linear.converged_
    assert_allclose(linear.q_table_, table.q_table_, rtol=0, atol=1e-8)
    assert_allclose(linear.objective_, table.objective_, rtol=0, atol=1e-12)


FEATURES = np.random.default_rng(0).normal(size=(6, 3, 4))


@pytest.mark.parametrize(
    ("settings", "n_free"),
    [
        ({"features": FEATURES[:, 0, :2]}, 2 * (2 + 1)),  # two of three actions: two features and a constant each
        ({"features": FEATURES[:, 0, :2], "fit_intercept": False}, 2 * 2),
        ({"features": FEATURES}, 4 + 2),  # shared features, two free constants
        ({"features": FEATURES, "q_type": "structural"}, 4),
        ({"q_type": "neural", "hidden_layer_sizes": 5, "tol": 0.1}, 6 * 5 + 5 + 5 * 3 + 3),
    ],
    ids=str,
)
def test_information_criteria_count_free_parameters(settings, n_free):
    transitions, counts, _ = random_problem(0)
    rows = as_rows(counts)
    model = IQLearnClassifier(transitions, random_state=0, **settings).fit(*rows)
    deviance = -2 * counts.sum() * model.score(*rows)
    assert_allclose(model.aic(*rows), deviance + 2 * n_free)
    assert_allclose(model.bic(*rows), deviance + np.log(counts.sum()) * n_free)


def test_features_make_auto_linear():
    transitions, counts, _ = random_problem(0)
    features = np.random.default_rng(0).normal(size=(6, 2))
    auto = IQLearnClassifier(transitions, features=features).fit(*as_rows(counts))
    assert auto.coef_.shape == (3, 2)
    assert_allclose(auto.q_table_, features @ auto.coef_.T + auto.intercept_)
    assert_allclose(auto.q_values([[4]]), auto.q_table_[[4]])


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("scale", [1.0, 1e8])
def test_units_and_origin_of_features_do_not_matter(shift, scale):
    X, y = load_iris(return_X_y=True)
    units = np.array([1.0, 1.0, 1.0, scale])
    base = IQLearnClassifier(C=np.inf, alpha=50.0).fit(X, y)
    moved = IQLearnClassifier(C=np.inf, alpha=50.0).fit(X * units + shift, y)
    assert moved.converged_
    assert_allclose(moved.predict_proba(X * units + shift), base.predict_proba(X), rtol=0, atol=1e-6)


@pytest.mark.parametrize("alpha", [1.0, np.inf])
def test_what_all_actions_share_costs_nothing(alpha):
    """A warm start with a part that all actions share, at which the ridge pulls, ends as a cold one."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 4)), rng.integers(3, size=300)
    cold = IQLearnClassifier(alpha=np.inf, C=1.0, tol=1e-12).fit(X, y)
    warm = IQLearnClassifier(alpha=alpha, C=1.0, warm_start=True).fit(X, y)
    warm.coef_ = warm.coef_ + 3.0
    warm.set_params(alpha=np.inf, tol=1e-12).fit(X, y)
    assert warm.converged_
    assert_allclose(warm.coef_, cold.coef_, atol=1e-10)
    assert_allclose(warm.coef_.sum(axis=0), 0.0, atol=1e-12)


def test_the_likelihood_has_no_levels_of_values():
    """Without a penalty the discount plays no role, also where values are large and differ between the states."""
    rng = np.random.default_rng(0)
    transitions, _, _ = random_problem(0, n_states=8, n_actions=4)
    mask = rng.random((8, 4)) < 0.5
    mask[np.arange(8), rng.integers(4, size=8)] = True
    counts = (rng.poisson(8, size=(8, 4)) + 1.0) * mask
    settings = {"q_type": "linear", "features": rng.normal(size=(8, 4, 2)), "alpha": np.inf, "action_mask": mask}
    found = [
        IQLearnClassifier(transitions, discount=discount, base_reward=base, **settings).fit(*as_rows(counts))
        for discount, base in ((0.0, None), (0.9999, None), (0.9999, 10 * rng.normal(size=(8, 4))))
    ]
    for model in found:
        assert model.converged_
        assert_allclose(model.policy_, found[0].policy_, atol=1e-9)


def test_free_parameters_of_many_states():
    """Differences between the actions of a state, counted block by block: as many as at once."""
    rng = np.random.default_rng(0)
    X = rng.integers(40, size=(2500, 1)) + 0.5 * np.arange(2500)[:, None]

    def mask(rows):
        return np.column_stack([np.ones((len(rows), 2), dtype=bool), rows[:, 0] > 600])

    y = np.where(mask(X)[:, 2], rng.integers(3, size=2500), rng.integers(2, size=2500))
    model = IQLearnClassifier(action_mask=mask).fit(X, y)
    assert model.aic(X, y) == pytest.approx(2 * 2 * 2 - 2 * len(y) * model.score(X, y))
