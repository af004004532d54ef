"""What the benchmarks share, and their verdict."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import _measure
from peers import objectives, problems

PEERS = f"""
import sys
sys.path.insert(0, {sys.path[0]!r})
import peers.__main__ as benchmark
benchmark.TOLERANCE = {{tolerance}}
sys.argv = ["peers", "--quick", "--of", "numpy"]
benchmark.main()
"""


def test_an_objective_that_is_worse_is_marked_and_fails():
    """The two reach the same to 1e-8; what would have to be better by 1 is worse."""
    for tolerance, status, marked in ((1e-8, 0, False), (-1, 1, True)):
        command = [sys.executable, "-W", "error", "-c", PEERS.format(tolerance=tolerance)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, "**worse**" in done.stdout) == (status, marked), done.stderr
        assert "Not run: econirl, NFXP" in done.stdout


def test_one_function_judges_both_sides():
    """Judged at known solutions: frequencies, zeros, and coefficients as Rust printed them."""
    data = problems.buses(quick=True)
    zeros = {"q": np.zeros((90, 2))}
    # With Q = 0 the value is log(2) everywhere, the reward -discount * log(2) and every action as likely.
    expected = np.log(2) + (0.9999 * np.log(2)) ** 2 / 4
    np.testing.assert_allclose(objectives.iqlearn(data, zeros), expected, rtol=1e-12)
    rust = objectives.structural(data, {"coef": np.array([2.6275, 9.7558])})
    assert rust * len(data["state"]) == pytest.approx(300.250, abs=5e-4)  # as printed
    rows = problems.columns(50, 4)
    flat = {"weights_0": np.zeros((4, 4)), "biases_0": np.zeros(4)}
    np.testing.assert_allclose(objectives.network(rows | {"C": 1.0}, flat), np.log(4), rtol=1e-12)


def test_tables_go_between_their_comments(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- a -->\nold\n<!-- end of a -->\nAfter\n")
    monkeypatch.setattr(_measure, "PAGE", page)
    rows = [{"x": 0.123456, "y": "one"}, {"x": 2, "y": "two"}]
    _measure.publish("a", iter(rows), lambda: ["A note."], write=True)
    table = "| x | y |\n| --- | --- |\n| 0.1235 | one |\n| 2 | two |\n\nA note.\n"
    assert page.read_text() == f"Before\n<!-- a -->\n{table}<!-- end of a -->\nAfter\n"
    with pytest.raises(ValueError, match="must have the comments <!-- b -->"):
        _measure.publish("b", iter(rows), list, write=True)


def test_peak_memory_counts_what_was_freed():
    before = _measure.peak_megabytes()
    np.ones(int(before) * 250_000)  # twice as many bytes as the process has had
    assert _measure.peak_megabytes() > 1.5 * before
