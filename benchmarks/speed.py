"""Time and memory of the exact fit: ``python benchmarks/speed.py`` (``--quick`` for small sizes).

Each row is a later fit in a warm process, the median of several where they are short. L-BFGS is the peer, on the
same problem in the same run.
"""

import argparse
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.preprocessing import renewal_transitions


def grid(side, slip=0.1):
    """A side x side grid: stay or move in four directions, with a share of moves in a random direction."""
    n = side * side
    row, column = divmod(np.arange(n), side)
    moves = []
    for down, right in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
        to = np.clip(row + down, 0, side - 1) * side + np.clip(column + right, 0, side - 1)
        moves.append(sp.csr_array((np.ones(n), (np.arange(n), to)), shape=(n, n)))
    mean = sum(moves) / len(moves)
    return [(1 - slip) * move + slip * mean for move in moves]


def half_dense(n_states, n_actions, rng, share=0.12):
    """Kernels with a share of the entries positive."""
    matrices = []
    for _ in range(n_actions):
        matrix = rng.random((n_states, n_states)) * (rng.random((n_states, n_states)) < share)
        matrices.append(sp.csr_array(matrix / matrix.sum(axis=1, keepdims=True)))
    return matrices


def decisions(n_states, n_actions, n_rows, rng):
    """Random states, and actions that a random softmax policy takes there."""
    states = rng.integers(n_states, size=n_rows)
    utility = rng.normal(scale=0.5, size=(n_states, n_actions))
    return states[:, None], (utility[states] + rng.gumbel(size=(n_rows, n_actions))).argmax(axis=1)


def bus():
    """The real bus panel, 90 mileage bins."""
    data = load_rust_bus()
    increments = data.frame.loc[data.frame["increment"] >= 0, "increment"].to_numpy()
    return renewal_transitions(increments, 90), data.data, data.target


def simulated(transitions, n_rows, rng):
    """Decisions to go with transitions."""
    return transitions, *decisions(transitions[0].shape[0], len(transitions), n_rows, rng)


def tall(n_rows, n_features, rng):
    """Rows of features, each an episode of one step: a tall thin matrix, and no transitions."""
    X = rng.normal(size=(n_rows, n_features))
    return None, X, (X[:, 0] + rng.logistic(size=n_rows) > 0).astype(int)


def admissible(transitions, n_rows, rng):
    """Decisions where on average half of the actions exist, two at least; and the mask."""
    n_states, n_actions = transitions[0].shape[0], len(transitions)
    order = rng.permuted(np.tile(np.arange(n_actions), (n_states, 1)), axis=1)
    mask = order < rng.integers(2, n_actions + 1, size=(n_states, 1))
    X, y = decisions(n_states, n_actions, 3 * n_rows, rng)
    exists = mask[X[:, 0], y]
    return transitions, X[exists][:n_rows], y[exists][:n_rows], mask


def measure(transitions, X, y, action_mask=None, **parameters):
    """Seconds of a later fit, iterations and gradient."""
    model = IQLearnClassifier(transitions, discount=0.9999, action_mask=action_mask, **parameters)
    seconds: list[float] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
        while not seconds or (sum(seconds) < 0.3 and len(seconds) < 15):
            started = time.perf_counter()
            model.fit(X, y)
            seconds.append(time.perf_counter() - started)
    return {
        "seconds": float(np.median(seconds)),
        "iterations": model.n_iter_,
        "gradient": model.gradient_norm_,
        "objective": model.objective_,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    quick = parser.parse_args().quick
    rng = np.random.default_rng(0)
    increments = rng.choice(3, size=10_000, p=[0.35, 0.6, 0.05])
    states, rows, side = (1_000, 5_000, 30) if quick else (100_000, 500_000, 300)
    kernel_states, tall_rows = (100, 2_000) if quick else (716, 200_000)
    problems = {
        "bus, discount 0.9999": bus,
        f"mileage chain with reset, {states:,} states x 2": lambda: simulated(
            renewal_transitions(increments, states, sparse=True), rows, rng
        ),
        f"{side} x {side} grid, 5 actions": lambda: simulated(grid(side), rows, rng),
        f"12% dense kernels, {kernel_states} states x 25": lambda: simulated(
            half_dense(kernel_states, 25, rng), rows, rng
        ),
        f"the same, {kernel_states} x 2 to 25 that exist": lambda: admissible(
            half_dense(kernel_states, 25, rng), rows, rng
        ),
        f"linear Q, {tall_rows:,} rows x 10 features": lambda: tall(tall_rows, 10, rng),
    }
    table = {}
    for name, make in problems.items():
        table[name, "newton"] = measure(*make())
        table[name, "newton"]["peak GB so far"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"JAX loaded by Newton's method: {'jax' in sys.modules}")
    budget = 100 if quick else 20_000
    table["bus, discount 0.9999", "lbfgs"] = measure(*bus(), solver="lbfgs", max_iter=budget)
    frame = pd.DataFrame(table).T.rename_axis(["problem", "solver"])
    print(frame.sort_index(sort_remaining=False).to_string(float_format="{:.4g}".format))
    ratio = frame.xs("lbfgs", level=1)["seconds"].iloc[0] / frame.iloc[0]["seconds"]
    print(
        f"L-BFGS, stopped after at most {budget:,} iterations, took {ratio:,.0f} times as long as Newton's method."
    )


if __name__ == "__main__":
    main()
