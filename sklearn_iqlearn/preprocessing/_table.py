"""A table of numbers and categories as a frame, whatever it came as."""

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.utils import check_array

from sklearn_iqlearn._numerics.checks import plain, refuse_masked


def read_table(X):
    """X as a pandas frame, each column of the type of its entries."""
    refuse_masked("X", X)
    if not isinstance(X, pd.DataFrame):
        # As objects, since NumPy would write the numbers of a mixed list as strings.
        X = pd.DataFrame(check_array(X, dtype=None if hasattr(X, "dtype") else object, ensure_all_finite=False))
    elif not X.size:
        raise ValueError(f"X must have at least one row and one column, got shape {X.shape}.")
    return X.infer_objects()


def check_column(column):
    """Raise a ValueError unless a column holds numbers or categories, all there and finite."""
    kind = column.dtype
    if types.is_complex_dtype(kind) or not (
        types.is_numeric_dtype(kind)
        or types.is_object_dtype(kind)
        or types.is_string_dtype(kind)
        or isinstance(kind, pd.CategoricalDtype)
    ):
        raise ValueError(
            f"X must have numbers, booleans, strings or categories in column {column.name!r}, got {kind}: derive "
            "numbers from it, such as the month of a date."
        )
    mend = "fill them, or leave such rows out"
    refuse_rows(column, column.isna(), "a value in every row (no NaN)", mend)
    if types.is_float_dtype(kind):
        refuse_rows(column, np.isinf(column.to_numpy(dtype=np.float64)), "finite numbers (no inf)", mend)


def refuse_rows(column, wrong, rule, mend):
    """Raise a ValueError that names the first of the rows that are wrong."""
    rows = np.flatnonzero(wrong)
    if rows.size:
        raise ValueError(
            f"X must have {rule} in column {column.name!r}, got {plain(column.iloc[rows[0]])} in row {rows[0]}, "
            f"the first of {len(rows)}: {mend}."
        )


def numbers_of(column):
    """A column as float64, or a ValueError that names its first entry that is no number."""
    if not types.is_numeric_dtype(column):
        strange = [not types.is_number(entry) for entry in column]
        refuse_rows(column, strange, "numbers", "convert them, or leave the column as it is by categories")
    return column.to_numpy(dtype=np.float64)
