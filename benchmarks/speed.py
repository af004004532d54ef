"""Time and memory of the exact fit: ``python benchmarks/speed.py`` (``--quick`` for small sizes).

Each row is a later fit in a warm process, the median of several where they are short, and the most memory that
the process has had until then. L-BFGS minimises the first problem too.
"""

import warnings
from functools import partial

import numpy as np
import scipy.sparse as sp
from _measure import parser, peak_megabytes, publish, timed
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
    """A row of the table."""
    model = IQLearnClassifier(transitions, discount=0.9999, action_mask=action_mask, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, _, seconds = timed(partial(model.fit, X, y), budget=0.3)
    return {
        "seconds": float(np.median(seconds)),
        "iterations": model.n_iter_,
        "gradient": f"{model.gradient_norm_:.0e}",
        "objective": model.objective_,
        "peak MB so far": f"{peak_megabytes():.0f}",
    }


def problems(quick, rng):
    """Names, and what makes transitions, X, y and mask."""
    increments = rng.choice(3, size=10_000, p=[0.35, 0.6, 0.05])
    states, rows, side = (1_000, 5_000, 30) if quick else (100_000, 500_000, 300)
    kernel_states, tall_rows = (100, 2_000) if quick else (716, 200_000)
    return {
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


def main():
    arguments = parser(__doc__, write=True).parse_args()
    budget = 100 if arguments.quick else 20_000
    made = problems(arguments.quick, np.random.default_rng(0))

    def rows():
        for name, make in made.items():
            yield {"problem": name} | measure(*make())
        yield {"problem": "bus, by L-BFGS"} | measure(*bus(), solver="lbfgs", max_iter=budget)

    def notes():
        yield f"L-BFGS was stopped after at most {budget:,} iterations. Newton's method needs no JAX."

    publish("speed", rows(), notes, arguments.write)


if __name__ == "__main__":
    main()
