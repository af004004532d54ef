"""Rust's bus data: the panel, his estimates from it, its transitions, and every penalty solved to the optimum."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import DIVERGENCES, bus_problem, standard_errors

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.preprocessing import renewal_transitions


@pytest.fixture(scope="module")
def bus():
    return load_rust_bus()


@pytest.fixture(scope="module")
def transitions(bus):
    increments = bus.frame["increment"]
    return renewal_transitions(increments[increments >= 0].to_numpy(), 90)


def test_panel_has_the_published_size(bus):
    """Rust (1987), table IIa: buses and months of each group."""
    frame = bus.frame
    assert len(frame) == 8260
    assert frame["replaced"].sum() == 60
    sizes = frame.groupby("group")["bus_id"].agg(["nunique", "size"])
    assert sizes.to_dict() == {
        "nunique": {1: 15, 2: 4, 3: 48, 4: 37},
        "size": {1: 15 * 25, 2: 4 * 49, 3: 48 * 70, 4: 37 * 117},
    }
    assert bus.data.shape == (8156, 1)
    assert len(bus.target) == len(bus.bus) == len(bus.period) == 8156
    assert bus.period.min() == 2
    assert len(load_rust_bus(opening_month=True).data) == 8260


def test_mileage_counts_from_the_replacement(bus):
    """Replaced in the last month below the odometer of the replacement, which is subtracted from then on."""
    for _, months in bus.frame.groupby("bus_id"):
        mileage, since = (months[name].to_numpy() for name in ("mileage", "mileage_since_replacement"))
        at_replacement = np.round(mileage - since, 3)
        assert at_replacement[0] == 0
        assert not months["replaced"].iloc[-1]
        np.testing.assert_array_equal(months["replaced"][:-1] == 1, np.diff(at_replacement) > 0)
        replaced = np.flatnonzero(months["replaced"])
        assert (mileage[replaced] < at_replacement[replaced + 1]).all()
        assert (at_replacement[replaced + 1] <= mileage[replaced + 1]).all()
        assert (np.diff(at_replacement) >= 0).all()
    assert (bus.frame["mileage_bin"] == bus.frame["mileage_since_replacement"] // 5).all()
    assert bus.frame["mileage_bin"].max() == 77


@pytest.mark.parametrize(
    ("groups", "discount", "coef", "spread", "log_likelihood"),
    [
        ((4,), 0.9999, (2.2931, 10.0749), (0.638, 1.582), -163.584),
        ((1, 2, 3), 0.9999, (4.8260, 11.7271), (1.792, 2.602), -132.389),
        ((1, 2, 3, 4), 0.9999, (2.6276, 9.7558), (0.617, 1.227), -300.250),
        ((4,), 0.0, (71.5133, 7.6358), (13.778, 0.720), -165.458),
        ((1, 2, 3, 4), 0.0, (70.2771, 7.3056), (10.750, 0.507), -306.641),
    ],
)
def test_table_nine_of_rust(groups, discount, coef, spread, log_likelihood):
    """Rust (1987), table IX; the log-likelihood is of the decisions alone.

    The costs printed there differ from these by at most a unit of the last digit (group 4: 2.2930 and 10.0750).
    """
    X, y, _, transitions, features = bus_problem(groups)
    model = IQLearnClassifier(
        transitions, discount=discount, q_type="structural", features=features, alpha=np.inf
    ).fit(X, y)
    assert model.converged_
    assert_allclose(model.coef_, coef, rtol=0, atol=6e-5)
    assert_allclose(standard_errors(model, X, y, kind="opg"), spread, rtol=0, atol=6e-4)
    assert_allclose(model.score(X, y) * len(y), log_likelihood, rtol=0, atol=6e-4)


def test_increments_count_bins_entered(bus):
    frame = bus.frame
    assert (frame["increment"] == -1).sum() == 104
    previous = frame.groupby("bus_id")["mileage_bin"].shift()
    replaced = frame.groupby("bus_id")["replaced"].shift()
    kept = replaced == 0
    assert (frame["increment"][kept] == frame["mileage_bin"][kept] - previous[kept]).all()
    after = replaced == 1
    assert (frame["increment"][after] == frame["mileage_bin"][after] + 1).all()


def test_transitions_move_by_the_observed_increments(bus, transitions):
    shares = bus.frame["increment"][lambda x: x >= 0].value_counts(normalize=True).sort_index()
    for action, start in ((0, 40), (1, 0)):
        assert_allclose(transitions[action, 40, start : start + 3], shares)
        assert_allclose(transitions[action].sum(axis=1), 1)
    assert transitions[0, 89, 89] == 1
    sparse = renewal_transitions(bus.frame["increment"][lambda x: x >= 0].to_numpy(), 90, sparse=True)
    np.testing.assert_array_equal(np.stack([matrix.toarray() for matrix in sparse]), transitions)


@pytest.mark.parametrize("increments", [[], [-1, 2], [0.5], [[1]], [1200, 3000, 0]])
def test_bad_increments(increments):
    with pytest.raises(ValueError, match="increments must be"):
        renewal_transitions(increments, 5)


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("value_term", ["expert", "initial"])
@pytest.mark.parametrize("alpha", [1.0, 5.0])
@pytest.mark.parametrize("discount", [0.95, 0.9999])
def test_every_penalty_converges(bus, transitions, divergence, value_term, alpha, discount):
    model = IQLearnClassifier(
        transitions, discount=discount, alpha=alpha, divergence=divergence, value_term=value_term
    ).fit(bus.data, bus.target, trajectory=bus.bus, step=bus.period)
    assert model.converged_
    assert model.gradient_norm_ <= 1e-8
    assert model.n_iter_ <= (150 if divergence == "tv" else 50)
    bound = {"tv": alpha, "hellinger": alpha, "js": alpha * np.log(2)}.get(divergence, np.inf)
    assert model.reward_.min() > -bound


def test_held_out_likelihood_of_the_defaults(bus, transitions):
    """Better by whole buses than action frequencies, and than the same table without a future."""
    fold = bus.bus % 5
    scores = {0.9999: [], 0.0: []}
    base = []
    for k in range(5):
        train, test = fold != k, fold == k
        for discount, found in scores.items():
            model = IQLearnClassifier(transitions, discount=discount)
            model.fit(bus.data[train], bus.target[train])
            found.append(model.score(bus.data[test], bus.target[test]))
        rate = bus.target[train].mean()
        base.append(np.log(np.where(bus.target[test] == 1, rate, 1 - rate)).mean())
    assert np.mean(scores[0.9999]) > np.mean(base) > np.mean(scores[0.0])
    assert np.mean(scores[0.9999]) > -0.0425
