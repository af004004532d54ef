"""How a classifier is to estimate its transitions."""

from sklearn.base import BaseEstimator

from sklearn_iqlearn.preprocessing._estimate import estimate_transitions


class TransitionEstimator(BaseEstimator):
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
    n_states : int, optional
        By default as many as ``features``, ``action_mask`` or ``base_reward`` of the classifier tell, else one
        more than the largest id in the rows.

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
        states, actions : as for ``estimate_transitions``
        n_states : int, optional
            Where the parameter does not tell it.
        **rows
            ``trajectory``, ``step``, ``next_state``, ``terminal``, ``sample_weight`` and ``n_actions``, as for
            ``estimate_transitions``.

        Returns
        -------
        estimated : EstimatedTransitions
        """
        n_states = n_states if self.n_states is None else self.n_states
        return estimate_transitions(
            states, actions, n_states=n_states, prior=self.prior, unseen=self.unseen, **rows
        )
