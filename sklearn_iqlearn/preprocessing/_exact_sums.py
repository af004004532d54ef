"""Sums of a column that depend neither on the order of the rows nor on the engine that adds.

    w_i = p_i0 + p_i1 + p_i2,    p_ij a multiple of a power of two u_j,    sum_i |p_ij| < 2^53 u_j

No sum of one part is rounded then, however it is done, and ``math.fsum`` of the parts' sums rounds once.
"""

import math

import narwhals.stable.v2 as nw

# Three hold all bits of numbers down to a millionth of the largest in 1e8 rows, and further down in fewer.
PARTS = ("part_0", "part_1", "part_2")


def split(table, name, n, bound):
    """A table with the parts of a column.

    Parameters
    ----------
    table : DataFrame or LazyFrame of narwhals
    name : str
        A column of finite, non-negative float64.
    n : int
        At least the number of rows.
    bound : float
        At least the column's sum.

    Returns
    -------
    table : DataFrame or LazyFrame of narwhals
        With ``PARTS``.
    """
    table = table.with_columns(nw.col(name).alias("rest"))
    for part in PARTS:
        unit = math.ldexp(1.0, max(math.frexp(bound)[1] - 52, -1074))
        table = table.with_columns(((nw.col("rest") / unit).round() * unit).alias(part))
        table = table.with_columns(nw.col("rest") - nw.col(part))
        bound = n * unit
    return table


def add(sums):
    """The sums of a column from those of its parts.

    Parameters
    ----------
    sums : mapping from each of ``PARTS`` to a sequence

    Returns
    -------
    sums : list of float
    """
    return [math.fsum(parts) for parts in zip(*(sums[part] for part in PARTS), strict=True)]
