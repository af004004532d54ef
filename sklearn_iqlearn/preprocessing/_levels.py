"""The levels of one column: bins of numbers, or values as they are.

A column becomes codes 0, ..., n - 1, in the order of its levels. ``Bins`` and ``Values`` share their members:
``size``, ``numeric``, ``ordered`` (whether neighbouring levels are alike), ``codes`` (-1 for a value of no level),
``nearest`` (-1 for one that has none near) and ``describe``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pandas as pd
from pandas.api import types

from sklearn_iqlearn._numerics.checks import check_count, plain, real_array
from sklearn_iqlearn.preprocessing._table import numbers_of, refuse_rows


@dataclass(frozen=True)
class Bins:
    """Intervals of numbers, each with its lower edge and without its upper one; the last has both.

    Parameters
    ----------
    edges : ndarray of shape (n + 1,)
        Increasing; the outer ones may be infinite.
    points : ndarray of shape (n,)
        A number in each bin that stands for it.
    """

    edges: np.ndarray
    points: np.ndarray
    ordered: ClassVar[bool] = True
    numeric: ClassVar[bool] = True

    @classmethod
    def of(cls, numbers, edges):
        """Bins that are stood for by the mean of their numbers, or the middle where they have none."""
        numbers = np.sort(numbers)  # so that the order of the rows does not change a mean, not even by rounding
        starts = np.searchsorted(numbers, edges[:-1])
        stops = np.append(starts[1:], np.searchsorted(numbers, edges[-1], side="right"))
        bounds = zip(edges[:-1], edges[1:], starts, stops, strict=True)
        return cls(edges, np.array([_point(low, high, numbers[start:stop]) for low, high, start, stop in bounds]))

    @classmethod
    def fitted(cls, numbers, strategy, n_bins):
        """Bins with the inner edges that a strategy finds, and room for all beyond."""
        return cls.of(numbers, np.concatenate([[-np.inf], strategy(numbers, n_bins), [np.inf]]))

    @property
    def size(self):
        return len(self.points)

    def codes(self, column):
        numbers = numbers_of(column)
        outside = (numbers < self.edges[0]) | (numbers > self.edges[-1])
        return np.where(outside, -1, self.nearest(column))

    def nearest(self, column):
        return np.clip(np.searchsorted(self.edges, numbers_of(column), side="right") - 1, 0, self.size - 1)

    def describe(self, name, codes):
        """Columns for a frame: the points under the column's own name, and the names of the bins."""
        return {name: self.points[codes], f"{name}_bin": np.array(self._names(), dtype=object)[codes]}

    def _names(self):
        texts = _distinct_texts(self.edges)
        names = [f"[{low}, {high})" for low, high in pairwise(texts)]
        names[-1] = names[-1][:-1] + "]"
        if self.edges[-1] == np.inf:
            names[-1] = f">= {texts[-2]}"
        if self.edges[0] == -np.inf:
            names[0] = f"< {texts[1]}" if self.edges[1] < np.inf else "any"
        return names


def _point(low, high, inside):
    if inside.size:
        return np.clip(inside.mean(), inside[0], inside[-1])  # a rounded mean may lie outside
    if np.isinf(high):
        return low
    return np.nextafter(high, low) if np.isinf(low) else low + (high - low) / 2


def _distinct_texts(edges):
    """The edges in as few digits as tell them apart, at least 4."""
    for digits in range(4, 18):
        texts = [f"{edge:.{digits}g}" for edge in edges + 0.0]
        if len(set(texts)) == len(texts):
            break
    return texts


@dataclass(frozen=True)
class Values:
    """Values as they are.

    Parameters
    ----------
    values : pandas.Index
        Distinct; numbers increase.
    """

    values: pd.Index

    @classmethod
    def found(cls, column):
        """The values that a type declares, as categories do, else those that occur, sorted."""
        if isinstance(column.dtype, pd.CategoricalDtype):
            return cls(pd.CategoricalIndex(column.dtype.categories, dtype=column.dtype))
        if types.is_bool_dtype(column):
            return cls(pd.Index([False, True]))
        try:
            return cls(pd.Index(column.unique()).sort_values())
        except TypeError as error:
            raise ValueError(
                f"X must have values of one kind, which can be sorted, in column {column.name!r}: {error}"
            ) from error

    @classmethod
    def given(cls, column, values):
        """The values listed, numbers sorted, others in their order; "auto" are those found."""
        if isinstance(values, str) and values == "auto":
            return cls.found(column)
        rule = f"categories of column {column.name!r} must be 'auto' or a list of distinct values, none missing"
        try:
            index = pd.Index(values)
        except TypeError as error:
            raise ValueError(f"{rule}, got {plain(values)}.") from error
        if not index.size or index.hasnans or not index.is_unique:
            raise ValueError(f"{rule}, got {plain(values)}.")
        return cls(index.sort_values() if types.is_numeric_dtype(index) else index)

    @property
    def size(self):
        return len(self.values)

    @property
    def numeric(self):
        return types.is_numeric_dtype(self.values) and not types.is_bool_dtype(self.values)

    @property
    def ordered(self):
        return self.numeric or getattr(self.values, "ordered", False)

    def codes(self, column):
        return self.values.get_indexer(column)

    def nearest(self, column):
        """The nearest number, the lower one of two; what is no number has none near."""
        codes = self.codes(column)
        if not self.numeric or (codes >= 0).all():
            return codes
        known = self.values.to_numpy(dtype=np.float64)
        return np.where(codes < 0, np.searchsorted(known[:-1] + np.diff(known) / 2, numbers_of(column)), codes)

    def describe(self, name, codes):
        return {name: self.values.take(codes)}


def quantile_edges(numbers, n_bins):
    """Inner edges, numbers that occur, such that the rows below the k-th come nearest to k / n_bins of all."""
    values, counts = np.unique(numbers, return_counts=True)
    if len(values) == 1:
        return values[1:]
    below = np.cumsum(counts)[:-1]
    wanted = len(numbers) * np.arange(1, n_bins) / n_bins
    return np.unique(values[1:][np.searchsorted(below[:-1] + np.diff(below) / 2, wanted)])


def uniform_edges(numbers, n_bins):
    """Inner edges with equal distances between them."""
    low, high = numbers.min(), numbers.max()
    edges = np.unique(low + (high - low) * (np.arange(1, n_bins) / n_bins))
    return edges[(edges > low) & (edges <= high)]


STRATEGIES = {"quantile": quantile_edges, "uniform": uniform_edges}


def fit_levels(frame, keys, n_bins, strategy, edges, categories):
    """The levels of each column.

    Parameters
    ----------
    frame : DataFrame
        As ``read_table`` returns it.
    keys : list
        What ``n_bins``, ``edges`` and ``categories`` call its columns.
    n_bins, strategy, edges, categories
        As in ``StateEncoder``.

    Returns
    -------
    levels : list of Bins and Values
    """
    check_option("strategy", strategy, STRATEGIES)
    if not isinstance(n_bins, Mapping):
        check_count("n_bins", n_bins)
    told = {"edges": edges, "categories": categories, "n_bins": n_bins if isinstance(n_bins, Mapping) else None}
    told = {parameter: {} if mapping is None else mapping for parameter, mapping in told.items()}
    _check_told(told, keys)

    def levels_of(key, column):
        if key in told["categories"]:
            return Values.given(column, told["categories"][key])
        if key in told["edges"]:
            return Bins.of(numbers_of(column), _check_edges(column.name, told["edges"][key]))
        if key in told["n_bins"]:
            return Bins.fitted(numbers_of(column), STRATEGIES[strategy], n_bins[key])
        if not types.is_float_dtype(column):
            return Values.found(column)
        if isinstance(n_bins, Mapping):
            raise ValueError(
                f"n_bins must be a number, or name each column of floats that has no edges, got none for {key!r}."
            )
        return Bins.fitted(numbers_of(column), STRATEGIES[strategy], n_bins)

    return [levels_of(key, column) for key, (_, column) in zip(keys, frame.items(), strict=True)]


def check_option(name, value, options):
    """Raise a ValueError unless ``value`` is one of some names."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {sorted(options)}, got {plain(value)}.")


def _check_told(told, keys):
    named = []
    for parameter, mapping in told.items():
        if not isinstance(mapping, Mapping):
            raise ValueError(f"{parameter} must be a mapping from column, got {plain(mapping)}.")
        for key in mapping:
            if key not in keys:
                raise ValueError(f"{parameter} must name columns of X, which are {plain(keys)}, got {key!r}.")
            if key in named:
                raise ValueError(f"n_bins, edges and categories must not name a column twice, got {key!r}.")
            named.append(key)
    for key, count in told["n_bins"].items():
        check_count(f"n_bins of column {key!r}", count)


def _check_edges(name, edges):
    found = real_array(f"edges of column {name!r}", edges, ("n",), finite=False).copy()
    if len(found) < 2 or not (np.diff(found) > 0).all() or np.isinf(found).all():
        raise ValueError(
            f"edges of column {name!r} must be 2 or more increasing numbers, one of them finite, got "
            f"{plain(edges)}."
        )
    return found


def encode(level, column, unknown):
    """Codes of a column, with ``unknown`` as in ``StateEncoder``."""
    codes = level.nearest(column) if unknown == "nearest" else level.codes(column)
    mend = "add them to categories" if isinstance(level, Values) else "widen its edges"
    if unknown == "error" and level.numeric:
        mend += ", or take the nearest by unknown='nearest'"
    refuse_rows(column, codes < 0, "values that the encoder knows", mend)
    return codes
