"""The regression table."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from problems import standard_errors

from sklearn_iqlearn import IQLearnClassifier, inference


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
