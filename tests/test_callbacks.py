"""scikit-learn's callbacks see every iteration, and may end a fit."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from walks import CV, assert_same, fitted, linear, log_likelihood, run, small, walks

try:
    from sklearn.callback import ProgressBar, ScoringMonitor
except ImportError:
    ProgressBar = ScoringMonitor = None

needs_callbacks = pytest.mark.skipif(ScoringMonitor is None, reason="scikit-learn 1.9 brought callbacks")

SOLVERS = [
    ("newton", "linear"),
    ("newton", "tabular"),
    ("lbfgs", "linear"),
    ("adam", "linear"),
    ("adam", "neural"),
]


class Stop:
    """Ends a fit after so many iterations."""

    def __init__(self, after):
        self.after, self.seen = after, 0

    def setup(self, estimator, context):
        self.seen = 0

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.seen += context.task_name == "iteration"
        return self.seen == self.after


@needs_callbacks
@pytest.mark.parametrize(("solver", "q_type"), SOLVERS)
@pytest.mark.parametrize("as_frame", [False, True])
def test_scoring_monitor(solver, q_type, as_frame):
    d = walks()
    X = pd.DataFrame(d.X, columns=["x", "y"]) if as_frame else d.X
    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = small(q_type, solver=solver).set_callbacks(monitor)
    fitted(model, X, d.y, trajectory=d.trajectory)
    fit, *iterations = monitor.get_logs().data
    assert [entry["task_name"] for entry in iterations] == ["iteration"] * model.n_iter_
    assert_allclose(fit["neg_log_loss"], model.score(X, d.y), rtol=1e-12)
    # Adam returns its best epoch, the others the last iteration.
    atol = 1e-2 if solver == "adam" else 1e-12
    assert_allclose(iterations[-1]["neg_log_loss"], model.score(X, d.y), rtol=0, atol=atol)
    assert iterations[0]["neg_log_loss"] != iterations[-1]["neg_log_loss"]


@needs_callbacks
def test_scoring_monitor_uses_the_weights():
    d = walks()
    weight = np.where(d.y == 1, 3.0, 0.5)
    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = linear().set_callbacks(monitor).fit(d.X, d.y, sample_weight=weight, trajectory=d.trajectory)
    assert_allclose(monitor.get_logs().data[0]["neg_log_loss"], model.score(d.X, d.y, weight), rtol=1e-12)
    assert abs(model.score(d.X, d.y, weight) - model.score(d.X, d.y)) > 1e-3


@needs_callbacks
def test_scoring_monitor_of_a_second_fit_on_other_columns():
    d = walks()
    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = linear().fit(np.column_stack([d.X, d.X]), d.y).set_callbacks(monitor).fit(d.X, d.y)
    assert_allclose(monitor.get_logs().data[-1]["neg_log_loss"], model.score(d.X, d.y), rtol=1e-6)


@needs_callbacks
@pytest.mark.parametrize(("solver", "q_type"), SOLVERS)
@pytest.mark.parametrize("max_iter", [1, 30])
def test_progress_bar(solver, q_type, max_iter, capsys):
    pytest.importorskip("rich")
    d = walks()
    plain, shown = (small(q_type, solver=solver, max_iter=max_iter) for _ in range(2))
    for model in (plain, shown.set_callbacks(ProgressBar())):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # some have converged by then, some not
            model.fit(d.X, d.y, trajectory=d.trajectory)
    assert "IQLearnClassifier - fit" in capsys.readouterr().out
    assert_same(plain, shown, d.X)
    assert plain.n_iter_ == shown.n_iter_ <= max_iter


@needs_callbacks
@pytest.mark.parametrize("max_iter", [1, 5, 200])
def test_callbacks_on_the_way_through_barriers(max_iter, capsys):
    d = walks()
    model = linear(divergence="tv", max_iter=max_iter).set_callbacks(ProgressBar())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(d.X, d.y, trajectory=d.trajectory)
    assert "IQLearnClassifier - fit" in capsys.readouterr().out
    assert model.n_iter_ <= max_iter
    assert model.converged_ == (max_iter == 200)


@needs_callbacks
@pytest.mark.parametrize(
    ("solver", "q_type", "divergence"), [(*names, "chi2") for names in SOLVERS] + [("newton", "linear", "tv")]
)
def test_a_callback_ends_the_fit(solver, q_type, divergence):
    d = walks()
    stop = Stop(after=2)
    model = small(q_type, solver=solver, divergence=divergence).set_callbacks(stop)
    with pytest.warns(ConvergenceWarning, match="after 2 iterations"):
        model.fit(d.X, d.y, trajectory=d.trajectory)
    assert not model.converged_
    assert model.n_iter_ == stop.seen == 2
    assert np.isfinite(model.score(d.X, d.y))


@needs_callbacks
def test_callbacks_under_a_search(capsys):
    d = walks()
    monitor = ScoringMonitor(scoring="neg_log_loss")
    search = GridSearchCV(
        linear().set_callbacks(monitor), {"alpha": [0.5, 5.0]}, cv=CV, n_jobs=1, error_score="raise"
    ).set_callbacks(ProgressBar())
    search.fit(d.X, d.y, groups=d.trajectory, trajectory=d.trajectory)
    shown = capsys.readouterr().out
    assert "GridSearchCV - fit" in shown
    assert "IQLearnClassifier - fit" in shown
    logged = [entry["neg_log_loss"] for entry in monitor.get_logs().data if entry["task_name"] == "fit"]
    best = search.best_estimator_
    expected = [best.score(d.X, d.y)] + [
        log_likelihood(
            linear(alpha=alpha).fit(d.X[train], d.y[train], trajectory=d.trajectory[train]),
            d.X[train],
            d.y[train],
        )
        for alpha in (0.5, 5.0)
        for train, _ in CV.split(d.X, d.y, d.trajectory)
    ]
    assert_allclose(np.sort(logged), np.sort(expected), rtol=1e-10)


def test_fit_without_the_callback_module():
    code = """
import sys
sys.modules["sklearn.callback"] = None
from sklearn_iqlearn import IQLearnClassifier
model = IQLearnClassifier().fit([[0.0], [1.0], [2.0]], [0, 1, 1])
print(hasattr(model, "set_callbacks"), model.converged_, model.predict([[2.0]]))
"""
    assert run(code) == "False True [1]\n"
