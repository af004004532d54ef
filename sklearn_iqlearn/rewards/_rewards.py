"""Coefficients, anchored rewards, occupancies and values of fitted estimators."""

import warnings

import numpy as np

from sklearn_iqlearn._coefficients.identification import OPEN, IdentificationWarning
from sklearn_iqlearn._estimator.coefficients import project_reward
from sklearn_iqlearn._estimator.parameters import check_distribution, check_number
from sklearn_iqlearn._estimator.reading import are_labels
from sklearn_iqlearn._estimator.telling import tell
from sklearn_iqlearn._estimator.worlds import fitted_transitions, with_values
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._model.simulation import discounted_shares, long_run_shares
from sklearn_iqlearn._model.soft_bellman import continuation_system, log_policy, warn_ill_conditioned
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn._numerics.checks import any_array, check_bool, plain, real_array
from sklearn_iqlearn._numerics.linear_algebra import factor
from sklearn_iqlearn.exceptions import DataWarning

# Standard deviations of Pearson's statistic above its mean that are no chance, skewed as it is.
MISFIT = 5.0


def project(estimator, features=None, *, method="pseudo-likelihood", shaping=True):
    """Coefficients of the reward behind a fitted policy.

    "pseudo-likelihood": the logit of the decisions whose action values, linear in the coefficients, are those of
    the policy; then from the policy of that logit, and so on until it settles. It settles where the likelihood of
    the decisions is stationary: at what ``q_type="structural"`` with ``alpha=inf`` fits, from any policy, in some
    ten rounds of one linear system each. So neither the penalty nor the form of Q play a role.

    "least-squares": minimises, over coefficients and a potential psi, the sum over the visited pairs of
    ``counts_ * (reward_ - features @ coef - psi + discount * P psi)**2``. No decision is solved for, and the
    answer inherits the noise of ``reward_`` in rarely visited pairs: it needs many decisions. On Rust's buses of
    group 4, 4,292 decisions, a table with ``alpha=1000`` gives (-0.17, 4.33) where the likelihood has its maximum
    at (2.29, 10.07).

    Parameters
    ----------
    estimator : IQLearnClassifier, or a Pipeline or search that ends in one
        Fitted with ``transitions``; of a counterfactual, which made no decisions, the policy stands for them in
        the states visited.
    features : array of shape (S, A, K) or (S, K), optional
        Features of the reward, by default the estimator's; those of shape (S, K) are paid whatever the action.
    method : {"pseudo-likelihood", "least-squares"}, default="pseudo-likelihood"
    shaping : bool, default=True
        False regresses ``reward_`` itself by least squares, without psi. That answers another question: how the
        features account for the reward that the penalty prefers. On simulated bus engines it misses the truth by
        more than half.

    Returns
    -------
    projection : sklearn.utils.Bunch
        coef : ndarray of shape (K,)
            Of least norm, in units of the features' largest absolute values, where directions are open.
        unidentified : ndarray of shape (n, K)
            Open directions: a multiple of a row, added to the coefficients, changes no choice in a visited state.
            So do features that are, alone or together, a shaping term (a constant), or collinear. For
            "least-squares" open is all that the rewards of the visited pairs do not tell; the form of the reward,
            which binds the other pairs too, tells more.
        potential : ndarray of shape (S,)
            psi: with it ``reward_`` is ``features @ coef + psi - discount * P psi``, as far as the form holds.
        explained : float
            At most 1. Of "pseudo-likelihood" the share of the log-likelihood that the policy gains over the
            frequencies of the actions, or the form if that gains more, that the form gains; of "least-squares" the
            share of the weighted sum of squares of the reward, shaping removed, that the features account for. Far
            from 1, the form is wrong or the data are few.
        misfit : float
            Only of "pseudo-likelihood": Pearson's statistic of the decisions in the visited states under the form,
            less its mean and divided by its standard deviation. About standard normal where the form holds,
            decisions are independent and each weighs 1; large where it does not.

    Raises
    ------
    ValueError
        If there are no features, their shape is not that of the states and actions, or ``method`` is unknown.

    Warns
    -----
    IdentificationWarning
        If directions are open.
    sklearn.exceptions.ConvergenceWarning
        If the likelihood has no maximum that can be found: as where one action explains all.
    DataWarning
        If ``misfit`` is above 5: the form of the reward does not hold.

    References
    ----------
    Hotz and Miller (1993). Conditional choice probabilities. Review of Economic Studies 60(3).
    Aguirregabiria and Mira (2002). Swapping the nested fixed point algorithm. Econometrica 70(4).
    Ng, Harada and Russell (1999). Policy invariance under reward transformations. ICML.
    Osius and Rojek (1992). Normal goodness-of-fit tests for multinomial models with large degrees of freedom.
    Journal of the American Statistical Association 87.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier, rewards
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> bus = make_bus_engine(random_state=0)
    >>> model = IQLearnClassifier(bus.transitions, discount=bus.discount, alpha=1000).fit(bus.data, bus.target)
    >>> bus.coef  # the truth
    array([0.01, 3.  ])
    >>> rewards.project(model, bus.features).coef.round(2)
    array([0.01, 2.99])
    >>> rewards.project(model, bus.features, shaping=False).coef.round(2)
    array([-0.02,  0.54])
    """
    found = project_reward(unwrap(estimator).model, features, method=method, shaping=shaping)
    tell([OPEN] * bool(len(found.unidentified)), IdentificationWarning, stacklevel=2)
    if found.get("misfit", 0.0) > MISFIT:
        warnings.warn(
            f"The form of the reward does not hold: its misfit is {found.misfit:.1f}, where chance gives about 0 "
            "to 2. Add features, let states be finer, or ask whether decision makers are of several kinds.",
            DataWarning,
            stacklevel=2,
        )
    return found


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
        If the action is unknown, was never taken or is forbidden, or a reward is not finite.

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
    warn_ill_conditioned(always, kernel, estimator.discount, stacklevel=3)
    solve = factor(continuation_system(always, kernel, estimator.discount))
    return with_values(estimator, kernel, solve(known - estimator.temperature * log_probability))


def occupancy(estimator, *, long_run=False, initial_distribution=None):
    """Shares of the state-action pairs among the decisions of the policy.

    Parameters
    ----------
    estimator : IQLearnClassifier, or a Pipeline or search that ends in one
        Fitted with ``transitions``, or a counterfactual.
    long_run : bool, default=False
        False weights the decision at step t with ``discount**t``, as a value does. True is the share in an endless
        run, in which a new episode starts where one ends.
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
        states = discounted_shares(estimator.policy_, kernel, float(estimator.discount), initial)
    return states[:, None] * estimator.policy_


def evaluate(policy, reward, transitions, *, discount, temperature=0.0):
    """Value of a policy under a reward: the discounted sum of rewards that it expects from each state.

    Parameters
    ----------
    policy : array of shape (S, A)
        Probability of each action.
    reward : array of shape (S, A) or (S,)
    transitions : array of shape (A, S, S), sequence of A matrices (S, S), or mapping
        As for ``IQLearnClassifier``.
    discount : float in [0, 1)
    temperature : float >= 0, default=0.0
        Weight of the policy's entropy, which a soft value contains: with it, and the policy of a soft-Bellman
        solution, the result is the soft value.

    Returns
    -------
    value : ndarray of shape (S,)

    Raises
    ------
    ValueError
        If the shapes do not agree, or the policy's rows are not distributions.

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
    """
    kernel = check_transitions(transitions)[0]
    shape = (kernel.n_states, kernel.n_actions)
    policy = real_array("policy", policy, shape)
    reward = real_array("reward", reward, shape, shape[:1], finite=False)
    check_number("discount", discount)
    check_number("temperature", temperature, like="smoothing")
    if not (policy >= 0).all() or np.abs(policy.sum(axis=1) - 1).max() > 1e-8:
        raise ValueError(f"policy must have rows that are distributions, got {policy.min()} to {policy.max()}.")
    if not np.isfinite(reward.reshape(shape[0], -1)[(policy > 0) if reward.ndim == 2 else slice(None)]).all():
        raise ValueError("reward must be finite for every action that the policy takes, got NaN or infinity.")
    taken = policy > 0
    logs = np.log(policy, where=taken, out=np.zeros(shape))
    earned = np.where(taken, reward.reshape(shape[0], -1), 0.0) - temperature * logs
    warn_ill_conditioned(policy, kernel, discount, stacklevel=3)
    return factor(continuation_system(policy, kernel, discount))((policy * earned).sum(axis=1))
