"""The same counts and errors from every engine; PySpark has ``make test-spark``."""

import dask.dataframe
import duckdb
import ibis
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from engines import check_counts, check_faults
from logs import CALLS, as_dictionary, count_rows, decision_log
from pandas.testing import assert_frame_equal

from sklearn_iqlearn.preprocessing import count_decisions

pytestmark = [
    # narwhals tells owners of Dask frames that a package of its own will be needed for them.
    pytest.mark.filterwarnings("ignore:Dask support is moving out of Narwhals:FutureWarning"),
    # Dask and Ibis call pandas and DuckDB by names that are going.
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index is deprecated"),
    pytest.mark.filterwarnings("ignore:The 'future.infer_string' option is deprecated"),
    pytest.mark.filterwarnings("ignore:fetch_arrow_table\\(\\) is deprecated:DeprecationWarning"),
]


def by_duckdb(frame):
    # Results of a relation belong to its connection.
    return duckdb.connect().from_arrow(pa.Table.from_pandas(frame, preserve_index=False))


def by_dask(frame):
    return dask.dataframe.from_pandas(frame, npartitions=3)


ENGINES = {
    "pandas": (lambda frame: frame, True),
    "pandas, nullable": (lambda frame: frame.convert_dtypes(), True),
    "Polars": (pl.from_pandas, True),
    "Polars, lazy": (lambda frame: pl.from_pandas(frame).lazy(), False),
    "PyArrow": (lambda frame: pa.Table.from_pandas(frame, preserve_index=False), True),
    "DuckDB": (by_duckdb, False),
    "Dask": (by_dask, False),
    "Ibis": (ibis.memtable, False),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_counts(engine):
    # Dask takes a second for each part of an expression.
    check_counts(ENGINES[engine][0], ["weights"] if engine == "Dask" else CALLS)


@pytest.mark.parametrize("engine", ENGINES)
def test_faults(engine):
    as_table, position = ENGINES[engine]
    check_faults(as_table, position=position)


def test_files_are_read_by_their_engine(tmp_path):
    log, call = decision_log(), CALLS["weights"]
    path = tmp_path / "log.parquet"
    pa.parquet.write_table(pa.Table.from_pandas(log, preserve_index=False), path)
    for table in (
        pl.scan_parquet(path),
        duckdb.connect().read_parquet(str(path)),
        dask.dataframe.read_parquet(path),
        ibis.duckdb.connect().read_parquet(path),
    ):
        assert_frame_equal(count_decisions(table, **call), count_decisions(log, **call), check_exact=True)


TYPES = {
    "text": lambda log: {"place": "p" + log["place"].astype(str), "who": "w" + log["who"].astype(str)},
    "categories": lambda log: {"place": log["kind"].astype("category"), "who": log["who"].astype("category")},
    "booleans": lambda log: {"place": log["place"] > 2},
    "floats": lambda log: {"place": log["place"] / 4, "who": (log["who"] - 2**60) / 2},
    "few bits": lambda log: {"place": -log["place"].astype("int8"), "when": log["when"].astype("uint8")},
}


@pytest.mark.parametrize("engine", ["pandas", "pandas, nullable", "Polars", "PyArrow", "DuckDB"])
@pytest.mark.parametrize("types", TYPES)
def test_types_of_columns(types, engine):
    log, call = decision_log(), CALLS["moves and ends"]
    log = log.assign(**TYPES[types](log))
    counts = count_decisions(ENGINES[engine][0](log), **call)
    assert as_dictionary(counts) == count_rows(log, **call)
    assert_frame_equal(counts, count_decisions(log, **call), check_exact=True)


def test_integers_of_128_bits():
    log = decision_log()
    wide = by_duckdb(log).select('* REPLACE (place::HUGEINT AS place, "when"::HUGEINT AS "when")')
    assert_frame_equal(count_decisions(wide, **CALLS["moves"]), count_decisions(log, **CALLS["moves"]))


def test_nan_is_missing_everywhere():
    log = decision_log().assign(place=lambda rows: rows["place"] / 2, then=lambda rows: rows["then"] / 2)
    table = pl.from_pandas(log).with_columns(
        pl.when(pl.col("when") == 2).then(float("nan")).when(pl.col("when") > 2).then("then").alias("then")
    )
    found, expected = (count_decisions(frame, **CALLS["next state"]) for frame in (table, table.to_pandas()))
    assert_frame_equal(found, expected)
    for frame in (table, table.lazy(), table.to_arrow(), duckdb.connect().from_arrow(table.to_arrow())):
        with pytest.raises(
            ValueError, match=r"state, column 'then', must have no missing values, got .*(nan|None)"
        ):
            count_decisions(frame, state="then", action="chosen")
