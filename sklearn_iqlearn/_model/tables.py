"""Tables with a row for each state, or for each row of X: which pairs exist, and what is told of those.

What a table holds for pairs that do not exist is not read.
"""

import numpy as np

from sklearn_iqlearn._numerics.checks import by_action, by_state, plain, real_array


def check_mask(action_mask, n_rows, labels, where="state"):
    """An action mask as a boolean array with an action, at least, in each row.

    Parameters
    ----------
    action_mask : array of shape (n_rows, A), or data frame whose columns are the actions, in any order
    n_rows : int
    labels : ndarray of shape (A,)
        The actions.
    where : str
        What a row of it is.
    """
    shape = (n_rows, len(labels))
    if callable(action_mask):
        raise ValueError(
            f"action_mask must be a boolean array of shape {shape} where transitions are given, got the function "
            f"{getattr(action_mask, '__name__', action_mask)!r}: functions of X are for rows of features."
        )
    found = real_array("action_mask", by_action("action_mask", action_mask, labels), shape)
    exists = found != 0
    if not np.array_equal(found, exists):
        raise ValueError(f"action_mask must hold True and False, got {plain(found[found != exists][0])}.")
    if not exists.any(axis=1).all():
        raise ValueError(
            f"action_mask must leave an action in every {where}, got none in {where} "
            f"{int(np.argmin(exists.any(axis=1)))}."
        )
    return exists


def check_features(features, shape, exists=None):
    """Features of states, (S, K), or of their pairs, (S, A, K), as float64: 0 for pairs that do not exist.

    Parameters
    ----------
    features : array, or data frame with the state ids as its index, in any order
    shape : tuple (S, A)
    exists : boolean ndarray of shape (S, A), optional
    """
    shapes = (shape[0], "K"), (*shape, "K")
    found = real_array("features", by_state(features), *shapes, finite=False)
    if found.ndim == 3 and exists is not None:
        found = np.where(exists[..., None], found, 0.0)
    return real_array("features", found, *shapes)


def check_base(base_reward, n_rows, labels, exists=None):
    """The known part of rewards, of states or of their pairs, as (n_rows, A): 0 for pairs that do not exist."""
    shape = (n_rows, len(labels))
    found = real_array(
        "base_reward", by_action("base_reward", base_reward, labels), shape, shape[:1], finite=False
    )
    found = np.broadcast_to(found.reshape(n_rows, -1), shape)
    found = found if exists is None else np.where(exists, found, 0.0)
    if not np.isfinite(found).all():
        raise ValueError(
            f"base_reward must be finite for pairs that exist, got {plain(found[~np.isfinite(found)][0])}; to "
            "forbid pairs, pass action_mask."
        )
    return found
