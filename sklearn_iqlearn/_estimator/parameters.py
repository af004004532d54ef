"""What each parameter of the estimator must be."""

import numbers

import numpy as np

NUMBERS = {
    "discount": ("a number in [0, 1)", lambda x: 0 <= x < 1),
    "temperature": ("a finite number > 0", lambda x: 0 < x < np.inf),
    "alpha": ("a number > 0, or inf", lambda x: x > 0),
    "smoothing": ("a finite number >= 0", lambda x: 0 <= x < np.inf),
    "C": ("a number > 0, or inf", lambda x: x > 0),
    "learning_rate": ("a finite number > 0", lambda x: 0 < x < np.inf),
    "n_iter_no_change": ("an integer >= 1", lambda x: x >= 1 and float(x).is_integer()),
    "tol": ("None or a finite number > 0", lambda x: 0 < x < np.inf),
    "max_iter": ("None or an integer >= 1", lambda x: x >= 1 and float(x).is_integer()),
    "verbose": ("an integer >= 0", lambda x: x >= 0 and float(x).is_integer()),
}


def check_numbers(estimator):
    """Raise a ValueError that names the first number parameter out of its range."""
    for name in NUMBERS:
        check_number(name, getattr(estimator, name))


def check_number(name, value):
    """Raise a ValueError unless ``value`` is in the range of the parameter ``name``."""
    rule, holds = NUMBERS[name]
    if value is None and rule.startswith("None"):
        return
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not holds(value):
        raise ValueError(f"{name} must be {rule}, got {value!r}.")


def check_count(name, value, least=1):
    """Raise a ValueError unless ``value`` is an integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}.")


def check_confidence(value):
    """Raise a ValueError unless ``value`` is a confidence level."""
    if not isinstance(value, numbers.Real) or not 0 < float(value) < 1:
        raise ValueError(f"confidence must be in (0, 1), got {value!r}.")


def check_sizes(estimator):
    """Raise a ValueError for hidden layers or batches that are not of whole positive size."""
    batch = estimator.batch_size
    if not (isinstance(batch, str) and batch == "auto") and not (
        isinstance(batch, int | np.integer) and batch >= 1
    ):
        raise ValueError(f"batch_size must be 'auto' or an integer >= 1, got {batch!r}.")
    sizes = np.atleast_1d(estimator.hidden_layer_sizes)
    if sizes.ndim != 1 or not all(isinstance(size.item(), int) and size >= 1 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be integers >= 1, got {estimator.hidden_layer_sizes!r}.")


def choose(name, value, options):
    """The entry of an axis of options that ``value`` names, or a ValueError that lists them."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {sorted(options)}, got {value!r}.")
    return options[value]


def check_distribution(value, name, size):
    """A probability distribution over ``size`` states, as float64."""
    distribution = np.asarray(value, dtype=np.float64)
    if distribution.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},), got {distribution.shape}.")
    if not np.isfinite(distribution).all() or (distribution < 0).any():
        raise ValueError(f"{name} must be finite and non-negative, got {distribution.min()}.")
    if abs(distribution.sum() - 1) > 1e-8:
        raise ValueError(f"{name} must sum to 1, got {distribution.sum():.10g}.")
    return distribution
