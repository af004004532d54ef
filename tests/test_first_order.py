"""What L-BFGS and Adam report is the objective itself, and they have converged where they say so."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import PENALTY, as_rows, objective, random_problem
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn._objective.divergences import DIVERGENCES
from sklearn_iqlearn._objective.objective import Objective
from sklearn_iqlearn._q_functions.neural import Neural
from sklearn_iqlearn._solvers.batches import Batches
from sklearn_iqlearn._solvers.jax_objective import MARGINS, _continued, _ends, arguments, interval, problem_loss

# One state, an action taken 46 times and one taken once: the reward of the second is 5e-5 alpha from its bound.
AT_THE_EDGE = {"discount": 0.9, "divergence": "tv", "alpha": 0.1, "smoothing": 0.1}
ONE_STATE = (np.ones((2, 1, 1)), np.array([[46.0, 1.0]]), np.ones(1))


def definition(model, transitions, counts, p0):
    """J of a fitted table, and the largest component of its gradient, from the definition."""
    names = ("discount", "divergence", "alpha", "temperature", "smoothing", "value_term")
    settings = {name: getattr(model, name) for name in names}
    with jax.enable_x64(True):
        loss, gradient = jax.value_and_grad(objective)(
            jnp.asarray(model.q_table_), transitions, counts, p0, **settings
        )
        return float(loss), float(jnp.abs(gradient).max())


def test_a_minimum_at_the_edge_of_the_domain_is_reached():
    transitions, counts, p0 = ONE_STATE
    newton = IQLearnClassifier(transitions, **AT_THE_EDGE).fit(*as_rows(counts))
    model = IQLearnClassifier(transitions, solver="lbfgs", **AT_THE_EDGE).fit(*as_rows(counts))
    assert model.converged_
    loss, norm = definition(model, transitions, counts, p0)
    assert norm <= 1e-6
    assert_allclose(model.objective_, loss, rtol=1e-12)
    assert_allclose(model.loss_curve_[-1], loss, rtol=1e-12)
    assert abs(model.objective_ - newton.objective_) < 1e-9
    assert 1 + model.reward_.min() / model.alpha < MARGINS[0]  # or nothing would be tested


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
@pytest.mark.parametrize("divergence", ["tv", "hellinger", "js", "kl"])
def test_reports_are_those_of_the_definition(divergence, solver, seed):
    """Also of a fit that is cut short, or ends outside the domain."""
    transitions, counts, p0 = random_problem(seed, 4, 2)
    counts[0, 0] += 100
    model = IQLearnClassifier(
        transitions,
        divergence=divergence,
        alpha=[0.1, 0.3, 1.0][seed],
        smoothing=0.01,
        discount=0.8,
        solver=solver,
        learning_rate=0.02,
        max_iter=[20, 100, 400][seed],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(*as_rows(counts))
    loss, norm = definition(model, transitions, counts, p0)
    if np.isfinite(loss):
        # The reward near a bound keeps fewer digits, and the slope there multiplies what it lost.
        assert_allclose([model.objective_, model.gradient_norm_], [loss, norm], rtol=1e-6, atol=1e-10)
    else:
        assert np.isinf(model.objective_)
    if model.converged_:
        assert norm <= (1.01e-6 if solver == "lbfgs" else 1.01 * np.sqrt(1e-5) if divergence != "kl" else 0.1)


@pytest.mark.parametrize("margin", MARGINS[:3])
@pytest.mark.parametrize("divergence", PENALTY)
def test_the_continuation_is_smooth_and_begins_at_its_margin(divergence, margin):
    penalty = DIVERGENCES[divergence]
    low, high = interval(penalty, margin)
    with jax.enable_x64(True):
        ends = _ends(penalty, margin)
        continued = jax.vmap(lambda u: _continued(penalty, u, ends))
        inside = np.linspace(max(low, -3), min(high, 3), 50)
        assert_allclose(continued(inside), PENALTY[divergence](inside), rtol=1e-9, atol=1e-12)
        for end, outwards in ((low, -1), (high, 1)):
            if np.isfinite(end):
                step = 0.1 * margin  # the third derivative is about the second by the distance to the edge
                u = end + outwards * np.array([0.0, step, 2 * step])
                slopes = jax.vmap(jax.grad(lambda u: _continued(penalty, u, ends)))(u)
                assert_allclose(slopes[0], jax.grad(PENALTY[divergence])(end), rtol=1e-3)
                first, second = np.diff(np.asarray(slopes))
                bend = float(jax.grad(jax.grad(PENALTY[divergence]))(end))
                # A line of the curvature at the end; u keeps that many digits of the step.
                assert_allclose([first, second], outwards * bend * step, rtol=1e-3 if margin < 1e-7 else 1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_batches_do_not_hide_how_far_the_minimum_is(seed):
    """Where Adam says that it has converged it is near the minimum; with too few epochs it does not say so."""
    transitions, counts, _ = random_problem(seed, 8, 3)
    features = np.random.default_rng(seed).normal(size=(8, 4))
    settings = {"discount": 0.95, "features": features, "value_term": "initial", "alpha": 10.0}
    newton = IQLearnClassifier(transitions, **settings).fit(*as_rows(counts))
    model = IQLearnClassifier(
        transitions, solver="adam", batch_size=16, random_state=0, learning_rate=0.05, **settings
    )
    with pytest.warns(ConvergenceWarning, match="the iteration limit was reached"):
        model.set_params(max_iter=60).fit(*as_rows(counts))
    assert model.objective_ > newton.objective_ + 0.01
    model.set_params(max_iter=20_000).fit(*as_rows(counts))
    assert model.converged_
    # A round that brings less than tol leaves more where the curvature is small: 1e-4 to 3e-3 was seen.
    assert newton.objective_ - 1e-9 < model.objective_ < newton.objective_ + 1e-2


def test_a_batch_of_all_pairs_is_the_objective():
    """Where some actions do not exist and some of the reward is known, too."""
    transitions, counts, _ = random_problem(1, 5, 3)
    mask = np.tile([[True, False, True], [True, True, True]], (3, 1))[:5]
    rng = np.random.default_rng(1)
    shares = counts * mask / np.sum(counts * mask)
    kernel = check_transitions(transitions, mask)[0]
    objective = Objective(
        transitions=kernel,
        occupancy=shares,
        penalty_weight=mask / 10,
        value_weight=shares.sum(axis=1) - 0.9 * kernel.flow(shares),
        discount=0.9,
        temperature=1.0,
        divergence=DIVERGENCES["chi2"],
        alpha=2.0,
        base_reward=rng.normal(size=mask.shape),
    )
    estimator = IQLearnClassifier(hidden_layer_sizes=(4,))
    problem = Neural.create(objective, rng.normal(size=(5, 2)), estimator, np.random.RandomState(0))
    parameters = problem.start()
    with jax.enable_x64(True):
        arrays, static = arguments(problem, parameters)
        active = np.flatnonzero(mask.ravel())
        batch = Batches(objective, problem.inputs, active, arrays).take(np.arange(len(active)), rng)
        found = problem_loss(parameters, *batch, **static)
    assert_allclose(found, problem.at(parameters).loss, rtol=1e-12)


def test_the_curve_of_batches_is_that_of_all_pairs():
    """Its least entry is the objective that is returned."""
    transitions, counts, _ = random_problem(0, 8, 3)
    features = np.random.default_rng(0).normal(size=(8, 4))
    model = IQLearnClassifier(
        transitions, features=features, solver="adam", batch_size=8, learning_rate=0.05, max_iter=100
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(*as_rows(counts))
    assert_allclose(min(model.loss_curve_), model.objective_, rtol=1e-12)


def test_adam_before_a_wall_has_not_converged():
    transitions, counts, p0 = ONE_STATE
    model = IQLearnClassifier(transitions, solver="adam", learning_rate=0.1, **AT_THE_EDGE)
    with pytest.warns(ConvergenceWarning, match="the loss stopped falling"):
        model.fit(*as_rows(counts))
    assert definition(model, transitions, counts, p0)[1] > np.sqrt(1e-5)
