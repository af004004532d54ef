"""The estimators on the board: each from a world and a frame of its decisions to what it found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sklearn_iqlearn import IQLearnClassifier, rewards

ORDER = ["trajectory", "step"]


@dataclass
class Found:
    """Its model and the rows that it saw, ``reward(X)`` of shape (n, A), and coefficients if it has them."""

    model: Any
    rows: Any
    reward: Callable
    coef: np.ndarray | None = None
    seconds: float = 0.0
    told: int = 0  # warnings


def columns(frame):
    """All columns of the state, also those that say nothing."""
    return frame.drop(columns=[*ORDER, "action"])


def order(frame):
    return {name: frame[name] for name in ORDER}


def known(world, frame):
    """Maximum likelihood with the true transitions."""
    rows = world.index(world.states(frame).to_numpy())[:, None]
    features = world.rewards(world.nodes())
    model = IQLearnClassifier(world.transitions(), discount=world.discount, q_type="structural", features=features)
    model.fit(rows, frame["action"], **order(frame))
    return Found(model, rows, lambda X: world.features(X) @ model.coef_, model.coef_)


def unknown(world, frame, **parameters):
    """The structural fit of trajectories alone, by default settings."""
    rows = columns(frame)
    model = IQLearnClassifier(discount=world.discount, q_type="structural", features=world.features, **parameters)
    model.fit(rows, frame["action"], **order(frame))
    return Found(model, rows, lambda X: world.features(X) @ model.coef_, model.coef_)


def cubic(world, frame):
    """The same on cubic polynomials of all columns, by projection."""
    return unknown(world, frame, basis=make_pipeline(StandardScaler(), PolynomialFeatures(3, include_bias=False)))


def policy_reward(world, frame):
    """The table of rewards from a policy, by default settings; that of the last action is known."""
    last = world.n_actions - 1
    rows = columns(frame)
    anchor = world.features(rows)[:, last] @ world.coef
    if np.ptp(anchor):
        raise ValueError("The reward of the last action must be the same in every state.")
    model = rewards.PolicyReward(discount=world.discount, action=last, reward=anchor[0])
    model.fit(rows, frame["action"], **order(frame))
    return Found(model, rows, model.predict)
