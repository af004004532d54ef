"""Bands: from bootstraps, bounds, or coefficients drawn from their covariance."""

import numpy as np

from sklearn_iqlearn._estimator.parameters import check_seed
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._numerics.checks import real_array
from sklearn_iqlearn.inference import Resampled


def probability_interval(draws, confidence):
    """Quantiles of draws along the first axis, NaN where a draw is."""
    return tuple(np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0))


def draws_of(name, estimator, spread, n_draws, rng):
    """Coefficients of a structural reward, drawn from the normal distribution around the estimate.

    Parameters
    ----------
    name : str
        The parameter that holds the covariance, for errors.
    estimator : IQLearnClassifier
        Fitted, out of its pipeline.
    spread : array of shape (K, K), or DataFrame
    n_draws : int
    rng : RandomState

    Returns
    -------
    draws : ndarray of shape (n_draws, K)
    """
    if getattr(estimator, "_unidentified", None) is None:
        raise ValueError(
            f"{name} must be a bootstrap or a pair of bounds unless q_type='structural', whose coefficients are "
            f"the reward's, got {type(spread).__name__}."
        )
    matrix = real_array(name, spread, (len(estimator.coef_),) * 2)
    return rng.multivariate_normal(estimator.coef_, matrix, size=n_draws)


def bounds_of(name, given, shape, confidence):
    """Low and high, (2, *shape), from the result of ``inference.bootstrap`` or a pair of arrays."""
    pair = given.interval(confidence) if isinstance(given, Resampled) else tuple(given)
    if len(pair) != 2:
        raise ValueError(f"{name} must be a bootstrap of what is drawn, or low and high, got {len(pair)} arrays.")
    return tuple(real_array(name, bound, shape, finite=False) for bound in pair)


def band_of_policy(estimator, rows, band, confidence, n_draws, random_state):
    """Bounds of the probabilities of all actions: two arrays (n, A)."""
    if isinstance(band, Resampled | tuple | list):
        return bounds_of("band", band, (len(rows), len(estimator.classes_)), confidence)
    seen = unwrap(estimator)
    draws = draws_of("band", seen.model, band, n_draws, check_seed(random_state))
    data = seen.data(rows)
    policies = [seen.model.counterfactual(reward_coef=draw).predict_proba(data) for draw in draws]
    return probability_interval(policies, confidence)
