"""Structural fits reach the maximum of the likelihood, from any start and in any units.

Against a nested fixed point of its own: soft policy iteration for each trial of the coefficients.
"""

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose
from problems import as_rows, bus_problem, random_problem

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.preprocessing import renewal_transitions


def log_policy(reward, transitions, discount):
    """Log probabilities of the soft optimal policy at temperature 1, by Newton-Kantorovich steps."""
    q, smallest = reward.copy(), np.inf
    for _ in range(200):
        best = q.max(axis=1)
        value = best + np.log(np.exp(q - best[:, None]).sum(axis=1))
        policy = np.exp(q - value[:, None])
        error = reward + discount * np.einsum("ast,t->sa", transitions, value) - q
        if np.abs(error).max() >= smallest:
            break
        smallest = np.abs(error).max()
        moves = np.einsum("sa,ast->st", policy, transitions)
        change = np.linalg.solve(np.eye(len(q)) - discount * moves, (policy * error).sum(axis=1))
        q = q + error + discount * np.einsum("ast,t->sa", transitions, change)
    advantage = q - q.max(axis=1, keepdims=True)
    return advantage - np.log(np.exp(advantage).sum(axis=1, keepdims=True))


def log_likelihood(coef, features, counts, transitions, discount):
    return np.sum(counts * log_policy(features @ coef, transitions, discount))


def structural(transitions, features, **settings):
    return IQLearnClassifier(
        transitions, q_type="structural", features=features, **{"alpha": np.inf, "discount": 0.9, **settings}
    )


@pytest.mark.parametrize("discount", [0.0, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("seed", range(6))
def test_any_start_leads_to_the_maximum_of_scipy(discount, seed):
    transitions, counts, _ = random_problem(seed)
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(6, 3, 3))
    found = scipy.optimize.minimize(
        lambda coef: -log_likelihood(coef, features, counts, transitions, discount) / counts.sum(),
        np.zeros(3),
        method="BFGS",
        options={"gtol": 1e-7},
    )
    model = structural(transitions, features, discount=discount, warm_start=True).fit(*as_rows(counts))
    for size in (0.0, 1e-3, 1.0, 1e1, 1e3):
        model.coef_ = size * rng.normal(size=3)
        model.fit(*as_rows(counts))
        assert model.converged_
        # SciPy's differences leave a gradient of 1e-7, the fit 1e-8; the information of a decision is above 0.01.
        assert_allclose(model.coef_, found.x, rtol=0, atol=1e-4)
        # Values near 1 / (1 - discount) leave 11 digits after the point.
        assert_allclose(model.score(*as_rows(counts)), -found.fun, rtol=0, atol=1e-9)


def hard_problem(kind):
    """Transitions, counts, features and discount."""
    transitions = renewal_transitions(np.repeat([0, 1, 2], [35, 64, 1]), 60)
    features = np.zeros((60, 2, 2))
    features[:, 0, 0] = -np.arange(60) / 60
    features[:, 1, 1] = -1.0
    rng = np.random.default_rng(0)
    if kind == "units":
        features = features * [1e-6, 1e6]
    if kind == "nearly collinear":
        features = np.concatenate([features, features[..., :1] + 1e-3 * rng.normal(size=(60, 2, 1))], axis=2)
    coef = np.array([3.0, 6.0, 0.0])[: features.shape[2]] / np.abs(features).max(axis=(0, 1))
    choice = np.exp(log_policy(features @ coef, transitions, 0.9999))
    return transitions, rng.poisson(100 * choice).astype(float), features, 0.9999


@pytest.mark.parametrize("kind", ["plain", "units", "nearly collinear"])
def test_what_a_fit_promises(kind):
    transitions, counts, features, discount = hard_problem(kind)
    model = structural(transitions, features, discount=discount).fit(*as_rows(counts))
    arguments = (features, counts, transitions, discount)
    best, n = log_likelihood(model.coef_, *arguments), counts.sum()
    assert model.converged_
    assert_allclose(model.objective_, -best / n, rtol=0, atol=1e-10)  # values are of order 1e4
    assert best >= log_likelihood(np.zeros(features.shape[2]), *arguments)
    # Central differences along each coefficient and along all: no slope, and the likelihood falls on both sides.
    size = np.abs(features).max(axis=(0, 1))
    for direction in [*np.eye(len(size)), *np.random.default_rng(1).normal(size=(4, len(size)))]:
        step = 1e-3 * direction / size
        ahead, behind = (log_likelihood(model.coef_ + sign * step, *arguments) for sign in (1, -1))
        assert max(ahead, behind) < best
        assert abs(ahead - behind) / 2e-3 / n < 1e-5  # third derivatives are of order 1, rounding is 1e-12 / 1e-3


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": np.inf, "discount": 0.9},
        {"alpha": np.inf, "discount": 0.9999},
        {"alpha": 1.0, "discount": 0.9},
        {"alpha": 0.5, "discount": 0.9, "divergence": "hellinger"},
        {"alpha": 2.0, "discount": 0.9, "value_term": "initial"},
    ],
)
def test_units_of_reward_do_not_matter(settings):
    transitions, counts, _ = random_problem(4)
    features = np.random.default_rng(5).normal(size=(6, 3, 2))
    one, *others = (
        structural(
            transitions, features, **{**settings, "alpha": unit * settings["alpha"], "temperature": unit}
        ).fit(*as_rows(counts))
        for unit in (1.0, 1e-9, 1e9)
    )
    assert one.converged_
    for unit, other in zip((1e-9, 1e9), others, strict=True):
        assert other.n_iter_ == one.n_iter_
        assert_allclose(other.coef_ / unit, one.coef_, rtol=1e-8)
        assert_allclose(other.objective_ / unit, one.objective_, rtol=1e-12)
        assert_allclose(other.policy_, one.policy_, rtol=1e-9)


def test_a_warm_start_worse_than_no_reward_is_not_taken():
    X, y, _, transitions, features = bus_problem((4,))
    cold = structural(transitions, features, discount=0.9999).fit(X, y)
    model = structural(transitions, features, discount=0.9999, warm_start=True).fit(X, y)
    model.coef_ = np.array([-1e4, 1e4])
    model.fit(X, y)
    assert model.loss_curve_[0] <= np.log(2)
    assert_allclose(model.coef_, cold.coef_, rtol=1e-7)
