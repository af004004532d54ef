"""How a classifier is to estimate its transitions."""

import math

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_iqlearn._model.demonstrations import check_integers
from sklearn_iqlearn._numerics.checks import any_array, check_count
from sklearn_iqlearn._site import Documented
from sklearn_iqlearn.preprocessing._estimate import estimate_transitions


class TransitionEstimator(Documented, BaseEstimator):
    """Transitions that ``IQLearnClassifier`` estimates from the rows that it is fitted to.

    Passed as its ``transitions``, in the place of matrices: each fit then has a kernel of its own, so that a
    cross-validation does not see the moves of the rows held out, and the bootstrap carries the uncertainty of the
    first step. The parameters are those of ``estimate_transitions``; a search reaches them as
    ``transitions__prior``.

    Parameters
    ----------
    prior : float, or tuple (float, kernel), default=0.0
        Visits that the prior kernel counts as.
    unseen : {"error", "prior", "self-loop", "mask"}, default="error"
        What becomes of pairs of which no row has a known continuation. Folds and resamples lack some that the data
        have: with "error" they cannot be fitted.
    n_states : int or tuple of int, optional
        By default as many as ``features``, ``action_mask`` or ``base_reward`` of the classifier tell, else one
        more than the largest id in the rows. A tuple is for states made of several columns that move independently
        (ids are those of ``numpy.ravel_multi_index``): each has a kernel of its own, and theirs is the product.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> from sklearn_iqlearn.preprocessing import TransitionEstimator
    >>> bus = make_bus_engine(n_bins=20, discount=0.9, random_state=0)
    >>> model = IQLearnClassifier(
    ...     TransitionEstimator(unseen="prior"), discount=0.9, features=bus.features, q_type="structural"
    ... ).fit(bus.data, bus.target, trajectory=bus.trajectory)
    >>> model.transitions_
    EstimatedTransitions(20 states, 2 actions, 0 of 40 pairs unseen, 500 rows cut off)
    >>> bool(np.abs(model.coef_ / bus.coef - 1).max() < 0.2)
    True
    """

    def __init__(self, *, prior=0.0, unseen="error", n_states=None):
        self.prior = prior
        self.unseen = unseen
        self.n_states = n_states

    def estimate(self, states, actions, *, n_states=None, **rows):
        """What ``estimate_transitions`` finds.

        Parameters
        ----------
        states, actions : arrays of shape (n_rows,)
            As for ``estimate_transitions``.
        n_states : int, optional
            Where the parameter does not tell it.
        **rows
            ``trajectory``, ``step``, ``next_state``, ``terminal``, ``sample_weight``, ``n_actions`` and
            ``action_mask``, as for ``estimate_transitions``.

        Returns
        -------
        estimated : EstimatedTransitions
            With transitions and the counts behind them.
        """
        n_states = n_states if self.n_states is None else self.n_states
        if isinstance(n_states, tuple | list):
            states = _apart("states", states, n_states)
            if rows.get("next_state") is not None:
                rows["next_state"] = _apart("next_state", rows["next_state"], n_states)
        return estimate_transitions(
            states, actions, n_states=n_states, prior=self.prior, unseen=self.unseen, **rows
        )


def _apart(name, ids, n_states):
    """The columns of states from their ids."""
    for size in n_states:
        check_count("n_states", size)
    ids = check_integers(np.ravel(any_array(name, ids)), name)
    try:
        return np.column_stack(np.unravel_index(ids, n_states))
    except ValueError as error:
        raise ValueError(
            f"{name} must be ids below {math.prod(n_states)}, the product of n_states, got {ids.max()}."
        ) from error
