"""Forms of Q: exact relations between them, and with other estimators."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import DIVERGENCES, as_rows, random_problem
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._estimator.fitting import assemble
from sklearn_iqlearn._q_functions.tabular import find_rows


def rollouts(seed=0, n_states=8, n_trajectories=30, length=20):
    """Trajectories in a random problem: states, actions, ids, steps, and ends of every other one."""
    transitions, _, _ = random_problem(seed, n_states=n_states)
    rng = np.random.default_rng(seed)
    rows = []
    for trajectory in range(n_trajectories):
        state = rng.integers(n_states)
        for step in range(length):
            action = rng.integers(3)
            rows.append((state, action, trajectory, step, step == length - 1 and trajectory % 2 == 0))
            state = rng.choice(n_states, p=transitions[action, state])
    states, actions, ids, steps, terminal = np.array(rows).T
    return states[:, None], actions, {"trajectory": ids, "step": steps, "terminal": terminal.astype(bool)}


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


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_empirical_kernel_is_one_of_given_transitions(divergence):
    """With every pair tried and no cut-off, the rows and their empirical kernel are one problem."""
    states, actions, order = rollouts()
    ids, steps, terminal = order["trajectory"], order["step"], steps_end(order)
    kernel = np.zeros((3, 8, 8))
    visits = np.zeros((8, 3))
    for i in range(len(actions)):
        visits[states[i, 0], actions[i]] += 1
        if not terminal[i]:
            kernel[actions[i], states[i, 0], states[i + 1, 0]] += 1
    assert (visits > 0).all()
    kernel /= visits.T[:, :, None]
    rows = IQLearnClassifier(q_type="tabular", divergence=divergence, alpha=1.0).fit(
        states, actions, trajectory=ids, step=steps, terminal=terminal
    )
    given = IQLearnClassifier(kernel, divergence=divergence, alpha=1.0).fit(states, actions)
    assert_allclose(rows.q_table_, given.q_table_, rtol=0, atol=1e-9)
    assert_allclose(rows.predict_proba(states), given.predict_proba(states), rtol=0, atol=1e-9)


def steps_end(order):
    """Terminal where a trajectory ends: nothing is cut off."""
    return order["step"] == order["step"].max()


def test_an_action_never_tried_gets_the_mean_successor_of_the_others():
    """Tabular Q: weight kappa for the pair, and the kernel of the actions tried there."""
    X, y = np.array([[0.0], [0.0], [0.0], [1.0]]), np.array(["a", "a", "b", "c"])
    next_X = np.array([[0.0], [1.0], [1.0], [1.0]])
    terminal = np.array([False, False, False, True])
    rows = IQLearnClassifier(q_type="tabular", smoothing=0.5).fit(X, y, next_X=next_X, terminal=terminal)
    # a from 0: half stays, half goes; b goes; c never tried there: one in three stays.
    kernel = {
        "a": np.array([[1 / 2, 1 / 2], [0, 0]]),
        "b": np.array([[0, 1.0], [0, 0]]),
        "c": np.array([[1 / 3, 2 / 3], [0, 0]]),
    }
    given = IQLearnClassifier(kernel, smoothing=0.5).fit(X, y)
    assert_allclose(rows.q_table_, given.q_table_, rtol=0, atol=1e-10)
    assert_allclose(rows.reward_, given.reward_, rtol=0, atol=1e-10)


def test_a_cut_off_row_counts_in_the_likelihood_alone():
    """Linear Q: J by hand for two rows, of which the second has no known successor."""
    X, y = np.array([[1.0], [2.0]]), np.array([0, 1])
    model = IQLearnClassifier(alpha=2.0, smoothing=0.0, discount=0.9, C=10.0).fit(X, y, trajectory=[7, 7])
    q = X @ model.coef_.T + model.intercept_
    value = np.log(np.exp(q).sum(axis=1))
    reward = q[0, 0] - 0.9 * value[1]
    log_likelihood = (q[0, 0] - value[0] + q[1, 1] - value[1]) / 2
    objective = -log_likelihood + reward**2 / (4 * 2.0) / 2 + np.sum(model.coef_**2) / (2 * 10.0 * 2)
    assert_allclose(model.objective_, objective, rtol=1e-12)
    assert_allclose(model.reward_[0, 0], reward, rtol=1e-10, atol=1e-12)
    assert np.isnan(model.reward_).sum() == 3  # only one pair has a known continuation


def test_without_order_every_row_is_an_episode():
    X, y = load_iris(return_X_y=True)
    base = IQLearnClassifier(discount=0.0).fit(X, y)
    for discount in (0.5, 0.99):
        one_step = IQLearnClassifier(discount=discount).fit(X, y)
        assert_allclose(one_step.q_table_, base.q_table_, rtol=0, atol=1e-12)
    ended = IQLearnClassifier(discount=0.9).fit(X, y, next_X=X, terminal=np.ones(len(y), dtype=bool))
    assert_allclose(ended.q_table_, base.q_table_, rtol=0, atol=1e-12)


@pytest.mark.parametrize("q_type", ["tabular", "linear"])
def test_next_rows_and_trajectories_tell_the_same(q_type):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), rng.integers(3, size=40)
    ids, steps = np.repeat(np.arange(4), 10), np.tile(np.arange(10), 4)
    terminal = steps == 9
    model = IQLearnClassifier(q_type=q_type, alpha=5.0)
    by_id = model.fit(X, y, trajectory=ids, terminal=terminal).predict_proba(X)
    by_row = model.fit(X, y, next_X=np.roll(X, -1, axis=0), terminal=terminal).predict_proba(X)
    assert_allclose(by_row, by_id, rtol=0, atol=1e-10)
    order = rng.permutation(40)
    shuffled = model.fit(X[order], y[order], trajectory=ids[order], step=steps[order], terminal=terminal[order])
    assert_allclose(shuffled.predict_proba(X), by_id, rtol=0, atol=1e-10)


@pytest.mark.parametrize("q_type", ["tabular", "linear"])
def test_one_row_is_enough(q_type):
    model = IQLearnClassifier(q_type=q_type).fit([[1.0, 2.0]], ["a"], trajectory=[0])
    assert model.predict([[1.0, 2.0]]).tolist() == ["a"]
    assert model.predict_proba([[1.0, 2.0]]).tolist() == [[1.0]]


def test_newton_comes_back_from_an_extreme_policy():
    """One state, whose start has a policy with next to no curvature."""
    model = IQLearnClassifier(divergence="tv", alpha=1.1, discount=0.99, temperature=8.0, C=1e3)
    rows = np.zeros((9, 2)), [0, 1, 2, 2, 0, 1, 0, 2, 0]
    model.fit(*rows, trajectory=[0, 1, 2, 2, 3, 3, 4, 4, 4])
    assert model.converged_


def test_a_gap_in_the_steps_cuts_off():
    X, y = np.arange(4.0)[:, None], np.array([0, 1, 0, 1])
    gap = IQLearnClassifier().fit(X, y, trajectory=[0] * 4, step=[0, 1, 3, 4])
    known = ~np.isnan(gap.reward_[np.arange(4), y])
    assert known.tolist() == [True, False, True, False]


def test_unseen_states_get_the_uniform_policy():
    model = IQLearnClassifier(q_type="tabular").fit([[0.0, 1.0], [1.0, 1.0], [1.0, 1.0]], ["a", "b", "c"])
    assert_allclose(model.predict_proba([[5.0, 5.0]]), [[1 / 3] * 3])
    assert model.predict_proba([[-0.0, 1.0]])[0, 0] > 0.4
    assert find_rows(np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[0.0, -0.0], [3.0, 0.0]])).tolist() == [1, -1]


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


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"trajectory": [0, 1, 0, 1]}, "trajectory: the rows of a trajectory must be contiguous.*pass step"),
        ({"trajectory": [0, 0, 0, 0], "step": [0, 1, 1, 2]}, "got the step 1 twice in trajectory 0"),
        ({"trajectory": [0] * 4, "next_X": X4}, "trajectory and next_X both tell the next state"),
        ({"terminal": [False] * 4}, "terminal needs trajectory or next_X"),
        ({"step": [0, 1, 2, 3]}, "step needs trajectory"),
        ({"trajectory": [0] * 4, "terminal": [True] * 3}, r"terminal must have one value per row, shape \(4,\)"),
        ({"trajectory": [0] * 4, "terminal": [0.5] * 4}, "terminal must be boolean, got .*0.5"),
        ({"trajectory": [0] * 4, "terminal": [True, False, False, True]}, "terminal rows must be the last"),
        ({"next_X": X4[:, :1]}, r"next_X must have the shape of X, \(4, 2\), got \(4, 1\)"),
        ({"next_X": X4[:3]}, r"next_X must have the shape of X, \(4, 2\), got \(3, 2\)"),
        ({"next_X": X4 * np.nan}, "next_X must be finite in rows that are not terminal"),
        ({"trajectory": [1.0, 1.0, np.nan, np.nan]}, "trajectory must have no missing id, got .*nan"),
        (
            {"trajectory": np.array(["a", "a", None, None], dtype=object)},
            "trajectory must have no missing id, got None",
        ),
        ({"trajectory": [0] * 4, "step": [0, 1, 2, 1e300]}, r"step must be integers, got 1e\+300"),
        (
            {"trajectory": [0] * 4, "terminal": [True, False, None, pd.NA]},
            "terminal must be boolean, got None",
        ),
        ({"sample_weight": ["a", "b", "c", "d"]}, "sample_weight must be real numbers, got 'a'"),
        ({"sample_weight": [1e-320] * 4}, "sample_weight and C must not be vanishingly small"),
        ({"next_X": np.full((4, 2), "a")}, "next_X must be real numbers, got 'a'"),
    ],
)
def test_bad_order(order, message):
    model = IQLearnClassifier()
    with pytest.raises(ValueError, match=message):
        model.fit(X4, Y4, **order)
    assert not hasattr(model, "classes_")
    assert model.fit(X4, Y4).converged_


def test_next_rows_of_terminal_rows_are_not_looked_at():
    terminal = np.array([False, False, False, True])
    next_X = np.vstack([X4[1:], [[np.nan, np.inf]]])
    by_row = IQLearnClassifier().fit(X4, Y4, next_X=next_X, terminal=terminal)
    by_id = IQLearnClassifier().fit(X4, Y4, trajectory=[0] * 4, terminal=terminal)
    assert_allclose(by_row.predict_proba(X4), by_id.predict_proba(X4), rtol=0, atol=1e-12)


def test_the_last_state_of_a_cut_off_trajectory_is_bounded():
    """Tabular Q: nothing is known of what follows, so the state stands in for its own successor."""
    model = IQLearnClassifier(q_type="tabular").fit([[0.0], [1.0]], [0, 1], trajectory=[0, 0])
    assert 0.5 < model.policy_[1, 1] < 0.95
    # Its own successor: the reward is Q - discount * V of the same state.
    assert_allclose(model.reward_[1], model.q_table_[1] - 0.95 * model.value_[1], rtol=0, atol=1e-12)


def test_initial_value_term_needs_a_known_continuation():
    with pytest.raises(ValueError, match="value_term='initial' needs rows whose next state is known"):
        IQLearnClassifier(value_term="initial").fit(X4, Y4, trajectory=[0, 1, 2, 3])


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("scale", [1.0, 1e8])
def test_units_and_origin_of_features_do_not_matter(shift, scale):
    X, y = load_iris(return_X_y=True)
    units = np.array([1.0, 1.0, 1.0, scale])
    base = IQLearnClassifier(C=np.inf, alpha=50.0).fit(X, y)
    moved = IQLearnClassifier(C=np.inf, alpha=50.0).fit(X * units + shift, y)
    assert moved.converged_
    assert_allclose(moved.predict_proba(X * units + shift), base.predict_proba(X), rtol=0, atol=1e-6)


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


def test_score_and_predict_refuse_what_fit_never_saw():
    model = IQLearnClassifier().fit(X4, Y4)
    with pytest.raises(ValueError, match=r"y must hold actions of \[0, 1\], got .*2"):
        model.score(X4, [0, 1, 2, 0])
    with pytest.raises(TypeError, match="Sparse data was passed"):
        model.fit(sp.csr_array(X4), Y4)
    with pytest.raises(ValueError, match="X contains NaN"):
        model.fit(X4 * np.nan, Y4)


def test_given_transitions_refuse_other_successors():
    transitions, counts, _ = random_problem(0)
    X, y, _ = as_rows(counts)
    for name, value in {"next_X": X, "terminal": np.zeros(len(y))}.items():
        with pytest.raises(ValueError, match=f"{name} must be None where transitions are given"):
            IQLearnClassifier(transitions).fit(X, y, **{name: value})


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_one_action_alone_ends_at_certainty(divergence):
    """An action with no weight left: its Q falls for ever, which must not keep the solver going."""
    X, y = np.random.default_rng(0).normal(size=(10, 4)), np.arange(10) % 2
    model = IQLearnClassifier(divergence=divergence).fit(X, y, sample_weight=y.astype(float))
    assert model.converged_
    assert (model.predict(X) == 1).all()
