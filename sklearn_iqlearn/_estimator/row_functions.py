"""Which actions exist in a row, and what is known of its rewards: parameters that may be functions of X.

Where states are rows of features there is no table of them before the data. So ``action_mask`` and ``base_reward``
are asked about the rows as ``fit`` and ``predict`` get them: a data frame stays one.
"""

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._model.tables import check_base, check_mask
from sklearn_iqlearn._numerics.checks import plain


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
    return check_mask(_ask("action_mask", action_mask, X), _n_rows(X), classes, where="row")


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
    return check_base(_ask("base_reward", base_reward, X), _n_rows(X), classes, exists)


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


def _n_rows(X):
    return X.shape[0] if hasattr(X, "shape") else len(X if hasattr(X, "__len__") else np.asarray(X))


def _ask(name, function, X):
    if not callable(function):
        raise ValueError(
            f"{name} must be a function of X without transitions, since the rows of X are the states, got "
            f"{type(function).__name__}."
        )
    return function(X)
