"""A fitted estimator in another world: changed, solved again, and simulated."""

import numpy as np
import pandas as pd
from sklearn.base import clone

from sklearn_iqlearn._coefficients.projection import reward_features
from sklearn_iqlearn._estimator.fitted import OF_THE_DATA, as_fitted, remember_parameters
from sklearn_iqlearn._estimator.parameters import check_distribution, check_numbers, check_seed
from sklearn_iqlearn._estimator.policy import FittedPolicy
from sklearn_iqlearn._estimator.reading import are_labels, check_base_reward
from sklearn_iqlearn._estimator.row_worlds import counterfactual_of_rows
from sklearn_iqlearn._model.continuation import warn_ill_conditioned
from sklearn_iqlearn._model.endings import check_endings
from sklearn_iqlearn._model.simulation import simulate
from sklearn_iqlearn._model.soft_bellman import (
    inverse_bellman,
    log_policy,
    soft_value,
    solve_soft_bellman,
)
from sklearn_iqlearn._model.tables import check_features
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn._numerics.checks import any_array, by_action, by_state, check_count, plain, real_array
from sklearn_iqlearn._numerics.threads import few_threads
from sklearn_iqlearn._q_functions.structural import Structural


class Worlds(FittedPolicy):
    """A fit, and what its decision maker does in other worlds."""

    def counterfactual(
        self,
        *,
        transitions=None,
        reward=None,
        reward_coef=None,
        base_reward=None,
        discount=None,
        temperature=None,
        forbid=None,
    ):
        """The decision maker in a changed world: the policy solved again for what is changed.

        What is not given stays as it is in the estimator. The answer depends on more than the policy: rewards
        that differ by a shaping term, which the same decisions fit equally well, lead to different policies
        once the transitions or the discount change. ``q_type="structural"``, ``reward_coef`` and
        ``rewards.anchor`` choose among them by what is known of the reward.

        Of a structural fit without ``transitions`` the moves stay those of its rows: ``reward_coef``,
        ``base_reward``, ``discount``, ``temperature`` and ``forbid`` may change, ``base_reward`` and ``forbid`` as
        functions of X. It can be trusted as far as the world's policy stays where there are rows of the actions it
        takes.

        Parameters
        ----------
        transitions : as for the estimator, optional
            New transitions, between the same states by the same actions.
        reward : array of shape (S, A) or (S,), optional
            New reward; minus infinity forbids a pair. By default ``reward_``.
        reward_coef : array of shape (K,), optional
            Coefficients of the estimator's ``features`` that make up the new reward, instead of ``reward``:
            ``reward_coef_`` as it is, or with changes. The part that is known, ``base_reward``, is added.
        base_reward : array of shape (S, A) or (S,), optional
            What takes the place of the estimator's ``base_reward`` in the reward.
        discount, temperature : float, optional
            New discount and temperature.
        forbid : action, list of actions, or boolean array of shape (S, A), optional
            Actions that can no longer be taken, everywhere or where the array is true. Earlier bans stay, and so
            does ``action_mask``.

        Returns
        -------
        world : IQLearnClassifier
            A fitted estimator whose Q is the table that solves the changed world. Its ``counts_``,
            ``initial_distribution_`` and coverage are still those of the data; what tells of a fit (``coef_``,
            ``converged_``) it lacks, and ``inference`` is for the fit itself.

        Raises
        ------
        ValueError
            If the estimator was fitted without transitions, and is not structural, the new ones have other states
            or actions, a coefficient is NaN (not identified), or a state is left without an action, at
            ``discount=1`` without a way to an end.
        ArithmeticError
            If the soft Bellman equation is not solved to the rounding of its values: they overflow, or the
            discount is so near 1 that no digits are left. The message has the last change and the residual. At
            ``discount=1`` also if it has no finite solution, as where a loop is worth more than its chance to end
            takes away: the message names a state of the loop.

        Warns
        -----
        DataWarning
            Without ``transitions``, if a projection runs away in the new world: averages take its place.

        References
        ----------
        Rust (1987), section 5. Kalouptsidi, Scott and Souza-Rodrigues (2021). Identification of counterfactuals in
        dynamic discrete choice models. Quantitative Economics 12(2): which counterfactuals the policy decides.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_iqlearn import IQLearnClassifier
        >>> from sklearn_iqlearn.datasets import make_bus_engine
        >>> bus = make_bus_engine(n_trajectories=100, random_state=0)
        >>> model = IQLearnClassifier(
        ...     bus.transitions, discount=bus.discount, q_type="structural", features=bus.features, alpha=np.inf
        ... ).fit(bus.data, bus.target)
        >>> dearer = model.counterfactual(reward_coef=model.coef_ * [1, 2])
        >>> bool(dearer.policy_[60, 1] < model.policy_[60, 1])
        True
        """
        fit = as_fitted(self)
        if fit.transitions is None and fit._form() is Structural:
            if transitions is not None or reward is not None:
                raise ValueError(
                    "transitions and reward must be None for a fit without transitions, whose moves are those of "
                    "its rows: pass reward_coef, base_reward, discount, temperature or forbid."
                )
            return counterfactual_of_rows(
                fit,
                reward_coef=reward_coef,
                base_reward=base_reward,
                discount=discount,
                temperature=temperature,
                forbid=forbid,
            )
        kernel = fitted_transitions(fit)
        changes = {
            "transitions": transitions,
            "base_reward": base_reward,
            "discount": discount,
            "temperature": temperature,
        }
        parameters = {name: value for name, value in changes.items() if value is not None}
        world = clone(fit).set_params(q_type="tabular", **parameters)
        check_numbers(world)
        if transitions is not None:
            kernel, labels = check_transitions(transitions, fit.action_mask)
            shape = (kernel.n_states, kernel.n_actions)
            if shape != self.q_table_.shape or not np.array_equal(labels, self.classes_):
                raise ValueError(
                    f"transitions must have the {len(self.q_table_)} states and the actions "
                    f"{plain(self.classes_)} of the fit, got {kernel.n_states} states and {plain(labels)}."
                )
        reward = _new_reward(fit, kernel, reward, reward_coef, base_reward)
        reward = np.where(_forbidden(fit, forbid) | (self.reward_ == -np.inf), -np.inf, reward)
        if (reward == -np.inf).all(axis=1).any():
            state = int(np.argmax((reward == -np.inf).all(axis=1)))
            raise ValueError(f"forbid and reward must leave an action in every state, got none in state {state}.")
        check_endings(world.discount, kernel, reward > -np.inf, " without what is forbidden")
        with few_threads(kernel.n_states):
            numbers = float(world.discount), float(world.temperature)
            q = solve_soft_bellman(reward, kernel, *numbers, start=self.q_table_)
        policy = np.exp(log_policy(q, world.temperature))
        warn_ill_conditioned(policy, kernel, world.discount, stacklevel=3)
        return _settle(world, fit, q, reward)

    def sample(self, n_trajectories=1, n_steps=100, *, initial_distribution=None, random_state=None):
        """Simulate decisions of the policy.

        Parameters
        ----------
        n_trajectories : int, default=1
            Trajectories.
        n_steps : int, default=100
            Decisions in each trajectory; fewer where its episode ends.
        initial_distribution : array of shape (S,), optional
            Distribution of the first state; by default ``initial_distribution_``.
        random_state : int, RandomState or None, default=None
            Seed of what is drawn, or the generator that draws it.

        Returns
        -------
        decisions : DataFrame
            Columns ``trajectory`` and ``step`` (from 0), the state (named as in ``fit``, or ``state``),
            ``action`` (of ``classes_``) and ``terminal`` (whether the episode ended after it).

        Raises
        ------
        ValueError
            If the estimator was fitted without transitions, or a number is not an integer >= 1.
        """
        kernel = fitted_transitions(self)
        check_count("n_trajectories", n_trajectories)
        check_count("n_steps", n_steps)
        initial = self.initial_distribution_
        if initial_distribution is not None:
            initial = check_distribution(initial_distribution, "initial_distribution", kernel.n_states)
        rng = check_seed(random_state)
        columns = simulate(self.policy_, kernel, initial, n_trajectories, n_steps, rng)
        columns["action"] = self.classes_[columns["action"]]
        name = getattr(self, "feature_names_in_", ["state"])[0]
        if name not in columns:
            columns = {name if column == "state" else column: values for column, values in columns.items()}
        return pd.DataFrame(columns)


def fitted_transitions(estimator):
    """The transitions of a fitted estimator, or an error that says what is missing."""
    estimator = as_fitted(estimator)
    if estimator.transitions is None:
        raise ValueError(
            "transitions must be given to the estimator for this: decisions alone do not tell where actions "
            "never taken would lead. Got transitions=None."
        )
    return check_transitions(estimator.transitions, estimator.action_mask)[0]


def with_values(estimator, kernel, value):
    """A copy of a fit with the same policy and other values, and the reward and Q that belong to them."""
    world = clone(estimator).set_params(q_type="tabular")
    q = value[:, None] + estimator.temperature * log_policy(estimator.q_table_, estimator.temperature)
    return _settle(world, estimator, q, inverse_bellman(q, value, kernel, estimator.discount))


def _settle(world, origin, q, reward):
    """Fill in the fitted attributes of a world whose Q is known."""
    for name in OF_THE_DATA:
        if hasattr(origin, name):
            setattr(world, name, getattr(origin, name))
    world._n_fitted = origin._n_free()
    vars(world).update(remember_parameters(world))
    world.q_table_, world.reward_ = q, reward
    world.value_ = soft_value(q, world.temperature)
    world.policy_ = np.exp(log_policy(q, world.temperature))
    return world


def _new_reward(estimator, kernel, reward, coef, base_reward):
    """The reward of a counterfactual: (S, A)."""
    if reward is not None and coef is not None:
        raise ValueError("reward and reward_coef both tell the new reward: pass one of them.")
    if reward is not None and base_reward is not None:
        raise ValueError("reward and base_reward both tell the new reward: pass one of them.")
    shape, actions = estimator.q_table_.shape, estimator.classes_
    known = check_base_reward(estimator.base_reward, kernel, actions)
    new_base = known if base_reward is None else check_base_reward(base_reward, kernel, actions)
    if coef is not None:
        if estimator.features is None:
            raise ValueError("reward_coef needs features, whose coefficients they are; the estimator has none.")
        features = reward_features(check_features(estimator.features, shape, kernel.exists), shape[1])
        coef = real_array("reward_coef", coef, features.shape[2:], finite=False)
        if not np.isfinite(coef).all():
            raise ValueError(
                f"reward_coef must be finite, got {coef.tolist()}: put a value of your own, 0 say, where the "
                "decisions do not identify one."
            )
        return new_base + features @ coef
    if reward is None:
        return estimator.reward_ + (new_base - known)
    reward = by_action("reward", by_state(reward), actions)
    reward = real_array("reward", reward, shape, shape[:1], finite=False)
    reward = kernel.only(np.broadcast_to(reward.reshape(shape[0], -1), shape))
    if np.isnan(reward).any() or (reward == np.inf).any():
        raise ValueError("reward must be finite or minus infinity, got NaN or infinity.")
    return reward


def _forbidden(estimator, forbid):
    """Pairs that must not be taken: boolean, (S, A) or (A,)."""
    actions = estimator.classes_
    if forbid is None:
        return np.zeros(len(actions), dtype=bool)
    forbid = np.atleast_1d(any_array("forbid", by_action("forbid", by_state(forbid), actions)))
    if forbid.dtype == bool and forbid.shape == estimator.q_table_.shape:
        return forbid
    mask = forbid.dtype == bool and actions.dtype != bool  # True is no name for action 1
    if mask or forbid.ndim != 1 or not are_labels(forbid, actions).all():
        raise ValueError(
            f"forbid must be actions of {plain(actions)}, or a boolean array of shape "
            f"{estimator.q_table_.shape}, got {plain(forbid)} of shape {forbid.shape}."
        )
    return np.isin(actions, forbid)
