"""Other worlds of a structural fit without transitions: the same moves, another reward, discount or choice of
actions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_iqlearn._approximation.approximate import RUNS_AWAY
from sklearn_iqlearn._estimator.approximated import states_given
from sklearn_iqlearn._estimator.fitted import remember_parameters
from sklearn_iqlearn._estimator.parameters import check_numbers
from sklearn_iqlearn._estimator.reading import are_labels
from sklearn_iqlearn._estimator.row_functions import base_in, exists_in, features_in
from sklearn_iqlearn._model.soft_bellman import log_policy, soft_value, solve_soft_bellman
from sklearn_iqlearn._numerics.checks import any_array, plain, real_array

# Fitted attributes that hold in any world with the same moves.
OF_THE_MOVES = (
    "classes_",
    "states_",
    "n_features_in_",
    "feature_names_in_",
    "counts_",
    "initial_distribution_",
    "state_coverage_",
    "state_action_coverage_",
    "basis_",
    "continuation_",
    "alpha_",
    "_approximation",
    "_unidentified",
)


@dataclass(frozen=True)
class Allowed:
    """An action mask less what is forbidden.

    Parameters
    ----------
    action_mask : callable or None
    forbid : boolean ndarray of shape (A,), or callable from X to booleans (n_rows, A)
    classes : ndarray of shape (A,)
    """

    action_mask: Any
    forbid: Any
    classes: np.ndarray

    def __call__(self, X):
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        allowed = np.ones((n_rows, len(self.classes)), dtype=bool)
        if self.action_mask is not None:
            allowed = exists_in(self.action_mask, X, self.classes)
        if not callable(self.forbid):
            return allowed & ~self.forbid
        return allowed & ~real_array("forbid", self.forbid(X), allowed.shape).astype(bool)


def counterfactual_of_rows(fit, *, reward_coef, base_reward, discount, temperature, forbid):
    """A fitted estimator of the changed world, that answers for any rows.

    Parameters
    ----------
    fit : IQLearnClassifier
        Structural, fitted without transitions.
    reward_coef, base_reward, discount, temperature, forbid
        As in ``counterfactual``; ``base_reward`` and ``forbid`` may be functions of X.
    """
    changes = {"base_reward": base_reward, "discount": discount, "temperature": temperature}
    world = clone(fit).set_params(**{name: value for name, value in changes.items() if value is not None})
    check_numbers(world)
    if world.discount == 1:
        raise ValueError("discount must be less than 1 without transitions, got 1.")
    if forbid is not None:
        world.action_mask = Allowed(fit.action_mask, _which(forbid, fit.classes_), fit.classes_)
    X, classes = states_given(fit), fit.classes_
    if forbid is not None and not (left := world.action_mask(X).any(axis=1)).all():
        state = plain(fit.states_[np.argmin(left)])
        raise ValueError(f"forbid must leave an action in every state, got none in {state}.")
    kernel = fit._approximation.transitions
    exists = kernel.pairs if world.action_mask is None else exists_in(world.action_mask, X, classes)
    coef = fit.coef_ if reward_coef is None else real_array("reward_coef", reward_coef, fit.coef_.shape)
    reward = features_in(fit.features, X, classes, kernel.pairs) @ coef
    if world.base_reward is not None:
        reward += base_in(world.base_reward, X, classes, kernel.pairs)
    reward = np.where(exists & kernel.pairs, reward, -np.inf)
    q = solve_soft_bellman(reward, kernel, float(world.discount), float(world.temperature))
    policy = np.exp(log_policy(q, world.temperature))
    if kernel.log_policy is not None and (radius := world.discount * kernel.spectral_radius(policy)) >= RUNS_AWAY:
        raise ArithmeticError(
            "basis runs away under the policy of this world: the spectral radius of what it carries on is "
            f"{radius:.4f}, so that values are not the sum of what follows. Fit with an averaging "
            "basis, preprocessing.Hats."
        )
    for name in OF_THE_MOVES:
        if hasattr(fit, name):
            setattr(world, name, getattr(fit, name))
    vars(world).update(remember_parameters(world))
    world._n_fitted = fit._n_free()
    world.coef_, world.q_table_, world.policy_, world.reward_ = coef, q, policy, reward
    world.value_ = soft_value(q, world.temperature)
    vars(world).update(kernel.carried(world.value_, policy, world.discount))
    return world


def _which(forbid, classes):
    """Forbidden actions as booleans (A,), or the function of X that tells them."""
    if callable(forbid):
        return forbid
    forbid = np.atleast_1d(any_array("forbid", forbid))
    if forbid.ndim != 1 or not are_labels(forbid, classes).all():
        raise ValueError(
            f"forbid must be actions of {plain(classes)}, or a function of X that returns booleans "
            f"(n_rows, {len(classes)}), without transitions, got {plain(forbid)} of shape {forbid.shape}."
        )
    return np.isin(classes, forbid)
