"""How many nodes or knots each column has."""

import numpy as np

from sklearn_iqlearn._numerics.checks import is_count, plain


def counts_of_columns(name, given, n_columns, *, least):
    """A number, or one for each column, as a list of one for each column."""
    counts = [given] * n_columns if np.ndim(given) == 0 else list(given)
    if len(counts) != n_columns or not all(is_count(count, least) for count in counts):
        raise ValueError(
            f"{name} must be an integer >= {least}, or one for each of {n_columns} columns, got {plain(given)}."
        )
    return counts
