"""Structure without transitions: a reward linear in features of rows, its continuation approximated.

Rows are read as for any fit without transitions, their distinct states are those of the problem. What differs is
the kernel, of ``_approximation``, and that ``features`` is a function of X, asked like a mask.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from sklearn.base import clone

from sklearn_iqlearn._approximation.approximate import Situation, approximate
from sklearn_iqlearn._approximation.basis import Functions
from sklearn_iqlearn._approximation.choice import N_FOLDS
from sklearn_iqlearn._estimator.row_functions import base_in, exists_in, features_in
from sklearn_iqlearn._model.moves import CUT_OFF
from sklearn_iqlearn._numerics.checks import plain

NO_ORDER = (
    "trajectory and next_X are None, so that every row is an episode of one step: the fit is a conditional logit, "
    "in which discount plays no role. Pass trajectory, and step, or next_X, or discount=0 if that is meant."
)


def approximated(estimator, X, demonstrations, rows, ids, fitted):
    """The demonstrations with approximate transitions, the features of the states, and what else was fitted.

    Parameters
    ----------
    estimator : IQLearnClassifier
    X : distinct states, in the form that the rows have
    demonstrations : Demonstrations
        With the empirical kernel.
    rows : Rows
    ids : ndarray of shape (n_rows,), or None
        Trajectory of each row.
    fitted : dict
        Fitted attributes.
    """
    classes, exists = fitted["classes_"], demonstrations.transitions.exists
    _check_known(rows, classes, demonstrations.doubts)
    if estimator.discount == 1:
        raise ValueError(
            "discount must be less than 1 for q_type='structural' without transitions, got 1: whether every "
            "episode ends cannot be told from rows. Take a discount near 1."
        )
    situation = Situation(
        X=X,
        columns=fitted["states_"],
        features=features_in(estimator.features, X, classes, exists),
        base_reward=demonstrations.base_reward,
        counts=demonstrations.counts,
        exists=exists,
        rows=rows,
        fold=_folds(ids, len(rows.states)),
        labels=classes,
        discount=float(estimator.discount),
        temperature=float(estimator.temperature),
    )
    found = approximate(situation, _given_functions(estimator.basis, classes, X))
    demonstrations = replace(
        demonstrations,
        transitions=found.transitions,
        known=demonstrations.counts,
        penalised=found.transitions.pairs,
        doubts=[*demonstrations.doubts, *found.doubts],
    )
    return (
        demonstrations,
        situation.features,
        fitted | found.attributes(),
    )


def _check_known(rows, classes, doubts):
    """Raise a ValueError for an action no row of which tells where it leads."""
    known = np.bincount(rows.actions[rows.successors != CUT_OFF], minlength=len(classes))
    if not known.all():
        action = int(np.argmin(known))
        reasons = "".join(f" {doubt}" for doubt in doubts)
        raise ValueError(
            f"y must hold rows of every action whose next state is known or that ended, to tell where it leads "
            f"without transitions: got {np.sum(rows.actions == action)} rows of action {plain(classes[action])}, "
            f"none of them such.{reasons} Leave the action out, or exclude it by action_mask and give transitions."
        )


def _folds(ids, n_rows):
    """The fold of each row: its trajectory, or the row, counted round."""
    numbers = np.arange(n_rows) if ids is None else np.unique(ids, return_inverse=True)[1]
    if numbers.max() + 1 < N_FOLDS:  # too few trajectories: stretches of them
        return np.arange(n_rows) * N_FOLDS // n_rows
    return numbers % N_FOLDS


def _given_functions(basis, classes, X):
    """The functions of each action by the parameter, fitted to the distinct states; None to have them chosen."""
    if basis is None:
        return None
    labels = classes.tolist()
    by_action = dict(basis) if isinstance(basis, Mapping) else dict.fromkeys(labels, basis)
    wrong = [found for found in by_action.values() if isinstance(found, type) or not hasattr(found, "transform")]
    if set(by_action) != set(labels) or wrong:
        raise ValueError(
            "basis must be None, a transformer, such as preprocessing.Hats(20), or a mapping from each of the "
            f"actions {plain(labels)} to one, got {basis!r}."
        )
    # A transformer that several actions share is fitted once.
    fitted = {id(given): Functions.of(clone(given).fit(X, None), X) for given in by_action.values()}
    return [fitted[id(by_action[label])] for label in labels]


def q_of_rows(model, X):
    """Q of rows.

    Parameters
    ----------
    model : IQLearnClassifier
        Fitted without transitions, ``q_type="structural"``.
    X : rows, as they were given

    Returns
    -------
    q : ndarray of shape (n_rows, A)
        Finite for actions that do not exist too.
    """
    exists = None if model.action_mask is None else exists_in(model.action_mask, X, model.classes_)
    q = features_in(model.features, X, model.classes_, exists) @ model.coef_
    if model.base_reward is not None:
        q += base_in(model.base_reward, X, model.classes_, exists)
    functions = model._approximation.functions
    values = {id(function): function(X) for function in functions}
    for a, (function, weights) in enumerate(zip(functions, model.continuation_weights_, strict=True)):
        q[:, a] += values[id(function)] @ weights
    return q
