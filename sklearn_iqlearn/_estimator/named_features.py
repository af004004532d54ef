"""Features of the reward told by the names of columns, for each action."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_iqlearn._numerics.checks import n_rows_of, plain

FORM = (
    "features must be an array, a function of X or, for each action, a list of columns or a mapping from names of "
    "coefficients to columns"
)


@dataclass(frozen=True)
class NamedFeatures:
    """The function of X that a mapping stands for.

    Parameters
    ----------
    terms : list of A dicts
        Of each action the coefficients by name, and the columns that they multiply.
    names : list of K str
        All coefficients, in the order in which they are told.
    """

    terms: list
    names: list

    @classmethod
    def of(cls, given, classes):
        """Read the parameter.

        Parameters
        ----------
        given : mapping from action to a list of columns, or to a mapping from name to column
        classes : ndarray of shape (A,)
        """
        labels = classes.tolist()
        if set(given) != set(labels):
            raise ValueError(
                f"{FORM}: it needs each of the actions {plain(labels)}, got {plain(list(given))}. "
                "One whose reward is 0 has an empty list."
            )
        terms = [_terms(given[label], label) for label in labels]
        return cls(terms, list(dict.fromkeys(name for label in given for name in terms[labels.index(label)])))

    def __call__(self, X):
        """Features of rows: (n_rows, A, K)."""
        found = np.zeros((n_rows_of(X), len(self.terms), len(self.names)))
        for a, terms in enumerate(self.terms):
            for name, column in terms.items():
                found[:, a, self.names.index(name)] = _values(X, column)
        return found


def features_function(given, classes):
    """The parameter as a function of X."""
    return NamedFeatures.of(given, classes) if isinstance(given, Mapping) else given


def _terms(given, label):
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, str) or not np.iterable(given):
        raise ValueError(f"{FORM}, got {given!r} for action {label!r}.")
    return {f"{column} ({label})": column for column in given}


def _values(X, column: Any):
    """A column of X by name or number, "1", or either with a minus."""
    sign = 1.0
    columns = list(X.columns) if hasattr(X, "columns") else list(range(np.shape(X)[1]))
    if column not in columns and isinstance(column, str):
        if column.startswith("-"):
            sign, column = -1.0, column[1:].strip()
        if column == "1" and column not in columns:
            return sign
        if column.isdigit() and not hasattr(X, "columns"):
            column = int(column)
    if column not in columns:
        raise ValueError(
            f"{FORM}: {column!r} is none of the columns {plain(columns)} of X, nor '1', nor one after a minus. "
            "What is computed from columns must be a column of X, or features a function of X."
        )
    return sign * np.asarray(X[column] if hasattr(X, "columns") else np.asarray(X)[:, column], dtype=np.float64)
