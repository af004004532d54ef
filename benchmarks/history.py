"""Fits that a change should not make slower: ``make bench-history``, which needs pytest-benchmark.

Processor time on one BLAS thread. Each run is kept under ``.benchmarks``, with the commit, and compared with the
one before; ``pytest-benchmark compare`` shows them all.
"""

import numpy as np
import pytest
from scaling import chain, random_kernel
from speed import admissible, bus, grid, half_dense, simulated, tall
from structural import panel, structural
from threadpoolctl import threadpool_limits

from sklearn_iqlearn import IQLearnClassifier


def rng():
    return np.random.default_rng(0)


# Transitions, X, y and a mask, if there is one, of tables; without transitions of a linear Q.
CASES = {
    "bus": bus,
    "chain, 10,000 states x 2": lambda: simulated(chain(10_000), 50_000, rng()),
    "grid, 60 x 60 x 5": lambda: simulated(grid(60), 50_000, rng()),
    "random, 500 states x 2": lambda: simulated(random_kernel(500), 50_000, rng()),
    "dense, 100 states x 25": lambda: simulated(half_dense(100, 25, rng()), 50_000, rng()),
    "the same, masked": lambda: admissible(half_dense(100, 25, rng()), 50_000, rng()),
    "rows, 20,000 x 10": lambda: tall(20_000, 10, rng()),
    "rows, 1,000,000 of a chain of 90": lambda: simulated(chain(90), 1_000_000, rng()),
}


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.mark.parametrize("name", CASES)
def test_table_and_rows(benchmark, name):
    transitions, X, y, *mask = CASES[name]()
    model = IQLearnClassifier(transitions, discount=0.99, action_mask=mask[0] if mask else None)
    assert benchmark(model.fit, X, y).converged_


def test_structural(benchmark):
    transitions, X, y = panel([1, 2, 3, 4])
    assert benchmark(structural(transitions).fit, X, y).converged_


def test_counterfactual(benchmark):
    transitions, X, y = panel([1, 2, 3, 4])
    model = structural(transitions).fit(X, y)
    dearer = benchmark(model.counterfactual, reward_coef=model.coef_ * [1, 2])
    assert dearer.policy_[:, 1].max() < model.policy_[:, 1].max()
