"""Rewards and values that belong to a policy, where one action's reward is known, or every one."""

import numpy as np

from sklearn_iqlearn._estimator.parameters import check_number
from sklearn_iqlearn._estimator.reading import are_labels
from sklearn_iqlearn._estimator.worlds import fitted_transitions, with_values
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._model.continuation import continuation, warn_ill_conditioned
from sklearn_iqlearn._model.endings import check_endings
from sklearn_iqlearn._model.soft_bellman import log_policy
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn._numerics.checks import any_array, by_action, by_state, plain, real_array


def anchor(estimator, action, reward=0.0):
    """The reward, value and Q that belong to a policy when the reward of one action is known.

    An outside option worth nothing, or a price paid, leaves nothing of the reward open: with r(., a0) known,
    ``V = r(., a0) + discount * P_a0 V - temperature * log policy(a0)`` is a linear system for V, and
    ``r = temperature * log policy + V - discount * P V``.

    Parameters
    ----------
    estimator : IQLearnClassifier, or a Pipeline or search that ends in one
        Fitted with ``transitions``.
    action : element of ``classes_``
        The action whose reward is known; it must have been taken. Where it hardly ever was, its probability, and
        so the reward of that state, rests on the penalty.
    reward : float or array of shape (S,), default=0.0
        Its reward in each state.

    Returns
    -------
    anchored : IQLearnClassifier
        A fitted estimator with the same policy whose ``reward_``, ``value_`` and ``q_table_`` are those that the
        known reward implies; its counterfactuals start from this reward.

    Raises
    ------
    ValueError
        If the action is unknown, was never taken or is forbidden, a reward is not finite, or at ``discount=1`` an
        episode need not end in which the action is always taken.

    Warns
    -----
    scipy.linalg.LinAlgWarning
        If ``discount`` is so near 1 that the values lose most of their digits.

    References
    ----------
    Magnac and Thesmar (2002). Identifying dynamic discrete decision processes. Econometrica 70(2), proposition 2.

    Hotz and Miller (1993). Conditional choice probabilities. Review of Economic Studies 60(3).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_iqlearn import IQLearnClassifier, rewards
    >>> from sklearn_iqlearn.datasets import make_random_mdp
    >>> world = make_random_mdp(n_trajectories=1000, random_state=0)
    >>> model = IQLearnClassifier(world.transitions, discount=world.discount, alpha=100)
    >>> anchored = rewards.anchor(model.fit(world.data, world.target), action=0, reward=world.reward[:, 0])
    >>> float(np.abs(model.reward_ - world.reward).mean().round(1))
    1.4
    >>> float(np.abs(anchored.reward_ - world.reward).mean().round(1))
    0.0
    """
    estimator = unwrap(estimator).model
    kernel = fitted_transitions(estimator)
    found = any_array("action", action)
    if found.ndim or not are_labels(found[None], estimator.classes_).all():
        raise ValueError(f"action must be one of {plain(estimator.classes_)}, got {plain(action)}.")
    a = int(np.flatnonzero(estimator.classes_ == action)[0])
    if not estimator.counts_[:, a].any():
        raise ValueError(
            f"action must have been taken in the data, got {plain(action)}, which never was: its probability is "
            "the penalty's guess."
        )
    known = real_array("reward", reward, (), (kernel.n_states,))
    log_probability = log_policy(estimator.q_table_, estimator.temperature)[:, a]
    if not np.isfinite(log_probability).all():
        raise ValueError(
            f"action must be possible in every state, got {plain(action)}, which is forbidden in some."
        )
    always = np.eye(kernel.n_actions)[np.full(kernel.n_states, a)]
    check_endings(estimator.discount, kernel, always > 0, f" by action {plain(action)}, whose reward is known")
    warn_ill_conditioned(always, kernel, estimator.discount, stacklevel=3)
    solve = continuation(always, kernel, estimator.discount)
    return with_values(estimator, kernel, solve(known - estimator.temperature * log_probability))


def evaluate(policy, reward, transitions, *, discount, temperature=0.0):
    """Value of a policy under a reward: the discounted sum of rewards that it expects from each state.

    Parameters
    ----------
    policy : array of shape (S, A)
        Probability of each action.
    reward : array of shape (S, A) or (S,)
        Reward of each pair, or of each state for all its actions.
    transitions : array of shape (A, S, S), sequence of A matrices (S, S), or mapping
        As for ``IQLearnClassifier``.
    discount : float in [0, 1]
        1 where the policy ends every episode: with a reward of 1 for an outcome the value is then its probability.
    temperature : float >= 0, default=0.0
        Weight of the policy's entropy, which a soft value contains: with it, and the policy of a soft-Bellman
        solution, the result is the soft value.

    Returns
    -------
    value : ndarray of shape (S,)
        Value of each state.

    Raises
    ------
    ValueError
        If the shapes do not agree, the policy's rows are not distributions, or at ``discount=1`` an episode need
        not end under the policy.

    Warns
    -----
    scipy.linalg.LinAlgWarning
        If ``discount`` is so near 1 that the values lose most of their digits.

    Examples
    --------
    A reward of 1 for ever is worth 1 / (1 - discount).

    >>> from sklearn_iqlearn import rewards
    >>> rewards.evaluate([[1.0]], [[1.0]], [[[1.0]]], discount=0.9).round(6)
    array([10.])

    Absorption: of two states the first one stays, is cured or not, with probabilities 0.5, 0.3 and 0.2; the second
    one, and its reward, are the cure.

    >>> transitions = [[[0.5, 0.3], [0.0, 0.0]]]
    >>> rewards.evaluate([[1.0], [1.0]], [0.0, 1.0], transitions, discount=1).round(6)
    array([0.6, 1. ])
    """
    kernel, labels = check_transitions(transitions)
    shape = (kernel.n_states, kernel.n_actions)
    policy = real_array("policy", by_action("policy", by_state(policy), labels), shape)
    reward = real_array("reward", by_action("reward", by_state(reward), labels), shape, shape[:1], finite=False)
    check_number("discount", discount)
    check_number("temperature", temperature, like="smoothing")
    if not (policy >= 0).all() or np.abs(policy.sum(axis=1) - 1).max() > 1e-8:
        raise ValueError(f"policy must have rows that are distributions, got {policy.min()} to {policy.max()}.")
    if not np.isfinite(reward.reshape(shape[0], -1)[(policy > 0) if reward.ndim == 2 else slice(None)]).all():
        raise ValueError("reward must be finite for every action that the policy takes, got NaN or infinity.")
    taken = policy > 0
    check_endings(discount, kernel, taken, " under the policy")
    logs = np.log(policy, where=taken, out=np.zeros(shape))
    earned = np.where(taken, reward.reshape(shape[0], -1), 0.0) - temperature * logs
    warn_ill_conditioned(policy, kernel, discount, stacklevel=3)
    return continuation(policy, kernel, discount)((policy * earned).sum(axis=1))
