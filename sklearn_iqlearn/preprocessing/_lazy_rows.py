"""Rows of decisions in a table that stays where it is: columns by their role, what follows, what is wrong.

Everything here is an expression, which the table's own engine runs when the counts are asked for.
"""

import narwhals.stable.v2 as nw

from sklearn_iqlearn._numerics.checks import plain

# What the columns of some roles must hold: a test of their type, the rule, and the mend.
TYPES = {
    "step": (lambda dtype: dtype.is_integer(), "integers", "number the periods, so that the next one is step + 1"),
    "terminal": (lambda dtype: dtype == nw.Boolean, "booleans", "compare it with what marks an end, as == 1 does"),
    "weight": (lambda dtype: dtype.is_numeric(), "numbers", "cast it to a type of numbers"),
}
LIBRARIES = "pandas, Polars, PyArrow, DuckDB (a relation), Dask, PySpark, Ibis or another that narwhals reads"


def name_columns(state, action, next_state, **others):
    """The columns of a table by their roles: "state_0", ..., "next_state_0", ..., and those of ``others``.

    Parameters
    ----------
    state, action, next_state, **others
        As in ``count_decisions``.

    Returns
    -------
    columns : dict from str to str
        Roles that are named, to columns.
    """
    columns = _number("state", state) | {"action": action}
    columns |= {} if next_state is None else _number("next_state", next_state)
    columns |= {role: column for role, column in others.items() if column is not None}
    for role, column in columns.items():
        if not isinstance(column, str):
            raise ValueError(
                f"{_parameter(role)} must be the name of a column of frame, got {plain(column)}: join to frame "
                "what belongs to another table."
            )
    if next_state is not None and "trajectory" in columns:
        raise ValueError("trajectory and next_state both tell the next state: name one of them.")
    if ("trajectory" in columns) != ("step" in columns):
        raise ValueError(
            "trajectory and step must be named together, as the rows of a table have no order, got "
            f"{'trajectory' if 'trajectory' in columns else 'step'} alone: number the rows of each trajectory in "
            "time, as groupby(trajectory).cumcount() does in pandas."
        )
    if "terminal" in columns and not knows_next(columns):
        raise ValueError(
            "terminal needs trajectory or next_state, which tell the next states; got terminal alone."
        )
    states = states_of(columns)
    if not states:
        raise ValueError("state must name a column of frame, got none.")
    if next_state is not None and len(_number("", next_state)) != len(states):
        raise ValueError(
            f"next_state must have as many columns as state, {plain(state)}, got {plain(next_state)}."
        )
    return columns


def _number(role, names):
    names = names if isinstance(names, list | tuple) else [names]
    return {f"{role}_{j}": name for j, name in enumerate(names)}


def _parameter(role):
    return role.rstrip("_0123456789")


def states_of(columns):
    """The roles of the columns that make up the state."""
    return [role for role in columns if role.startswith("state_")]


def knows_next(columns):
    """Whether the columns tell next states."""
    return "next_state_0" in columns or "trajectory" in columns


def read_table(frame, columns):
    """The columns that have a role, under its name, as a frame of narwhals."""
    try:
        table = nw.from_native(frame)
    except TypeError as error:
        raise ValueError(f"frame must be a data frame of {LIBRARIES}, got {type(frame).__name__}.") from error
    schema = table.collect_schema()
    for role, column in columns.items():
        if column not in schema:
            raise ValueError(
                f"{_parameter(role)} must be a column of frame, got {column!r}; it has {plain(list(schema))}."
            )
        fits, rule, mend = TYPES.get(role, (lambda dtype: True, "", ""))
        if not fits(schema[column]):
            raise ValueError(
                f"{role} must be a column of {rule}, got {column!r} of type {schema[column]}: {mend}."
            )
    refuse_empty(table)
    return table.select(_as_read(role, column, schema[column]).alias(role) for role, column in columns.items())


def _as_read(role, column, dtype):
    if role == "weight":
        return nw.col(column).cast(nw.Float64)
    # Engines hand over integers of 128 bits as something else.
    return nw.col(column).cast(nw.Int64) if dtype == nw.Int128 else nw.col(column)


def refuse_empty(table, which="row"):
    """Raise a ValueError where a table is known to have no rows: a lazy one is not."""
    if isinstance(table, nw.DataFrame) and table.is_empty():
        raise ValueError(f"frame must have a {which}, got none.")


def weigh_rows(table, columns):
    """Rows, and what is wrong with their weights: as ``follow_rows``."""
    weight = nw.col("weight")
    wrong = _is_missing("weight", nw.Float64()) | (weight < 0) | ~weight.is_finite()
    return table, {("weight", "must be finite and non-negative"): wrong}


def follow_rows(table, columns):
    """What follows each row that has a weight, and what is wrong with it.

    Parameters
    ----------
    table : DataFrame or LazyFrame of narwhals
        As from ``read_table``.
    columns : dict from str to str
        As from ``name_columns``.

    Returns
    -------
    table : DataFrame or LazyFrame of narwhals
        With "next_state_0", ... where they are known, missing where the episode ended or was cut off.
    faults : dict
        From (role, rule) to a boolean expression, true of rows that break the rule.
    """
    if "weight" in columns:
        table = table.filter(nw.col("weight") > 0)
        refuse_empty(table, "row with a positive weight")
    schema, states = table.collect_schema(), states_of(columns)
    faults = {
        (role, "must have no missing values"): _is_missing(role, schema[role])
        for role in columns
        if not role.startswith("next_state_")
    }
    if not knows_next(columns):
        return table, faults
    ended = nw.col("terminal") if "terminal" in columns else nw.lit(False)
    if "trajectory" in columns:
        table = _look_ahead(table, states)
        follows = nw.col("next_step") - nw.col("step") == 1
        faults["step", "must differ between the rows of a trajectory"] = nw.col("next_step") == nw.col("step")
        faults["terminal", "must mark last rows of trajectories only"] = ended & follows
        ended = ended | ~follows
    schema = table.collect_schema()
    unknown = {name: ended | _is_missing(name, schema[name]) for name in (f"next_{state}" for state in states)}
    table = table.with_columns(
        nw.when(~missing).then(nw.col(name)).alias(name) for name, missing in unknown.items()
    )
    return table, faults


def _look_ahead(table, states):
    """Step and states of the next row of each row's trajectory, missing after its last."""
    eager, order = isinstance(table, nw.DataFrame), ["trajectory", "step"]
    if not eager and not table.implementation.is_dask():
        return table.with_columns(
            nw.col(name).shift(-1).over("trajectory", order_by="step").alias(f"next_{name}")
            for name in ("step", *states)
        )
    # All rows are sorted together: within groups, narwhals has no windows over Dask and PyArrow, and wrong ones
    # over pandas 2. Ids are compared as text, since a column that gets a missing value may round its integers.
    table = table.with_columns(nw.col("trajectory").cast(nw.String).alias("id"))
    table = table.sort(order) if eager else table
    table = table.with_columns(
        (nw.col(name).shift(-1) if eager else nw.col(name).shift(-1).over(order_by=order)).alias(f"next_{name}")
        for name in ("id", "step", *states)
    )
    same = nw.col("next_id") == nw.col("id")
    return table.with_columns(nw.when(same).then(nw.col("next_step")).alias("next_step"))


def number_faults(faults):
    """The place of the first fault of a row, counted from the last, or 0: an expression."""
    number = nw.lit(0)
    for place, wrong in enumerate(reversed(faults.values()), 1):
        number = nw.when(wrong).then(nw.lit(place)).otherwise(number)
    return number


def refuse_rows(number, look, rows, columns):
    """Raise a ValueError that shows a row, by its position where the table has an order.

    Parameters
    ----------
    number : int
        As from ``number_faults``.
    look : callable
        ``follow_rows`` or ``weigh_rows``.
    rows : DataFrame or LazyFrame of narwhals
        What ``look`` looks at.
    columns : dict from str to str
    """
    ordered = isinstance(rows, nw.DataFrame)
    table, faults = look(rows.with_row_index("row") if ordered else rows, columns)
    (role, rule), wrong = list(faults.items())[-number]
    roles = list(dict.fromkeys([role, *columns]))
    found = (
        table.filter(wrong).head(1).select(*["row"] * ordered, *roles).lazy().collect().to_dict(as_series=False)
    )
    where = f"row {found['row'][0]}:" if ordered else "a row with"
    raise ValueError(
        f"{_parameter(role)}, column {columns[role]!r}, {rule}, got {where} "
        f"{plain({columns[role]: found[role][0] for role in roles})}."
    )


def _is_missing(name, dtype):
    column = nw.col(name)
    return column.is_null() | column.is_nan() if dtype.is_float() else column.is_null()
