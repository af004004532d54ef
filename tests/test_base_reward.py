"""The known part of a reward."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import DIVERGENCES, as_rows, bus_problem, random_problem, soft_value_iteration

from sklearn_iqlearn import IQLearnClassifier, rewards


def problem(seed=0):
    transitions, counts, _ = random_problem(seed)
    rng = np.random.default_rng(seed)
    return transitions, counts, rng.normal(size=(6, 3, 3)), rng.normal(size=(6, 3))


def fitted(transitions, counts, **settings):
    return IQLearnClassifier(transitions, **({"discount": 0.9} | settings)).fit(*as_rows(counts))


@pytest.mark.parametrize("alpha", [np.inf, 2.0])
def test_a_coefficient_that_is_held(alpha):
    """At the value that it would take freely the others stay; a penalty is on what is left of the reward."""
    transitions, counts, features, _ = problem()
    free = fitted(transitions, counts, features=features, q_type="structural", alpha=np.inf)
    base = features[..., 0] * free.coef_[0]
    settings = {"features": features[..., 1:], "base_reward": base}
    held = fitted(transitions, counts, q_type="structural", alpha=alpha, **settings)
    if alpha == np.inf:
        assert_allclose(held.coef_, free.coef_[1:], rtol=1e-6)
        assert_allclose(held.q_table_, free.q_table_, rtol=1e-7)
        assert_allclose(held.reward_, free.reward_, rtol=1e-6)
    else:  # the penalty on what is left shrinks it
        left = held.reward_ - base
        assert 0 < np.abs(left).mean() < np.abs(free.reward_ - base).mean()
    table = fitted(transitions, counts, q_type="tabular", **settings)
    assert_allclose(table.reward_coef_, free.coef_[1:], rtol=1e-5)


def test_a_restricted_fit_of_the_buses():
    """Another value than the best one costs likelihood, and the other coefficient makes up for it."""
    X, y, order, transitions, features = bus_problem()
    settings = {"discount": 0.9999, "q_type": "structural"}
    free = IQLearnClassifier(transitions, features=features, **settings).fit(X, y, **order)
    scores = []
    for factor in (0.8, 1.0, 1.25):
        base = features[..., 1] * free.coef_[1] * factor
        held = IQLearnClassifier(transitions, features=features[..., :1], base_reward=base, **settings)
        scores.append(held.fit(X, y, **order).score(X, y))
        if factor == 1:
            assert_allclose(held.coef_, free.coef_[:1], rtol=1e-5)
    assert scores[1] == pytest.approx(free.score(X, y), rel=1e-10)
    assert max(scores[0], scores[2]) < scores[1]


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_a_small_alpha_returns_the_policy_of_the_known_reward(divergence):
    transitions, counts, _, base = problem(1)
    model = fitted(transitions, counts, base_reward=base, divergence=divergence, alpha=1e-6)
    q = np.asarray(soft_value_iteration(base, transitions, 0.9, 1.0))
    policy = np.exp(q - q.max(axis=1, keepdims=True))
    assert_allclose(model.policy_, policy / policy.sum(axis=1, keepdims=True), atol=1e-4)
    assert_allclose(model.reward_, base, atol=1e-4)


@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_the_penalty_is_on_the_deviation(divergence, value_term):
    """A shaping term as the known part moves the values by its potential, and nothing else, for the likelihood."""
    transitions, counts, _, _ = problem(2)
    potential = np.random.default_rng(0).normal(size=6)
    base = potential[:, None] - 0.9 * np.einsum("ast,t->sa", transitions, potential)
    settings = {"divergence": divergence, "alpha": 2.0, "value_term": value_term}
    plain = fitted(transitions, counts, **settings)
    moved = fitted(transitions, counts, base_reward=base, **settings)
    if value_term == "expert":
        assert_allclose(moved.policy_, plain.policy_, atol=1e-7)
        assert_allclose(moved.value_, plain.value_ + potential, atol=1e-6)
        assert_allclose(moved.reward_, plain.reward_ + base, atol=1e-6)
        assert moved.objective_ == pytest.approx(plain.objective_, rel=1e-10)
    else:  # equation 9 pays potentials where visits and starts differ: the same optimum, another value
        assert_allclose(moved.policy_, plain.policy_, atol=1e-7)


@pytest.mark.parametrize("form", ["tabular", "linear"])
def test_optimum_by_automatic_differentiation(form):
    transitions, counts, features, base = problem(3)
    settings = {"q_type": form, "features": features, "base_reward": base, "alpha": 2.0}
    newton = fitted(transitions, counts, **settings)
    other = fitted(transitions, counts, solver="lbfgs", **settings)
    assert other.objective_ == pytest.approx(newton.objective_, rel=1e-8)
    assert_allclose(other.policy_, newton.policy_, atol=1e-4)


def test_counterfactuals_change_the_known_part():
    transitions, counts, features, base = problem(4)
    model = fitted(transitions, counts, features=features, base_reward=base, q_type="structural")
    new = np.random.default_rng(9).normal(size=base.shape)
    by_part = model.counterfactual(base_reward=new)
    assert_allclose(by_part.policy_, model.counterfactual(reward=new + features @ model.coef_).policy_, atol=1e-12)
    both = model.counterfactual(base_reward=new, reward_coef=[1, 2, 3])
    assert_allclose(both.reward_, new + features @ [1, 2, 3])
    assert_allclose(model.counterfactual(reward_coef=model.coef_).policy_, model.policy_, atol=1e-9)
    # The world knows its own part: changed back, everything is as before.
    assert_allclose(by_part.counterfactual(base_reward=base).policy_, model.policy_, atol=1e-9)
    with pytest.raises(ValueError, match="reward and base_reward both tell the new reward"):
        model.counterfactual(reward=new, base_reward=new)


def test_least_squares_leaves_the_known_part_out():
    transitions, counts, features, base = problem(5)
    model = fitted(transitions, counts, base_reward=base, features=features, q_type="tabular", alpha=5.0)
    of_all = rewards.project(model, features, method="least-squares").coef
    free = fitted(transitions, counts, features=features, q_type="tabular", alpha=5.0)
    free.reward_ = model.reward_ - base
    assert_allclose(of_all, rewards.project(free, features, method="least-squares").coef, rtol=1e-9)


def test_a_reward_of_the_state():
    transitions, counts, _, base = problem(6)
    whole = np.repeat(base[:, :1], 3, axis=1)
    by_state = fitted(transitions, counts, base_reward=base[:, 0])
    assert_array_equal(by_state.q_table_, fitted(transitions, counts, base_reward=whole).q_table_)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        (np.ones(5), r"have shape \(6,\) or \(6, 3\)|have shape \(6, 3\) or \(6,\)"),
        (
            np.full((6, 3), -np.inf),
            "must be finite for pairs that exist, got -inf; to forbid pairs, pass action_mask",
        ),
        ("a", "must be real numbers"),
        (len, "must be an array where transitions are given, got a function"),
    ],
)
def test_what_is_refused(base, message):
    transitions, counts, _, _ = problem()
    with pytest.raises(ValueError, match=f"base_reward .*{message}"):
        fitted(transitions, counts, base_reward=base)
