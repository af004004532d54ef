"""Decisions counted where they are stored.

    n(s, a, s') = sum of w_i over the rows i with state s, action a and next state s'

That is all that transitions, and a fit with them, need of the rows: their number enters nowhere else. So the data
base, the cluster or the file counts, and a small frame comes back.
"""

import narwhals.stable.v2 as nw
import pandas as pd

from sklearn_iqlearn._numerics.checks import plain
from sklearn_iqlearn.preprocessing import _exact_sums
from sklearn_iqlearn.preprocessing._lazy_rows import (
    follow_rows,
    knows_next,
    name_columns,
    number_faults,
    read_table,
    refuse_empty,
    refuse_rows,
    states_of,
    weigh_rows,
)

# Types with a place for missing values, by what the states are.
NULLABLE = {"integer": "Int64", "boolean": "boolean", "string": "string"}


def count_decisions(
    frame, *, state, action, next_state=None, trajectory=None, step=None, terminal=None, weight=None
):
    """Count decisions in a table of any size, wherever it is.

    The table's own engine counts; what comes back has a row for each combination that occurs, and enters a fit in
    place of the rows.

    Parameters
    ----------
    frame : data frame
        Of pandas, Polars, PyArrow, DuckDB (a relation), Dask, PySpark, Ibis or whatever else narwhals reads, eager
        or lazy. The other parameters name its columns. Nothing is loaded that the engine does not load: a lazy
        frame is run once, twice with ``weight``.
    state : str or list of str
        State of each decision, one column of ids or several.
    action : str
        Action of each decision.
    next_state : str or list of str, optional
        State that followed, in as many columns. Missing where the row was cut off.
    trajectory : str, optional
        In place of ``next_state``: id of the trajectory of each row. What follows is the row of the same
        trajectory at ``step + 1``, in whatever order rows are; one without was cut off.
    step : str, optional
        Integer time of each row; needed with ``trajectory``, as the rows of a table have no order.
    terminal : str, optional
        Booleans: the episode ended after this row. What ``next_state`` says of such rows is not read. By default
        nothing ended: rows that nothing follows were cut off.
    weight : str, optional
        Visits that a row counts as; by default 1. Rows of weight 0 are left out, also from trajectories.

    Returns
    -------
    counts : pandas.DataFrame
        One row for each combination that occurs, sorted, with the columns' own names: ``state``, ``action``, then,
        where they are known, next states (``next_state``, or ``"next_"`` and the name of the state), in a type
        with a place for missing ones, where the episode ended or was cut off, then ``terminal``. The last column,
        "n", is the number of rows, int64, or the sum of their weights, float64: the exact sum, rounded once, as
        ``math.fsum`` has it, whatever the order of the rows. So the counts are the same from all engines to the
        last bit, and so are fits.

    Raises
    ------
    ValueError
        If a column is absent or of a wrong type; if values are missing, a step comes twice in a trajectory, a
        terminal row is followed by another, or a weight is negative or not finite. The message shows such a row,
        with its position where rows have one.

    Notes
    -----
    Counts know of no trajectories. Where ``value_term`` is "initial", give the fit an ``initial_distribution``;
    standard errors clustered by trajectory, and splits and resamples of trajectories, need the rows.

    DuckDB, PySpark and Ibis need pyarrow, which carries their results.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.preprocessing import count_decisions
    >>> log = pd.DataFrame(
    ...     {
    ...         "bus": [1, 1, 1, 2, 2, 2],
    ...         "month": [0, 1, 2, 0, 1, 2],
    ...         "mileage": [0, 1, 0, 0, 1, 0],
    ...         "replaced": [0, 1, 0, 0, 1, 0],
    ...     }
    ... )
    >>> count_decisions(log, state="mileage", action="replaced", trajectory="bus", step="month")
       mileage  replaced  next_mileage  n
    0        0         0             1  2
    1        0         0          <NA>  2
    2        1         1             0  2

    A fit with transitions needs states and actions alone:

    >>> counts = count_decisions(log, state="mileage", action="replaced")
    >>> model = IQLearnClassifier([[[0, 1], [0, 1]], [[1, 0], [1, 0]]])
    >>> model.fit(counts[["mileage"]], counts["replaced"], sample_weight=counts["n"]).counts_
    array([[4., 0.],
           [0., 2.]])
    """
    columns = name_columns(
        state, action, next_state, trajectory=trajectory, step=step, terminal=terminal, weight=weight
    )
    keys = _name_keys(columns)
    rows = read_table(frame, columns)
    sums = [nw.len().alias("n")]
    if weight is not None:
        rows, sums = _weigh(rows, columns), [nw.col(part).sum() for part in _exact_sums.PARTS]
    table, faults = follow_rows(rows, columns)
    groups = table.with_columns(fault=number_faults(faults)).group_by(list(keys))
    counted = groups.agg(*sums, nw.col("fault").max()).lazy().collect()
    refuse_empty(counted, "row" if weight is None else "row with a positive weight")
    found = counted.to_dict(as_series=False)
    if any(found["fault"]):
        refuse_rows(max(found["fault"]), follow_rows, rows, columns)
    counts = _as_frame(found, keys)
    counts["n"] = found["n"] if weight is None else _exact_sums.add(found)
    return counts.sort_values(list(keys.values()), ignore_index=True)


def _name_keys(columns):
    """The names of the key columns of the counts, by role."""
    states = states_of(columns)
    following = [f"next_{state}" for state in states] * knows_next(columns)
    roles = [*states, "action", *following, *["terminal"] * ("terminal" in columns)]
    keys = {role: columns.get(role) or f"next_{columns[role.removeprefix('next_')]}" for role in roles}
    names = [*keys.values(), "n"]
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise ValueError(
            f"frame must give the counts columns of different names, got {names}: rename {twice[0]!r}."
        )
    return keys


def _weigh(rows, columns):
    """Rows with their weights in parts, whose sums are exact."""
    _, faults = weigh_rows(rows, columns)
    looked = rows.select(
        nw.len().alias("n"), nw.col("weight").max().alias("largest"), number_faults(faults).max().alias("fault")
    )
    [n], [largest], [fault] = looked.lazy().collect().to_dict(as_series=False).values()
    if n and fault:
        refuse_rows(fault, weigh_rows, rows, columns)
    bound = n * largest if n else 0.0
    if bound == float("inf"):
        raise ValueError(
            f"weight, column {columns['weight']!r}, must have a finite sum, got weights up to {largest}."
        )
    return _exact_sums.split(rows, "weight", n, bound)


def _as_frame(found, keys):
    """The keys of the counts, in types that do not depend on the engine."""
    counts = pd.DataFrame()
    for role, name in keys.items():
        if role.startswith("next_"):
            counts[name] = _next_states(name, found[role], counts[keys[role.removeprefix("next_")]])
        else:
            counts[name] = found[role]
        kinds = {type(value).__name__ for value in counts[name].dropna()} if counts[name].dtype == object else ()
        if len(kinds) > 1:
            raise ValueError(f"column {name!r} must hold values of one type, got {' and '.join(sorted(kinds))}.")
    return counts


def _next_states(name, values, states):
    """Next states in the type of the states, with a place for missing ones."""
    dtype = NULLABLE.get(pd.api.types.infer_dtype(states), states.dtype)
    rounded = [value for value in values if isinstance(value, float) and abs(value) >= 2.0**53]
    if dtype == "Int64" and rounded:
        raise ValueError(
            f"column {name!r} must hold integers below 2**53, got {plain(rounded[0])}: pandas and Dask round them "
            "where others are missing. Number the states first."
        )
    try:
        return pd.array(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r} must hold states, {dtype} as {states.name!r}: {error}.") from error
