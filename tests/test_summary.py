"""The regression table."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from problems import standard_errors

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.rewards import IdentificationWarning


def test_summary(rust):
    model, X, y, order = rust
    table = inference.summary(model, X, y, feature_names=["theta", "RC"], **order)
    assert isinstance(table, pd.DataFrame)
    assert table.index.tolist() == ["theta", "RC"]
    assert_allclose(table["coefficient"], model.coef_)
    assert_allclose(table["standard error"], standard_errors(model, X, y, kind="clustered", **order))
    assert_allclose(table["z"], table["coefficient"] / table["standard error"])
    assert_allclose(table["97.5%"] - table["coefficient"], 1.959964 * table["standard error"], rtol=1e-6)
    assert_allclose(table["p"], [2.192e-6, 1.965e-18], rtol=0.1)
    facts = table.attrs
    assert_allclose(facts["Log-likelihood"], -163.5843, atol=5e-5)
    assert_allclose(facts["AIC"], 2 * 2 - 2 * facts["Log-likelihood"])
    assert_allclose(facts["BIC"], 2 * np.log(4292) - 2 * facts["Log-likelihood"])
    assert (facts["Observations"], facts["Trajectories"], facts["Converged"]) == (4292, 37, True)
    printed = str(table)
    for part in (
        "Log-likelihood: -163.5843",
        "AIC: 331.1686",
        "standard error",
        "theta",
        "10.0749",
        "Covariance: clustered",
    ):
        assert part in printed
    assert "<table" in table._repr_html_()
    assert type(table[["z"]]) is pd.DataFrame


def test_summary_of_each_source(rust):
    model, X, y, order = rust
    for kind in ("observed", "opg", "sandwich"):
        table = inference.summary(model, X, y, covariance=kind, confidence=0.9)
        assert_allclose(table["standard error"], standard_errors(model, X, y, kind=kind))
        assert list(table.columns[-2:]) == ["5%", "95%"]
        assert table.attrs["Covariance"] == kind
    assert inference.summary(model, X, y).attrs["Covariance"] == "observed"
    resampled = inference.bootstrap(model, "coef_", X, y, n_resamples=20, random_state=0, **order)
    table = inference.summary(model, X, y, covariance=resampled)
    assert_allclose(table["standard error"], resampled.standard_error)
    assert_allclose(table["2.5%"], resampled.interval()[0])
    assert table.attrs["Trajectories"] == 37
    with pytest.raises(ValueError, match=r"confidence must be in \(0, 1\), got 95"):
        inference.summary(model, X, y, confidence=95)
    other = inference.Resampled(np.ones(3), np.ones((20, 3)), 37)
    with pytest.raises(ValueError, match="must be the bootstrap of the fit's reward_coef_ or coef_"):
        inference.summary(model, X, y, covariance=other)


def test_summary_of_a_tabular_reward(world):
    model = IQLearnClassifier(
        world.transitions, discount=world.discount, alpha=100, q_type="tabular", features=world.features
    ).fit(world.data, world.target)
    resampled = inference.bootstrap(
        model,
        "reward_coef_",
        world.data,
        world.target,
        trajectory=world.trajectory,
        n_resamples=20,
        random_state=0,
    )
    table = inference.summary(
        model, world.data, world.target, covariance=resampled, feature_names=world.feature_names
    )
    assert table.index.tolist() == world.feature_names
    assert_allclose(table["coefficient"], model.reward_coef_)


def test_what_the_intervals_are_about(world, rust):
    """Said of every penalised estimate, and of no other; a table's reward_coef_ does not depend on its penalty."""
    settings = {"discount": world.discount, "features": world.features}
    rows = {"X": world.data, "y": world.target}
    for options, penalty in (
        ({"q_type": "structural", "alpha": 5.0}, "chi2, alpha=5"),
        ({"q_type": "linear", "alpha": np.inf}, "C=100"),
        ({"q_type": "linear", "alpha": 5.0, "divergence": "kl"}, "kl, alpha=5, C=100"),
        ({"q_type": "linear", "alpha": np.inf, "C": np.inf}, "none"),
    ):
        model = IQLearnClassifier(world.transitions, **settings, **options).fit(world.data, world.target)
        table = inference.summary(model, **rows)
        assert table.attrs["Penalty"] == penalty
        assert ("Intervals" in table.attrs) == (penalty != "none")
        if penalty != "none":
            last = str(table).splitlines()[-1]
            assert last.startswith("Intervals: spread of the penalised estimate around its own mean")
            assert f"({penalty})" in last
    assert "Intervals" not in inference.summary(*rust[:3]).attrs
    table = IQLearnClassifier(world.transitions, q_type="tabular", **settings).fit(world.data, world.target)
    boot = {"trajectory": world.trajectory, "n_resamples": 5, "random_state": 0}
    resampled = inference.bootstrap(table, "reward_coef_", **rows, **boot)
    assert "Intervals" not in inference.summary(table, **rows, covariance=resampled).attrs


def test_open_directions_are_described(world):
    features = np.concatenate([world.features, world.features[..., :1]], axis=2)
    settings = {"discount": world.discount, "features": features, "temperature": 0.7}
    rows, names = {"X": world.data, "y": world.target}, {"feature_names": ["a", "b", "copy"]}
    for alpha in (np.inf, 20.0):
        model = IQLearnClassifier(world.transitions, q_type="structural", alpha=alpha, **settings)
        with pytest.warns(IdentificationWarning):
            model.fit(**rows)
        table = inference.summary(model, **rows, **names)
        said = table.attrs["Not identified"]
        assert said.startswith("1 a -1 copy.")
        assert said.endswith("identified contrasts do not depend on it.")
        assert f"Not identified: {said}" in str(table)
        assert np.isfinite(table).all(axis=None)
    table = IQLearnClassifier(world.transitions, q_type="tabular", **settings).fit(**rows)
    boot = {"trajectory": world.trajectory, "n_resamples": 5, "random_state": 0}
    with pytest.warns(IdentificationWarning):
        resampled = inference.bootstrap(table, "reward_coef_", **rows, **boot)
    single = {"a": [1.0, 0.0, 1.0], "b": [0.0, 1.0, 0.0]}
    found = inference.summary(table, **rows, **names, covariance=resampled, contrasts=single)
    assert found.index.tolist() == ["a", "b"]
    sums = resampled.samples @ np.array(list(single.values())).T
    assert_allclose(found["standard error"], sums.std(axis=0, ddof=1))
    assert found.attrs["Not identified"] == said
