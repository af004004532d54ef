"""X, y and the order of the rows as demonstrations: states that are ids, or rows of features.

Both readers return the demonstrations, the features of the states and the fitted attributes that the data
decide.
"""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from sklearn_iqlearn._model.demonstrations import (
    check_integers,
    follow_rows,
    start_rows,
    with_successors,
    with_transitions,
)
from sklearn_iqlearn._model.transitions import check_transitions


def read_states(estimator, X, values, y, weight, order):
    """Decisions in the states of given transitions."""
    for name in ("next_X", "terminal"):
        if order[name] is not None:
            raise ValueError(f"{name} must be None where transitions are given: they tell the next state.")
    transitions, labels = check_transitions(estimator.transitions)
    states, actions = check_states(values, transitions.n_states), check_actions(y, labels)
    kept = weight > 0
    starts = start_rows(order["trajectory"], order["step"], kept)
    demonstrations = with_transitions(transitions, states[kept], actions[kept], weight[kept], starts)
    features = estimator.features
    if features is not None:
        features = check_array(features, dtype=np.float64, allow_nd=True, input_name="features")
        sizes = (transitions.n_states, transitions.n_actions)
        if features.shape[:-1] not in (sizes[:1], sizes) or not features.shape[-1]:
            raise ValueError(
                f"features must have shape ({sizes[0]}, K) or ({sizes[0]}, {sizes[1]}, K) for the states of "
                f"transitions, got {features.shape}."
            )
    return demonstrations, features, {"classes_": labels}


def read_rows(estimator, X, values, y, weight, order):
    """Decisions in states that are rows of features: the distinct rows, and how they follow each other."""
    for name in ("features", "initial_distribution"):
        if getattr(estimator, name) is not None:
            raise ValueError(f"{name} must be None without transitions: the rows of X are the states.")
    kept = weight > 0
    following, starts = follow_rows(kept, **order)
    values = values.astype(np.float64) + 0.0  # -0.0 is 0.0
    rows = [values[kept]]
    if order["next_X"] is not None:
        moved = np.flatnonzero(kept)[following >= 0]
        rows.append(_check_next(X, values, order["next_X"], moved))
        following[following >= 0] = kept.sum() + np.arange(len(moved))
    classes, actions = np.unique(y, return_inverse=True)
    actions = actions[kept]
    states, position = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
    position = position.reshape(-1)
    demonstrations = with_successors(
        states=position[: len(actions)],
        actions=actions,
        weight=weight[kept],
        successors=np.where(following >= 0, position[np.maximum(following, 0)], following),
        starts=starts,
        shape=(len(states), len(classes)),
        stand_in=estimator._form().needs_stand_in,
    )
    return demonstrations, states, {"classes_": classes, "states_": states}


def names_and_width(X):
    """``n_features_in_`` and, for a data frame, ``feature_names_in_``."""
    recorder = BaseEstimator()
    validate_data(recorder, X, skip_check_array=True)
    return {name: value for name, value in vars(recorder).items() if name.endswith("_in_")}


def check_states(X, n_states):
    """The one column of X as state ids."""
    if X.shape[1] != 1:
        raise ValueError(f"X must have one column, of state ids, where transitions are given; got {X.shape[1]}.")
    states = check_integers(X[:, 0], "X: state ids")
    if states.min() < 0 or states.max() >= n_states:
        worst = states[(states < 0) | (states >= n_states)][0]
        raise ValueError(f"X: state ids must be 0 to {n_states - 1}, as in transitions, got {worst}.")
    return states


def check_actions(y, labels):
    """Positions of the actions y among the sorted labels."""
    known = np.isin(y, labels)
    if not known.all():
        raise ValueError(f"y must hold actions of {labels.tolist()}, got {np.asarray(y)[~known][0]!r}.")
    return np.searchsorted(labels, y)


def _check_next(X, values, next_X, moved):
    """The rows ``moved`` of ``next_X``, checked to be like those of X."""
    try:
        found = check_array(next_X, dtype=np.float64, input_name="next_X", ensure_all_finite=False) + 0.0
    except (TypeError, ValueError) as error:
        raise ValueError(f"next_X must be rows of states like X: {error}") from error
    if found.shape != values.shape:
        raise ValueError(f"next_X must have the shape of X, {values.shape}, got {found.shape}.")
    names = [getattr(frame, "columns", None) for frame in (X, next_X)]
    if names[0] is not None and names[1] is not None and list(names[0]) != list(names[1]):
        raise ValueError(f"next_X must have the columns of X, {list(names[0])}, got {list(names[1])}.")
    if not np.isfinite(found[moved]).all():
        raise ValueError("next_X must be finite in rows that are not terminal, got NaN or infinity.")
    return found[moved]
