"""What each parameter of the estimator must be."""

import sys

import numpy as np
from sklearn.utils import check_random_state

from sklearn_iqlearn._numerics.checks import any_array, by_state, check_bool, is_count, is_real, plain, real_array

NUMBERS = {
    "discount": ("a number in [0, 1]", lambda x: 0 <= x <= 1),
    "temperature": ("a finite number > 0", lambda x: 0 < x < np.inf),
    "alpha": ("'auto', a number > 0, or inf", lambda x: x > 0),
    "smoothing": ("a finite number >= 0", lambda x: 0 <= x < np.inf),
    "C": ("a number > 0, or inf", lambda x: x > 0),
    "learning_rate": ("a finite number > 0", lambda x: 0 < x < np.inf),
    "validation_fraction": ("a number in (0, 1)", lambda x: 0 < x < 1),
    "n_iter_no_change": ("an integer >= 1", lambda x: x >= 1 and x.is_integer()),
    "tol": ("None or a finite number > 0", lambda x: 0 < x < np.inf),
    "max_iter": ("None or an integer >= 1", lambda x: x >= 1 and x.is_integer()),
    "verbose": ("an integer >= 0", lambda x: x >= 0 and x.is_integer()),
}
# And what other functions take.
RANGES = NUMBERS | {"chance": ("a number in [0, 1)", lambda x: 0 <= x < 1)}
FLAGS = ("early_stopping", "fit_intercept", "warm_start")


def check_numbers(estimator):
    """Raise a ValueError that names the first number or flag out of its range."""
    for name in NUMBERS:
        check_number(name, getattr(estimator, name))
    for name in FLAGS:
        check_bool(name, getattr(estimator, name))


def check_number(name, value, like=None):
    """Raise a ValueError unless ``value`` is in the range of the parameter ``like``, by default ``name``."""
    rule, holds = RANGES[like or name]
    if isinstance(value, str | None) and rule.startswith(repr(value)):
        return
    if not _is_number(value) or not holds(float(value)):
        raise ValueError(f"{name} must be {rule}, got {plain(value)}.")


def _is_number(value):
    """Whether a value is a real number, infinity among them, and no integer beyond float64 nor a truth value."""
    if isinstance(value, bool | np.bool_) or not is_real(value):
        return False
    return abs(value) <= sys.float_info.max or value in (np.inf, -np.inf)


def check_confidence(value):
    """Raise a ValueError unless ``value`` is a confidence level."""
    if not is_real(value) or not 0 < value < 1:
        raise ValueError(f"confidence must be in (0, 1), got {plain(value)}.")


def check_seed(random_state):
    """``sklearn.utils.check_random_state``, with the parameter's name in its error."""
    try:
        return check_random_state(random_state)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"random_state must be None, an integer in [0, 2**32) or a RandomState, got {plain(random_state)}."
        ) from error


def check_sizes(estimator):
    """Raise a ValueError for hidden layers or batches that are not of whole positive size."""
    batch = estimator.batch_size
    if not (isinstance(batch, str) and batch == "auto") and not is_count(batch):
        raise ValueError(f"batch_size must be 'auto' or an integer >= 1, got {plain(batch)}.")
    sizes = np.atleast_1d(any_array("hidden_layer_sizes", estimator.hidden_layer_sizes))
    if sizes.ndim != 1 or not all(map(is_count, sizes.tolist())):
        raise ValueError(f"hidden_layer_sizes must be integers >= 1, got {plain(estimator.hidden_layer_sizes)}.")


def choose(name, value, options, auto=None):
    """The entry of an axis of options that ``value`` names, or a ValueError that lists them.

    Where ``auto`` is an option's name, "auto" stands for it.
    """
    names = ["auto"] * (auto is not None) + sorted(options)
    if not isinstance(value, str) or value not in names:
        raise ValueError(f"{name} must be one of {names}, got {plain(value)}.")
    return options[auto if value == "auto" and auto is not None else value]


def check_distribution(value, name, size):
    """A probability distribution over ``size`` states, as float64."""
    distribution = real_array(name, by_state(value), (size,), finite=False)
    if not np.isfinite(distribution).all() or (distribution < 0).any():
        raise ValueError(f"{name} must be finite and non-negative, got {distribution.min()}.")
    if abs(distribution.sum() - 1) > 1e-8:
        raise ValueError(f"{name} must sum to 1, got {distribution.sum():.10g}.")
    return distribution
