"""What ``RewardDisplay`` and ``CoefficientDisplay`` draw are rewards and coefficients, with what is open told."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pictured import bars, corners
from scipy.stats import norm

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.datasets import make_gridworld
from sklearn_iqlearn.displays import CoefficientDisplay, RewardDisplay

pytestmark = pytest.mark.usefixtures("no_window")
NAMES = ["mileage", "engine"]


@pytest.fixture(scope="module")
def one_hot():
    """A reward of each of 4 x 4 cells, of which the decisions tell all but the level."""
    world = make_gridworld(100, 20, side=4, random_state=0)
    model = IQLearnClassifier(world.transitions, discount=0.9, q_type="structural", features=np.eye(16))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rewards.IdentificationWarning)
        return model.fit(world.data, world.target)


def test_table_leaves_what_does_not_exist_blank(masked_fit):
    model, mask, *_ = masked_fit
    display = RewardDisplay.from_estimator(model).plot()
    shown = display.image_.get_array()
    assert_array_equal(np.ma.getmaskarray(shown), ~mask.T)
    assert_allclose(shown.compressed(), model.reward_.T[mask.T])
    assert len(display.texts_) == mask.sum()
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == list("01234")
    assert display.image_.norm.vmin == -display.image_.norm.vmax
    assert display.ax_.get_title().startswith("one of the many rewards with this policy")


def test_an_anchored_reward_is_no_choice(masked_fit):
    model, mask, *_ = masked_fit
    display = RewardDisplay.from_estimator(model, anchor=0, anchor_reward=0.5, action=[1, 3]).plot()
    known = rewards.anchor(model, 0, 0.5).reward_
    assert_allclose(display.reward, np.where(mask, known, np.nan)[:, [1, 3]])
    assert display.ax_.get_title() == display.caveat == ""
    assert display.colorbar_.ax.get_ylabel() == "reward, where that of action 0 is 0.5 (choice\nshocks of scale 1)"


def test_errors_of_a_structural_reward_are_those_of_its_coefficients(bus_fits):
    model, _, X, y, order = bus_fits
    spread = inference.covariance(model, X, y, **order).to_numpy()
    display = RewardDisplay.from_estimator(model, errors=spread, confidence=0.9).plot()
    features = np.asarray(model.features)
    error = np.sqrt(np.einsum("sak,kl,sal->sa", features, spread, features))
    assert_allclose(display.standard_error, error)
    for k, (line, band) in enumerate(zip(display.lines_, display.bands_, strict=True)):
        assert_allclose(line.get_ydata(), features[:, k] @ model.coef_, atol=1e-12)
        low, high = corners(band)
        assert_allclose(high[:, 1] - low[:, 1], 2 * norm.ppf(0.95) * error[:, k], atol=1e-12)
    assert display.caveat == ""


def test_differences_to_an_action_and_a_state(bus_fits):
    model, _, X, y, order = bus_fits
    spread = inference.covariance(model, X, y, **order)
    features = np.asarray(model.features)
    display = RewardDisplay.from_estimator(model, reference_action="keep", action="replace", errors=spread)
    contrast = features[:, 1] - features[:, 0]
    assert_allclose(display.reward[:, 0], contrast @ model.coef_)
    assert_allclose(display.standard_error[:, 0] ** 2, np.einsum("sk,kl,sl->s", contrast, spread, contrast))
    assert display.label == "reward of action replace, less that of action keep (choice shocks of scale 1)"
    display = RewardDisplay.from_estimator(model, reference_state=3, errors=spread)
    assert_allclose(display.reward, (features - features[3]) @ model.coef_, atol=1e-12)
    assert_array_equal(display.standard_error[3], 0)


def test_what_the_data_tell_nothing_of_has_no_error(bus_fits):
    model, _, X, y, order = bus_fits
    spread = inference.covariance(model, X, y, **order).to_numpy(copy=True)
    spread[0] = spread[:, 0] = np.nan
    error = RewardDisplay.from_estimator(model, errors=spread).standard_error
    features = np.asarray(model.features)
    assert_allclose(
        error, np.where(features[..., 0] == 0, np.abs(features[..., 1]) * np.sqrt(spread[1, 1]), np.nan)
    )


def test_errors_by_bootstrap(bus_fits):
    _, table, X, y, order = bus_fits
    found = inference.bootstrap(table, "reward_", X, y, **order, n_resamples=9, random_state=0)
    display = RewardDisplay.from_estimator(table, errors=found, reference_state=0).plot()
    samples = found.samples - found.samples[:, [0]]
    low, high = np.quantile(samples, [0.025, 0.975], axis=0)
    assert_allclose(corners(display.bands_[1])[0][:, 1], low[:, 1], atol=1e-12)
    assert_allclose(corners(display.bands_[1])[1][:, 1], high[:, 1], atol=1e-12)
    anchored = inference.bootstrap(
        table, lambda fit: rewards.anchor(fit, "replace").reward_, X, y, **order, n_resamples=5, random_state=0
    )
    shown = RewardDisplay.from_estimator(table, anchor="replace", errors=anchored)
    assert_allclose(shown.standard_error[:, 0], anchored.standard_error[:, 0])
    with pytest.raises(ValueError, match=r"errors must be the bootstrap of the reward_ that is drawn"):
        RewardDisplay.from_estimator(table, errors=anchored)


def test_map_of_what_the_policy_expects(masked_fit):
    model, mask, *_ = masked_fit
    display = RewardDisplay.from_estimator(model, shape=(4, 4), reference_state=5).plot()
    expected = np.where(mask, model.policy_ * np.where(mask, model.reward_, 0), 0).sum(axis=1)
    assert_allclose(display.image_.get_array().ravel(), expected - expected[5], atol=1e-12)
    assert [text.get_position() for text in display.texts_] == [(k % 4, k // 4) for k in range(16)]


def test_open_directions_are_told_unless_a_difference_closes_them(one_hot):
    assert len(one_hot.unidentified_) == 1
    display = RewardDisplay.from_estimator(one_hot, shape=(4, 4)).plot()
    assert "leave 1 direction of it open" in display.ax_.get_title()
    assert RewardDisplay.from_estimator(one_hot, shape=(4, 4), reference_state=0).caveat == ""
    assert RewardDisplay.from_estimator(one_hot, reference_action=0).caveat == ""
    coef = one_hot.coef_ + one_hot.unidentified_[0]
    moved = one_hot.counterfactual(reward_coef=coef)
    assert_allclose(moved.policy_, one_hot.policy_, atol=1e-8)  # the solution's own tolerance
    differences = [RewardDisplay.from_estimator(model, reference_state=0).reward for model in (one_hot, moved)]
    assert_allclose(*differences, atol=1e-10)


def test_a_world_was_told_its_reward(masked_fit):
    display = RewardDisplay.from_estimator(rewards.anchor(masked_fit[0], 0))
    assert display.caveat == ""


def test_rewards_of_rows(patients):
    X, y = patients
    model = IQLearnClassifier(q_type="tabular").fit(X[["visits"]], y, trajectory=np.arange(len(y)) // 30)
    display = RewardDisplay.from_estimator(model).plot(kind="lines", lw=3)
    assert_array_equal(display.lines_[0].get_xdata(), [0, 1, 2, 3])
    assert display.lines_[0].get_linewidth() == 3
    assert display.ax_.get_xlabel() == "visits"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action": "sell"}, "action must be one or several of"),
        ({"reference_action": "sell"}, "action must be one or several of"),
        ({"reference_state": 20}, "reference_state must be one of 20 states from 0, got 20"),
        ({"shape": (3, 4)}, r"shape must be \(rows, columns\) of a grid of 20 states, got \(3, 4\)"),
        ({"shape": (4, 5), "action": ["keep", "replace"]}, "action must be one action for a map, got 2"),
        ({"errors": np.eye(3)}, r"errors must have shape \(2, 2\), got \(3, 3\)"),
        ({"errors": np.eye(2), "anchor": "keep"}, "errors must be a bootstrap of reward_ unless"),
        ({"confidence": 0}, "confidence must be in"),
    ],
)
def test_errors_of_input(bus_fits, options, message):
    with pytest.raises(ValueError, match=message):
        RewardDisplay.from_estimator(bus_fits[0], **options)


def test_kinds(bus_fits):
    display = RewardDisplay.from_estimator(bus_fits[0])
    with pytest.raises(ValueError, match=r"kind must be one of \['auto', 'lines', 'map', 'table'\], got 'pie'"):
        display.plot(kind="pie")
    with pytest.raises(ValueError, match="kind must be 'table' or 'lines' without a shape, got 'map'"):
        display.plot(kind="map")


def test_forest_of_several_models(bus_fits):
    model, _, X, y, order = bus_fits
    tables = {
        "by bus": inference.summary(model, X, y, feature_names=NAMES, **order),
        "Hessian": inference.summary(model, X, y, feature_names=NAMES, covariance="observed", confidence=0.9),
    }
    tables["Hessian"].iloc[:, -1] += 1.0  # an interval as skewed as those of a bootstrap
    display = CoefficientDisplay.from_summaries(tables).plot()
    assert display.line_.get_xdata()[0] == 0
    for table, drawn in zip(tables.values(), display.errorbars_, strict=True):
        assert_allclose(drawn[0].get_xdata(), table["coefficient"])
        assert_allclose(bars(drawn)[:, :, 0], table.iloc[:, -2:])
    heights = [drawn[0].get_ydata() for drawn in display.errorbars_]
    assert (heights[0] < heights[1]).all()
    assert_allclose(np.mean(heights, axis=0), [0, 1])
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == NAMES
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == list(tables)
    numbers = [
        f"{row.iloc[0]:.3g} [{row.iloc[-2]:.3g}, {row.iloc[-1]:.3g}]" for _, row in tables["by bus"].iterrows()
    ]
    assert [text.get_text() for text in display.texts_[:2]] == numbers


def test_forest_of_what_only_some_models_have(bus_fits):
    model, _, X, y, order = bus_fits
    one, other = (inference.summary(model, X, y, feature_names=names) for names in (NAMES, ["mileage", "price"]))
    display = CoefficientDisplay.from_summaries({"one": one, "other": other}).plot(numbers=False)
    assert list(display.estimate.index) == ["mileage", "engine", "price"]
    assert_array_equal(np.isnan(display.errorbars_[0][0].get_xdata()), [False, False, True])
    shown = CoefficientDisplay.from_estimator(model, X, y, parameters=["engine"], feature_names=NAMES, **order)
    assert_allclose(shown.estimate, [[model.coef_[1]]])
    with pytest.raises(ValueError, match=r"parameters must be some of \['mileage', 'engine'\], got \['price'\]"):
        CoefficientDisplay.from_summaries(one, parameters=["price"])
    with pytest.raises(ValueError, match=r"summaries must be tables of inference.summary"):
        CoefficientDisplay.from_summaries(one.drop(columns="coefficient"))


def test_rewards_of_rows_of_several_columns():
    rng = np.random.default_rng(0)
    model = IQLearnClassifier().fit(rng.normal(size=(60, 2)), rng.integers(2, size=60))
    with pytest.raises(ValueError, match=r"of one column, as rewards are drawn .* got states of 2 columns"):
        RewardDisplay.from_estimator(model)
