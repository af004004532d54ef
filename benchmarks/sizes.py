"""How does the time of a fit grow? ``python benchmarks/sizes.py`` (some minutes).

The table of docs/explanation/limits.md: seconds of processor time, and memory, of fits by default settings at
three sizes, each in a process of its own.
"""

import multiprocessing
import resource
import time

import numpy as np

from sklearn_iqlearn import IQLearnClassifier, LatentTypes
from sklearn_iqlearn.datasets import make_bus_engine, make_random_mdp


def rows_of_a_table(n):
    """90 states: decisions of buses."""
    bus = make_bus_engine(n // 100, random_state=0)
    model = IQLearnClassifier(bus.transitions, discount=bus.discount)
    return model, {"X": bus.data, "y": bus.target, "trajectory": bus.trajectory, "step": bus.step}


def states_of_a_table(n):
    """Random moves, 5 successors, 2 actions: states."""
    world = make_random_mdp(1000, 50, n_states=n, n_actions=2, sparse=True, random_state=0)
    model = IQLearnClassifier(world.transitions, discount=0.95)
    return model, {"X": world.data, "y": world.target}


def coefficients(n):
    """Structural, random moves, 500 states: coefficients."""
    world = make_random_mdp(1000, 50, n_states=500, n_features=n, sparse=True, random_state=0)
    model = IQLearnClassifier(world.transitions, discount=0.95, q_type="structural", features=world.features)
    return model, {"X": world.data, "y": world.target}


def columns(n_rows, n_columns):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_columns))
    y = (X[:, 0] + rng.logistic(size=n_rows) > 0).astype(int)
    return {"X": X, "y": y, "trajectory": np.arange(n_rows) // 50}


def rows_of_a_linear_q(n):
    """Linear, 20 columns: rows."""
    return IQLearnClassifier(discount=0.95), columns(n, 20)


def columns_of_a_linear_q(n):
    """Linear, 5,000 rows: columns."""
    return IQLearnClassifier(discount=0.95), columns(5000, n)


def rows_without_transitions(n):
    """Structural without transitions, 2 columns: rows."""
    costs = {"n_bins": 30, "operating_cost": 0.2, "replacement_cost": 4.0, "discount": 0.95}
    bus = make_bus_engine(n // 50, 50, **costs, random_state=0)
    X = np.column_stack([bus.data["state"], np.random.default_rng(0).normal(size=len(bus.data))])
    model = IQLearnClassifier(discount=0.95, q_type="structural", features={0: [0], 1: ["1"]})
    return model, {"X": X, "y": bus.target, "trajectory": bus.trajectory, "step": bus.step}


def trajectories_of_types(n):
    """Two types of buses, 100 months, 90 states: buses."""
    first, second = (make_bus_engine(n // 2, operating_cost=c, random_state=0) for c in (0.01, 0.05))
    fit = IQLearnClassifier(
        first.transitions, discount=first.discount, q_type="structural", features=first.features
    )
    rows = {name: np.concatenate([first[name], second[name]]) for name in ("data", "target", "step")}
    who = np.concatenate([first.trajectory, n + second.trajectory])
    types = LatentTypes(fit, n_types=2, n_init=1, random_state=0)
    return types, {"X": rows["data"], "y": rows["target"], "trajectory": who, "step": rows["step"]}


SIZES = {
    rows_of_a_table: (10_000, 100_000, 1_000_000),
    states_of_a_table: (500, 1_000, 2_000),
    coefficients: (5, 20, 50),
    rows_of_a_linear_q: (10_000, 100_000, 300_000),
    columns_of_a_linear_q: (20, 100, 300),
    rows_without_transitions: (5_000, 20_000, 80_000),
    trajectories_of_types: (100, 400, 1_600),
}


def measure(make, size, found):
    model, rows = make(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    model.fit(**rows)
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    found.send((time.process_time() - begin, more / 1e3))


def main():
    start = multiprocessing.get_context("spawn")
    print("| | sizes | seconds | peak above that of making the data, MB |\n| --- | --- | --- | --- |")
    for make, sizes in SIZES.items():
        found = []
        for size in sizes:
            here, there = start.Pipe()
            process = start.Process(target=measure, args=(make, size, there))
            process.start()
            found.append(here.recv())
            process.join()
        seconds, memory = zip(*found, strict=True)
        numbers = ", ".join(f"{size:,}" for size in sizes)
        spent = ", ".join(f"{each:.2g}" for each in seconds)
        more = ", ".join(f"{each:.0f}" for each in memory)
        print(f"| {make.__doc__.rstrip('.')} | {numbers} | {spent} | {more} |", flush=True)


if __name__ == "__main__":
    main()
