"""What a caller passes: of a known kind and shape, or an error that names parameter, rule and value."""

import numbers
import re

import numpy as np
import scipy.sparse as sp

# Longest value that an error message spells out.
SHOWN = 80


def plain(value):
    """A value as a message shows it: short, and NumPy's scalars as Python's."""
    if isinstance(value, np.ndarray) and value.ndim:
        value = value.tolist()
    text = repr(value.item() if isinstance(value, np.generic | np.ndarray) else value)
    text = " ".join(re.sub(r"\bnp\.(?:\w+\(([^()]*)\)|(True|False)_)", r"\1\2", text).split())
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def any_array(name, value):
    """An array of whatever kind, that hides nothing of what was passed."""
    if sp.issparse(value):
        raise ValueError(f"{name} must be a dense array, got {type(value).__name__}: pass {name}.toarray().")
    refuse_masked(name, value)
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be one array, got parts of different lengths.") from error


def refuse_masked(name, value):
    """Raise a ValueError where entries are masked, which every conversion would read as their data."""
    if np.ma.is_masked(value):
        raise ValueError(
            f"{name} must have no masked entries, got {np.ma.count_masked(value)} of them: fill them, or leave "
            "their rows out."
        )


def real_array(name, value, *shapes, finite=True):
    """An array of real numbers, as float64, shared with the caller where it can be.

    Parameters
    ----------
    name : str
        The parameter, for the error.
    value : object
    *shapes : tuple of int or str
        What is allowed, anything if none is given; a str stands for any size of at least 1.
    finite : bool
        Whether NaN and infinity are refused.

    Returns
    -------
    array : ndarray of float64
    """
    array = any_array(name, value)
    if array.dtype.kind not in "biuf":
        strange = [entry for entry in np.asarray(value, dtype=object).ravel() if not is_real(entry)]
        if strange or array.dtype.kind != "O":
            raise ValueError(f"{name} must be real numbers, got {plain(strange[0] if strange else value)}.")
    with np.errstate(over="ignore"):
        try:
            array = array.astype(np.float64, copy=False)
        except OverflowError as error:
            raise ValueError(f"{name} must be numbers that float64 can hold, got an integer beyond.") from error
    if shapes and not any(_fits(array.shape, shape) for shape in shapes):
        raise ValueError(f"{name} must {_described(shapes)}, got {array.shape}.")
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {plain(array[~np.isfinite(array)][0])}.")
    return array


def n_rows_of(X):
    """Number of rows of a table of any kind."""
    return X.shape[0] if hasattr(X, "shape") else len(X if hasattr(X, "__len__") else np.asarray(X))


def by_action(name, table, actions):
    """A table with a column for each action, in the order of the actions: of a data frame the columns named so.

    Columns that are only numbered, 0 to A - 1, are in that order already.
    """
    names, actions = list(getattr(table, "columns", ())), actions.tolist()
    if not names or names == list(range(len(actions))):
        return table
    if len(names) != len(actions) or set(names) != set(actions):
        raise ValueError(
            f"{name} must have a column for each of the actions {plain(actions)}, got the columns {plain(names)}: "
            "name them so, or pass an array with columns in that order."
        )
    return np.asarray(table)[:, [names.index(action) for action in actions]]


def by_state(table):
    """A table with a row for each state, in their order: that of the index, where it holds all the ids."""
    if not hasattr(table, "iloc"):
        return table
    ids = np.asarray(table.index)
    if ids.dtype.kind in "iu" and np.array_equal(np.sort(ids), np.arange(len(ids))):
        return table.iloc[np.argsort(ids)]
    return table


def is_real(value):
    """Whether a value is a real number, as Python or NumPy has them."""
    return isinstance(value, numbers.Real | np.bool_)


def _fits(found, shape):
    return len(found) == len(shape) and all(
        size >= 1 if isinstance(wanted, str) else size == wanted for size, wanted in zip(found, shape, strict=True)
    )


def _described(shapes):
    arrays = [f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})" for shape in shapes if shape]
    rules = ["be a number"] * (() in shapes) + [f"have shape {' or '.join(arrays)}"] * bool(arrays)
    return " or ".join(rules)


def check_count(name, value, least=1):
    """Raise a ValueError unless ``value`` is an integer of at least ``least``."""
    if not is_count(value, least):
        raise ValueError(f"{name} must be an integer >= {least}, got {plain(value)}.")


def check_bool(name, value):
    """Raise a ValueError unless ``value`` is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {plain(value)}.")


def is_count(value, least=1):
    """Whether a value is an integer of at least ``least``."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= least
