"""Time and memory of fits in many states: ``python benchmarks/large.py`` (``--quick``: small sizes).

Random sparse kernels, where a factor would fill, and grids, where it does not. Each row is a process of its own:
its first fit, the wall and the processor time of that, the most memory that the process held, transitions
included, the way that was taken, and what was reached. ``--factored`` has a factor in each step instead, for
comparison, of the sizes at which that takes no more than a minute.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import scipy.sparse as sp
from speed import decisions, grid

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._model import ways

N_RESTARTS = 2


def random_kernels(rng, n_states, n_actions, n_successors, resets=False):
    """Kernels with random successors; with resets a state that all lead to, and two that lead to all."""
    everywhere = sp.csr_array(np.full((N_RESTARTS, n_states), 1 / n_states))
    for _ in range(n_actions):
        chance = rng.dirichlet(np.ones(n_successors), size=n_states).ravel()
        target = rng.integers(n_states, size=chance.size)
        starts = np.arange(0, chance.size + 1, n_successors)
        kernel = sp.csr_array((chance, target, starts), shape=(n_states, n_states))
        kernel.sum_duplicates()
        if resets:
            home = sp.csr_array(
                (np.ones(n_states), np.zeros(n_states, int), np.arange(n_states + 1)), kernel.shape
            )
            kernel = sp.csr_array(sp.vstack([everywhere, (0.98 * kernel + 0.02 * home)[N_RESTARTS:]]))
        yield kernel


def random_world(*sizes, **options):
    return lambda rng: list(random_kernels(rng, *sizes, **options))


def grid_world(side):
    return lambda rng: grid(side)


# Of each problem how it is made, and its discount.
PROBLEMS = {
    "random, 2,000 x 2, 5 successors": (random_world(2_000, 2, 5), 0.99),
    "random, 3,000 x 4, 10 successors": (random_world(3_000, 4, 10), 0.99),
    "random, 18,000 x 2, 5 successors": (random_world(18_000, 2, 5), 0.9999),
    "the same with resets and restarts": (random_world(18_000, 2, 5, resets=True), 0.9999),
    "random, 100,000 x 5, 10 successors": (random_world(100_000, 5, 10), 0.99),
    "random, 1,000,000 x 2, 5 successors": (random_world(1_000_000, 2, 5), 0.9999),
    "grid, 100 x 100, 5 actions": (grid_world(100), 0.99),
    "grid, 300 x 300, 5 actions": (grid_world(300), 0.9999),
    "grid, 500 x 500, 5 actions": (grid_world(500), 0.9999),
    "grid, 1,000 x 1,000, 5 actions": (grid_world(1_000), 0.9999),
}
QUICK = ("random, 2,000 x 2, 5 successors", "random, 18,000 x 2, 5 successors", "grid, 100 x 100, 5 actions")
FACTORED = ("random, 2,000 x 2, 5 successors", "random, 3,000 x 4, 10 successors", "grid, 300 x 300, 5 actions")


def row(name, factored=False):
    """The first fit of a problem, five decisions a state."""
    make, discount = PROBLEMS[name]
    rng = np.random.default_rng(0)
    transitions = make(rng)
    X, y = decisions(transitions[0].shape[0], len(transitions), 5 * transitions[0].shape[0], rng)
    if factored:  # in each step, as of a small problem
        ways.CHEAP, ways.MANY = np.inf, np.inf
    model = IQLearnClassifier(transitions, discount=discount)
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(X, y)
    return {
        "problem": name,
        "solver": model.linear_solver_,
        "seconds": time.perf_counter() - wall,
        "CPU seconds": time.process_time() - cpu,
        "peak GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "Newton steps": model.n_iter_,
        "gradient": model.gradient_norm_,
        "objective": model.objective_,
    }


def rows(names, factored=False):
    """One row after the other, each in a process of its own."""
    for name in names:
        call = [sys.executable, __file__, "--row", name] + ["--factored"] * factored
        yield json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--factored", action="store_true", help="a factor in each step")
    parser.add_argument("--row", choices=PROBLEMS, help="one problem alone, as JSON")
    asked = parser.parse_args()
    if asked.row:
        print(json.dumps(row(asked.row, asked.factored)))
        return
    names = FACTORED if asked.factored else QUICK if asked.quick else PROBLEMS
    table = pd.DataFrame(rows(names, asked.factored)).set_index("problem")
    print(table.to_string(float_format="{:.4g}".format))


if __name__ == "__main__":
    main()
