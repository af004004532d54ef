"""A real and simulated panels, for the tests of inference and of displays."""

import numpy as np
import pandas as pd
import pytest
from problems import bus_problem

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import make_bus_engine, make_gridworld, make_random_mdp

# Has a command of its own, ``make test-spark``; looking for doctests would import it.
collect_ignore = ["spark.py"]


@pytest.fixture(scope="session")
def rust():
    """Group 4: the fit, its data and the order of the rows."""
    X, y, order, transitions, features = bus_problem((4,))
    model = IQLearnClassifier(
        transitions, discount=0.9999, q_type="structural", features=features, alpha=float("inf")
    )
    return model.fit(X, y, **order), X, y, order


@pytest.fixture(scope="session")
def world():
    return make_random_mdp(
        n_trajectories=40, n_steps=25, n_states=6, n_features=2, temperature=0.7, random_state=0
    )


@pytest.fixture(scope="session")
def bus_fits():
    """Simulated buses of 20 bins, their actions named: a structural fit, a table, and the data."""
    world = make_bus_engine(60, 50, n_bins=20, operating_cost=0.1, random_state=0)
    named = {"transitions": {"keep": world.transitions[0], "replace": world.transitions[1]}, "discount": 0.99}
    X, y = world.data, np.array(["keep", "replace"])[world.target]
    order = {"trajectory": world.trajectory, "step": world.step}
    costs = IQLearnClassifier(**named, q_type="structural", features=world.features).fit(X, y, **order)
    return costs, IQLearnClassifier(**named).fit(X, y, **order), X, y, order


@pytest.fixture(scope="session")
def masked_fit():
    """A walker on a grid of 4 x 4 cells, of which those of the upper row cannot be left upwards."""
    world = make_gridworld(20, 50, side=4, random_state=0)
    mask = np.ones((16, 5), dtype=bool)
    mask[:4, 3] = False
    X, y = world.data.to_numpy(), world.target.to_numpy()
    kept = mask[X[:, 0], y]
    return (
        IQLearnClassifier(world.transitions, discount=0.9, action_mask=mask).fit(X[kept], y[kept]),
        mask,
        X[kept],
        y[kept],
    )


@pytest.fixture(scope="session")
def patients():
    """Rows of a number, a whole number and a place; the decision depends on all three."""
    rng = np.random.default_rng(0)
    columns = {
        "dose": rng.uniform(0, 10, 900),
        "visits": rng.integers(0, 4, 900),
        "place": rng.choice(["coast", "hill", "lake"], 900),
    }
    push = columns["dose"] - 5 + columns["visits"] - (columns["place"] == "hill")
    return pd.DataFrame(columns), np.where(rng.random(900) < 1 / (1 + np.exp(-push)), "treat", "wait")


@pytest.fixture
def no_window(monkeypatch):
    """Displays show no window and change no settings; figures are closed."""
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("a display called plt.show"))
    before = dict(plt.rcParams)
    yield
    assert dict(plt.rcParams) == before
    plt.close("all")
