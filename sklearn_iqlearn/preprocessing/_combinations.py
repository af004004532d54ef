"""States as combinations of the levels of columns."""

import math

import numpy as np
import pandas as pd

from sklearn_iqlearn._numerics.checks import plain

# A product of more states than this is a slip: its frame alone would take a gigabyte.
MOST_STATES = 10_000_000


class Combinations:
    """Distinct rows of codes, which are the states, and their ids.

    Parameters
    ----------
    states : integer ndarray of shape (S, n_columns)
        Sorted, the last column varying fastest.
    """

    def __init__(self, states):
        self.states = states
        self._index = pd.MultiIndex.from_arrays(states.T)

    def find(self, codes):
        """Ids of rows of codes, -1 for those that are no state."""
        return self._index.get_indexer(pd.MultiIndex.from_arrays(codes.T)).astype(np.int64)

    def nearest(self, codes, ordered):
        """Ids of the states with the fewest changes in columns without an order, then the fewest levels away."""
        change = self.states.max() * self.states.shape[1] + 1  # outweighs all the levels in between
        distinct, position = np.unique(codes, axis=0, return_inverse=True)
        nearest = [
            np.where(ordered, np.abs(self.states - row), change * (self.states != row)).sum(axis=1).argmin()
            for row in distinct
        ]
        return np.array(nearest)[position.reshape(-1)]


def seen(codes, sizes):
    """The combinations of codes that occur."""
    table = pd.DataFrame(codes).drop_duplicates()
    return table.sort_values(table.columns.tolist()).to_numpy()


def product(codes, sizes):
    """All combinations of codes below ``sizes``."""
    n_states = math.prod(sizes)
    if n_states > MOST_STATES:
        raise ValueError(
            f"combinations='product' must make at most {MOST_STATES} states, got {n_states}, the product of "
            f"{plain(sizes)}: take fewer bins, or combinations='seen'."
        )
    return np.indices(sizes).reshape(len(sizes), -1).T


COMBINATIONS = {"seen": seen, "product": product}
