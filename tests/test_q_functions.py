"""Forms of Q and their solvers: they agree, start, stop and refuse as they say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import DIVERGENCES, as_rows, random_problem, rollouts
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._estimator.fitting import assemble


def test_newton_comes_back_from_an_extreme_policy():
    """One state, whose start has a policy with next to no curvature."""
    model = IQLearnClassifier(divergence="tv", alpha=1.1, discount=0.99, temperature=8.0, C=1e3)
    rows = np.zeros((9, 2)), [0, 1, 2, 2, 0, 1, 0, 2, 0]
    model.fit(*rows, trajectory=[0, 1, 2, 2, 3, 3, 4, 4, 4])
    assert model.converged_


COMMON = [
    {"q_type": "tabular"},
    {"q_type": "tabular", "divergence": "kl", "alpha": 3.0},
    {"q_type": "linear"},
    {"q_type": "linear", "divergence": "hellinger", "alpha": 5.0},
    {"q_type": "linear", "value_term": "initial", "alpha": 3.0},
    {"q_type": "linear", "divergence": "tv", "alpha": 5.0},
]


@pytest.mark.parametrize("settings", COMMON, ids=str)
def test_solvers_agree(settings):
    """L-BFGS reaches the optimum of Newton's method; Adam comes within 1e-3 of its objective."""
    states, actions, order = rollouts()
    X = np.random.default_rng(1).normal(size=(8, 3))[states[:, 0]]
    newton = IQLearnClassifier(discount=0.8, **settings).fit(X, actions, **order)
    lbfgs = IQLearnClassifier(discount=0.8, solver="lbfgs", tol=1e-7, **settings).fit(X, actions, **order)
    adam = IQLearnClassifier(discount=0.8, solver="adam", learning_rate=0.05, **settings).fit(X, actions, **order)
    assert newton.converged_
    assert newton.gradient_norm_ < 1e-8
    assert lbfgs.converged_
    assert_allclose(lbfgs.objective_, newton.objective_, rtol=0, atol=1e-8)
    assert_allclose(lbfgs.predict_proba(X), newton.predict_proba(X), rtol=0, atol=1e-3)
    assert newton.objective_ - 1e-9 < adam.objective_ < newton.objective_ + 1e-3


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_network_comes_close_to_the_table(solver):
    """With one-hot states and enough units it can represent every table."""
    transitions, counts, _ = random_problem(0)
    table = IQLearnClassifier(transitions, discount=0.8).fit(*as_rows(counts))
    network = IQLearnClassifier(
        transitions,
        q_type="neural",
        discount=0.8,
        solver=solver,
        C=np.inf,
        tol=1e-6,
        learning_rate=0.01,
        random_state=0,
        max_iter=20_000,
    ).fit(*as_rows(counts))
    assert network.converged_
    assert table.objective_ - 1e-9 < network.objective_ < table.objective_ + 1e-4
    assert_allclose(network.policy_, table.policy_, rtol=0, atol=0.02)
    assert network.coefs_[0].shape == (6, 64)


@pytest.mark.parametrize("value_term", ["expert", "initial"])
def test_batches_are_unbiased(value_term):
    """The mean loss and gradient over many batches are those of the whole."""
    import jax
    from sklearn.utils import check_random_state

    from sklearn_iqlearn._solvers.batches import epochs
    from sklearn_iqlearn._solvers.jax_objective import arguments, loss_and_gradient

    states, actions, order = rollouts(n_trajectories=6)
    X = np.random.default_rng(1).normal(size=(8, 3))[states[:, 0]]
    model = IQLearnClassifier(value_term=value_term, discount=0.8, alpha=3.0)
    problem = assemble(model, X, actions, None, {"next_X": None, **order})[1]
    parameters = np.random.default_rng(2).normal(size=problem.ridge.shape) / 10
    with jax.enable_x64(True):
        arrays, static = arguments(problem, parameters)
        whole, slope = (np.asarray(x) for x in loss_and_gradient(parameters, *arrays, **static))
        passes = epochs(problem, arrays, 5, check_random_state(0))
        found = [loss_and_gradient(parameters, *batch, **static) for _ in range(150) for batch in next(passes)]
        losses, slopes = (np.array(x) for x in zip(*found, strict=True))
    error = losses.std() / np.sqrt(len(losses))
    assert error < 0.02
    assert abs(losses.mean() - whole) < 4 * error
    errors = slopes.std(axis=0) / np.sqrt(len(slopes)) + 1e-12
    assert (np.abs(slopes.mean(axis=0) - slope) < 5 * errors).all()


def test_batches_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 2))
    y = (X[:, 0] > 0).astype(int)
    model = IQLearnClassifier(
        q_type="neural",
        batch_size=64,
        hidden_layer_sizes=16,
        learning_rate=0.01,
        alpha=50.0,
        tol=1e-3,
        random_state=0,
    )
    model.fit(X, y, trajectory=np.repeat(np.arange(10), 50))
    assert model.converged_
    assert np.mean(model.predict(X) == y) > 0.97


def test_seed_decides_a_network():
    X, y = load_iris(return_X_y=True)
    model = IQLearnClassifier(q_type="neural", hidden_layer_sizes=4, tol=1e-2, learning_rate=0.05)
    one, same, other = (model.set_params(random_state=seed).fit(X, y).coefs_[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1


def test_convergence_tells_the_truth():
    X, y = load_iris(return_X_y=True)
    model = IQLearnClassifier(q_type="neural", hidden_layer_sizes=4, max_iter=5)
    with pytest.warns(ConvergenceWarning, match="the iteration limit was reached after 5 iterations"):
        model.fit(X, y)
    assert not model.converged_


@pytest.mark.parametrize("divergence", ["hellinger", "js", "tv"])
def test_a_bounded_divergence_reaches_its_domain(divergence):
    """Without an intercept a reward of 0 cannot be represented, yet a wide enough alpha holds."""
    states, actions, order = rollouts()
    X = np.random.default_rng(1).normal(size=(8, 3))[states[:, 0]]
    model = IQLearnClassifier(fit_intercept=False, divergence=divergence)
    with pytest.raises(ValueError, match=r"alpha=0.5 is too small for this Q.*from alpha of about") as caught:
        model.set_params(alpha=0.5).fit(X, actions, **order)
    least = float(str(caught.value).split("about ")[1].split()[0])
    assert model.set_params(alpha=1.1 * least).fit(X, actions, **order).converged_
    with pytest.raises(ValueError, match="is too small for this Q"):
        model.set_params(alpha=0.9 * least).fit(X, actions, **order)


@pytest.mark.parametrize("q_type", ["tabular", "linear", "neural"])
def test_warm_start_continues(q_type):
    states, actions, order = rollouts()
    X = np.random.default_rng(1).normal(size=(8, 3))[states[:, 0]]
    model = IQLearnClassifier(q_type=q_type, solver="lbfgs", warm_start=True, tol=1e-4, random_state=0)
    first = model.fit(X, actions, **order).n_iter_
    assert model.fit(X, actions, **order).n_iter_ < first / 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"q_type": "neural", "solver": "newton"},
            "solver='newton' needs a Hessian, which q_type='neural' does not",
        ),
        ({"features": np.eye(3)}, "features must be None without transitions"),
        ({"initial_distribution": [1.0]}, "initial_distribution must be None without transitions"),
        ({"C": 0}, "C must be a number > 0, or inf, got 0"),
        ({"hidden_layer_sizes": (4, 0)}, r"hidden_layer_sizes must be integers >= 1, got \(4, 0\)"),
        ({"hidden_layer_sizes": (4.5,)}, r"hidden_layer_sizes must be integers >= 1, got \(4.5,\)"),
        ({"batch_size": 0}, "batch_size must be 'auto' or an integer >= 1, got 0"),
        ({"learning_rate": 0}, "learning_rate must be a finite number > 0, got 0"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be an integer >= 1, got 0"),
    ],
)
def test_bad_parameters(parameters, message):
    model = IQLearnClassifier(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit([[0.0], [1.0]], [0, 1])
    assert not hasattr(model, "n_features_in_")


def test_bad_features():
    transitions, counts, _ = random_problem(0)
    for features, message in (
        (np.ones((5, 2)), r"features must have shape \(6, K\) or \(6, 3, K\).*got \(5, 2\)"),
        (np.full((6, 2), np.nan), "features must be finite, got nan"),
        (None, "features must be given for q_type='linear' with transitions, got None"),
    ):
        with pytest.raises(ValueError, match=message):
            IQLearnClassifier(transitions, q_type="linear", features=features).fit(*as_rows(counts))


X4, Y4 = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])


def test_kl_starts_where_its_exponential_is_tame():
    states, actions, order = rollouts()
    X = np.random.default_rng(1).normal(size=(8, 3))[states[:, 0]]
    model = IQLearnClassifier(divergence="kl", alpha=0.1).fit(X, actions, **order)
    assert model.converged_
    assert model.n_iter_ < 30


@pytest.mark.parametrize("max_iter", [1, 3, 7])
def test_max_iter_holds_for_all_stages_together(max_iter):
    states, actions, order = rollouts()
    model = IQLearnClassifier(q_type="tabular", divergence="tv", max_iter=max_iter)
    with pytest.warns(ConvergenceWarning, match=f"after {max_iter} iterations"):
        model.fit(states, actions, **order)
    assert model.n_iter_ == max_iter
    assert not model.converged_
    assert np.abs(model.reward_).max() < 1.0


def test_another_form_leaves_nothing_of_the_last():
    transitions, counts, _ = random_problem(0)
    model = IQLearnClassifier(warm_start=True).fit(X4, Y4)
    assert hasattr(model, "coef_")
    model.set_params(q_type="neural", tol=0.1).fit(X4, Y4)
    assert not hasattr(model, "coef_")
    model.set_params(transitions=transitions, q_type="auto", tol=None).fit(*as_rows(counts))
    assert not hasattr(model, "states_")
    cold = IQLearnClassifier(transitions).fit(*as_rows(counts))
    np.testing.assert_array_equal(model.q_table_, cold.q_table_)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_one_action_alone_ends_at_certainty(divergence):
    """An action with no weight left: its Q falls for ever, which must not keep the solver going."""
    X, y = np.random.default_rng(0).normal(size=(10, 4)), np.arange(10) % 2
    model = IQLearnClassifier(divergence=divergence).fit(X, y, sample_weight=y.astype(float))
    assert model.converged_
    assert (model.predict(X) == 1).all()
