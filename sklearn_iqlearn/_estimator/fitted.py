"""A fitted estimator answers for its fit, whatever parameters are set on it later."""

import copy

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_iqlearn._numerics.checks import plain


def as_fitted(estimator):
    """The estimator with the parameters that it was fitted with; the given one stays as it is."""
    if not isinstance(estimator, BaseEstimator):
        raise TypeError(f"estimator must be a fitted IQLearnClassifier, got {plain(estimator)}.")
    check_is_fitted(estimator)
    if not hasattr(estimator, "_fit_parameters"):
        raise TypeError(f"estimator must be a fitted IQLearnClassifier, got one of {type(estimator).__name__}.")
    original = copy.copy(estimator)
    vars(original).update(estimator._fit_parameters)
    return original


def remember_parameters(estimator):
    """The fitted attribute of which ``as_fitted`` makes use."""
    return {"_fit_parameters": estimator.get_params(deep=False)}
