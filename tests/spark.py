"""The same counts from PySpark in its local mode: ``make test-spark``. It needs Java, and is 500 MB large."""

import pytest
from engines import check_counts, check_faults
from pyspark.sql import SparkSession

# PySpark warns of pandas 3.
pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")


@pytest.fixture(scope="module")
def spark():
    settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2"}
    session = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    yield session
    session.stop()


def test_counts(spark):
    check_counts(spark.createDataFrame)


def test_faults(spark):
    def as_table(frame):
        # An empty frame has no types to infer.
        types = {"int64": "long", "Int64": "long", "float64": "double", "bool": "boolean"}
        schema = ", ".join(f"{name} {types[str(dtype)]}" for name, dtype in frame.dtypes.items())
        return spark.createDataFrame(frame.astype(object).where(frame.notna(), None), schema)

    check_faults(as_table, position=False)
