"""What ``PolicyDisplay`` draws is what ``predict_proba``, counts and intervals say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pictured import corners
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_iqlearn import IQLearnClassifier, LatentTypes, inference
from sklearn_iqlearn.displays import PolicyDisplay

pytestmark = pytest.mark.usefixtures("no_window")


def test_probabilities_of_all_states(bus_fits):
    model = bus_fits[1]
    display = PolicyDisplay.from_estimator(model).plot()
    assert [line.get_label() for line in display.lines_] == [
        "IQLearnClassifier, action keep",
        "IQLearnClassifier, action replace",
    ]
    for k, line in enumerate(display.lines_):
        assert_array_equal(line.get_xdata(), np.arange(20))
        assert_array_equal(line.get_ydata(), model.predict_proba(display.rows)[:, k])
    assert_array_equal(display.rows, np.arange(20)[:, None])
    assert display.ax_.get_xlabel() == "state"


def test_observed_frequencies_and_counts(bus_fits):
    _, model, X, y, _ = bus_fits
    weight = np.linspace(0, 2, len(y))
    display = PolicyDisplay.from_estimator(model, X, y, sample_weight=weight, action="replace").plot()
    states = np.ravel(X)
    seen = np.unique(states[weight > 0])
    totals = np.array([weight[states == state].sum() for state in seen])
    shares = [weight[(states == state) & (y == "replace")].sum() for state in seen] / totals
    (points,) = display.observed_
    assert_allclose(points.get_offsets(), np.column_stack([seen, shares]))
    assert_allclose(display.counts, totals)
    large = totals > totals.max() / 20
    assert_allclose(points.get_sizes()[large], 150 * totals[large] / totals.max())
    assert display.ax_.get_ylabel() == "probability of action replace"


def test_where_no_decision_is(bus_fits):
    _, model, X, y, _ = bus_fits
    rows = (X["state"] > 2) & (X["state"] < 9)
    display = PolicyDisplay.from_estimator(model, X[rows], y[rows]).plot()
    back = display.ax_.transData.inverted()
    found = [back.transform(span.get_window_extent())[:, 0].tolist() for span in display.spans_]
    assert found == [pytest.approx([0, 3], abs=1e-9), pytest.approx([8, 19])]
    assert not PolicyDisplay.from_estimator(model).plot().spans_


def test_band_from_a_covariance_is_that_of_drawn_policies(bus_fits):
    model, _, X, y, order = bus_fits
    spread = inference.covariance(model, X, y, **order)
    display = PolicyDisplay.from_estimator(
        model, action="replace", band=spread, n_draws=20, random_state=3, confidence=0.8
    ).plot()
    draws = np.random.RandomState(3).multivariate_normal(model.coef_, spread, size=20)
    policies = [model.counterfactual(reward_coef=draw).policy_[:, 1] for draw in draws]
    low, high = corners(display.bands_[0])
    assert_allclose(low, np.column_stack([np.arange(20), np.quantile(policies, 0.1, axis=0)]))
    assert_allclose(high, np.column_stack([np.arange(20), np.quantile(policies, 0.9, axis=0)]))
    assert 0 < display.bands_[0].get_alpha() < 0.5


def test_band_from_a_bootstrap_of_chosen_rows(patients):
    X, y = patients
    X = X[["dose", "visits"]]
    model = IQLearnClassifier().fit(X, y)
    rows = PolicyDisplay.from_estimator(model, X, column="dose").rows
    found = inference.bootstrap(
        model, lambda fit: fit.predict_proba(rows), X, y, trajectory=np.arange(len(y)) // 9, n_resamples=9
    )
    display = PolicyDisplay.from_estimator(model, X, column="dose", band=found).plot()
    for k, band in enumerate(display.bands_):
        assert_allclose(corners(band)[0][:, 1], found.interval()[0][:, k])
        assert_allclose(corners(band)[1][:, 1], found.interval()[1][:, k])


def test_other_columns_are_held_at_what_is_typical(patients):
    X, y = patients
    encode = make_column_transformer((OneHotEncoder(), ["place"]), remainder="passthrough")
    model = make_pipeline(encode, IQLearnClassifier()).fit(X, y)
    display = PolicyDisplay.from_estimator(model, X, y, column="dose", action="treat").plot()
    middle = X["visits"].sort_values().iloc[449]
    assert set(display.rows["visits"]) == {middle}
    assert set(display.rows["place"]) == {X["place"].mode()[0]}
    dose = np.linspace(X["dose"].min(), X["dose"].max(), 200)
    assert_allclose(display.lines_[0].get_xdata(), dose)
    asked = X.iloc[:200].assign(dose=dose, visits=middle, place=X["place"].mode()[0])
    assert_allclose(display.lines_[0].get_ydata(), model.predict_proba(asked)[:, 0])


def test_what_is_typical_has_occurred_and_missing_values_are_no_group():
    X = pd.DataFrame({"a": [4.0, 1.0, 3.0, 2.0], "b": [0.0, 1.0, np.nan, 1.0], "c": ["x", "z", "z", "x"]})
    model = DummyClassifier().fit(X, [0, 1, 1, 0])
    display = PolicyDisplay.from_estimator(model, X, [0, 1, 1, 0], column="b", action=1)
    assert display.rows.to_dict("list") == {"a": [2.0, 2.0], "b": [0.0, 1.0], "c": ["x", "x"]}
    assert_array_equal(display.observed[1], [0, 0.5])
    assert_array_equal(display.counts, [1, 2])


def test_frequencies_of_a_continuous_column_are_those_of_quantiles(patients):
    X, y = patients
    model = LogisticRegression().fit(X[["dose"]], y)
    display = PolicyDisplay.from_estimator(model, X[["dose"]], y, n_bins=3, action="treat").plot()
    order = np.argsort(X["dose"].to_numpy())
    thirds = [order[:300], order[300:600], order[600:]]
    expected = [(X["dose"].iloc[rows].mean(), (y[rows] == "treat").mean()) for rows in thirds]
    assert_allclose(display.observed_[0].get_offsets(), expected)
    assert_array_equal(display.counts, 300)


def test_a_column_of_names(patients):
    X, y = patients
    encode = make_column_transformer((OneHotEncoder(), ["place"]), remainder="passthrough")
    model = make_pipeline(encode, IQLearnClassifier()).fit(X, y)
    row = {"dose": 4.0, "visits": 1}
    display = PolicyDisplay.from_estimator(model, X, y, column="place", row=row, action="wait").plot()
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["coast", "hill", "lake"]
    asked = X.iloc[:3].assign(place=["coast", "hill", "lake"], **row)
    assert_allclose(display.lines_[0].get_ydata(), model.predict_proba(asked)[:, 1])
    shares = [(y[X["place"] == place] == "wait").mean() for place in ("coast", "hill", "lake")]
    assert_allclose(display.observed_[0].get_offsets()[:, 1], shares)


def test_arrays_and_positions_of_columns(patients):
    X, y = patients
    values = X[["dose", "visits"]].to_numpy()
    display = PolicyDisplay.from_estimator(IQLearnClassifier().fit(values, y), values, column=1).plot()
    assert_array_equal(display.x, [0, 1, 2, 3])
    assert isinstance(display.rows, np.ndarray)
    assert display.ax_.get_xlabel() == "column 1"


def test_actions_that_do_not_exist_are_blank(masked_fit):
    model, mask, X, y = masked_fit
    display = PolicyDisplay.from_estimator(model, X, y).plot()
    for k, (line, points) in enumerate(zip(display.lines_, display.observed_, strict=True)):
        assert_array_equal(np.isnan(line.get_ydata()), ~mask[:, k])
        assert_array_equal(
            np.ma.getmaskarray(points.get_offsets())[:, 1], ~mask[display.observed.index.astype(int), k]
        )
    assert_allclose(np.nansum(display.probabilities, axis=1), 1)
    bounds = np.full((16, 5), 0.1), np.full((16, 5), 0.9)
    assert_array_equal(PolicyDisplay.from_estimator(model, band=bounds).low, np.where(mask, 0.1, np.nan))


def test_mask_of_types(masked_fit):
    model, mask, X, y = masked_fit
    types = LatentTypes(model, n_init=1, random_state=0, tol=1e-3).fit(X, y, trajectory=np.arange(len(y)) // 20)
    found = PolicyDisplay.from_estimator(types, X, values=np.arange(16)).probabilities
    assert_array_equal(np.isnan(found), ~mask)
    assert_allclose(found[mask], types.predict_proba(np.arange(16)[:, None])[mask])


def test_several_models_in_the_same_axes(bus_fits):
    costs, table, *_ = bus_fits
    display = PolicyDisplay.from_estimator(costs, action="replace", name="costs").plot()
    other = PolicyDisplay.from_estimator(table, action="replace", name="table").plot(display.ax_, lw=3)
    dearer = PolicyDisplay.from_estimator(costs.counterfactual(reward_coef=costs.coef_ * 2), name="dearer")
    dearer.plot(display.ax_)
    assert other.ax_ is dearer.ax_ is display.ax_
    assert other.lines_[0].get_linewidth() == 3
    lines = display.ax_.lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(lines) == 4
    told = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert told == ["costs", "table", "dearer, action keep", "dearer, action replace"]


def test_two_plots_are_two_figures(bus_fits):
    display = PolicyDisplay.from_estimator(bus_fits[1])
    first = display.plot().figure_
    assert display.plot().figure_ is not first
    figure, axes = plt.subplots(1, 2)
    assert display.plot(axes[1]).figure_ is figure
    assert not axes[0].lines


def test_map_of_values_with_the_moves_that_the_policy_expects(masked_fit):
    model, _, _, _ = masked_fit
    display = PolicyDisplay.from_estimator(model, shape=(4, 4)).plot()
    assert_allclose(display.image_.get_array(), model.value_.reshape(4, 4))
    cells = np.stack(np.divmod(np.arange(16.0), 4), axis=1)
    kernel = np.stack([matrix.toarray() if hasattr(matrix, "toarray") else matrix for matrix in model.transitions])
    moves = np.einsum("sa,ast,tk->sk", model.policy_, kernel, cells) - cells
    assert_allclose(display.quiver_.V, moves[:, 0], atol=1e-12)
    assert_allclose(display.quiver_.U, moves[:, 1], atol=1e-12)
    assert_array_equal(display.quiver_.get_offsets(), cells[:, ::-1])
    assert display.colorbar_.ax.get_ylabel() == "soft value (choice shocks of scale 1)"


def test_states_of_a_fit_without_names(masked_fit):
    display = PolicyDisplay.from_estimator(masked_fit[0], action=0).plot()
    assert_array_equal(display.lines_[0].get_ydata(), masked_fit[0].predict_proba(np.arange(16)[:, None])[:, 0])


def test_map_of_an_action(masked_fit):
    model, mask, _, _ = masked_fit
    display = PolicyDisplay.from_estimator(model, shape=(4, 4), action=3).plot()
    shown = display.image_.get_array()
    assert_array_equal(np.ma.getmaskarray(shown).ravel(), ~mask[:, 3])
    assert_allclose(shown.compressed(), model.policy_[mask[:, 3], 3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action": "sell"}, r"action must be one or several of \['keep', 'replace'\], got 'sell'"),
        ({"action": 1}, "action must be one or several of .* got 1"),
        ({"shape": (4, 4)}, r"shape must be \(rows, columns\) of a grid of 20 states, got \(4, 4\)"),
        ({"shape": (4, 5), "action": ["keep", "replace"]}, "action must be one action for a map, got 2"),
        ({"column": "miles"}, "column must be one of the 1 columns .* got 'miles'"),
        ({"row": {"miles": 1}}, "row must map columns other than .* got {'miles': 1}"),
        ({"band": np.eye(3)}, r"band must have shape \(2, 2\), got \(3, 3\)"),
        ({"band": (np.zeros(3), np.zeros(3))}, r"band must have shape \(20, 2\), got \(3,\)"),
        ({"band": (np.zeros(3),)}, "band must be a bootstrap of what is drawn, or low and high, got 1 arrays"),
        ({"band": "yes"}, "band must be real numbers, got 'yes'"),
        ({"confidence": 2}, r"confidence must be in \(0, 1\), got 2"),
        ({"n_draws": 1}, "n_draws must be an integer >= 2, got 1"),
    ],
)
def test_errors(bus_fits, options, message):
    with pytest.raises(ValueError, match=message):
        PolicyDisplay.from_estimator(bus_fits[0], **options)


def test_errors_of_data(bus_fits, patients):
    X, y = patients
    model = LogisticRegression().fit(X[["dose", "visits"]], y)
    with pytest.raises(ValueError, match="X must be given unless the estimator has transitions"):
        PolicyDisplay.from_estimator(model)
    with pytest.raises(ValueError, match=r"column must be one of the 2 columns .* got None"):
        PolicyDisplay.from_estimator(model, X[["dose", "visits"]])
    with pytest.raises(ValueError, match=r"y must hold actions of .* got 'sleep' in row 0"):
        PolicyDisplay.from_estimator(model, X[["dose", "visits"]], np.full(900, "sleep"), column="dose")
    with pytest.raises(
        ValueError, match="band must be a bootstrap or a pair of bounds unless q_type='structural'"
    ):
        PolicyDisplay.from_estimator(bus_fits[1], band=np.eye(2))
    with pytest.raises(ValueError, match="X must be given where y is, got None"):
        PolicyDisplay.from_estimator(bus_fits[1], y=bus_fits[3])
    with pytest.raises(NotFittedError):
        PolicyDisplay.from_estimator(IQLearnClassifier(), X)
