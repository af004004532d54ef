"""A real and a simulated panel, for the tests of inference."""

import pytest
from problems import bus_problem

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import make_random_mdp

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
