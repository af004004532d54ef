"""Time and memory of networks, fits and predictions: ``python benchmarks/networks.py`` (``--quick``: small sizes).

Fits: CPU seconds until the mean log-likelihood of decisions held out is above a level, beside a plain loop of
optax on the same network and scikit-learn's ``MLPClassifier``. Each is fitted anew with 10, 20, 40, ... epochs,
until it is there; functions are compiled before. Rows are episodes of one step and alpha is infinite: all minimise
the same likelihood, with "adam" at one learning rate, and all rows in a step.

Predictions: ``predict_proba`` beside that of ``MLPClassifier`` with the same layers and units, by turns in one
process; the least of several times, with one BLAS thread and with as many as there are cores. Memory is what the
call allocates at most, its answer included.
"""

import argparse
import os
import time
import tracemalloc
import warnings
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from sklearn_iqlearn import IQLearnClassifier

LAYERS = (64, 64)
RATE, DECAY = 0.01, 1e-4
# Share of the way from no knowledge to the truth that the held-out likelihood must go.
WAY = 0.8


def decisions(n_rows, seed):
    """Four columns, three actions, the log-probabilities of all actions, and the actions taken."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 4))
    scores = 2 * np.column_stack([np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2], X[:, 3], np.zeros(n_rows)])
    log_probabilities = np.array(jax.nn.log_softmax(scores))
    return X, log_probabilities, (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)


class OptaxLoop:
    """Adam on the likelihood of a perceptron with tanh units, as one writes it down, in single precision."""

    def __init__(self, max_iter):
        self.max_iter = max_iter

    def fit(self, X, y):
        rng, widths = np.random.default_rng(0), [X.shape[1], *LAYERS, 3]
        bounds = [np.sqrt(6 / sum(pair)) for pair in pairwise(widths)]
        layers = [
            (rng.uniform(-b, b, size=pair).astype(np.float32), np.zeros(pair[1], np.float32))
            for b, pair in zip(bounds, pairwise(widths), strict=True)
        ]
        state = optax.adam(RATE).init(layers)
        for _ in range(self.max_iter):
            layers, state = step(layers, state, jnp.asarray(X, jnp.float32), y)
        self.layers = jax.block_until_ready(layers)
        return self

    def predict_log_proba(self, X):
        return np.asarray(jax.nn.log_softmax(network(self.layers, jnp.asarray(X, jnp.float32))))


def network(layers, inputs):
    for weights, biases in layers[:-1]:
        inputs = jnp.tanh(inputs @ weights + biases)
    return inputs @ layers[-1][0] + layers[-1][1]


@jax.jit
def step(layers, state, X, y):
    def loss(layers):
        return optax.softmax_cross_entropy_with_integer_labels(network(layers, X), y).mean()

    updates, state = optax.adam(RATE).update(jax.grad(loss)(layers), state)
    return optax.apply_updates(layers, updates), state


def classifiers(max_iter, n_rows):
    ours = {"q_type": "neural", "hidden_layer_sizes": LAYERS, "alpha": np.inf, "C": 1 / (DECAY * n_rows)}
    mlp = {"activation": "tanh", "learning_rate_init": RATE, "batch_size": n_rows, "alpha": DECAY * n_rows}
    still = {"random_state": 0, "max_iter": max_iter, "n_iter_no_change": max_iter}
    return {
        "adam": IQLearnClassifier(solver="adam", learning_rate=RATE, batch_size=n_rows, **ours, **still),
        "lbfgs": IQLearnClassifier(solver="lbfgs", **ours, max_iter=max_iter, random_state=0),
        "optax loop": OptaxLoop(max_iter),
        "MLPClassifier": MLPClassifier(LAYERS, **mlp, **still),
    }


def fit_times(n_rows, most):
    """Epochs and CPU seconds of each until it is there."""
    X, _, y = decisions(n_rows, 0)
    held_X, truth, held_y = decisions(20_000, 1)
    best, none = truth[np.arange(len(held_y)), held_y].mean(), np.log(1 / 3)
    level = none + WAY * (best - none)
    rows = []
    for name in classifiers(1, n_rows):
        classifiers(1, n_rows)[name].fit(X, y)
        max_iter, reached = 5, -np.inf
        while reached < level and max_iter < most:
            max_iter *= 2
            model, started = classifiers(max_iter, n_rows)[name], time.process_time()
            model.fit(X, y)
            seconds = time.process_time() - started
            reached = model.predict_log_proba(held_X)[np.arange(len(held_y)), held_y].mean()
        rows.append(
            {"rows": n_rows, "fit": name, "level": level, "reached": reached, "epochs": max_iter, "CPU s": seconds}
        )
    return rows


def fitted():
    """The two classifiers, of 10 columns and 4 actions, hardly trained: that does not matter for the time."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 10)), rng.integers(4, size=500)
    models = {
        "sklearn_iqlearn": IQLearnClassifier(q_type="neural", hidden_layer_sizes=LAYERS, max_iter=2),
        "MLPClassifier": MLPClassifier(LAYERS, activation="tanh", max_iter=2),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {name: model.fit(X, y) for name, model in models.items()}


def seconds(model, X):
    started = time.perf_counter()
    model.predict_proba(X)
    return time.perf_counter() - started


def megabytes(model, X):
    tracemalloc.start()
    model.predict_proba(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    quick = parser.parse_args().quick
    n_rows, repeats = (20_000, 2) if quick else (1_000_000, 5)
    sizes, most = ((300,), 20) if quick else ((1_000, 10_000), 2_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fits = pd.DataFrame([row for size in sizes for row in fit_times(size, most)])
    print("fits")
    print(fits.to_string(index=False, float_format="{:.3g}".format))
    X = np.random.default_rng(1).normal(size=(n_rows, 10))
    models = fitted()
    table = {}
    for n_threads in sorted({1, os.cpu_count() or 1}):
        with threadpool_limits(n_threads, user_api="blas"):
            times = [{name: seconds(model, X) for name, model in models.items()} for _ in range(repeats)]
        table[f"seconds, BLAS threads: {n_threads}"] = pd.DataFrame(times).min()
    table["MB"] = {name: megabytes(model, X) for name, model in models.items()}
    frame = pd.DataFrame(table).T
    frame["ratio"] = frame["sklearn_iqlearn"] / frame["MLPClassifier"]
    print(f"predict_proba of {n_rows:,} rows")
    print(frame.to_string(float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
