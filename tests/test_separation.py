"""Where the likelihood of a structural fit has no maximum, it is said which coefficients run away, and why."""

import warnings

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose
from problems import as_rows, bus_problem, random_problem
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier


def structural(transitions, features, **settings):
    return IQLearnClassifier(
        transitions, q_type="structural", features=features, **{"alpha": np.inf, "discount": 0.9, **settings}
    )


def fitted(model, *rows):
    """The fit, and what it says of its convergence."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(*rows)
    return model, [str(warning.message) for warning in told if warning.category is ConvergenceWarning]


@pytest.mark.parametrize("discount", [0.0, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("group", [1, 2])
def test_engines_never_replaced_tell_no_cost_of_replacing(group, discount):
    X, y, _, transitions, features = bus_problem((group,))
    model, told = fitted(structural(transitions, features, discount=discount), X, y)
    assert not model.converged_
    assert len(told) == 1
    assert "It rises for ever as the coefficient of x1 grows, since action 1 was never taken" in told[0]
    assert "take a finite alpha" in told[0]
    # The last iterate has ruled replacing out, and went no further than that takes.
    assert model.policy_[np.unique(X), 1].max() < 1e-5
    assert np.abs(model.coef_ * np.abs(features).max(axis=(0, 1))).max() < 100
    assert np.isfinite(model.q_table_).all()


@pytest.mark.parametrize("group", [3, 4])
def test_engines_replaced_now_and_then_tell_it(group):
    X, y, _, transitions, features = bus_problem((group,))
    model, told = fitted(structural(transitions, features, discount=0.9999), X, y)
    assert model.converged_
    assert not told


def test_the_actions_never_taken_are_named_by_their_labels():
    stay, go = np.eye(3), np.roll(np.eye(3), 1, axis=1)
    features = np.zeros((3, 3, 1))
    features[:, [0, 2]] = 1.0  # of jump and walk; sorted, the labels are jump, rest, walk
    model = structural({"rest": stay, "jump": go, "walk": go}, features)
    _, told = fitted(model, [[0], [1], [2]], ["rest", "rest", "rest"])
    assert "as the coefficient of x0 falls, since actions jump, walk were never taken" in told[0]


def separated(features, counts):
    """Whether a static choice is: some d with F d of the decisions the largest of their states, not all alike."""
    leads = [
        features[s, a] - features[s, b]
        for s, a in np.argwhere(counts > 0)
        for b in range(counts.shape[1])
        if b != a
    ]
    leads = np.array(leads)
    found = scipy.optimize.linprog(-leads.sum(axis=0), A_ub=-leads, b_ub=np.zeros(len(leads)), bounds=(-1, 1))
    return -found.fun > 1e-6


def test_without_a_future_it_is_the_separation_of_logistic_regression():
    """Told where, and only where, a linear programme on all pairs of actions finds it."""
    seen = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        features = rng.normal(size=(4, 3, 2))
        counts = np.zeros((4, 3))
        for s, best in enumerate((features @ rng.normal(size=2)).argmax(axis=1)):
            counts[s, best] += rng.integers(1, 5)
        counts[0, rng.integers(3)] += 1  # of three times one agrees with the others
        model, told = fitted(structural([np.eye(4)] * 3, features, discount=0.0), *as_rows(counts))
        seen.append(separated(features, counts))
        assert bool(told) == seen[-1] == (not model.converged_)
        assert not told or "has no maximum" in told[0]
    assert 5 < sum(seen) < 35


def test_the_direction_told_raises_the_likelihood():
    """With a future too: the likelihood of the policy at coefficients ever further along it never falls."""
    transitions, _, _ = random_problem(3)
    features = np.random.default_rng(0).normal(size=(6, 3, 2))
    features[..., 1] = [0.0, 0.0, 1.0]
    counts = np.tile([3.0, 5.0, 0.0], (6, 1))
    model, told = fitted(structural(transitions, features), *as_rows(counts))
    assert "It rises for ever as the coefficient of x1 falls, since action 2 was never taken" in told[0]
    scores = [
        model.counterfactual(reward_coef=[model.coef_[0], far]).score(*as_rows(counts)) for far in (0, -1, -5, -20)
    ]
    assert (np.diff(scores) > 0).all()
    # The other coefficient is that of decisions among the two actions taken.
    among = structural(transitions[:2], features[:, :2, :1]).fit(*as_rows(counts[:, :2]))
    assert_allclose(model.coef_[0], among.coef_[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("alpha", "smoothing", "runs"), [(1.0, 0.0, True), (1.0, 1.0, False), (np.inf, 1.0, True)]
)
def test_what_the_penalty_holds_does_not_run_away(alpha, smoothing, runs):
    X, y, _, transitions, features = bus_problem((1,))
    model, told = fitted(structural(transitions, features, alpha=alpha, smoothing=smoothing), X, y)
    assert model.converged_ == (not runs)
    assert [("smoothing > 0" in text) for text in told] == [alpha < np.inf] * runs


def matched(features, occupancy, transitions, discount, p0):
    """Whether some policy from p0 on has the average features of the visits: a linear programme."""
    n_states, n_actions, n_features = features.shape
    balance = np.repeat(np.eye(n_states), n_actions, axis=1)
    balance -= discount * np.moveaxis(transitions, 0, 1).reshape(-1, n_states).T
    found = scipy.optimize.linprog(
        np.zeros(n_states * n_actions),
        A_eq=np.vstack([balance, features.reshape(-1, n_features).T]),
        b_eq=np.concatenate([(1 - discount) * p0, np.einsum("sak,sa->k", features, occupancy)]),
    )
    return found.status == 0


def test_matching_the_visits_is_refused_where_no_policy_does():
    """Refused where, and only where, no policy from the initial distribution has their average features."""
    seen = []
    for seed in range(30):
        transitions, counts, p0 = random_problem(seed, n_states=4, n_actions=2, ending=seed % 2 == 1)
        features = np.random.default_rng(seed).normal(size=(4, 2, 3))
        settings = {"value_term": "initial", "initial_distribution": p0}
        seen.append(matched(features, counts / counts.sum(), transitions, 0.9, p0))
        model = structural(transitions, features, **settings)
        if seen[-1]:
            model.fit(*as_rows(counts))
            assert model.converged_
            assert model.objective_ > 0  # the entropy of a policy
        else:
            with pytest.raises(
                ValueError, match=r"alpha must be finite with value_term='initial' for these decis"
            ):
                model.fit(*as_rows(counts))
            assert structural(transitions, features, alpha=1.0, **settings).fit(*as_rows(counts)).converged_
    assert 3 < sum(seen) < 27


def test_a_few_decisions_are_not_taken_for_separated():
    """Equation 9 has a minimum where one decision is all that is known, and any weight of it is the same."""
    transitions, _, p0 = random_problem(0, n_states=3, n_actions=2)
    features = np.random.default_rng(0).normal(size=(3, 2, 1))
    for weight in (1.0, 1e-6):
        model = structural(transitions, features, value_term="initial", alpha=1.0, smoothing=0.0)
        model, told = fitted(model.set_params(initial_distribution=p0), [[0]], [1], [weight])
        assert model.converged_
        assert not told


def test_an_action_never_taken_tells_nothing_of_its_cost():
    features = np.zeros((3, 2, 1))
    features[:, 1, 0] = -1.0
    model = structural([np.eye(3)] * 2, features)
    with pytest.warns(ConvergenceWarning, match="the coefficient of x0 grows, since action 1 was never taken"):
        model.fit([[0], [1], [2]], [0, 0, 0])
    assert np.isfinite(model.coef_).all()
