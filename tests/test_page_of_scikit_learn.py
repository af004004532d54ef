"""The snippets of the page about scikit-learn run and say what the page says."""

import pickle
import re
from pathlib import Path

import pytest
from numpy.testing import assert_allclose
from walks import log_likelihood

try:
    from sklearn.callback import ProgressBar, ScoringMonitor
except ImportError:
    ProgressBar = ScoringMonitor = None

needs_callbacks = pytest.mark.skipif(ScoringMonitor is None, reason="scikit-learn 1.9 brought callbacks")


@needs_callbacks
def test_the_snippets_of_the_page_run():
    page = Path(__file__).parents[1] / "docs" / "scikit_learn.md"
    snippets = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    names = {}
    exec(compile("\n".join(snippets), str(page), "exec"), names)
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
