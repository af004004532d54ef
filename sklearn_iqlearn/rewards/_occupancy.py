"""How often a policy is where."""

from sklearn_iqlearn._estimator.parameters import check_distribution
from sklearn_iqlearn._estimator.worlds import fitted_transitions
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._model.endings import check_endings
from sklearn_iqlearn._model.simulation import discounted_shares, long_run_shares
from sklearn_iqlearn._numerics.checks import check_bool


def occupancy(estimator, *, long_run=False, initial_distribution=None):
    """Shares of the state-action pairs among the decisions of the policy.

    Parameters
    ----------
    estimator : IQLearnClassifier, or a Pipeline or search that ends in one
        Fitted with ``transitions``, or a counterfactual.
    long_run : bool, default=False
        False weights the decision at step t with ``discount**t``, as a value does: at ``discount=1`` the shares of
        the expected visits of an episode. True is the share in an endless run, in which a new episode starts where
        one ends.
    initial_distribution : array of shape (S,), optional
        Distribution of the first state; by default ``initial_distribution_``.

    Returns
    -------
    shares : ndarray of shape (S, A)
        They sum to 1.

    Examples
    --------
    Two states; action 0 stays, action 1 goes to the other state.

    >>> from sklearn_iqlearn import IQLearnClassifier, rewards
    >>> model = IQLearnClassifier([[[1, 0], [0, 1]], [[0, 1], [1, 0]]]).fit([[0], [0], [1], [1]], [0, 1, 0, 1])
    >>> rewards.occupancy(model, long_run=True).round(2)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    estimator = unwrap(estimator).model
    check_bool("long_run", long_run)
    kernel = fitted_transitions(estimator)
    initial = estimator.initial_distribution_
    if initial_distribution is not None:
        initial = check_distribution(initial_distribution, "initial_distribution", kernel.n_states)
    if long_run:
        states = long_run_shares(estimator.policy_, kernel, initial)
    else:
        check_endings(estimator.discount, kernel, estimator.policy_ > 0, " under the policy")
        states = discounted_shares(estimator.policy_, kernel, float(estimator.discount), initial)
    return states[:, None] * estimator.policy_
