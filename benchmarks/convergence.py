"""How often the exact fit converges on random problems: ``python benchmarks/convergence.py [n_problems]``.

The problems are harder than most data: discounts up to 0.999999, every penalty and value term, alpha a tenth of
the temperature to a hundred times it, up to 30 states, of which some are never visited and some never left, and
kernels dense, sparse and deterministic. In a fifth of them one pair was seen a thousand or a million times as
often as the others, in a fifth the counts are simulated along the transitions. For each discount and penalty
the table has the problems that did not converge, the median and the most iterations, and the longest fit in
milliseconds.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier

DISCOUNTS = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
DIVERGENCES = ("chi2", "hellinger", "js", "kl", "tv")


def random_kernel(rng, n_states, n_actions):
    """Dense, sparse, deterministic or nearly so; a third with states that are never left, or that end."""
    concentration = rng.choice([1e-3, 0.03, 0.3, 1.0])
    kernel = rng.dirichlet(np.full(n_states, concentration), size=(n_actions, n_states))
    kernel = np.maximum(np.nan_to_num(kernel), 0)
    lost = kernel.sum(axis=2) < 0.5  # rounding of tiny concentrations
    kernel[lost, 0] = 1
    kernel /= kernel.sum(axis=2, keepdims=True)
    kind = rng.integers(9)
    few = rng.choice(n_states, size=max(1, n_states // 8), replace=False)
    if kind == 0:  # absorbing
        kernel[:, few] = np.eye(n_states)[few]
    elif kind == 1:  # terminal
        kernel[:, few] = 0
    elif kind == 2:  # episodes may end anywhere
        kernel *= rng.uniform(0.5, 1, size=(n_actions, n_states, 1))
    return kernel


def simulated_counts(rng, kernel, n_rows):
    n_actions, n_states, _ = kernel.shape
    policy = rng.dirichlet(np.ones(n_actions), size=n_states)
    counts, state = np.zeros((n_states, n_actions)), rng.integers(n_states)
    for _ in range(n_rows):
        action = rng.choice(n_actions, p=policy[state])
        counts[state, action] += 1
        row = kernel[action, state]
        ends = rng.uniform() > row.sum()
        state = rng.integers(n_states) if ends else rng.choice(n_states, p=row / row.sum())
    return counts


def random_problem(seed, discount=None, divergence=None):
    """The parameters of the estimator and the counts of a random problem."""
    rng = np.random.default_rng(seed)
    n_states, n_actions = int(rng.integers(1, 31)), int(rng.integers(2, 5))
    kernel = random_kernel(rng, n_states, n_actions)
    if rng.uniform() < 0.2:
        counts = simulated_counts(rng, kernel, int(10 ** rng.uniform(1, 3)))
    else:
        counts = rng.poisson(10 ** rng.uniform(-1, 1.5), size=(n_states, n_actions)).astype(float)
        if rng.uniform() < 0.25:
            counts[rng.integers(n_states), rng.integers(n_actions)] = rng.choice([1e3, 1e6])
        if not counts.any():
            counts[0, 0] = 1
    temperature = 10 ** rng.uniform(-1, 1)
    parameters = {
        "transitions": kernel,
        "discount": float(rng.choice(DISCOUNTS)) if discount is None else discount,
        "divergence": str(rng.choice(DIVERGENCES)) if divergence is None else divergence,
        "value_term": str(rng.choice(["expert", "initial"])),
        "smoothing": 10 ** rng.uniform(-1, 1),
        "temperature": temperature,
        "alpha": temperature * 10 ** rng.uniform(-1, 2),
    }
    return parameters, counts


def fit(parameters, counts):
    """A classifier fitted to counts of states and actions."""
    states, actions = np.nonzero(counts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message=".*ill-conditioned")
        return IQLearnClassifier(**parameters).fit(states[:, None], actions, counts[states, actions])


def rates(n_problems, first=0):
    rows = []
    for seed in range(first, first + n_problems):
        discount = DISCOUNTS[seed % len(DISCOUNTS)]
        divergence = DIVERGENCES[seed // len(DISCOUNTS) % len(DIVERGENCES)]
        parameters, counts = random_problem(seed, discount, divergence)
        started = time.perf_counter()
        model = fit(parameters, counts)
        seconds = time.perf_counter() - started
        rows.append(
            {
                "seed": seed,
                "discount": discount,
                "divergence": divergence,
                "value_term": parameters["value_term"],
                "failed": not model.converged_,
                "iterations": model.n_iter_,
                "ms": 1e3 * seconds,
                "gradient": model.gradient_norm_,
            }
        )
    return pd.DataFrame(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_problems", type=int, nargs="?", default=3500)
    frame = rates(parser.parse_args().n_problems)
    for by in ("divergence", "value_term"):
        groups = frame.groupby([by, "discount"])
        table = groups["failed"].mean().unstack() * 100
        table["all"] = frame.groupby(by)["failed"].mean() * 100
        print(f"\nnot converged, %\n{table.to_string(float_format='{:.2f}'.format)}")
    summary = frame.groupby("discount").agg(
        problems=("failed", "size"),
        failed=("failed", "sum"),
        median_iterations=("iterations", "median"),
        most_iterations=("iterations", "max"),
        median_ms=("ms", "median"),
        most_ms=("ms", "max"),
    )
    print("\n" + summary.to_string(float_format="{:.1f}".format))


if __name__ == "__main__":
    main()
