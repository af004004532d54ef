"""Rows of X along which one column varies, and decisions grouped by that column."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._numerics.checks import any_array, check_count, plain
from sklearn_iqlearn.displays._drawing import exists_at, taken_by

# Distinct values of a numeric column up to which each stands for itself.
FEW = 50
# Points of a curve, and bins of observed frequencies, along a column of more.
POINTS, BINS = 200, 20


def as_frame(X):
    """X as a data frame, whose columns are numbered where they have no names."""
    if isinstance(X, pd.DataFrame):
        return X
    array = any_array("X", X)
    if array.ndim != 2:
        raise ValueError(f"X must have two dimensions, got {array.ndim}.")
    return pd.DataFrame(array)


def rows_and_states(estimator, X):
    """X as a frame, and the ids of all states where X holds such."""
    try:
        seen = unwrap(estimator)
    except TypeError:
        seen = None
    known = seen is not None and not seen.before and seen.model.transitions is not None
    if X is None:
        if not known:
            raise ValueError("X must be given unless the estimator has transitions, whose states are then drawn.")
        name = getattr(seen.model, "feature_names_in_", ["state"])[0]
        X = pd.DataFrame({name: np.arange(len(seen.model.q_table_))})
    frame = as_frame(X)
    return frame, np.arange(len(seen.model.q_table_)) if known else None


def find_column(frame, column):
    """The label of a column, given by label or position; of the only one where none is given."""
    labels = list(frame.columns)
    if column is None and len(labels) == 1:
        return labels[0]
    if isinstance(column, str | int | np.integer) and column in labels:
        return column
    if isinstance(column, int | np.integer) and 0 <= column < len(labels):
        return labels[column]
    raise ValueError(f"column must be one of the {len(labels)} columns {plain(labels)}, got {plain(column)}.")


def is_continuous(column):
    """Whether a column has too many numbers to show each."""
    return pd.api.types.is_numeric_dtype(column) and column.nunique() > FEW


def values_of(column):
    """The values at which a curve is drawn: those that occur, or of many numbers a grid over their range."""
    if not is_continuous(column):
        return np.sort(column.dropna().unique())
    grid = np.linspace(column.min(), column.max(), POINTS)
    return np.unique(grid.round().astype(int)) if pd.api.types.is_integer_dtype(column) else grid


def typical(column):
    """A value that occurs: the lower median of numbers, else the most frequent."""
    known = column.dropna()
    if not len(known):
        return np.nan
    if pd.api.types.is_numeric_dtype(column):
        return known.sort_values().iloc[(len(known) - 1) // 2]
    return known.mode().iloc[0]


def rows_along(frame, column, values, row):
    """Rows that differ in one column alone.

    Parameters
    ----------
    frame : DataFrame
    column : label
    values : array of shape (n,)
        Of that column.
    row : mapping from labels to values, or None
        Of the other columns, typical ones where it has none.

    Returns
    -------
    rows : DataFrame of shape (n, columns of the frame)
    """
    row = {} if row is None else row
    if not isinstance(row, Mapping) or not set(row) <= set(frame.columns) - {column}:
        raise ValueError(
            f"row must map columns other than {plain(column)}, of {plain(list(frame.columns))}, to values, got "
            f"{plain(row)}."
        )
    columns = {label: row.get(label, typical(frame[label])) for label in frame.columns if label != column}
    found = pd.DataFrame({label: pd.Series([value] * len(values)) for label, value in columns.items()})
    found[column] = values
    return found[list(frame.columns)]


def group(column, n_bins):
    """A group for each row, by value or by quantiles of it: codes (n_rows,), -1 for missing values."""
    if n_bins is None and not is_continuous(column):
        return pd.factorize(column, sort=True)[0]
    if not pd.api.types.is_numeric_dtype(column):
        raise ValueError(f"n_bins must be None for a column that is not numeric, got {plain(n_bins)}.")
    n_bins = BINS if n_bins is None else n_bins
    check_count("n_bins", n_bins)
    return pd.qcut(column, n_bins, labels=False, duplicates="drop").fillna(-1).astype(int).to_numpy()


def frequencies_by(groups, place, taken, weight, exists):
    """Observed frequencies of each group.

    Parameters
    ----------
    groups : ndarray of shape (n_rows,)
        -1 for rows that are left out.
    place : Series of shape (n_rows,)
        Where a row stands on the axis.
    taken : boolean ndarray of shape (n_rows, A)
        The action of each row.
    weight : ndarray of shape (n_rows,)
    exists : boolean ndarray of shape (n_rows, A)

    Returns
    -------
    shares : DataFrame
        A row for each group with a weight, by its place, and a column for each action: its share among the
        decisions where it exists, NaN where there is none.
    counts : ndarray
        Decisions of each group.
    """
    kept = (groups >= 0) & (weight > 0)
    groups, place, taken, weight, exists = groups[kept], place[kept], taken[kept], weight[kept], exists[kept]
    total = np.bincount(groups, weight)
    seen = total > 0
    numeric = pd.api.types.is_numeric_dtype(place)
    if numeric:
        centre = np.bincount(groups, weight * place.to_numpy(dtype=np.float64))[seen] / total[seen]
    else:
        centre = place.groupby(groups).first().to_numpy()
    shares = {}
    for k in range(taken.shape[1]):
        possible = np.bincount(groups, weight * exists[:, k], minlength=len(total))[seen]
        chosen = np.bincount(groups, weight * taken[:, k], minlength=len(total))[seen]
        shares[k] = np.divide(chosen, possible, out=np.full(len(chosen), np.nan), where=possible > 0)
    return pd.DataFrame(shares).set_axis(pd.Index(centre, name=place.name)), total[seen]


def observed_by(estimator, X, y, weight, groups, place):
    """Frequencies of all actions by position, and numbers of decisions, of each group."""
    if X is None:
        raise ValueError("X must be given where y is, got None.")
    exists = np.broadcast_to(exists_at(estimator, X), (len(place), len(estimator.classes_)))
    return frequencies_by(groups, place, taken_by(y, estimator.classes_, len(place)), weight, exists)
