"""Which actions exist in a row, and what its rewards are made of: parameters that may be functions of X.

Where states are rows of features there is no table of them before the data. So ``action_mask``, ``base_reward``
and ``features`` are asked about the rows as ``fit`` and ``predict`` get them: a data frame stays one.
"""

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_iqlearn._estimator.named_features import features_function
from sklearn_iqlearn._model.tables import check_base, check_mask
from sklearn_iqlearn._numerics.checks import n_rows_of, plain, real_array


def exists_in(action_mask, X, classes):
    """Which actions exist in rows.

    Parameters
    ----------
    action_mask : callable
        From X to a boolean array (n_rows, A), or a data frame whose columns are the actions, in any order.
    X : rows, as they were given
    classes : ndarray of shape (A,)

    Returns
    -------
    exists : boolean ndarray of shape (n_rows, A)
    """
    return check_mask(_ask("action_mask", action_mask, X), n_rows_of(X), classes, where="row")


def refuse_excluded(exists, actions, weight, labels):
    """Raise a ValueError that names the first decision for an action that does not exist in its row.

    Parameters
    ----------
    exists : boolean ndarray of shape (n_rows, A)
    actions : integer ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,)
        Rows of weight 0 are left out.
    labels : ndarray of shape (A,)
    """
    excluded = np.flatnonzero(~exists[np.arange(len(actions)), actions] & (weight > 0))
    if excluded.size:
        row = excluded[0]
        raise ValueError(
            f"y must hold actions that exist in their state: action_mask excludes {len(excluded)} of "
            f"{len(actions)} decisions, the first in row {row}, for action {plain(labels[actions[row]])} where "
            f"{plain(labels[exists[row]])} exist. Correct action_mask or y, or leave such rows out."
        )


def base_in(base_reward, X, classes, exists=None):
    """The known part of the rewards of rows, 0 for pairs that do not exist: (n_rows, A).

    Parameters
    ----------
    base_reward : callable
        From X to an array (n_rows,) or (n_rows, A), or a data frame whose columns are the actions, in any order.
    X : rows, as they were given
    classes : ndarray of shape (A,)
    exists : boolean ndarray of shape (n_rows, A), optional
    """
    return check_base(_ask("base_reward", base_reward, X), n_rows_of(X), classes, exists)


def features_in(features, X, classes, exists=None):
    """Features of the reward in rows, 0 for pairs that do not exist: (n_rows, A, K).

    Parameters
    ----------
    features : callable, or mapping
        From X to an array (n_rows, A, K); or by names of columns.
    X : rows, as they were given
    classes : ndarray of shape (A,)
    exists : boolean ndarray of shape (n_rows, A), optional
    """
    found = real_array(
        "features: what they return", _ask("features", features_function(features, classes), X), finite=False
    )
    shape = (n_rows_of(X), len(classes))
    if found.ndim != 3 or found.shape[:2] != shape or not found.shape[2]:
        raise ValueError(
            f"features must return an array of shape (n_rows, A, K), here ({shape[0]}, {shape[1]}, K), got "
            f"{found.shape}."
        )
    found = found if exists is None else np.where(exists[..., None], found, 0.0)
    if not np.isfinite(found).all():
        row, action, k = np.argwhere(~np.isfinite(found))[0]
        raise ValueError(
            f"features must be finite, got {found[row, action, k]} in column {k} for action "
            f"{plain(classes[action])} in one of the rows, {plain(np.asarray(take(X, [row])).ravel())}."
        )
    return found


def of_states(name, answers, position, n_states):
    """The answers for distinct states, from those for rows: (n_rows, A) -> (n_states, A).

    Parameters
    ----------
    name : str
        Of the parameter.
    answers : ndarray of shape (n_rows, A)
    position : integer ndarray of shape (n_rows,)
        State of each row.
    n_states : int
    """
    found = np.empty((n_states, answers.shape[1]), dtype=answers.dtype)
    found[position[::-1]] = answers[::-1]
    differ = (found[position] != answers).any(axis=1)
    if differ.any():
        row = int(np.argmax(differ))
        raise ValueError(
            f"{name} must give rows with the same values the same answer, got {plain(answers[row])} and "
            f"{plain(found[position[row]])} for two of them."
        )
    return found


def take(X, rows):
    """Some rows, in the form that X has."""
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if sp.issparse(X):
        return sp.csr_array(X)[rows]
    return X[rows] if hasattr(X, "shape") else np.asarray(X)[rows]


def distinct_given(tables, position, n_states):
    """The distinct states, in the form that the rows have: of each the first row.

    Parameters
    ----------
    tables : list of rows, as they were given, one below the other
    position : integer ndarray
        State of each row.
    n_states : int
    """
    first = np.empty(n_states, dtype=np.intp)
    first[position[::-1]] = np.arange(len(position))[::-1]
    if hasattr(tables[0], "iloc"):  # what follows may be given as an array
        columns = tables[0].columns
        frames = [table if hasattr(table, "iloc") else pd.DataFrame(table, columns=columns) for table in tables]
        return take(pd.concat(frames, ignore_index=True), first)
    return np.concatenate([np.asarray(table) for table in tables])[first]


def _ask(name, function, X):
    if not callable(function):
        raise ValueError(
            f"{name} must be a function of X without transitions, since the rows of X are the states, got "
            f"{None if function is None else type(function).__name__}."
        )
    return function(X)
