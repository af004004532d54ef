"""Other worlds of a structural fit without transitions: the same moves, another reward, discount or choice of
actions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_iqlearn._approximation.approximate import averaged
from sklearn_iqlearn._estimator.fitted import OF_THE_DATA, remember_parameters
from sklearn_iqlearn._estimator.parameters import check_numbers
from sklearn_iqlearn._estimator.reading import are_labels
from sklearn_iqlearn._estimator.row_functions import base_in, exists_in
from sklearn_iqlearn._estimator.telling import tell
from sklearn_iqlearn._model.soft_bellman import NotSolved, log_policy, soft_value, solve_soft_bellman
from sklearn_iqlearn._numerics.checks import any_array, n_rows_of, plain, real_array
from sklearn_iqlearn.exceptions import DataWarning

# Fitted attributes that hold in any world with the same moves.
OF_THE_MOVES = (*OF_THE_DATA, "states_", "alpha_", "_unidentified")
RUNS_AWAY = (
    "basis runs away in this world: what its projection carries on grows from step to step under the policy "
    "there, so that values are not the sum of what follows. Averages took its place: hats, in the columns that "
    "the rows bear out. Where the answer matters, fit with an averaging basis, preprocessing.Hats, and compare."
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
        allowed = np.ones((n_rows_of(X), len(self.classes)), dtype=bool)
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
    if discount and (fit._approximation.situation.rows.successors < 0).all():
        raise ValueError(
            f"discount must be None for a fit to rows of which none has a next state, got {plain(discount)}: fit "
            "with trajectory or next_X."
        )
    if forbid is not None:
        world.action_mask = Allowed(fit.action_mask, _which(forbid, fit.classes_), fit.classes_)
    found = fit._approximation
    situation, classes = found.situation, fit.classes_
    exists = found.transitions.pairs
    if isinstance(world.action_mask, Allowed):
        exists = _leaving_one(world.action_mask(situation.X), situation.X)
    coef = fit.coef_ if reward_coef is None else real_array("reward_coef", reward_coef, fit.coef_.shape)
    reward = situation.features @ coef
    if world.base_reward is not None:
        reward += base_in(world.base_reward, situation.X, classes, found.transitions.pairs)
    reward = np.where(exists, reward, -np.inf)
    q = _solved(world, found.transitions, reward)
    if q is None:
        found = averaged(situation)
        tell([RUNS_AWAY], DataWarning, stacklevel=3)
        q = _solved(world, found.transitions, reward)
    for name in OF_THE_MOVES:
        if hasattr(fit, name):
            setattr(world, name, getattr(fit, name))
    vars(world).update(remember_parameters(world) | found.attributes())
    world._n_fitted = fit._n_free()
    world.coef_, world.q_table_, world.reward_ = coef, q, reward
    world.policy_, world.value_ = np.exp(log_policy(q, world.temperature)), soft_value(q, world.temperature)
    vars(world).update(found.transitions.carried(world.value_, world.policy_, world.discount))
    return world


def _leaving_one(allowed, X):
    """Which pairs of the distinct states are allowed, if that is an action at least in each."""
    if not allowed.any(axis=1).all():
        state = plain(np.asarray(X)[np.argmin(allowed.any(axis=1))])
        raise ValueError(f"forbid must leave an action in every state, got none in {state}.")
    return allowed


def _solved(world, transitions, reward):
    """The action values of a reward, None where what a projection carries on runs away."""
    discount, temperature = float(world.discount), float(world.temperature)
    try:
        q = solve_soft_bellman(reward, transitions, discount, temperature)
    except NotSolved:
        if transitions.contracts:
            raise
        return None
    return None if transitions.runs_away(np.exp(log_policy(q, temperature)), discount) else q


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
