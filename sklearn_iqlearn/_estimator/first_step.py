"""Transitions that a fit estimates from its own rows, before anything else."""

from dataclasses import replace

import numpy as np

from sklearn_iqlearn._estimator.row_functions import refuse_excluded
from sklearn_iqlearn._model.tables import check_mask
from sklearn_iqlearn._numerics.checks import by_state
from sklearn_iqlearn.preprocessing import TransitionEstimator

# Parameters with a row for each state.
TABLES = ("features", "action_mask", "base_reward")


def is_estimated(transitions):
    """Whether the parameter asks for an estimate, and is no transitions itself."""
    return hasattr(transitions, "estimate") or (isinstance(transitions, str) and transitions == "estimate")


def estimate(estimator, states, labels, actions, weight, order):
    """The transitions that the rows of a fit show.

    Parameters
    ----------
    estimator : IQLearnClassifier
    states, actions : integer ndarray of shape (n_rows,)
    labels : ndarray of shape (A,)
        The sorted actions.
    weight : ndarray of shape (n_rows,)
    order : dict
        ``trajectory``, ``step``, ``next_X`` and ``terminal`` of ``fit``.

    Returns
    -------
    estimated : EstimatedTransitions
        With a mapping from labels as ``transitions``.
    """
    how = TransitionEstimator() if isinstance(estimator.transitions, str) else estimator.transitions
    if isinstance(how, type):
        raise ValueError(
            f"transitions must be an estimator, got the class {how.__name__}: write {how.__name__}()."
        )
    shapes = {name: np.shape(getattr(estimator, name)) for name in TABLES if getattr(estimator, name) is not None}
    name, n_states = next(((name, shape[0]) for name, shape in shapes.items() if shape), (None, None))
    if n_states is not None and states.max() >= n_states:
        raise ValueError(
            f"{name} must have a row for every state, got {n_states} rows, and state {states.max()} in X."
        )
    mask = estimator.action_mask
    if mask is not None:
        mask = check_mask(by_state(mask), max(np.shape(mask)[:1], default=0), labels)
        inside = states >= 0  # others have an error of their own
        refuse_excluded(mask[np.where(inside, states, 0)], actions, weight * inside, labels)
    # By their labels, which messages then have, unless some must be told of.
    whole = len(np.unique(actions)) == len(labels)
    found = how.estimate(
        states,
        labels[actions] if whole else actions,
        n_states=n_states,
        n_actions=None if whole else len(labels),
        trajectory=order["trajectory"],
        step=order["step"],
        next_state=None if order["next_X"] is None else np.asarray(order["next_X"]),
        terminal=order["terminal"],
        sample_weight=weight,
        action_mask=mask,
    )
    given = found.transitions
    matrices = dict(zip(labels.tolist(), given.values() if isinstance(given, dict) else given, strict=True))
    return replace(found, transitions=matrices)
