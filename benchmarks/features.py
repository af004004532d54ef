"""Time and memory of linear fits to many rows of features: ``python benchmarks/features.py`` (``--quick``: small).

Every row is a state of its own, in trajectories of 50 rows, with two actions; columns are drawn at random, or are
100 Nystroem functions of 20 such. Each fit has a process of its own, which reads the rows from a file and tells
its CPU time, wall time and what its peak memory grows by. Beside it LogisticRegression with the same rows and
ridge.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time

import numpy as np
import pandas as pd
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression

from sklearn_iqlearn import IQLearnClassifier

LENGTH = 50


def rows(n_rows, kind, dtype):
    """Features, actions, and ids of trajectories."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 20))
    scores = X @ rng.normal(size=(20, 2)) / np.sqrt(20)
    y = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    if kind == "Nystroem":
        X = Nystroem(gamma=0.02, n_components=100, random_state=0).fit(X[:5000]).transform(X)
    return X.astype(dtype), y, np.arange(n_rows) // LENGTH


def fits():
    return {
        "sklearn_iqlearn": lambda X, y, ids: IQLearnClassifier().fit(X, y, trajectory=ids),
        "LogisticRegression": lambda X, y, ids: LogisticRegression(C=50.0, max_iter=1000).fit(X, y),
    }


def measure(name, kind, file):
    X, y, ids = (np.load(file)[key] for key in ("X", "y", "ids"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    model = fits()[name](X, y, ids)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    likelihood = np.mean(model.predict_log_proba(X)[np.arange(len(y)), y])
    return {
        "fit": name,
        "rows": len(X),
        "columns": f"{X.shape[1]} {kind}",
        "dtype": str(X.dtype),
        "CPU s": cpu,
        "wall s": wall,
        "peak MB": peak / 1e3,
        "rows MB": X.nbytes / 1e6,
        "iterations": int(np.max(model.n_iter_)),
        "log-likelihood": likelihood,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    n_rows = 2_000 if parser.parse_args().quick else 200_000
    tasks = [
        (name, n_rows, kind, dtype)
        for kind in ("normal", "Nystroem")
        for name, dtypes in (("sklearn_iqlearn", ("float64", "float32")), ("LogisticRegression", ("float64",)))
        for dtype in dtypes
    ]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, n_rows, kind, dtype in tasks:
            X, y, ids = rows(n_rows, kind, dtype)
            file = f"{folder}/rows.npz"
            np.savez(file, X=X, y=y, ids=ids)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found.append(pool.apply(measure, (name, kind, file)))
    print(pd.DataFrame(found).to_string(index=False, float_format="{:.4g}".format))


if __name__ == "__main__":
    main()
