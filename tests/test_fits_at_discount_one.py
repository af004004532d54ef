"""Fits without a discount, of decisions whose episodes end: optima, limits, invariances, and what starts them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import DIVERGENCES, as_rows, expand, independent_optimum, random_problem, standard_errors

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn._coefficients.pseudo_likelihood import pseudo_likelihood
from sklearn_iqlearn._model.transitions import Transitions


def loops(seed=0, n_states=8):
    """Two actions never end an episode, one does with probability 1/2: a reward of 0 has no finite value."""
    rng = np.random.default_rng(seed)
    kernel = rng.dirichlet(np.full(n_states, 0.3), size=(3, n_states))
    kernel[2] /= 2
    return kernel, rng.poisson(8, size=(n_states, 3)).astype(float)


def fit(kernel, counts, **parameters):
    X, y, weight = as_rows(counts)
    return IQLearnClassifier(kernel, **({"discount": 1} | parameters)).fit(X, y, weight)


def features_of(n_states, seed=1):
    """Two features, and a cost of each step."""
    drawn = np.random.default_rng(seed).normal(size=(n_states, 3, 2))
    return np.concatenate([drawn, -np.ones((n_states, 3, 1))], axis=2)


FORMS = {
    "tabular": {},
    "linear": {"features": np.eye(8), "C": np.inf},
    "structural": {"features": features_of(8)},
}


@pytest.mark.parametrize("q_type", FORMS)
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_every_form_and_divergence(q_type, divergence):
    model = fit(*loops(), q_type=q_type, divergence=divergence, alpha=3.0, **FORMS[q_type])
    assert model.converged_
    assert model.gradient_norm_ < 1e-8
    penalised = model.q_table_ - np.einsum("ast,t->sa", loops()[0], model.value_)
    assert_allclose(model.reward_, penalised, rtol=0, atol=1e-11)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_independent_optimum(divergence):
    kernel, counts, p0 = random_problem(0, n_states=4, ending=True)
    settings = {"discount": 1.0, "divergence": divergence, "alpha": 2.0, "temperature": 1.0, "smoothing": 1.0}
    q, loss, _ = independent_optimum(kernel, counts, p0, value_term="expert", **settings)
    model = fit(kernel, counts, alpha=2.0, divergence=divergence)
    assert model.objective_ <= loss + 1e-12
    assert_allclose(model.q_table_, q, rtol=0, atol=1e-5)  # of a trust region that stops at a gradient of 1e-11


@pytest.mark.parametrize("divergence", ["chi2", "tv", "js"])
@pytest.mark.parametrize("q_type", FORMS)
def test_the_discount_tends_to_one(q_type, divergence):
    settings = {"q_type": q_type, "alpha": 3.0, "divergence": divergence, **FORMS[q_type]}
    one = fit(*loops(), **settings)
    other = fit(*loops(), discount=1 - 1e-7, **settings)
    assert_allclose(other.policy_, one.policy_, rtol=0, atol=1e-5)
    assert_allclose(other.reward_, one.reward_, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("divergence", "alpha"), [("tv", 1.0), ("hellinger", 0.9), ("js", 1.3)])
def test_a_bounded_penalty_from_a_start_outside_of_its_domain(divergence, alpha):
    """No reward of 0: its table is not there to start from. From V = 0 rewards of -log 3 are drawn in."""
    model = fit(*loops(), divergence=divergence, alpha=alpha)
    assert model.converged_
    assert model.reward_.min() < -0.3  # two actions that never end cost something each
    linear = fit(*loops(), divergence=divergence, alpha=alpha, **FORMS["linear"], q_type="linear")
    assert_allclose(model.policy_, linear.policy_, rtol=0, atol=1e-8)
    with pytest.raises(ValueError, match=r"alpha=0.1 is too small .* Raise alpha, lower discount"):
        fit(*loops(), divergence=divergence, alpha=0.1)


@pytest.mark.parametrize("q_type", FORMS)
def test_states_and_actions_in_another_order(q_type):
    (kernel, counts), rng = loops(), np.random.default_rng(3)
    states, actions = rng.permutation(8), rng.permutation(3)
    moved = {"C": np.inf} if q_type == "linear" else {}
    if q_type == "structural":
        moved["features"] = FORMS[q_type]["features"][states][:, actions]
    if q_type == "linear":
        moved["features"] = np.eye(8)[states]
    one = fit(kernel, counts, q_type=q_type, **FORMS[q_type])
    other = fit(kernel[actions][:, states][:, :, states], counts[states][:, actions], q_type=q_type, **moved)
    assert_allclose(other.policy_, one.policy_[states][:, actions], rtol=0, atol=1e-8)


@pytest.mark.parametrize("q_type", FORMS)
def test_weights_are_repeated_rows(q_type):
    kernel, counts = loops()
    model = IQLearnClassifier(kernel, discount=1, q_type=q_type, **FORMS[q_type]).fit(*expand(counts))
    assert_allclose(model.policy_, fit(kernel, counts, q_type=q_type, **FORMS[q_type]).policy_, rtol=0, atol=1e-10)


@pytest.mark.parametrize("q_type", FORMS)
def test_units(q_type):
    one, other = (
        fit(*loops(), q_type=q_type, alpha=2 * unit, temperature=unit, **FORMS[q_type]) for unit in (1.0, 3.0)
    )
    assert_allclose(other.policy_, one.policy_, rtol=0, atol=1e-8)
    assert_allclose(other.value_, 3 * one.value_, rtol=1e-7)


def test_first_order_solvers_minimise_the_same():
    model = fit(*loops(), alpha=2.0)
    assert_allclose(fit(*loops(), alpha=2.0, solver="lbfgs").objective_, model.objective_, rtol=1e-8)


def test_networks():
    model = fit(*loops(), q_type="neural", hidden_layer_sizes=4, random_state=0, learning_rate=0.05, tol=1e-3)
    assert np.isfinite(model.value_).all()


def decisions_of(kernel, features, coef, seed=2):
    """Shares of decisions just as the reward ``features @ coef`` has them: (S, A)."""
    value = np.zeros(len(features))
    for _ in range(2000):
        q = features @ coef + np.einsum("ast,t->sa", kernel, value)
        value = np.log(np.exp(q).sum(axis=1))
    return np.random.default_rng(seed).integers(50, 200, size=(len(value), 1)) * np.exp(q - value[:, None])


TRUTH = np.array([0.7, -0.4, 2.0])


@pytest.mark.parametrize("seed", range(3))
def test_maximum_likelihood(seed):
    kernel, features = loops(seed)[0], features_of(8, seed)
    counts = decisions_of(kernel, features, TRUTH)
    model = fit(kernel, counts, q_type="structural", features=features)
    assert_allclose(model.coef_, TRUTH, rtol=0, atol=1e-8)
    near = fit(kernel, counts, q_type="structural", features=features, discount=1 - 1e-8)
    rows = as_rows(counts)
    assert_allclose(standard_errors(model, *rows), standard_errors(near, *rows), rtol=1e-5)


def test_maximum_likelihood_of_noisy_decisions():
    """Stationary, and a maximum, by a likelihood that is solved by value iteration."""
    (kernel, counts), features = loops(), features_of(8)

    def surprise(coef):
        expected = decisions_of(kernel, features, coef)
        return -np.sum(counts * np.log(expected / expected.sum(axis=1, keepdims=True)))

    coef = fit(kernel, counts, q_type="structural", features=features).coef_
    least = surprise(coef)
    for step in 1e-3 * np.eye(3):
        more, less = surprise(coef + step) - least, surprise(coef - step) - least
        assert min(more, less) > 0
        assert_allclose(more, less, rtol=0.05)  # but for the third derivative


def test_coefficients_that_have_no_finite_values():
    kernel, counts = loops()
    with pytest.raises(
        ValueError, match=r"less than 1 for these features, got 1.0: neither .* a cost of every step"
    ):
        fit(kernel, counts, q_type="structural", features=features_of(8)[..., :2])
    cost = {"features": features_of(8)[..., :2], "base_reward": np.full((8, 3), -1.5)}
    assert fit(kernel, counts, q_type="structural", **cost).converged_


def test_coefficients_from_any_policy():
    kernel, features = loops()[0], features_of(8)
    table = fit(kernel, decisions_of(kernel, features, TRUTH), features=features, q_type="tabular")
    assert_allclose(rewards.project(table).coef, TRUTH, rtol=0, atol=1e-6)
    world = table.counterfactual(reward=features @ TRUTH)
    assert_allclose(rewards.project(world, method="least-squares").coef, TRUTH, rtol=0, atol=1e-9)
    assert_allclose(rewards.project(world, method="least-squares", shaping=False).coef, TRUTH, rtol=0, atol=1e-9)


def test_a_policy_that_never_ends_in_floating_point():
    """It stays but for a probability of e^-800, which is 0."""
    kernel, logs = Transitions([np.eye(1), np.zeros((1, 1))]), np.array([[0.0, -800.0]])
    with pytest.raises(ValueError, match=r"less than 1 for this policy, got 1\.0: it hardly ever ends an episode"):
        pseudo_likelihood(np.ones((1, 2, 1)), np.ones((1, 2)), logs, kernel, 1.0, 1.0)


def test_least_squares_of_pairs_that_lead_to_no_end():
    """Potentials are free by a constant where visited pairs stay among themselves."""
    circle = np.array([np.eye(2)[::-1], np.zeros((2, 2))])
    model = fit(circle, np.array([[5.0, 0.0], [5.0, 0.0]]), q_type="tabular", features=np.eye(4).reshape(2, 2, 4))
    with pytest.raises(ValueError, match="visited pairs lead neither to an end nor to a state without visits"):
        rewards.project(model, method="least-squares")


def test_anchor():
    """The reward of the action that ends episodes gives that of the others."""
    kernel, counts = loops()
    reward = -2 + np.random.default_rng(5).normal(size=(8, 3)) / 2
    world = fit(kernel, counts).counterfactual(reward=reward)
    anchored = rewards.anchor(world, 2, reward[:, 2])
    assert_allclose(anchored.reward_, reward, rtol=0, atol=1e-13)
    assert_allclose(anchored.value_, world.value_, rtol=1e-13)


def test_rows_as_states():
    """An empirical kernel whose episodes end: as with the same kernel given."""
    X, y = [[0.0], [1.0], [2.0], [0.0], [2.0], [1.0], [0.0]], [0, 1, 0, 1, 0, 0, 1]
    order = {"next_X": [[1.0], [2.0], [0.0], [2.0], [1.0], [0.0], [1.0]], "terminal": [0, 0, 0, 0, 1, 1, 1]}
    rows = IQLearnClassifier(discount=1, q_type="tabular", alpha=1.0, smoothing=0.0).fit(X, y, **order)
    kernel = np.zeros((2, 3, 3))
    kernel[0, 0, 1] = kernel[1, 1, 2] = 1
    kernel[0, 2, 0] = kernel[1, 0, 2] = 0.5
    given = IQLearnClassifier(kernel, discount=1, alpha=1.0, smoothing=0.0).fit(np.array(X), y)
    assert_allclose(rows.policy_[0], given.policy_[0], rtol=0, atol=1e-8)
    assert_allclose(rows.value_[0], given.value_[0], rtol=0, atol=1e-7)
