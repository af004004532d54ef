"""Functions of rows, from transformers.

Transformed rows that are non-negative and have the same positive sum (bins, hats, leaves, B-splines with their
bias) are made to add up to 1, and averaged. Whatever else a transformer returns is projected on, beside a
constant.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._approximation.carriers import Averaging, Carrier, Projection
from sklearn_iqlearn._numerics.checks import n_rows_of, plain, real_array

# Sums of rows that are the same but for rounding.
SAME = 1e-9


def way_of(rows):
    """How to use transformed rows: ``Averaging`` or ``Projection``."""
    sums = np.asarray(rows.sum(axis=1)).ravel()
    least = (rows.data if sp.issparse(rows) else rows).min(initial=0.0)
    if rows.shape[1] and least >= 0 and sums[0] > 0 and np.ptp(sums) <= SAME * sums[0]:
        return Averaging
    return Projection


@dataclass(frozen=True)
class Functions:
    """Functions of rows.

    Parameters
    ----------
    transformer : fitted transformer
    way : Averaging or Projection
    """

    transformer: Any
    way: type[Carrier]

    @classmethod
    def of(cls, transformer, X):
        """The functions that a fitted transformer makes of rows, used as the rows allow it."""
        return cls(transformer, way_of(transformed(transformer, X)))

    def __call__(self, X):
        """Their values: CSR of averages, an array of projections, (n_rows, J)."""
        rows = transformed(self.transformer, X)
        if self.way is Projection:
            rows = rows.toarray() if sp.issparse(rows) else rows
            return np.concatenate([np.ones((len(rows), 1)), rows], axis=1)
        sums = rows.sum(axis=1)
        if not (sums > 0).all():
            raise ValueError(
                f"basis must have a positive function in every row, got zeros only from "
                f"{type(self.transformer).__name__} in row {int(np.argmin(sums > 0))}."
            )
        return sp.csr_array(sp.diags_array(1 / sums) @ sp.csr_array(rows))


def transformed(transformer, X):
    """What a fitted transformer makes of rows, checked: an array, or CSR array, of shape (n_rows, J)."""
    found = transformer.transform(X)
    if sp.issparse(found):
        found = sp.csr_array(found).astype(np.float64)
    else:
        found = real_array("basis: what it returns", found, finite=False)
    n_rows = n_rows_of(X)
    values = found.data if sp.issparse(found) else found
    if found.ndim != 2 or found.shape[0] != n_rows or not np.isfinite(values).all():
        raise ValueError(
            f"basis must return finite functions of shape ({n_rows}, J) for {n_rows} rows, got "
            f"{'NaN or infinity' if not np.isfinite(values).all() else plain(found.shape)} from "
            f"{type(transformer).__name__}."
        )
    return found
