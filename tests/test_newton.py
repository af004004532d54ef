"""What Newton's method promises where it stops, on problems that are hard to solve.

Near discount 1, with a count of a million in one pair, or with policies so extreme that soft values have kinks.
"""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import as_rows, independent_optimum, objective, random_problem

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._solvers.newton import newton
from sklearn_iqlearn.datasets import make_gridworld

ABSORBING = np.array(
    [[[0.5, 0.3, 0.2], [0, 1, 0], [0, 0, 1]], [[0.1, 0.2, 0.7], [0, 1, 0], [0, 0, 1]]], dtype=float
)


def hard_problem(name):
    """Transitions, counts, an initial distribution, and settings."""
    transitions, counts, p0 = random_problem(3)
    settings = {"discount": 0.99, "alpha": 3.0, "temperature": 0.7, "smoothing": 0.5}
    if name == "rare":
        counts[0, 0] = 1e6
        settings |= {"alpha": 1000.0, "smoothing": 0.1, "discount": 0.9999}
    if name == "patient":
        settings |= {"discount": 0.999999}
    if name == "absorbing":
        transitions, counts, p0 = ABSORBING, np.array([[3.0, 5.0], [2.0, 9.0], [7.0, 1.0]]), np.full(3, 1 / 3)
        settings |= {"discount": 0.999999}
    if name == "kinks":
        settings |= {"alpha": 50.0, "temperature": 0.05, "discount": 0.9}
    return transitions, counts, p0, settings


def fitted(problem, **options):
    transitions, counts, p0, settings = problem
    X, y, weight = as_rows(counts)
    return IQLearnClassifier(transitions, initial_distribution=p0, **settings, **options).fit(X, y, weight)


HARD = ["rare", "patient", "absorbing", "kinks"]


@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize("divergence", ["chi2", "hellinger", "js", "kl", "tv"])
@pytest.mark.parametrize("name", HARD)
def test_the_policy_is_right_where_it_has_converged(name, divergence, value_term):
    """A thousand times less tolerance leaves it as it is."""
    problem = hard_problem(name)
    found = fitted(problem, divergence=divergence, value_term=value_term)
    exact = fitted(problem, divergence=divergence, value_term=value_term, tol=1e-11)
    assert found.converged_
    assert found.gradient_norm_ <= 1e-8
    assert_allclose(found.policy_, exact.policy_, atol=1e-6)


@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize("name", ["rare", "kinks"])
def test_gradient_is_that_of_the_objective(name, value_term):
    """JAX's, of the objective as published, at the table that was returned."""
    transitions, counts, p0, settings = problem = hard_problem(name)
    model = fitted(problem, value_term=value_term)
    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(objective)(
            model.q_table_, transitions, counts, p0, divergence="chi2", value_term=value_term, **settings
        )
    rounding = np.finfo(float).eps * np.abs(model.q_table_).max()  # of the table, whose rewards are differences
    assert_allclose(model.objective_, value, rtol=1e-9, atol=rounding)
    assert np.abs(gradient).max() <= 1e-8 + rounding / settings["temperature"]


@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize("divergence", ["chi2", "hellinger", "js", "kl"])
def test_optimum_is_that_of_a_trust_region(divergence, value_term):
    transitions, counts, p0 = random_problem(11, n_states=4, n_actions=2)
    settings = {"discount": 0.9, "alpha": 2.0, "temperature": 0.5, "smoothing": 0.3}
    options = {"divergence": divergence, "value_term": value_term}
    _, least, _ = independent_optimum(transitions, counts, p0, **settings, **options)
    model = fitted((transitions, counts, p0, settings), **options)
    assert_allclose(model.objective_, least, rtol=1e-9)


@pytest.mark.parametrize(("seed", "most"), [(0, 10), (10, 18)])
def test_saddles_are_left_soon_for_a_minimum(seed, most):
    """Few decisions on a grid: most states are entered, and never left.

    With nothing of the negative curvature it took 12 and 26 steps.
    """
    rng = np.random.default_rng(seed)
    transitions, counts = np.asarray(make_gridworld(side=12, random_state=0).transitions), np.zeros((144, 5))
    np.add.at(counts, (rng.integers(144, size=29), rng.integers(5, size=29)), 1)
    settings = {"discount": 0.9, "alpha": 1.0, "temperature": 1.0, "smoothing": 0.5}
    model = fitted((transitions, counts, np.full(144, 1 / 144), settings))
    with jax.enable_x64(True):
        hessian = jax.hessian(objective)(
            model.q_table_, transitions, counts, None, divergence="chi2", value_term="expert", **settings
        )
    curvature = np.linalg.eigvalsh(np.reshape(hessian, (counts.size, counts.size)))
    assert curvature[0] > 1e-6 * curvature[-1]
    assert model.n_iter_ <= most


@pytest.mark.parametrize("name", HARD)
def test_units_change_nothing(name):
    """Temperature and alpha together set the unit of Q, and that alone."""
    transitions, counts, p0, settings = hard_problem(name)
    plain = fitted((transitions, counts, p0, settings))
    for unit in (2.0**-30, 2.0**30):
        scaled = settings | {"alpha": unit * settings["alpha"], "temperature": unit * settings["temperature"]}
        model = fitted((transitions, counts, p0, scaled))
        assert model.n_iter_ == plain.n_iter_
        assert_allclose(model.policy_, plain.policy_, rtol=1e-9)
        assert_allclose(model.objective_, unit * plain.objective_, rtol=1e-9)


class Slope:
    """exp(x), which has no minimum, as a problem whose policy says nothing."""

    gradient_rounding = rounding = 0.0
    policy = np.array([[0.5, 0.5]])

    def __init__(self, x=None):
        if x is not None:
            self.loss, self.gradient = float(np.exp(x[0])), np.exp(x)

    def at(self, x):
        return Slope(x)

    def centred(self, x):
        return self, x

    def newton_direction(self, damping=0.0):
        return np.array([-1.0]), damping == 0

    def reach(self, direction):
        return 1.0

    def moves(self, direction, step):
        yield [np.log(self.gradient) + step * direction]


def test_iterations_gradient_and_message_are_those_of_the_end():
    """Each step falls by one; the policy does not change, so that the gradient alone decides."""
    result = newton(Slope(), np.zeros(1), tol=1e-4, max_iter=100)
    assert (result.n_iter, result.converged, result.stopped) == (10, True, False)  # exp(-10) < 1e-4 < exp(-9)
    assert_allclose(result.gradient_norm, np.exp(-10))
    assert_allclose(result.loss_curve, np.exp(-np.arange(11.0)))
    assert "settled" in result.message


def test_the_iteration_limit_and_a_request_end_it():
    result = newton(Slope(), np.zeros(1), tol=1e-4, max_iter=3)
    assert (result.n_iter, result.converged) == (3, False)
    assert "limit" in result.message
    result = newton(Slope(), np.zeros(1), tol=1e-4, max_iter=9, report=lambda loss, x, problem: loss < 0.2)
    assert (result.n_iter, result.converged, result.stopped) == (2, False, True)
    assert "asked" in result.message


def test_a_policy_that_still_moves_has_not_settled(monkeypatch):
    monkeypatch.setattr(Slope, "policy", property(lambda self: np.array([[self.loss, 1 - self.loss]])))
    result = newton(Slope(), np.zeros(1), tol=0.1, max_iter=100)
    assert result.converged
    still_to_come = result.loss * (np.e - 1) / np.e  # of changes that shrink by e each
    assert still_to_come <= 1e-7 < np.e * still_to_come


class Crawl(Slope):
    """The same, where only a damped step stays in the domain, and hardly moves."""

    policy = property(lambda self: np.array([[self.loss, 1 - self.loss]]))

    def at(self, x):
        return Crawl(x) if x[0] > -1e-3 else None

    def newton_direction(self, damping=0.0):
        return np.array([-1e-9 if damping else -1e9]), damping == 0


def test_a_short_step_that_is_not_newtons_settles_nothing():
    result = newton(Crawl(), np.zeros(1), tol=2.0, max_iter=5)
    assert (result.n_iter, result.converged) == (5, False)
    assert result.gradient_norm < 2.0


def test_policies_with_kinks_are_cooled_down_to():
    """Where one pair has a million visits and rewards are all but free, no direct step goes far."""
    transitions, _, p0 = random_problem(15, n_states=10, n_actions=4)
    counts = np.random.default_rng(15).poisson(1.0, size=(10, 4)).astype(float)
    counts[0, 0] = 1e6
    settings = {"discount": 0.9, "alpha": 50.0, "smoothing": 0.1, "value_term": "initial"}
    model = fitted((transitions, counts, p0, settings))
    assert model.converged_
    assert len(model.loss_curve_) == model.n_iter_ + 1


def test_no_continuation_is_the_limit_of_a_rare_one():
    """Equation 9 weighs the values of the starts by one less the discount that was given."""
    fits = [
        IQLearnClassifier(np.full((2, 1, 1), p), discount=0.9, value_term="initial").fit([[0]] * 4, [0, 0, 0, 1])
        for p in (0.0, 1e-12)
    ]
    assert_allclose(fits[0].policy_, fits[1].policy_, atol=1e-9)


def test_no_continuation_is_the_limit_of_a_rare_one_in_rows():
    X, y, after = np.zeros((5, 1)), [0, 0, 0, 1, 0], np.zeros((5, 1))
    policies = []
    for last in (0.0, 1e-12):
        model = IQLearnClassifier(discount=0.9, value_term="initial", q_type="tabular")
        ended = [True] * 4 + [False]
        policies.append(model.fit(X, y, [1, 1, 1, 1, last], next_X=after, terminal=ended).policy_)
    assert_allclose(policies[0], policies[1], atol=1e-9)
