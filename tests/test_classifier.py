"""Fits over given transitions: their optimum, their invariances, what they refuse."""

import pickle

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import DIVERGENCES, as_rows, expand, independent_optimum, random_problem
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn.datasets import make_random_mdp


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize(
    ("seed", "alpha", "discount", "temperature", "smoothing"),
    [(0, 1.0, 0.9, 1.0, 1.0), (1, 5.0, 0.95, 0.5, 0.3), (2, 2.0, 0.0, 2.0, 1.0)],
)
def test_optimum_is_that_of_an_independent_solver(
    divergence, value_term, seed, alpha, discount, temperature, smoothing
):
    transitions, counts, p0 = random_problem(seed, ending=seed == 1)
    settings = {
        "divergence": divergence,
        "value_term": value_term,
        "alpha": alpha,
        "discount": discount,
        "temperature": temperature,
        "smoothing": smoothing,
    }
    model = IQLearnClassifier(transitions, initial_distribution=p0, **settings).fit(*as_rows(counts))
    q, loss, gradient_norm = independent_optimum(transitions, counts, p0, **settings)
    assert gradient_norm < 1e-8  # the reference is one
    assert model.converged_
    assert_allclose(model.objective_, loss, rtol=0, atol=1e-9)
    assert_allclose(model.policy_, softmax(q / temperature, axis=1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("divergence", ["chi2", "hellinger", "js", "kl"])
@pytest.mark.parametrize("value_term", ["expert", "initial"])
def test_lbfgs_reaches_the_same_optimum(divergence, value_term):
    transitions, counts, p0 = random_problem(3, ending=True)
    newton, lbfgs = (
        IQLearnClassifier(
            transitions,
            discount=0.7,
            alpha=3.0,
            divergence=divergence,
            value_term=value_term,
            initial_distribution=p0,
            solver=solver,
            tol=tol,
        ).fit(*as_rows(counts))
        for solver, tol in (("newton", 1e-8), ("lbfgs", 1e-6))
    )
    assert lbfgs.converged_
    assert_allclose(lbfgs.objective_, newton.objective_, rtol=0, atol=1e-9)
    assert_allclose(lbfgs.policy_, newton.policy_, rtol=0, atol=1e-4)  # a gradient of 1e-6, curvature 1e-2
    assert lbfgs.loss_curve_[-1] < lbfgs.loss_curve_[0]


def test_lbfgs_says_where_it_stops_early():
    transitions, counts, _ = random_problem(0)
    model = IQLearnClassifier(transitions, discount=0.99, solver="lbfgs", max_iter=3)
    with pytest.warns(
        ConvergenceWarning, match=r"after 3 iterations, with a gradient norm of .* tol being 1.0e-06"
    ):
        model.fit(*as_rows(counts))
    assert not model.converged_
    assert model.n_iter_ == 3


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_dense_sparse_and_mapping_give_the_same_optimum(divergence, monkeypatch):
    transitions, counts, _ = random_problem(0, n_states=12)
    labels = np.array(["c", "a", "b"])
    X, y, weight = as_rows(counts)
    dense = IQLearnClassifier(transitions, divergence=divergence).fit(X, y, weight)
    mapping = IQLearnClassifier(dict(zip(labels, transitions, strict=True)), divergence=divergence).fit(
        X, labels[y], weight
    )
    monkeypatch.setattr(Transitions, "prefers_dense", lambda self: False)
    sparse = IQLearnClassifier([sp.csr_array(m) for m in transitions], divergence=divergence).fit(X, y, weight)
    assert mapping.classes_.tolist() == ["a", "b", "c"]
    for other, columns in ((sparse, [0, 1, 2]), (mapping, [2, 0, 1])):
        assert_allclose(other.objective_, dense.objective_, rtol=0, atol=1e-9)
        for name in ("policy_", "q_table_", "reward_"):
            assert_allclose(getattr(other, name)[:, columns], getattr(dense, name), rtol=0, atol=1e-9)


def test_rows_or_weights_and_any_order():
    transitions, counts, _ = random_problem(0)
    X, y = expand(counts)
    rows = IQLearnClassifier(transitions).fit(X, y)
    weights = IQLearnClassifier(transitions).fit(*as_rows(counts))
    assert_allclose(rows.q_table_, weights.q_table_, rtol=0, atol=1e-12)
    rng = np.random.default_rng(0)
    order, weight = rng.permutation(len(y)), rng.uniform(0.1, 2, size=len(y))
    for sample_weight in (None, weight):
        straight, shuffled = (
            IQLearnClassifier(transitions).fit(X[o], y[o], None if sample_weight is None else sample_weight[o])
            for o in (np.arange(len(y)), order)
        )
        np.testing.assert_array_equal(straight.q_table_, shuffled.q_table_)


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("value_term", ["expert", "initial"])
def test_temperature_is_the_unit_of_reward(divergence, value_term):
    transitions, counts, p0 = random_problem(0)
    one, two = (
        IQLearnClassifier(
            transitions,
            alpha=2.0 * scale,
            temperature=scale,
            divergence=divergence,
            value_term=value_term,
            initial_distribution=p0,
        ).fit(*as_rows(counts))
        for scale in (1.0, 2.0)
    )
    assert_allclose(two.predict_proba([[0], [3]]), one.predict_proba([[0], [3]]), rtol=0, atol=1e-9)
    assert_allclose(two.q_table_, 2 * one.q_table_, rtol=0, atol=1e-8)
    assert_allclose(two.reward_, 2 * one.reward_, rtol=0, atol=1e-8)


@pytest.mark.parametrize("discount", [0.0, 0.9, 0.9999])
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_no_penalty_is_the_action_frequency(discount, divergence):
    transitions, counts, _ = random_problem(0)
    counts += 1
    model = IQLearnClassifier(
        transitions, alpha=np.inf, smoothing=0, discount=discount, divergence=divergence
    ).fit(*as_rows(counts))
    assert model.converged_
    assert_allclose(model.policy_, counts / counts.sum(axis=1, keepdims=True), rtol=0, atol=1e-8)


def test_without_a_future_each_state_stands_alone():
    transitions, counts, _ = random_problem(0)
    model = IQLearnClassifier(transitions, discount=0.0, alpha=2.0).fit(*as_rows(counts))
    for state, visits in enumerate(counts):
        # With discount 0 the reward is Q itself, and chi2 a ridge on it.
        found = scipy.optimize.minimize(
            lambda q, n=visits: -n @ log_softmax(q) + np.sum((n + 1) * q**2) / (4 * 2.0),
            np.zeros(3),
            tol=1e-12,
        )
        assert_allclose(model.q_table_[state], found.x, atol=1e-5)  # BFGS with finite differences


@pytest.mark.parametrize("divergence", ["chi2", "kl"])
def test_a_rare_state_is_not_left_behind(divergence):
    """A hundred million decisions in one state must not hide ten in another from the stopping rule."""
    transitions, _, _ = random_problem(0, n_states=3, n_actions=2)
    policies = []
    for often in (1e4, 1e10):
        counts = np.array([[often, often / 2], [1, 9], [3, 4]])
        model = IQLearnClassifier(transitions, alpha=100.0, smoothing=0.0, divergence=divergence)
        policies.append(model.fit(*as_rows(counts)).policy_[1])
    assert_allclose(policies[1], policies[0], rtol=0, atol=2e-3)


def test_clones_share_transitions():
    transitions, counts, _ = random_problem(0)
    model = IQLearnClassifier(transitions, alpha=3.0).fit(*as_rows(counts))
    copy = clone(model)
    assert copy.transitions is transitions
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "q_table_")
    assert clone(make_pipeline(model))[-1].transitions is transitions


def test_fit_leaves_read_only_input_alone():
    transitions, counts, _ = random_problem(0)
    transitions.flags.writeable = False
    before = transitions.copy()
    IQLearnClassifier(transitions).fit(*as_rows(counts))
    np.testing.assert_array_equal(transitions, before)


@pytest.mark.parametrize("read_only", [False, True])
def test_fit_leaves_unsorted_sparse_input_alone(read_only):
    n = 600
    rng = np.random.default_rng(0)
    matrix = sp.csr_array(
        (np.full(4 * n, 0.25), rng.integers(0, n, 4 * n), np.arange(0, 4 * n + 1, 4)), shape=(n, n)
    )
    parts = (matrix.data, matrix.indices, matrix.indptr)
    before = [part.copy() for part in parts]
    for part in parts:
        part.flags.writeable = not read_only
    model = IQLearnClassifier([matrix, matrix]).fit(rng.integers(n, size=(50, 1)), rng.integers(2, size=50))
    assert model.converged_
    for part, copy in zip((matrix.data, matrix.indices, matrix.indptr), before, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_pickle():
    transitions, counts, _ = random_problem(0)
    model = IQLearnClassifier(transitions).fit(*as_rows(counts))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba([[1]]), model.predict_proba([[1]]))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(n_jobs):
    world = make_random_mdp(n_trajectories=10, n_steps=15, n_states=6, random_state=0)
    search = GridSearchCV(
        IQLearnClassifier(world.transitions),
        {"alpha": [0.1, 1.0, 10.0], "divergence": ["chi2", "tv"]},
        cv=GroupKFold(5),
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(world.data, world.target, groups=world.trajectory, trajectory=world.trajectory)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ == search.cv_results_["mean_test_score"].max() < 0


def test_verbose_prints_every_so_many_iterations(capsys):
    transitions, counts, _ = random_problem(0)
    model = IQLearnClassifier(transitions, verbose=2).fit(*as_rows(counts))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_ // 2
    assert lines[0].startswith("iteration     2  objective ")


TRANSITIONS, COUNTS, _ = random_problem(0)


X, Y, WEIGHT = as_rows(COUNTS)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"transitions": TRANSITIONS.transpose(1, 0, 2)}, "looks like .n_states, n_actions, n_states."),
        ({"discount": 1.5}, r"discount must be a number in \[0, 1\], got 1.5"),
        ({"discount": -0.1}, r"discount must be a number in \[0, 1\], got -0.1"),
        ({"discount": np.nan}, r"discount must be a number in \[0, 1\], got nan"),
        ({"discount": "0.9"}, r"discount must be a number in \[0, 1\], got '0.9'"),
        ({"temperature": 0}, "temperature must be a finite number > 0, got 0"),
        ({"alpha": 0.0}, "alpha must be 'auto', a number > 0, or inf, got 0.0"),
        ({"alpha": -1.0}, "alpha must be 'auto', a number > 0, or inf, got -1.0"),
        ({"alpha": np.nan}, "alpha must be 'auto', a number > 0, or inf, got nan"),
        ({"smoothing": -1}, "smoothing must be a finite number >= 0, got -1"),
        ({"tol": 0}, "tol must be None or a finite number > 0, got 0"),
        ({"max_iter": 0}, "max_iter must be None or an integer >= 1, got 0"),
        ({"max_iter": 1.5}, "max_iter must be None or an integer >= 1, got 1.5"),
        ({"verbose": -1}, "verbose must be an integer >= 0, got -1"),
        ({"divergence": "chi"}, r"divergence must be one of \['chi2', .*'tv'\], got 'chi'"),
        ({"value_term": "v0"}, r"value_term must be one of \['expert', 'initial'\], got 'v0'"),
        ({"solver": "sgd"}, "solver must be one of .*, got 'sgd'"),
        ({"q_type": None}, "q_type must be one of .*, got None"),
        (
            {"alpha": np.inf, "value_term": "initial"},
            "alpha must be finite with value_term='initial'.*got inf",
        ),
        ({"initial_distribution": [0.5, 0.5]}, r"initial_distribution must have shape \(6,\), got \(2,\)"),
        ({"initial_distribution": [0.5, 0.5, 0.5, 0, 0, 0]}, "initial_distribution must sum to 1, got 1.5"),
        (
            {"initial_distribution": [2, -1, 0, 0, 0, 0]},
            "initial_distribution must be finite and non-negative, got -1",
        ),
    ],
)
def test_bad_parameters(parameters, message):
    model = IQLearnClassifier(TRANSITIONS).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, WEIGHT)
    good = model.set_params(**IQLearnClassifier(TRANSITIONS).get_params()).fit(X, Y, WEIGHT)
    assert good.converged_


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"X": X + 0.5}, "state ids must be integers, got 0.5"),
        ({"X": X + 1}, "state ids must be 0 to 5, as in transitions, got 6"),
        ({"X": X - 1}, "state ids must be 0 to 5, as in transitions, got -1"),
        ({"X": np.where(X == 1, np.nan, X)}, "X contains NaN"),
        (
            {"X": np.hstack([X, X])},
            "X must have one column, of state ids, where transitions are given; got 2",
        ),
        ({"X": X[:0], "y": Y[:0], "sample_weight": None}, r"0 sample\(s\)"),
        ({"y": Y + 1}, r"y must hold actions of \[0, 1, 2\], got .*3"),
        ({"y": np.array(["a", "b", "c"])[Y]}, r"y must hold actions of \[0, 1, 2\], got .*'a'"),
        ({"y": Y + 0.25}, "continuous"),
        ({"y": Y[:-1]}, "inconsistent numbers of samples"),
        ({"sample_weight": 0 * WEIGHT}, "sample_weight must be positive in some row, got zeros only"),
        ({"sample_weight": WEIGHT - 9}, "sample_weight must be finite and non-negative, got -"),
        ({"sample_weight": WEIGHT * np.nan}, "sample_weight must be finite and non-negative, got nan"),
        (
            {"sample_weight": WEIGHT[:-1]},
            r"sample_weight must have one value per row, shape \(18,\), got \(17,\)",
        ),
        ({"trajectory": Y}, "trajectory: the rows of a trajectory must be contiguous.*pass step"),
        ({"trajectory": Y[:-1]}, r"trajectory must have one value per row, shape \(18,\), got \(17,\)"),
        ({"step": Y}, "step needs trajectory"),
        ({"trajectory": Y, "step": Y + 0.5}, "step must be integers, got 0.5"),
        ({"trajectory": Y, "step": np.array(["a"] * 18)}, "step must be integers, got .*'a'"),
    ],
)
def test_bad_data(data, message):
    model = IQLearnClassifier(TRANSITIONS)
    with pytest.raises(ValueError, match=message):
        model.fit(**({"X": X, "y": Y, "sample_weight": WEIGHT} | data))
    with pytest.raises(NotFittedError):
        model.predict([[0]])
    assert model.fit(X, Y, WEIGHT).converged_


@pytest.mark.parametrize("dtype", [np.uint64, np.uint8, np.int8, np.int32, np.float64])
def test_actions_in_any_type_of_integers(dtype):
    """Also those that do not add up with others: a sum of uint64 and int64 is a float."""
    rng = np.random.default_rng(0)
    transitions = np.full((2, 4, 4), 0.25)
    X, y, ids = rng.integers(4, size=(200, 1)), rng.integers(2, size=200), np.repeat(np.arange(20), 10)
    for model in (
        IQLearnClassifier(transitions),
        IQLearnClassifier("estimate"),
        IQLearnClassifier(classes=[0, 1, 2]),
    ):
        found = model.fit(X, y.astype(dtype), trajectory=ids)
        score = found.score(X, y.astype(dtype))
        assert score == model.fit(X, y, trajectory=ids).score(X, y)
