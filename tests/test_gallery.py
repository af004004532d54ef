"""The examples print what they and the pages say of them; that all of them run, the site's build holds."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*/*.py"))
# Shown, but not run by the site; and what another example imports.
NOT_RUN = {"on_a_dask_cluster.py"}
MODULES = {"control_experts.py"}

SAID = {
    "start/ten_lines.py": ["An engine costs as much as 80 months at 200,000 miles."],
    "start/grid_world.py": ["0.522 in the fit", "Of 35 cells 35 are within 1.96 standard errors of the truth."],
    "start/alpha_and_divergence.py": ["Best: {'alpha': 1, 'divergence': 'tv'}, -1.0714; the default -1.0845"],
    "economists/engine_price.py": [
        "theta 70.277, RC 7.306, log-likelihood -306.64",
        "0.50 0.329 0.292 0.393 123.258",
    ],
    "economists/career.py": ["as if for ever 0.456 1.537"],
    "economists/drivers.py": ["Told right: 96.7% of 180 drivers.", "2 types."],
    "economists/reading_a_reward.py": ["RC 10.0749", "Likelihood ratio: 8.58"],
    "economists/when_not_to_trust.py": ["With a constant among the features: [-1.65 0.52 -0.53 0. ]"],
    "labs/labyrinth.py": ["water 2.500 2.503 0.027", "after, truth time at the old place 0.0%, at the new 11.2%"],
    "labs/mice.py": ["Wishes told right: 96.4% of 10000 decisions", "sleepy, found 0.112 2.160 0.192 0.972"],
    "labs/admissible_treatments.py": ["without, then forbidden -2.383 -1.780 -1.605 6.000"],
    "tables/logs_to_counterfactual.py": ["Overhauls in 1,000 weeks, dearer: fit 4.8, truth 4.6"],
    "tables/duckdb_to_policy.py": ["Cost of a bin 0.0498, of an engine 4.990"],
}


@pytest.mark.parametrize("name", SAID)
def test_it_prints_what_is_said_of_it(name, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / name)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    printed = " ".join(run.stdout.split())
    for said in SAID[name]:
        assert said in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_a_page_with_a_title_and_a_picture(path):
    text = path.read_text(encoding="utf-8")
    title, underline, *_ = ast.get_docstring(ast.parse(text)).splitlines()
    if path.name not in MODULES:
        assert set(underline) == {"="}
        assert len(underline) == len(title)
    if path.name not in MODULES | NOT_RUN:
        assert "plt.show()" in text


def test_every_example_that_a_page_names_is_there():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", *(ROOT / "docs").glob("*/*.md")]
    named = {
        name for page in pages for name in re.findall(r"examples/[\w/]+\.py", page.read_text(encoding="utf-8"))
    }
    assert named
    assert not [name for name in named if not (ROOT / name).is_file()]
