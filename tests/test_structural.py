"""Structural Q: the objective and its derivatives, the optimum, Rust's estimates."""

import jax
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import DIVERGENCES, as_rows, bus_problem, objective, random_problem, soft_value_iteration

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn._estimator.fitting import assemble
from sklearn_iqlearn.datasets import make_bus_engine, make_random_mdp
from sklearn_iqlearn.preprocessing import renewal_transitions
from sklearn_iqlearn.rewards import IdentificationWarning

SETTINGS = {"discount": 0.9, "temperature": 0.7, "smoothing": 1.0}


def features_of(seed, shape=(6, 3, 2)):
    return np.random.default_rng(seed).normal(size=shape)


def reference(transitions, counts, p0, features, **settings):
    """J of the coefficients, with JAX's derivatives through plain soft value iteration."""

    def loss(theta):
        q = soft_value_iteration(features @ theta, transitions, settings["discount"], settings["temperature"])
        return objective(q, transitions, counts, p0, **settings)

    gradient = jax.jacfwd(loss)  # forward: two coefficients, hundreds of iterations
    return jax.jit(loss), jax.jit(gradient), jax.jit(jax.jacfwd(gradient))


@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_derivatives_are_those_of_the_objective(divergence, value_term):
    """Off the optimum, so that a wrong sign or a missing term shows."""
    transitions, counts, p0 = random_problem(0, ending=True)
    settings = {**SETTINGS, "divergence": divergence, "alpha": 5.0, "value_term": value_term}
    model = IQLearnClassifier(
        transitions, q_type="structural", features=features_of(1), initial_distribution=p0, **settings
    )
    order = dict.fromkeys(("trajectory", "step", "next_X", "terminal"))
    _, problem, _ = assemble(model, *as_rows(counts), order)
    theta = np.array([0.3, -0.4])
    point, units = problem.at(theta * problem.units), problem.units
    with jax.enable_x64(True):
        loss, gradient, hessian = reference(transitions, counts, p0, features_of(1), **settings)
        assert_allclose(point.loss, loss(theta), rtol=0, atol=1e-12)
        assert_allclose(point.gradient * units, gradient(theta), rtol=0, atol=1e-11)
        true = next(iter(point.curvatures()))
        assert_allclose(point.hessian(*true) * np.outer(units, units), hessian(theta), rtol=0, atol=1e-10)


@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_optimum_is_that_of_scipy(divergence, value_term):
    transitions, counts, p0 = random_problem(2, ending=True)
    settings = {**SETTINGS, "divergence": divergence, "alpha": 2.0, "value_term": value_term}
    model = IQLearnClassifier(
        transitions, q_type="structural", features=features_of(3), initial_distribution=p0, **settings
    ).fit(*as_rows(counts))
    assert model.converged_
    assert model.gradient_norm_ <= 1e-8
    with jax.enable_x64(True):
        loss, gradient, _ = reference(transitions, counts, p0, features_of(3), **settings)

        def finite(theta):
            found = float(loss(theta))
            return found if np.isfinite(found) else 1e3

        found = scipy.optimize.minimize(
            finite, np.zeros(2), jac=lambda theta: np.asarray(gradient(theta)), options={"gtol": 1e-9}
        )
    assert_allclose(model.coef_, found.x, rtol=0, atol=1e-6)
    assert_allclose(model.objective_, found.fun, rtol=0, atol=1e-11)
    assert_allclose(model.reward_, features_of(3) @ model.coef_, rtol=0, atol=1e-12)


def test_sparse_and_dense_are_one_problem():
    world = make_random_mdp(n_trajectories=50, n_states=300, random_state=0, ending=0.05, sparse=True)
    fits = [
        IQLearnClassifier(
            transitions, discount=0.95, q_type="structural", features=world.features, alpha=np.inf
        ).fit(world.data, world.target)
        for transitions in (world.transitions, np.stack([matrix.toarray() for matrix in world.transitions]))
    ]
    assert sp.issparse(fits[0].transitions[0])
    assert_allclose(fits[0].coef_, fits[1].coef_, rtol=1e-9)
    assert_allclose(fits[0].coef_, world.coef, rtol=0, atol=0.15)


def test_units_of_the_features_do_not_matter():
    transitions, counts, _ = random_problem(4)
    units = np.array([1e-9, 1e9])
    one, other = (
        IQLearnClassifier(transitions, q_type="structural", features=features, alpha=np.inf).fit(*as_rows(counts))
        for features in (features_of(5), features_of(5) * units)
    )
    assert one.converged_
    assert other.n_iter_ == one.n_iter_
    assert_allclose(other.coef_ * units, one.coef_, rtol=1e-9)
    assert_allclose(other.policy_, one.policy_, rtol=1e-9)


def test_features_of_states_are_paid_whatever_the_action():
    transitions, counts, _ = random_problem(6)
    of_states = features_of(7, (6, 2))
    repeated = np.repeat(of_states[:, None], 3, axis=1)
    one, other = (
        IQLearnClassifier(transitions, q_type="structural", features=features).fit(*as_rows(counts))
        for features in (of_states, repeated)
    )
    assert_allclose(one.coef_, other.coef_, rtol=1e-9)
    assert_allclose(one.reward_coef_, one.coef_, rtol=1e-7)


@pytest.mark.parametrize(
    ("groups", "theta", "cost", "log_likelihood"),
    [
        ((4,), 2.29309, 10.07494, -163.58428),
        ((1, 2, 3, 4), 2.62763, 9.75575, -300.25029),
    ],
)
def test_estimates_of_rust(groups, theta, cost, log_likelihood):
    """A separate implementation of the likelihood: complex-step scores and a numerical Hessian."""
    X, y, order, transitions, features = bus_problem(groups)
    model = IQLearnClassifier(
        transitions, discount=0.9999, q_type="structural", features=features, alpha=np.inf
    ).fit(X, y, **order)
    found = model.score(X, y) * len(y)
    assert model.converged_
    assert_allclose(model.coef_, [theta, cost], rtol=0, atol=5e-6)
    assert_allclose(found, log_likelihood, rtol=0, atol=5e-6)
    assert_allclose(model.reward_coef_, model.coef_, rtol=1e-7)


def test_score_of_maximum_likelihood_is_zero():
    """Finite differences of the log-likelihood itself, through counterfactuals."""
    X, y, _, transitions, features = bus_problem((4,))
    model = IQLearnClassifier(
        transitions, discount=0.9999, q_type="structural", features=features, alpha=np.inf
    ).fit(X, y)

    def log_likelihood(coef):
        return model.counterfactual(reward_coef=coef).score(X, y) * len(y)

    best = log_likelihood(model.coef_)
    for step in np.diag(1e-3 * model.coef_):
        ahead, behind = log_likelihood(model.coef_ + step), log_likelihood(model.coef_ - step)
        assert max(ahead, behind) < best
        assert abs(ahead - behind) < 1e-2 * (2 * best - ahead - behind)


def test_warm_start_goes_on_from_the_last_fit():
    X, y, _, transitions, features = bus_problem((4,))
    model = IQLearnClassifier(
        transitions, discount=0.9999, q_type="structural", features=features, alpha=np.inf, warm_start=True
    )
    cold = model.fit(X, y).n_iter_
    coef = model.coef_
    assert model.fit(X, y).n_iter_ <= cold / 2
    assert_allclose(model.coef_, coef, rtol=1e-8)


def test_structural_recovers_the_truth():
    """The mean of 12 seeds within 3.5 of its standard errors: a bias of one standard deviation would show."""
    estimates = []
    for seed in range(12):
        bus = make_bus_engine(n_trajectories=200, random_state=seed)
        model = IQLearnClassifier(
            bus.transitions, discount=bus.discount, q_type="structural", features=bus.features, alpha=np.inf
        ).fit(bus.data, bus.target)
        assert model.converged_
        estimates.append(model.coef_)
    error = np.std(estimates, axis=0, ddof=1) / np.sqrt(12)
    assert (np.abs(np.mean(estimates, axis=0) - bus.coef) < 3.5 * error).all()
    assert (error < [0.0004, 0.02]).all()


def test_collinear_features_are_told_and_the_policy_stands():
    transitions, counts, _ = random_problem(8)
    features = features_of(9)
    doubled = np.concatenate([features, features[..., :1]], axis=2)
    single = IQLearnClassifier(transitions, q_type="structural", features=features, alpha=np.inf)
    single.fit(*as_rows(counts))
    with pytest.warns(IdentificationWarning, match="directions of the reward's coefficients open"):
        model = IQLearnClassifier(transitions, q_type="structural", features=doubled, alpha=np.inf).fit(
            *as_rows(counts)
        )
    assert model.converged_
    assert_allclose(model.policy_, single.policy_, rtol=0, atol=1e-8)
    assert_allclose(model.coef_[0] + model.coef_[2], single.coef_[0], rtol=1e-6)
    assert_allclose(model.coef_[0], model.coef_[2], rtol=1e-8)  # the least norm
    assert_allclose(
        np.abs(model.unidentified_ * np.abs(doubled).max(axis=(0, 1))), [[0.5**0.5, 0, 0.5**0.5]], atol=1e-8
    )


@pytest.mark.parametrize("discount", [0.0, 0.5, 0.9999, 1 - 1e-6])
def test_a_constant_is_told_and_the_others_stand(discount):
    """It changes no policy: all that the Hessian has for it is rounding."""
    bus = make_bus_engine(n_trajectories=100, discount=discount, random_state=0)
    settings = {"discount": discount, "q_type": "structural", "alpha": np.inf}
    with_constant = np.concatenate([bus.features, np.ones((90, 2, 1))], axis=2)
    plain = IQLearnClassifier(bus.transitions, features=bus.features, **settings).fit(bus.data, bus.target)
    with pytest.warns(IdentificationWarning, match="directions of the reward's coefficients open"):
        model = IQLearnClassifier(bus.transitions, features=with_constant, **settings).fit(bus.data, bus.target)
    assert model.converged_
    assert_allclose(model.coef_[:2], plain.coef_, rtol=1e-5)
    assert_allclose(np.abs(model.unidentified_), [[0, 0, 1]], rtol=0, atol=1e-6)
    assert_allclose(model.coef_[2], 0.0, rtol=0, atol=1e-6)


def test_what_the_form_identifies_is_told_though_a_table_would_not():
    """One action in each visited state: potentials can explain any reward of those pairs, but not this form's."""
    world = make_random_mdp(
        n_trajectories=50, n_steps=40, n_states=300, n_features=4, ending=0.1, sparse=True, random_state=1
    )
    model = IQLearnClassifier(world.transitions, q_type="structural", features=world.features, alpha=np.inf)
    model.fit(world.data, world.target)
    np.testing.assert_array_equal(model.reward_coef_, model.coef_)
    assert_allclose(model.coef_, world.coef, rtol=0, atol=0.3)
    with pytest.warns(IdentificationWarning):
        rewards.project(model, method="least-squares")


def test_maximum_entropy_needs_no_penalty():
    world = make_random_mdp(random_state=0)
    settings = {"q_type": "structural", "features": world.features, "value_term": "initial", "smoothing": 0.0}
    order = {"trajectory": world.trajectory, "step": world.step}
    free, weak = (
        IQLearnClassifier(world.transitions, alpha=alpha, **settings).fit(world.data, world.target, **order)
        for alpha in (np.inf, 1e8)
    )
    assert_allclose(free.coef_, weak.coef_, rtol=1e-6)
    with pytest.raises(ValueError, match="alpha must be finite with value_term='initial'"):
        IQLearnClassifier(world.transitions, alpha=np.inf, value_term="initial").fit(world.data, world.target)


@pytest.mark.parametrize("divergence", ["js", "hellinger", "tv"])
@pytest.mark.parametrize("value_term", ["expert", "initial"])
def test_tight_bounds_on_the_reward_converge(divergence, value_term):
    """The loss must be as smooth as the line search believes, or it finds no step."""
    for seed in range(2):
        world = make_random_mdp(50, 40, n_states=12, n_features=4, temperature=0.3, random_state=seed)
        for alpha in (0.001, 0.01, 0.1):
            model = IQLearnClassifier(
                world.transitions,
                temperature=0.3,
                q_type="structural",
                features=world.features,
                divergence=divergence,
                value_term=value_term,
                alpha=alpha,
            ).fit(world.data, world.target)
            assert model.converged_
            assert np.abs(model.reward_).max() < 20 * alpha


@pytest.mark.parametrize(("n_states", "n_rows", "discount"), [(1000, 100, 0.9999), (300, 100, 0.99999)])
def test_hardly_any_state_visited(n_states, n_rows, discount):
    transitions = renewal_transitions(np.repeat([0, 1, 2], [35, 64, 1]), n_states)
    features = np.zeros((n_states, 2, 2))
    features[:, 0, 0] = -np.arange(n_states) / n_states
    features[:, 1, 1] = -1
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X, y = rng.integers(n_states, size=(n_rows, 1)), rng.integers(2, size=n_rows)
        model = IQLearnClassifier(
            transitions, discount=discount, q_type="structural", features=features, alpha=np.inf
        ).fit(X, y)
        assert model.converged_
        assert np.isfinite(model.reward_coef_).all()


def test_a_trial_too_far_away_is_given_up_and_a_solution_is_not():
    """Policy iteration along a corridor takes a step for each state."""
    n = 200
    transitions = np.stack([np.eye(n), np.eye(n, k=1)])
    transitions[1, -1, -1] = 1.0
    features = np.zeros((n, 2, 2))
    features[-1, :, 0] = features[:, 1, 1] = 1.0
    model = IQLearnClassifier(
        transitions, discount=0.999, temperature=0.01, q_type="structural", features=features
    )
    rows = (
        np.arange(n)[:, None],
        np.arange(n) % 2,
        None,
        dict.fromkeys(("trajectory", "step", "next_X", "terminal")),
    )
    _, problem, _ = assemble(model, *rows)
    far = np.array([500.0, -2.0])
    assert problem.at(far) is None
    table = problem.table(far)
    value = table.max(axis=1) + 0.01 * np.log(
        np.exp((table - table.max(axis=1, keepdims=True)) / 0.01).sum(axis=1)
    )
    ahead = problem.features @ far + 0.999 * np.einsum("ast,t->sa", transitions, value)
    assert_allclose(table, ahead, rtol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"features": None}, "features must be given for q_type='structural'"),
        ({"transitions": None, "features": None}, "features must be a function of X without.*got None"),
        ({"features": np.ones((5, 3, 2))}, r"features must have shape \(6, K\) or \(6, 3, K\)"),
        ({"features": np.full((6, 3, 2), np.nan)}, "features must be finite, got nan"),
        ({"solver": "lbfgs"}, "solver='lbfgs' needs a gradient by JAX, which q_type='structural' does not give"),
    ],
)
def test_bad_input(parameters, message):
    transitions, counts, _ = random_problem(0)
    settings = {"transitions": transitions, "features": features_of(0), "q_type": "structural", **parameters}
    with pytest.raises(ValueError, match=message):
        IQLearnClassifier(**settings).fit(*as_rows(counts))
