"""Decisions counted by DuckDB in a Parquet file: ``python benchmarks/counting.py`` (``--quick`` for few rows).

Each row is a process of its own, whose peak memory is that of Python, DuckDB, the counting and the fit together.
DuckDB is told to keep to 2 GB and spills to disk what does not fit. The file is made first, and deleted after.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.preprocessing import count_decisions, renewal_transitions

N_STATES, N_STEPS = 90, 100
COLUMNS = {"state": "mileage_bin", "action": "replaced"}
CALLS = {
    "states and actions": {},
    "with weights": {"weight": "weight"},
    "with next states": {"next_state": "next_bin"},
    "with trajectory and step": {"trajectory": "bus", "step": "month"},
}


def connect(folder):
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '2GB'; SET temp_directory = '{folder}'; SET threads = 2")
    # What takes memory only to keep the order of rows, which means nothing here.
    connection.execute("SET preserve_insertion_order = false")
    return connection


def make_log(path, n_rows):
    """A log in the order of time, whose engines are replaced the more often the older they are."""
    n_buses = n_rows // N_STEPS
    connect(path.parent).execute(
        f"""
        CREATE VIEW drawn AS
        SELECT i, hash(i * 31 + 5) % {N_STATES} AS bin, hash(i) % 90 < bin // 10 AS replaced
        FROM range({n_rows}) AS t(i);
        COPY (
            SELECT i % {n_buses} AS bus, (i // {n_buses})::INT AS month, bin::UTINYINT AS mileage_bin,
                replaced::UTINYINT AS replaced,
                (CASE WHEN replaced THEN 0 ELSE least(bin + 1, {N_STATES - 1}) END)::UTINYINT AS next_bin,
                1 / (1 + hash(i + 7) % 16) AS weight
            FROM drawn
        ) TO '{path}' (FORMAT parquet)
        """
    )


def count_and_fit(path, call):
    """Seconds and peak memory of a count and of the fit that follows."""
    log = connect(path.parent).read_parquet(str(path))
    started = time.perf_counter()
    counts = count_decisions(log, **COLUMNS, **CALLS[call])
    counted = time.perf_counter()
    transitions = renewal_transitions(np.arange(3), N_STATES)
    IQLearnClassifier(transitions, discount=0.99).fit(
        counts[["mileage_bin"]], counts["replaced"], sample_weight=counts["n"]
    )
    return {
        "rows of counts": len(counts),
        "sum of n": counts["n"].sum().item(),
        "count, s": counted - started,
        "fit, s": time.perf_counter() - counted,
        "peak GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows, counted in one way")
    parser.add_argument("--child", nargs=2, metavar=("PATH", "CALL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(count_and_fit(Path(arguments.child[0]), arguments.child[1])))
        return
    n_rows, calls = (100_000, list(CALLS)[-1:]) if arguments.quick else (100_000_000, CALLS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        make_log(path, n_rows)
        print(f"{n_rows:,} rows, {path.stat().st_size / 1e9:.2f} GB of Parquet")
        found = {}
        for call in calls:
            command = [sys.executable, __file__, "--child", str(path), call]
            found[call] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    print(pd.DataFrame(found).T.to_string(float_format="{:.4g}".format))


if __name__ == "__main__":
    main()
