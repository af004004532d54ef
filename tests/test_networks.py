"""Networks: their gradient, blocks of rows, early stopping, and what they import."""

import pickle
import subprocess
import sys
from itertools import pairwise

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import as_rows, random_problem
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._estimator.fitting import assemble
from sklearn_iqlearn._numerics.blocks import BLOCK
from sklearn_iqlearn._q_functions.neural import forward, network_table, outputs
from sklearn_iqlearn._solvers.jax_objective import arguments, loss_and_gradient

NO_ORDER = dict.fromkeys(["trajectory", "step", "next_X", "terminal"])
SMALL = {"q_type": "neural", "hidden_layer_sizes": 6, "learning_rate": 0.05, "random_state": 0}


def random_layers(*widths, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=shape), rng.normal(size=shape[1])) for shape in pairwise(widths)]


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4)])
def test_gradient_of_numpy_is_that_of_jax(hidden):
    transitions, counts, _ = random_problem(0)
    model = IQLearnClassifier(transitions, q_type="neural", hidden_layer_sizes=hidden, discount=0.8)
    _, problem, _ = assemble(model, *as_rows(counts), NO_ORDER)
    layers = random_layers(6, *hidden, 3)
    point = problem.at(layers)
    with jax.enable_x64(True):
        arrays, static = arguments(problem, layers)
        loss, gradient = loss_and_gradient(layers, *arrays, **static)
        assert_allclose(point.loss, loss, rtol=1e-13)
        jax.tree.map(lambda one, other: assert_allclose(one, other, rtol=0, atol=1e-13), point.gradient, gradient)


@pytest.mark.parametrize("n_rows", [1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_blocks_change_nothing(n_rows):
    """Neither the outputs, by NumPy and by JAX, nor the derivative."""
    layers, inputs = random_layers(3, 8, 2), np.random.default_rng(1).normal(size=(n_rows, 3))
    whole = forward(layers, inputs)
    assert_allclose(outputs(layers, inputs), whole, rtol=0, atol=1e-14)
    with jax.enable_x64(True):
        assert_allclose(network_table(layers, inputs), whole, rtol=0, atol=1e-13)
        blocks, plain = (
            jax.grad(lambda layers, table=table: (table(layers, inputs) ** 2).mean())(layers)
            for table in (network_table, lambda layers, inputs: forward(layers, inputs, xp=jax.numpy))
        )
        jax.tree.map(lambda one, other: assert_allclose(one, other, rtol=0, atol=1e-13), blocks, plain)


def panel(n_trajectories=12, n_steps=15):
    """Every row a state of its own, so that counts_ tells which rows took part; noise, so that fits overfit."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_trajectories * n_steps, 3))
    y = (X[:, 0] + rng.logistic(size=len(X)) > 0).astype(int)
    return X, y, np.repeat(np.arange(n_trajectories), n_steps), rng.uniform(0.5, 2, size=len(X))


def held_rows(model, X):
    """Rows of X that took no part in a fit."""
    place = np.argmax((model.states_[:, None] == X).all(axis=2), axis=0)
    return model.counts_[place].sum(axis=1) == 0


def test_whole_trajectories_are_held_out():
    X, y, trajectory, weight = panel()
    model = IQLearnClassifier(early_stopping=True, validation_fraction=0.2, **SMALL)
    model.fit(X, y, sample_weight=weight, trajectory=trajectory)
    held = held_rows(model, X)
    shares = held.reshape(12, 15).mean(axis=1)
    assert sorted(shares) == [0.0] * 9 + [1.0] * 3
    assert_allclose(model.counts_.sum(), weight[~held].sum(), rtol=1e-12)
    assert model.converged_
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert_allclose(model.best_validation_score_, model.score(X[held], y[held], weight[held]), rtol=1e-12)
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_ + 1


def test_rows_are_held_out_where_there_is_no_trajectory():
    X, y, _, _ = panel()
    model = IQLearnClassifier(early_stopping=True, **SMALL).fit(X, y)
    assert held_rows(model, X).sum() == 18


def test_it_stops_after_epochs_without_a_rise_and_keeps_the_best():
    X, y, trajectory, _ = panel()
    settings = SMALL | {"n_iter_no_change": 7, "tol": 1e-3}
    model = IQLearnClassifier(early_stopping=True, **settings).fit(X, y, trajectory=trajectory)
    mark, waited, stops = -np.inf, 0, []
    for epoch, score in enumerate(model.validation_scores_):
        mark, waited = (score, 0) if score > mark + 1e-3 else (mark, waited + 1)
        stops += [epoch] * (waited >= 7)
    assert stops == [model.n_iter_]
    best = int(np.argmax(model.validation_scores_))
    assert 0 < best < model.n_iter_
    assert_allclose(model.objective_, model.loss_curve_[best], rtol=1e-12)


def test_what_is_held_out_takes_no_part():
    """The way of the objective is that of a fit to the other rows."""
    X, y, trajectory, _ = panel()
    model = IQLearnClassifier(early_stopping=True, **SMALL).fit(X, y, trajectory=trajectory)
    kept = ~held_rows(model, X)
    other = IQLearnClassifier(**SMALL, n_iter_no_change=1000, max_iter=model.n_iter_)
    with pytest.warns(ConvergenceWarning):
        other.fit(X[kept], y[kept], trajectory=trajectory[kept])
    assert_allclose(model.loss_curve_, other.loss_curve_, rtol=1e-9)


def test_with_transitions_and_a_seed():
    transitions = np.full((3, 6, 6), 1 / 6)
    X, y, _ = as_rows(np.ones((6, 3)))
    X, y = np.repeat(X, 3, axis=0), np.repeat(y, 3)
    trajectory = np.repeat(np.arange(9), 6)
    model = IQLearnClassifier(transitions, early_stopping=True, **SMALL)
    scores = [model.fit(X, y, trajectory=trajectory).validation_scores_ for _ in range(2)]
    assert_array_equal(*scores)
    assert model.counts_.sum() == 48  # one of nine trajectories is held out
    other = model.set_params(random_state=1).fit(X, y, trajectory=trajectory)
    assert other.validation_scores_ != scores[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"q_type": "linear"}, "early_stopping=True needs solver='adam', got solver='auto' with q_type='linear'"),
        ({"solver": "lbfgs"}, "early_stopping=True needs solver='adam', got solver='lbfgs'"),
        ({"early_stopping": "yes"}, "early_stopping must be True or False, got 'yes'"),
        ({"validation_fraction": 1.0}, r"validation_fraction must be a number in \(0, 1\), got 1.0"),
    ],
)
def test_what_it_refuses(settings, message):
    X, y, trajectory, _ = panel()
    model = IQLearnClassifier(early_stopping=True, **SMALL).set_params(**settings)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, trajectory=trajectory)


def test_one_trajectory_cannot_be_held_out():
    X, y, trajectory, _ = panel()
    model = IQLearnClassifier(early_stopping=True, **SMALL)
    with pytest.raises(ValueError, match="early_stopping=True needs at least 2 trajectories of positive weight"):
        model.fit(X, y, trajectory=np.zeros_like(trajectory))


def test_jax_and_optax_are_imported_only_by_first_order_fits(tmp_path):
    X, y, _, _ = panel()
    (tmp_path / "network.pickle").write_bytes(pickle.dumps(IQLearnClassifier(**SMALL, tol=0.1).fit(X, y)))
    code = """
import pickle, sys
from pathlib import Path
import numpy as np
from sklearn_iqlearn import IQLearnClassifier
transitions = np.stack([np.eye(3), np.roll(np.eye(3), 1, axis=1)])
X, y, features = [[0], [1], [1], [2], [2]], [0, 0, 1, 1, 0], np.arange(3.0)[:, None]
IQLearnClassifier(transitions, discount=0.5).fit(X, y)
IQLearnClassifier(transitions, discount=0.5, q_type="linear", features=features).fit(X, y)
rewards = np.stack([features * 0, features], axis=1)
IQLearnClassifier(transitions, discount=0.5, q_type="structural", features=rewards).fit(X, y)
IQLearnClassifier().fit(X, y)
network = pickle.loads(Path(sys.argv[1]).read_bytes())
print(network.predict_proba(np.zeros((2, 3))).shape, {"jax", "jaxlib", "optax"} & set(sys.modules))
network.fit(np.zeros((2, 3)) + [[0], [1]], [0, 1])
import jax
print("optax" in sys.modules, jax.config.jax_enable_x64, network.coefs_[0].dtype)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "network.pickle")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == "(2, 2) set()\nTrue False float64\n"


@pytest.mark.skipif(jax.default_backend() == "cpu", reason="there is no GPU that JAX can use")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_gpu_is_used_as_it_is(solver):
    """What is computed lies on the first device, and what is fitted is NumPy's."""
    transitions, counts, _ = random_problem(0)
    model = IQLearnClassifier(transitions, q_type="neural", hidden_layer_sizes=4, solver=solver, tol=1e-2)
    _, problem, _ = assemble(model, *as_rows(counts), NO_ORDER)
    layers = problem.start()
    with jax.enable_x64(True):
        arrays, static = arguments(problem, layers)
        found = jax.tree.leaves(loss_and_gradient(layers, *arrays, **static))
        assert {device for array in found for device in array.devices()} == {jax.devices()[0]}
    assert all(type(weights) is np.ndarray for weights in model.fit(*as_rows(counts)).coefs_)
