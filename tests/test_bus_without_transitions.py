"""Rust's buses without being told how they age: mileage as a number, and which month follows which."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import bus_problem
from sklearn.preprocessing import SplineTransformer

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.exceptions import DataWarning
from sklearn_iqlearn.preprocessing import Hats

# Rust (1987), table IX, discount 0.9999: theta_11 and RC with standard errors, and least log-likelihood wanted.
PUBLISHED = {
    (1, 2, 3, 4): ([2.628, 9.756], [0.618, 1.227], -300.75),
    (4,): ([2.293, 10.075], [0.639, 1.582], -163.9),
}


def costs(X):
    """Of running at a mileage, in the units of table IX, and of a new engine."""
    features = np.zeros((len(X), 2, 2))
    features[:, 0, 0] = -0.001 * X["mileage_since_replacement"] / 5
    features[:, 1, 1] = -1.0
    return features


def buses(groups):
    frame = load_rust_bus().frame
    frame = frame[frame["group"].isin(groups) & (frame["period"] > 1)]
    order = {"trajectory": frame["bus_id"], "step": frame["period"]}
    return frame[["mileage_since_replacement"]], frame["replaced"], order


def fitted(groups, **settings):
    X, y, order = buses(groups)
    settings = {"discount": 0.9999, "alpha": np.inf, "features": costs, **settings}
    return IQLearnClassifier(q_type="structural", **settings).fit(X, y, **order)


@pytest.fixture(scope="module", params=list(PUBLISHED), ids=["all groups", "group 4"])
def default(request):
    return request.param, fitted(request.param)


def test_table_ix_by_default_settings(default):
    groups, model = default
    coef, errors, least = PUBLISHED[groups]
    X, y, _ = buses(groups)
    assert model.score(X, y) * len(y) >= least
    assert (np.abs(model.coef_ - coef) < errors).all(), model.coef_
    assert model.converged_
    assert model.spectral_radius_ < 1


def test_the_aging_is_told_by_hats_the_new_engine_by_a_constant(default):
    """Where a replaced engine goes does not depend on the mileage of the old one."""
    table = default[1].continuation_
    assert list(table["way"]) == ["averaging"] * 2
    assert table.loc[0, "n_functions"] >= 20
    assert table.loc[1, "n_functions"] == 1


@pytest.mark.parametrize("n_nodes", [15, 30, 60])
def test_the_number_of_nodes_hardly_matters(default, n_nodes):
    groups, model = default
    other = fitted(groups, basis={0: Hats(n_nodes), 1: Hats(1)})
    assert_allclose(other.coef_, model.coef_, rtol=0.1)
    assert_allclose(other.objective_, model.objective_, rtol=3e-3)


@pytest.mark.parametrize("n_nodes", [15, 30, 60])
def test_nodes_of_both_actions_too(default, n_nodes):
    """Few engines are replaced: the nodes without any take after their neighbours, and this is told."""
    groups, model = default
    with pytest.warns(DataWarning, match=rf"of {n_nodes} functions without a row of action 1") as told:
        other = fitted(groups, basis=Hats(n_nodes))
    assert len(told) == 1
    assert_allclose(other.coef_, model.coef_, rtol=0.1)


def test_states_that_are_bins_are_the_problem_of_a_counted_kernel():
    """With Rust's 90 bins as the states, all that differs is the kernel: each bin its own row of increments."""
    X, y, order, _, features = bus_problem((4,))
    state = X["mileage_bin"].to_numpy()
    following = np.where(order["trajectory"].diff(-1) == 0, np.append(state[1:], 0), -1)
    kernel = np.zeros((2, 90, 90))
    known = following >= 0
    np.add.at(kernel, (y.to_numpy()[known], state[known], following[known]), 1.0)
    pooled = kernel[1].sum(axis=0)  # a replaced engine goes the same way from everywhere
    kernel[1] = pooled
    visited = np.unique(np.append(state, following[known]))
    kernel = kernel[:, visited][:, :, visited]
    kernel[0, kernel[0].sum(axis=1) == 0] = kernel[0].sum(
        axis=0
    )  # a bin that is only left by a replacement, or never
    kernel /= kernel.sum(axis=2, keepdims=True)
    settings = {"discount": 0.99, "alpha": np.inf, "q_type": "structural"}
    same = IQLearnClassifier(kernel, features=features[visited], **settings)
    same.fit(np.searchsorted(visited, state)[:, None], y, **order)
    rows = IQLearnClassifier(
        features=lambda X: features[X["mileage_bin"]], basis={0: Hats(90), 1: Hats(1)}, **settings
    )
    rows.fit(X, y, **order)
    assert_allclose(rows.coef_, same.coef_, rtol=0, atol=1e-7)
    assert_allclose(rows.policy_, same.policy_, rtol=0, atol=1e-8)


def test_a_projection_that_runs_away_gives_way_to_averages():
    """Splines for the new engine rest on 27 rows: beyond them they grow from month to month."""
    with pytest.warns(DataWarning, match="basis runs away.*discount=0.9999.*Averages took its place") as told:
        model = fitted((1, 2, 3), basis=SplineTransformer(n_knots=8, include_bias=False))
    assert len(told) == 1
    same = fitted((1, 2, 3))
    assert_allclose(model.coef_, same.coef_, rtol=0, atol=1e-10)
    assert list(model.continuation_["way"]) == ["averaging"] * 2
    assert [type(basis) for basis in model.basis_.values()] == [Hats, Hats]


def test_the_same_projection_stands_where_it_does_not_run_away():
    model = fitted((1, 2, 3), basis=SplineTransformer(n_knots=8, include_bias=False), discount=0.5)
    assert list(model.continuation_["way"]) == ["projection"] * 2
    assert model.spectral_radius_ < 1


def test_units_of_mileage_do_not_matter():
    """Nodes, and so everything else, go with the column."""

    def in_thousands(X):
        return costs(1000 * X)

    X, y, order = buses((4,))
    settings = {"discount": 0.9999, "alpha": np.inf, "q_type": "structural"}
    model = IQLearnClassifier(features=in_thousands, **settings).fit(X / 1000, y, **order)
    assert_allclose(model.coef_, fitted((4,)).coef_, rtol=1e-6)
