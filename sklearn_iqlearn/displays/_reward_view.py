"""What is drawn of a reward: differences of it, their errors, and what of it is open."""

import numpy as np
from scipy.special import ndtri

from sklearn_iqlearn._coefficients.projection import reward_features
from sklearn_iqlearn._estimator.worlds import fitted_transitions
from sklearn_iqlearn._model.tables import check_features
from sklearn_iqlearn._numerics.checks import is_count, plain, real_array
from sklearn_iqlearn.displays._drawing import positions
from sklearn_iqlearn.inference import Resampled

# Change of a reward along an open direction that is rounding.
ROUNDING = 1e-8


class View:
    """What is drawn of a table (..., S, A): differences, then some actions or what the policy expects of them."""

    def __init__(self, model, action, reference_action, reference_state, *, expected):
        self.exists = model.reward_ != -np.inf
        self.weights = model.policy_ if expected else None
        self.shown = positions(action, model.classes_)
        self.actions = np.array(["expected by the policy"]) if expected else model.classes_[self.shown]
        self.action = None if reference_action is None else positions(reference_action, model.classes_)
        self.state = reference_state
        n_states = len(model.reward_)
        if self.state is not None and not (is_count(self.state, 0) and self.state < n_states):
            raise ValueError(f"reference_state must be one of {n_states} states from 0, got {plain(self.state)}.")
        self.label = " expected by the policy" if expected else ""
        if not expected and len(self.shown) == 1 and len(model.classes_) > 1:
            self.label = f" of action {self.actions[0]}"
        taken_off = [f"action {reference_action}"] * (self.action is not None)
        taken_off += [f"state {self.state}"] * (self.state is not None)
        self.label += f", less that of {' and '.join(taken_off)}" if taken_off else ""

    def __call__(self, table):
        table = np.where(self.exists, table, np.nan)
        if self.action is not None:
            table = table - table[..., self.action]
        if self.weights is None:
            table = table[..., self.shown]
        else:
            table = np.where(self.weights > 0, self.weights * table, 0.0).sum(axis=-1, keepdims=True)
        return table if self.state is None else table - table[..., [self.state], :]

    def of_features(self, features):
        """The same of features, (S, A, K): (K, S, m)."""
        return self(np.moveaxis(features, -1, 0))


def _features(model):
    """Features of the reward of a structural fit: (S, A, K)."""
    if model.transitions is None:
        return model._approximation.situation.features
    kernel = fitted_transitions(model)
    features = check_features(model.features, (kernel.n_states, kernel.n_actions), kernel.exists)
    return reward_features(features, kernel.n_actions)


def bounds_of_reward(model, known, errors, view, reward, confidence):
    """Standard errors, low and high of what is drawn: (S, m) each."""
    if isinstance(errors, Resampled):
        found = (
            Resampled(view(errors.estimate), view(errors.samples), errors.n_trajectories)
            if (errors.estimate.shape == known.reward_.shape)
            else None
        )
        if found is None or not np.allclose(found.estimate, reward, equal_nan=True):
            raise ValueError(
                "errors must be the bootstrap of the reward_ that is drawn, got one of another array, of shape "
                f"{errors.estimate.shape}."
            )
        return found.standard_error, *found.interval(confidence)
    if known is not model or getattr(model, "_unidentified", None) is None or not hasattr(model, "coef_"):
        raise ValueError(
            "errors must be a bootstrap of reward_ unless it is that of a fit with q_type='structural', got "
            f"{type(errors).__name__}."
        )
    covariance = real_array("errors", errors, (len(model.coef_),) * 2, finite=False)
    features = view.of_features(_features(model))
    lost = np.isnan(covariance.diagonal())
    variance = np.einsum("ksa,kl,lsa->sa", features, np.where(np.isnan(covariance), 0.0, covariance), features)
    variance = np.where((np.abs(features[lost]) > ROUNDING).any(axis=0), np.nan, variance.clip(min=0.0))
    spread, reach = np.sqrt(variance), ndtri((1 + confidence) / 2)
    return spread, reward - reach * spread, reward + reach * spread


def caveat_of(model, view):
    """What is open of the reward that is drawn; empty where nothing is."""
    if not hasattr(model, "converged_"):  # a world, which was told its reward
        return ""
    if model._unidentified is None:
        return "one of the many rewards with this policy: the one that the penalty prefers"
    moved = np.einsum("nk,ksa->nsa", model._unidentified, view.of_features(_features(model)))
    n_open = (
        int(np.linalg.matrix_rank(np.nan_to_num(moved).reshape(len(moved), -1), tol=ROUNDING)) if len(moved) else 0
    )
    plural = "s" * (n_open > 1)
    return f"the decisions leave {n_open} direction{plural} of it open: the one of least norm" if n_open else ""
