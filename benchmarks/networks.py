"""Time and memory of a network's predictions: ``python benchmarks/networks.py`` (``--quick`` for small sizes).

``predict_proba`` beside that of scikit-learn's ``MLPClassifier`` with the same layers and units, by turns in one
process; the least of several times, with one BLAS thread and with as many as there are cores. Memory is what the
call allocates at most, its answer included.
"""

import argparse
import os
import time
import tracemalloc
import warnings

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from sklearn_iqlearn import IQLearnClassifier

LAYERS = (64, 64)


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
