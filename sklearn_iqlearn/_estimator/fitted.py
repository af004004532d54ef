"""A fitted estimator answers for its fit, whatever parameters are set on it later."""

import copy

from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

# Fitted attributes that describe the data, and so hold in any world.
OF_THE_DATA = (
    "classes_",
    "n_features_in_",
    "feature_names_in_",
    "counts_",
    "initial_distribution_",
    "state_coverage_",
    "state_action_coverage_",
)


def as_fitted(estimator):
    """The estimator with the parameters that it was fitted with; the given one stays as it is.

    Transitions that the fit has estimated are those found.
    """
    original = as_told(estimator)
    found = getattr(original, "transitions_", None)
    if found is not None:
        original.transitions, original.action_mask = found.transitions, found.action_mask
    return original


def as_told(estimator):
    """The same, with transitions that are to be estimated from whatever rows it is fitted to."""
    check_is_fitted(estimator)
    original = copy.copy(estimator)
    vars(original).update(estimator._fit_parameters)
    if hasattr(original, "basis_"):  # what carries its continuation stays as it was chosen and fitted
        original.basis = {label: FrozenEstimator(found) for label, found in original.basis_.items()}
    return original


def remember_parameters(estimator):
    """The fitted attribute of which ``as_fitted`` makes use."""
    return {"_fit_parameters": estimator.get_params(deep=False)}
