"""Parameters that are functions of X: which actions exist in a row, and what is known of its rewards.

Where states are rows of features there is no table of them before the data. So ``action_mask`` and ``base_reward``
are asked about the rows as ``fit`` and ``predict`` get them: a data frame stays one.
"""

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._model.transitions import check_mask
from sklearn_iqlearn._numerics.checks import plain, real_array


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
    answer = _ask("action_mask", action_mask, X)
    names = getattr(answer, "columns", None)
    if names is not None and set(names) == set(classes.tolist()):
        answer = answer[classes.tolist()]
    return check_mask(answer, (_n_rows(X), len(classes)), where="row")


def base_in(base_reward, X, n_actions):
    """The known part of the rewards of rows: (n_rows, n_actions), from a function to (n_rows,) or that."""
    shape = (_n_rows(X), n_actions)
    found = real_array("base_reward", _ask("base_reward", base_reward, X), shape, shape[:1])
    return np.broadcast_to(found.reshape(shape[0], -1), shape)


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
