"""The default penalty: what "auto" stands for, and that it keeps its weight as decisions grow."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import as_rows, random_problem

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.datasets import make_bus_engine, make_random_mdp

NETWORK = {"q_type": "neural", "hidden_layer_sizes": (2,), "solver": "lbfgs", "max_iter": 1, "random_state": 0}


def rows_of(n, n_features=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, n_features)), np.arange(n) % 3


def test_a_structural_fit_is_maximum_likelihood():
    bus = make_bus_engine(100, 50, random_state=0)
    settings = {"discount": bus.discount, "q_type": "structural", "features": bus.features}
    one, other = (
        IQLearnClassifier(bus.transitions, **settings, **alpha).fit(bus.data, bus.target)
        for alpha in ({}, {"alpha": np.inf})
    )
    assert one.alpha_ == other.alpha_ == np.inf
    np.testing.assert_array_equal(one.coef_, other.coef_)
    assert inference.summary(one, bus.data, bus.target).attrs["Penalty"] == "none"


def test_a_table_over_transitions_has_the_scale_of_the_shocks():
    transitions, counts, _ = random_problem(0)
    for temperature in (1.0, 0.5):
        model = IQLearnClassifier(transitions, temperature=temperature).fit(*as_rows(counts))
        assert model.alpha_ == temperature


@pytest.mark.parametrize(
    ("settings", "per_action"),
    [
        ({}, 4),
        ({"fit_intercept": False}, 3),
        ({"q_type": "tabular"}, 240),
        (NETWORK, (3 * 2 + 2 + 2 * 3 + 3) / 3),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # one iteration of the network
def test_half_the_decisions_for_each_parameter(settings, per_action):
    X, y = rows_of(240)
    model = IQLearnClassifier(**settings).fit(X, y)
    assert_allclose(model.alpha_, max(1, 240 / (2 * per_action)))
    assert_allclose(
        IQLearnClassifier(**settings, alpha=model.alpha_).fit(X, y).predict_log_proba(X),
        model.predict_log_proba(X),
        rtol=0,
        atol=1e-12,
    )


def test_shared_coefficients_count_once_for_all_actions():
    transitions, counts, _ = random_problem(0)
    features = np.random.default_rng(0).normal(size=(6, 3, 4))
    X, y, weight = as_rows(counts)
    model = IQLearnClassifier(transitions, features=features, fit_intercept=False).fit(X, y, weight)
    assert_allclose(model.alpha_, weight.sum() / (2 * 4 / 3))


def test_rows_and_weights_count_alike():
    X, y = rows_of(60)
    weight = np.arange(60) % 3
    weighted = IQLearnClassifier().fit(X, y, weight)
    repeated = IQLearnClassifier().fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert weighted.alpha_ == repeated.alpha_ == weight.sum() / 8
    small = IQLearnClassifier().fit(X, y, weight / weight.sum())
    assert small.alpha_ == 1.0


def test_temperature_only_sets_the_unit():
    world = make_random_mdp(20, 30, random_state=0)
    X = world.features.reshape(20, -1)[world.data["state"]]
    one, other = (
        IQLearnClassifier(temperature=temperature, C=np.inf).fit(
            X, world.target, trajectory=world.trajectory, step=world.step
        )
        for temperature in (1.0, 4.0)
    )
    assert other.alpha_ == 4 * one.alpha_
    assert_allclose(other.predict_proba(X), one.predict_proba(X), rtol=0, atol=1e-9)
    assert_allclose(other.q_table_, 4 * one.q_table_, rtol=1e-7, atol=1e-8)


def test_more_decisions_come_nearer_to_the_likelihood():
    """The gap to the unpenalised fit, on the training data, falls like 1 / n; with a constant alpha it stays."""
    world = make_random_mdp(400, 30, random_state=0)
    X = world.features.reshape(20, -1)[world.data["state"]]
    gaps = {"auto": [], 1.0: []}
    for n in (40, 400):
        part = (world.trajectory < n).to_numpy()
        data = X[part], world.target[part]
        order = {"trajectory": world.trajectory[part], "step": world.step[part]}
        best = IQLearnClassifier(alpha=np.inf).fit(*data, **order).score(*data)
        for alpha, found in gaps.items():
            found.append(best - IQLearnClassifier(alpha=alpha).fit(*data, **order).score(*data))
    assert gaps["auto"][1] < 0.05 * gaps["auto"][0]
    assert gaps[1.0][1] > 0.5 * gaps[1.0][0]


def test_equation_nine_keeps_a_penalty():
    transitions, counts, p0 = random_problem(0)
    features = np.random.default_rng(1).normal(size=(6, 3, 2))
    for q_type in ("structural", "linear", "tabular"):
        model = IQLearnClassifier(
            transitions, q_type=q_type, features=features, value_term="initial", initial_distribution=p0
        ).fit(*as_rows(counts))
        assert np.isfinite(model.alpha_)
        assert model.converged_


@pytest.mark.parametrize("alpha", ["automatic", None, 0, -1.0, np.nan, True])
def test_bad_alpha(alpha):
    with pytest.raises(ValueError, match=f"alpha must be 'auto', a number > 0, or inf, got {alpha!r}"):
        IQLearnClassifier(alpha=alpha).fit(*rows_of(9))
