"""What the other displays draw, and what holds for all of them."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pictured import bars, corners
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_iqlearn import IQLearnClassifier, displays, inference, rewards
from sklearn_iqlearn.displays import (
    CoefficientDisplay,
    ConvergenceDisplay,
    CounterfactualDisplay,
    PathDisplay,
    PolicyDisplay,
    ReliabilityDisplay,
    RewardDisplay,
    TypesDisplay,
)

pytestmark = pytest.mark.usefixtures("no_window")


@pytest.fixture(scope="module")
def search(bus_fits):
    _, table, X, y, order = bus_fits
    grid = {"iqlearnclassifier__alpha": [0.1, 1, np.inf], "iqlearnclassifier__divergence": ["chi2", "kl"]}
    pipe = make_pipeline(FunctionTransformer(), table)
    return GridSearchCV(pipe, grid, cv=GroupKFold(3)).fit(X, y, groups=order["trajectory"])


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_reliability_is_a_calibration_curve(patients, strategy):
    X, y = patients
    model = LogisticRegression().fit(X[["dose"]], y)
    display = ReliabilityDisplay.from_estimator(
        model, X[["dose"]], y, action="wait", n_bins=6, strategy=strategy, confidence=0.9
    ).plot()
    predicted = model.predict_proba(X[["dose"]])[:, 1]
    observed, mean = calibration_curve(y == "wait", predicted, n_bins=6, strategy=strategy)
    (drawn,) = display.errorbars_
    assert_allclose(np.transpose(drawn[0].get_data()), np.column_stack([mean, observed]))
    edges = np.linspace(0, 1, 7) if strategy == "uniform" else np.quantile(predicted, np.linspace(0, 1, 7))
    counts, _ = np.histogram(predicted, edges)
    assert_array_equal(display.bins["decisions"], counts)
    exact = [
        binomtest(round(share * n), int(n)).proportion_ci(0.9, "exact")
        for share, n in zip(observed, counts, strict=True)
    ]
    assert_allclose(bars(drawn)[:, :, 1], exact)
    assert_allclose(display.points_[0].get_sizes(), 150 * counts / counts.max())
    assert display.line_.get_slope() == 1


def test_reliability_of_weights_and_of_bins_at_the_edge():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    weight = [2, 1, 3]
    display = ReliabilityDisplay.from_predictions(
        ["a", "a", "b"], probabilities, weight, action="b", n_bins=2, strategy="uniform"
    )
    assert_allclose(display.bins["predicted"], [0.4 / 3, 0.7])
    assert_allclose(display.bins["observed"], [0, 1])
    exact = [binomtest(0, 3).proportion_ci(), binomtest(3, 3).proportion_ci()]
    assert_allclose(display.bins[["low", "high"]], exact)
    assert_array_equal(display.bins["decisions"], [3, 3])


def test_what_is_at_an_edge_is_in_the_lower_bin():
    predicted = np.array([0.2, 0.5, 0.5, 0.9])
    display = ReliabilityDisplay.from_predictions(
        [0, 0, 1, 1], np.column_stack([1 - predicted, predicted]), action=1, n_bins=2, strategy="uniform"
    )
    observed, mean = calibration_curve([0, 0, 1, 1], predicted, n_bins=2)
    assert_allclose(display.bins[["predicted", "observed"]], np.column_stack([mean, observed]))


def test_reliability_leaves_out_what_does_not_exist(masked_fit):
    model, mask, X, y = masked_fit
    display = ReliabilityDisplay.from_estimator(model, X, y)
    counts = display.bins.groupby("action")["decisions"].sum()
    assert_array_equal(counts, mask[X[:, 0]].sum(axis=0))
    never = ReliabilityDisplay.from_predictions([0, 0], [[1.0, np.nan], [1.0, np.nan]], classes=[0, 1]).plot()
    assert list(never.bins["action"]) == [0]


def test_errors_of_reliability():
    with pytest.raises(ValueError, match=r"probabilities must be in \[0, 1\], got 1.5"):
        ReliabilityDisplay.from_predictions([0, 1], [[0.5, 1.5], [0.5, 0.5]])
    with pytest.raises(ValueError, match=r"probabilities must have shape \(n_rows, 3\), got \(2, 2\)"):
        ReliabilityDisplay.from_predictions([0, 1], [[0.5, 0.5], [0.5, 0.5]], classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"strategy must be one of \['quantile', 'uniform'\], got 'kmeans'"):
        ReliabilityDisplay.from_predictions([0, 1], [[0.5, 0.5], [0.5, 0.5]], strategy="kmeans")


def test_convergence(bus_fits):
    model = bus_fits[1]
    display = ConvergenceDisplay.from_estimator(model).plot()
    loss = np.asarray(model.loss_curve_)
    expected = np.abs(loss - loss[-1])
    shown = display.line_.get_ydata()
    assert_allclose(shown[expected > 0], expected[expected > 0])
    assert np.isnan(shown[-1])
    assert display.ax_.get_yscale() == "log"
    assert_allclose(display.plot(kind="loss").line_.get_ydata(), loss)
    with pytest.raises(
        ValueError, match="kind must be 'loss' or 'distance' for a fit without early_stopping, got 'validation'"
    ):
        display.plot(kind="validation")
    with pytest.raises(ValueError, match="estimator must be a fit to data"):
        ConvergenceDisplay.from_estimator(rewards.anchor(model, "keep"))


def test_convergence_of_a_network(patients):
    X, y = patients
    model = IQLearnClassifier(
        q_type="neural", hidden_layer_sizes=4, early_stopping=True, random_state=0, learning_rate=0.05
    ).fit(X[["dose"]], y)
    display = ConvergenceDisplay.from_estimator(model).plot(kind="validation")
    assert_array_equal(display.line_.get_ydata(), model.validation_scores_)
    assert display.best_.get_ydata()[0] == max(model.validation_scores_)
    assert display.best_.get_xdata()[0] == np.argmax(model.validation_scores_)


def test_demand_and_its_band(bus_fits):
    model, _, X, y, order = bus_fits
    spread = inference.covariance(model, X, y, **order)
    prices = [0.5, 1.0, 2.0]
    display = CounterfactualDisplay.from_estimator(
        model, prices, 1, action="replace", covariance=spread, n_draws=9, random_state=1, name="buses"
    ).plot()

    def demand(coef):
        worlds = [model.counterfactual(reward_coef=coef * [1, price]) for price in prices]
        return [rewards.occupancy(world, long_run=True)[:, 1].sum() for world in worlds]

    draws = np.random.RandomState(1).multivariate_normal(model.coef_, spread, size=9)
    low, high = np.quantile([demand(draw) for draw in draws], [0.025, 0.975], axis=0)
    assert_allclose(display.line_.get_xydata(), np.column_stack([prices, demand(model.coef_)]))
    assert_allclose(corners(display.band_)[0][:, 1], low)
    assert_allclose(corners(display.band_)[1][:, 1], high)
    assert_array_equal(display.reference_.get_xdata(), [1, 1])
    assert display.ax_.get_ylabel() == "share of action replace in the long run"


def test_worlds_of_any_kind(bus_fits):
    _, table, X, _, _ = bus_fits
    display = CounterfactualDisplay.from_estimator(
        table, [0.5, 0.9], lambda _, value: {"discount": value}, action="keep", X=X
    )
    worlds = [table.counterfactual(discount=value) for value in (0.5, 0.9)]
    assert_allclose(display.estimate, [world.predict_proba(X)[:, 0].mean() for world in worlds])
    values = CounterfactualDisplay.from_estimator(
        table, [0.5], lambda _, value: {"discount": value}, quantity=lambda world: world.value_[0]
    )
    assert_allclose(values.estimate, worlds[0].value_[0])


def test_demand_by_bootstrap_and_by_rows(patients):
    X, y = patients
    costs = {"treat": {"worth": "dose", "price": "-1"}, "wait": []}
    order = {"trajectory": np.arange(len(y)) // 9}
    model = IQLearnClassifier(q_type="structural", features=costs, discount=0.5).fit(X[["dose"]], y, **order)
    display = CounterfactualDisplay.from_estimator(model, [1.0, 2.0], "price", action="treat", X=X[["dose"]])
    assert display.x_name == "factor of price"
    assert_allclose(display.estimate[0], model.predict_proba(X[["dose"]])[:, 0].mean())
    assert display.estimate[1] < display.estimate[0]
    found = inference.Resampled(display.estimate, display.estimate + np.linspace(-0.1, 0.1, 21)[:, None], 100)
    drawn = CounterfactualDisplay.from_bootstrap([1.0, 2.0], found, confidence=0.5).plot()
    assert_allclose(corners(drawn.band_)[0][:, 1], display.estimate - 0.05)
    assert_allclose(corners(drawn.band_)[1][:, 1], display.estimate + 0.05)


def test_errors_of_counterfactuals(bus_fits):
    costs, table, *_ = bus_fits
    with pytest.raises(ValueError, match=r"world must be a function, or a coefficient of \['x0', 'x1'\], got 2"):
        CounterfactualDisplay.from_estimator(costs, [1.0], 2, action="keep")
    with pytest.raises(ValueError, match="world must be a function for a fit without features, got 0"):
        CounterfactualDisplay.from_estimator(table, [1.0], 0, action="keep")
    with pytest.raises(ValueError, match="action must be given where quantity is not, got None"):
        CounterfactualDisplay.from_estimator(costs, [1.0], 0)
    with pytest.raises(ValueError, match="covariance must be finite, got nan"):
        CounterfactualDisplay.from_estimator(costs, [1.0], 0, action="keep", covariance=np.full((2, 2), np.nan))


def test_path_of_a_search(search, bus_fits):
    _, _, X, y, _ = bus_fits
    display = PathDisplay.from_search(search, X, y).plot()
    results = search.cv_results_
    for divergence, drawn in zip(["chi2", "kl"], display.errorbars_, strict=True):
        rows = [one["iqlearnclassifier__divergence"] == divergence for one in results["params"]]
        assert_allclose(drawn[0].get_xdata(), [0.1, 1, 10])  # infinity a decade beyond
        assert_allclose(drawn[0].get_ydata(), results["mean_test_score"][rows])
        error = results["std_test_score"][rows] / np.sqrt(3)
        assert_allclose(np.ptp(bars(drawn)[:, :, 1], axis=1), 2 * error)
        assert drawn.get_label() == f"divergence={divergence}"
    best = search.best_params_["iqlearnclassifier__alpha"]
    assert display.best_.get_xdata()[0] == (10 if np.isinf(best) else best)
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["0.1", "1", "inf"]
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_ylabel() == "held-out log-likelihood per decision"


def test_path_of_refits(search, bus_fits):
    _, table, X, y, _ = bus_fits
    display = PathDisplay.from_search(search, X, y)
    best = search.best_estimator_.predict_proba(X)
    model = search.best_estimator_[-1]
    norm = np.sqrt((model.counts_ * model.reward_**2).sum() / model.counts_.sum())
    row = display.table["score"].idxmax()
    assert_allclose(display.table.loc[row, "reward_norm"], norm)
    assert display.table.loc[row, "policy_distance"] == 0
    fits = [IQLearnClassifier(table.transitions, discount=0.99, alpha=alpha).fit(X, y) for alpha in (0.1, 1)]
    fitted = PathDisplay.from_estimators(fits, X, y)
    assert_allclose(fitted.table["score"], [fit.score(X, y) for fit in fits])
    distance = np.abs(fits[0].predict_proba(X) - fits[1].predict_proba(X)).sum(axis=1).mean() / 2
    assert sorted(fitted.table["policy_distance"]) == [0, pytest.approx(distance)]
    assert_allclose(fitted.plot(quantity="reward_norm").errorbars_[0][0].get_ydata(), fitted.table["reward_norm"])
    assert best.shape == (len(y), 2)


def test_errors_of_paths(search):
    with pytest.raises(TypeError, match="search must be a GridSearchCV or the like, got Pipeline"):
        PathDisplay.from_search(search.best_estimator_)
    with pytest.raises(ValueError, match="quantity must be 'score' where from_search had no X and y"):
        PathDisplay.from_search(search).plot(quantity="reward_norm")
    with pytest.raises(ValueError, match="parameter must be one that the search has tried"):
        PathDisplay.from_search(search, parameter="C")
    with pytest.raises(ValueError, match=r"parameter must be one of positive numbers .* got \['chi2'"):
        PathDisplay.from_search(search, parameter="divergence")


@pytest.fixture(scope="module")
def every(bus_fits, search):
    """One of each display."""
    model, table, X, y, order = bus_fits
    return [
        CoefficientDisplay.from_estimator(model, X, y, **order),
        ConvergenceDisplay.from_estimator(table),
        CounterfactualDisplay.from_estimator(model, [1.0, 2.0], 1, action="replace"),
        PathDisplay.from_search(search),
        PolicyDisplay.from_estimator(table, X, y),
        ReliabilityDisplay.from_estimator(table, X, y),
        RewardDisplay.from_estimator(table),
        TypesDisplay(np.array([0.6, 0.4]), pd.DataFrame({0: [0.9, 0.3], 1: [0.1, 0.7]})),
    ]


def test_manners_of_all(every):
    assert sorted(type(display).__name__ for display in every) == displays.__all__
    for display in every:
        known = set(vars(display))
        assert display.plot() is display
        artists = set(vars(display)) - known
        assert artists >= {"ax_", "figure_"}
        assert all(name.endswith("_") for name in artists)
        first = display.figure_
        figure, axes = plt.subplots(1, 2)
        display.plot(ax=axes[1])
        assert first is not figure is display.figure_
        assert display.ax_ is axes[1]
        assert not axes[0].has_data()
        assert axes[1].get_xlabel()
        assert axes[1].get_ylabel() or type(display) is CoefficientDisplay
        figure.canvas.draw()
        plt.close("all")


def test_nothing_is_imported_before_it_is_drawn():
    code = """
import sys
from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.displays import PolicyDisplay
model = IQLearnClassifier([[[1.0]], [[1.0]]]).fit([[0], [0]], [0, 1])
display = PolicyDisplay.from_estimator(model)
print("matplotlib" in sys.modules)
sys.modules["matplotlib"] = None
try:
    display.plot()
except ImportError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == 'False\nplot needs matplotlib: pip install "sklearn_iqlearn[plot]".\n'
