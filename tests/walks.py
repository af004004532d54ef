"""A panel of walks on the plane, and what tests of the estimator among scikit-learn's tools share."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold

from sklearn_iqlearn import IQLearnClassifier

CV = GroupKFold(3)


def walks(seed=0, n_trajectories=12, length=8, n_actions=2, decimals=6):
    """Trajectories of a drifting walk on the plane, with actions that depend on where it is."""
    rng = np.random.default_rng(seed)
    shape = (n_trajectories, length)
    X = (rng.normal(size=(*shape, 2)).cumsum(axis=1) / 2 + [0, 5]).reshape(-1, 2).round(decimals)
    scores = (X - [0, 5]) @ rng.normal(size=(2, n_actions)) + rng.gumbel(size=(len(X), n_actions))
    step = np.tile(np.arange(length), n_trajectories)
    return SimpleNamespace(
        X=X,
        y=scores.argmax(axis=1),
        trajectory=np.repeat(np.arange(n_trajectories), length),
        step=step,
        next_X=np.roll(X, -1, axis=0),  # what it says of terminal rows is never used
        terminal=step == length - 1,
    )


def linear(**parameters):
    return IQLearnClassifier(**({"discount": 0.8, "alpha": 2.0} | parameters))


def small(q_type, **parameters):
    """A model that fits in no time; a network does not converge in it."""
    quick = {"learning_rate": 0.05} | ({"max_iter": 20} if q_type == "neural" else {})
    return linear(q_type=q_type, hidden_layer_sizes=(4,), random_state=0, **(quick | parameters))


def fitted(model, *args, **kwargs):
    """The model after its fit; the networks here have no time to converge."""
    if model.q_type == "neural":
        with pytest.warns(ConvergenceWarning):
            return model.fit(*args, **kwargs)
    return model.fit(*args, **kwargs)


def log_likelihood(model, X, y):
    """Mean log-probability of the actions, by way of predict_proba."""
    return np.mean(np.log(model.predict_proba(X)[np.arange(len(y)), np.searchsorted(model.classes_, y)]))


def assert_same(one, two, X, atol=0.0):
    """Two fits have the same policy: to the last bit unless told otherwise."""
    assert_allclose(one.predict_proba(X), two.predict_proba(X), rtol=0, atol=atol)


def differ(one, two, X):
    return np.abs(one.predict_proba(X) - two.predict_proba(X)).max()


def run(code, *arguments):
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
