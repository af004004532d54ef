"""The snippets of the pages run, and give what the comments beside them say."""

import ast
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from walks import log_likelihood

from sklearn_iqlearn._objective.divergences import DIVERGENCES
from sklearn_iqlearn._q_functions import JAX_FORMS, Q_FUNCTIONS
from sklearn_iqlearn._solvers.path import SOLVERS

try:
    from sklearn.callback import ScoringMonitor
except ImportError:
    ScoringMonitor = None

ROOT = Path(__file__).parents[1]
NUMBER = r"(?:True|False|-?(?:inf|\d+(?:\.\d+)?(?:e-?\d+)?)(?!\w|\.\d))"
# A comment that begins with numbers, or truth values, one for each value of its line or for the first of them.
FIGURES = re.compile(rf"#\s({NUMBER}(?:(?:, | and ){NUMBER})*)")


TRUTHS = {"True": "1", "False": "0"}


def half_a_digit(number):
    """Half a unit of the last digit that a number is written with; whole numbers are exact."""
    digits, _, exponent = number.partition("e")
    decimals = len(digits.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent or 0) - decimals) if decimals or exponent else 0.0


def flat(value):
    """The numbers of an array, or of a tuple of arrays."""
    return np.concatenate([np.ravel(part) for part in (value if isinstance(value, tuple) else (value,))])


def snippets_of(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture(autouse=True)
def _options_of_a_page():
    """What a page adds to the dictionaries of options is there for itself alone."""
    registries = (DIVERGENCES, SOLVERS, Q_FUNCTIONS, JAX_FORMS)
    before = [dict(options) for options in registries]
    yield
    for options, entries in zip(registries, before, strict=True):
        options.clear()
        options.update(entries)


@pytest.fixture(autouse=True)
def _pictures_of_a_page():
    """What a page draws is closed after it."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def run(page):
    """Run the snippets of a page in their order, and compare values with figures; return the names they define."""
    code, names = "\n".join(snippets_of(page)), {}
    for node in ast.parse(code).body:
        if not isinstance(node, ast.Expr):
            exec(compile(ast.Module([node], []), page, "exec"), names)
            continue
        value = eval(compile(ast.Expression(node.value), page, "eval"), names)
        line = code.splitlines()[node.end_lineno - 1]
        if told := FIGURES.search(line):
            told = [TRUTHS.get(number, number) for number in re.findall(NUMBER, told[1])]
            found = flat(value)[: len(told)]
            assert len(found) == len(told), line
            for number, one in zip(told, found, strict=True):
                # A hundredth more, for halves and for what another machine rounds otherwise.
                assert one == float(number) or abs(one - float(number)) <= 1.01 * half_a_digit(number), line
    return names


DOCS = ROOT / "docs"
# Pages whose tests say more than their comments.
ON_THEIR_OWN = {
    "docs/guide/scikit_learn.md",
    "docs/guide/tables.md",
    "docs/guide/transitions.md",
    "docs/tutorials/from_a_table.md",
}
PAGES = {"README.md", *(page.relative_to(ROOT).as_posix() for page in DOCS.glob("*/*.md"))} - ON_THEIR_OWN


@pytest.mark.parametrize("page", sorted(filter(snippets_of, PAGES)))
def test_the_snippets_run_and_tell_the_truth(page, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    for section in ("economists", "labs"):
        monkeypatch.syspath_prepend(ROOT / "examples" / section)
    monkeypatch.chdir(tmp_path)
    run(page)


@pytest.mark.skipif(ScoringMonitor is None, reason="scikit-learn 1.9 brought callbacks")
def test_the_snippets_of_the_page_of_scikit_learn():
    names = run("docs/guide/scikit_learn.md")
    X, y = names["X"], names["y"]
    assert_allclose(names["model"].score(X, y), log_likelihood(names["model"], X, y))
    assert names["by_place"][-1].states_.nnz == names["coarse"]["place"].nunique()
    shuffled = names["by_likelihood"].importances_mean
    assert shuffled[0] > 0.1 > 0.01 > abs(shuffled[1])
    brief, stop = names["brief"], names["stop"]
    assert not brief.converged_
    assert len(stop.scores) == brief.n_iter_ < 500
    assert stop.scores[-1] < max(stop.scores) == stop.scores[-6]
    assert len(pickle.dumps(names["rows"])) > 100_000 > 2_000 > len(pickle.dumps(names["light"]))


def test_the_snippets_from_a_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "tutorials" / "from_a_table.md").read_text(encoding="utf-8")
    names = run("docs/tutorials/from_a_table.md")
    stories = [snippet for snippet in snippets_of("docs/tutorials/from_a_table.md") if "read_csv" in snippet]
    assert [sum(map(bool, story.splitlines())) for story in stories] == [15, 17]
    for table in ("costs", "estimates"):
        assert f"```\n{names[table]}\n```" in page
    of_machines = names["estimates"]
    off = (of_machines["coefficient"] - [1, 0.8, 6, 1.5]) / of_machines["standard error"]
    assert (off.abs() < 2).all()


def test_the_snippets_about_states_of_tables():
    page = (DOCS / "guide" / "tables.md").read_text(encoding="utf-8")
    names = run("docs/guide/tables.md")
    states = names["encoder"].states_
    assert len(states) == 12
    shown = re.findall(r"^(\d+) +([\d.]+) +(\S.*?) +(coast|inland)$", page, flags=re.MULTILINE)
    assert len(shown) == 4
    for state, wear, name, place in shown:
        told = states.loc[int(state)]
        assert_allclose(told["wear"], float(wear), atol=5e-7)  # as printed
        assert (told["wear_bin"], told["place"]) == (name, place)
    scores = names["search"].cv_results_["mean_test_score"]
    assert scores[0] < max(scores)
    assert f"best_params_  # {names['search'].best_params_}" in page
    assert f"```\n{names['report']}\n```" in page


def test_the_snippets_about_transitions():
    page = (DOCS / "guide" / "transitions.md").read_text(encoding="utf-8")
    names = run("docs/guide/transitions.md")
    assert f"```\n{names['found']}\n```" in page
    assert names["wide"].transitions[0].shape == (40, 40)
    assert_allclose(names["lake"].reward.max(), 1 / 3, rtol=1e-15)
