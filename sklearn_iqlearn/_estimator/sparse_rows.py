"""Sparse rows of features: read without anything of their dense size."""

from itertools import pairwise

import numpy as np
import scipy.sparse as sp


def accepted_format(estimator, X):
    """What ``accept_sparse`` of scikit-learn's checks is; a TypeError where nothing takes a sparse X."""
    if estimator._takes_sparse_rows():
        return "csr"
    if sp.issparse(X):
        raise TypeError(
            "X must be dense, got sparse rows: these are for a linear Q without transitions by solver='newton'. "
            f"Pass X.toarray() to q_type={estimator.q_type!r} and solver={estimator.solver!r}."
        )
    return False


def canonical(X):
    """X as a CSR array of float64 of its own, in which equal rows have equal entries."""
    rows = sp.csr_array(X, dtype=np.float64, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    return rows


def distinct_rows(X):
    """The distinct rows of a canonical CSR array, in an order that depends on the rows alone, and where each is.

    Returns
    -------
    distinct : CSR array of shape (n_distinct, n_features)
    position : integer ndarray of shape (n_rows,)
    """
    columns, values = X.indices.astype(np.int64), X.data
    bounds = X.indptr.tolist()
    keys = [columns[first:last].tobytes() + values[first:last].tobytes() for first, last in pairwise(bounds)]
    found = {key: row for row, key in enumerate(keys)}
    order = {key: place for place, key in enumerate(sorted(found))}
    return X[[found[key] for key in order]], np.array([order[key] for key in keys], dtype=np.int64)


def same_rows(one, other):
    """Whether two tables of states, dense or sparse, are equal."""
    if sp.issparse(one) and sp.issparse(other):
        return one.shape == other.shape and (one != other).nnz == 0
    return not sp.issparse(one) and not sp.issparse(other) and np.array_equal(one, other)
