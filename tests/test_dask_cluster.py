"""A Dask cluster of two processes: counts, a search and a bootstrap, with transitions that are sent once."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "tables" / "on_a_dask_cluster.py"


def test_cluster_does_what_one_process_does():
    printed = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^10,000 rows in \d+ counts, those of pandas: True$", printed, re.MULTILINE)
    carried = re.search(r"carries ([\d,]+) bytes in place of ([\d,]+)$", printed, re.MULTILINE)
    light, whole = (int(number.replace(",", "")) for number in carried.groups())
    assert light < 50_000 < 4_000_000 < whole  # two matrices of 500 x 500
    assert "Search: scores differ by 0e+00" in printed
    errors = re.search(r"standard errors ([\d.]+) and ([\d.]+)$", printed, re.MULTILINE)
    assert errors[1] == errors[2] > "0.001"
