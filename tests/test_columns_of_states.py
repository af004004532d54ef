"""Transitions of states in several columns that move independently, each estimated apart."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._model.simulation import simulate
from sklearn_iqlearn._model.soft_bellman import log_policy, solve_soft_bellman
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn.preprocessing import estimate_transitions, renewal_transitions


def dense(found):
    return np.array([matrix.toarray() for matrix in found.transitions])


def two_chains(seed=0, n_trajectories=40, length=25, ending=()):
    """Rows of two columns with kernels of their own (A, 3, 3) and (A, 4, 4), and the kernels.

    ``ending`` has the probability of an end for each action, none by default.
    """
    rng = np.random.default_rng(seed)
    kernels = [rng.dirichlet(np.ones(size), size=(2, size)) for size in (3, 4)]
    rows = []
    for trajectory in range(n_trajectories):
        state = [rng.integers(3), rng.integers(4)]
        for step in range(length):
            action = rng.integers(2)
            ends = bool(ending) and rng.uniform() < ending[action]
            rows.append((*state, action, trajectory, step, ends))
            if ends:
                break
            state = [
                rng.choice(len(kernel[0]), p=kernel[action, s]) for s, kernel in zip(state, kernels, strict=True)
            ]
    frame = pd.DataFrame(rows, columns=["x", "y", "action", "trajectory", "step", "terminal"])
    return frame.sample(frac=1.0, random_state=seed), kernels


def of(frame, columns=("x", "y"), **options):
    order = {name: frame[name] for name in ("trajectory", "step", "terminal")}
    states = frame[columns] if isinstance(columns, str) else frame[list(columns)]
    return estimate_transitions(states, frame["action"], **order, **options)


@pytest.mark.parametrize("prior", [0.0, 2.0])
def test_the_product_of_the_kernels_of_the_columns(prior):
    frame, _ = two_chains()
    found, one, two = (of(frame, columns, prior=prior) for columns in (("x", "y"), "x", "y"))
    expected = [np.kron(*both) for both in zip(dense(one), dense(two), strict=True)]
    assert found.n_states == (3, 4)
    assert_allclose(dense(found), expected, rtol=1e-14)
    assert_array_equal(found.ended, 0)
    assert found.n_cut_off == 40
    ids = np.ravel_multi_index((frame["x"], frame["y"]), (3, 4))
    assert_array_equal(found.encode(frame[["x", "y"]]).ravel(), ids)
    known = frame["step"] < 24
    assert_array_equal(found.counts.ravel(), np.bincount(ids[known] * 2 + frame["action"][known], minlength=24))


def test_one_column_is_a_state():
    frame, _ = two_chains(ending=(0.1, 0.3))
    wide, long = of(frame, ["x"], prior=0.5), of(frame, "x", prior=0.5)
    assert_array_equal(dense(wide), dense(long))
    assert_array_equal(wide.ended, long.ended)


def test_columns_apart_need_fewer_rows():
    """Where columns do move independently, a fifth of the error of a kernel of all combinations would be luck."""
    frame, kernels = two_chains(n_trajectories=20)
    truth = np.array([np.kron(*both) for both in zip(*kernels, strict=True)])
    found = of(frame)
    ids = pd.DataFrame({"id": found.encode(frame[["x", "y"]]).ravel()}, index=frame.index)
    joint = of(frame.join(ids), "id", n_states=12, unseen="prior")
    assert np.abs(dense(found) - truth).mean() < 0.5 * np.abs(dense(joint) - truth).mean()


def test_ends_are_shares_of_the_whole_state_with_a_visit_at_the_rate_of_the_action():
    frame, _ = two_chains(ending=(0.1, 0.3))
    found, plain = of(frame), of(frame.assign(terminal=False))
    pairs = [frame["x"], frame["y"], frame["action"]]
    ended = frame["terminal"].groupby(pairs).sum().unstack(fill_value=0).to_numpy()
    last = frame.groupby("trajectory")["step"].transform("max") == frame["step"]
    known = frame["terminal"][frame["terminal"] | ~last].groupby(pairs).size().unstack(fill_value=0).to_numpy()
    expected = (ended + ended.sum(axis=0) / known.sum(axis=0)) / (known + 1)
    assert_allclose(found.ended, expected, rtol=1e-14)
    assert_array_equal(found.counts, known)
    assert_allclose(dense(found).sum(axis=2).T, 1 - expected, rtol=1e-14)
    goes_on = dense(found) / (1 - expected).T[:, :, None]
    assert_allclose(goes_on, dense(plain), rtol=1e-13)


def test_an_action_that_always_ends_leaves_from_everywhere():
    """An exit: it moves no column, and needs no stand-in."""
    frame, _ = two_chains(n_trajectories=200, ending=(0.0, 1.0))
    found = of(frame)
    assert_array_equal(found.ended, [[0, 1]] * 12)
    assert found.transitions[1].nnz == 0
    assert found.n_unseen == 0


def without_some_pairs():
    """Rows in which the first column is never in 2 with action 1, nor the second in 0 with action ``other``."""
    frame, _ = two_chains()
    return frame, lambda other: {
        "sample_weight": ~(
            (frame["action"] == 1) & (frame["x"] == 2) | (frame["action"] == other) & (frame["y"] == 0)
        ),
        "n_states": (3, 4),
    }


@pytest.mark.parametrize("option", ["prior", "self-loop", "mask"])
def test_pairs_never_seen_are_those_of_each_column(option):
    frame, without = without_some_pairs()
    unseen = np.zeros((3, 4, 2), dtype=bool)
    unseen[2, :, 1] = unseen[:, 0, 1] = True
    found = of(frame, unseen=option, **without(1))
    assert_array_equal(found.unseen, unseen.reshape(12, 2))
    exists = np.ones((12, 2), dtype=bool)
    if option == "mask":
        exists = ~unseen.reshape(12, 2)
        assert_array_equal(found.action_mask, exists)
    assert_allclose(dense(found).sum(axis=2).T, 1.0 * exists, rtol=1e-14)
    assert_array_equal(found.ended[~exists], 0)
    if option == "self-loop":
        assert_allclose(found.transitions[1].toarray()[8, 8], 1)  # in (2, 0) both columns stay


def test_refusals_name_the_column_or_the_state():
    frame, without = without_some_pairs()
    message = "got none for 1 of 6 pairs of column 'x', the first state 2 with action 1. Pass unseen='prior'"
    with pytest.raises(ValueError, match=message):
        of(frame, **without(1))
    with pytest.raises(ValueError, match=r"got none in 1 of 12 states, the first \(2, 0\)"):
        of(frame, unseen="mask", **without(0))
    one, encode = np.eye(12), of(frame).encode
    for message, call in [
        ("states must have 2 columns, got shape", lambda: encode([[1]])),
        (r"states must be >= 0 and below n_states, \(3, 4\)", lambda: encode([[0, 4]])),
        (
            "n_states must be a tuple of 2 integers >= 1, one for each column, got 12",
            lambda: of(frame, n_states=12),
        ),
        ("prior must be a weight alone where .* got a kernel and 2 columns", lambda: of(frame, prior=(1.0, one))),
        ("states of column 'y' must be 0 to 1, got . in row", lambda: of(frame, n_states=(3, 2))),
        ("states of column 'y' must be integers, got 0.5 in row 0", lambda: of(frame.assign(y=0.5))),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


COST = np.array([1.0, 0.8, 6.0, 1.5])


def machines(seed, n_trajectories=400, n_steps=60, n_bins=12, discount=0.98):
    """Machines that wear until they are repaired or replaced; demand is low or high, whatever is done.

    Running (0) brings 0.8 where demand is high, repair (1) costs 1.5 and takes away a unit of wear, of which there
    are 3, replacement (2) costs 6. All but replaced machines cost 1 for a unit of wear.
    """
    rng = np.random.default_rng(seed)
    increments = np.digitize(rng.gamma(2.0, 0.12, size=100_000), np.arange(1, n_bins) * 3 / n_bins)
    run, replace = renewal_transitions(increments, n_bins)
    repair = run[np.maximum(np.arange(n_bins) - n_bins // 3, 0)]
    demand = np.array([[0.9, 0.1], [0.3, 0.7]])
    kernel = Transitions([np.kron(wear, demand) for wear in (run, repair, replace)])
    wear, high = np.divmod(np.arange(2 * n_bins), 2)
    features = np.zeros((2 * n_bins, 3, 4))
    features[:, :2, 0] = -(wear[:, None] + 0.5) * 3 / n_bins
    features[:, 0, 1] = high
    features[:, 2, 2] = features[:, 1, 3] = -1.0
    policy = np.exp(log_policy(solve_soft_bellman(features @ COST, kernel, discount, 1.0), 1.0))
    start = np.full(2 * n_bins, 1 / (2 * n_bins))
    random = np.random.RandomState(seed)
    frame = pd.DataFrame(simulate(policy, kernel, start, n_trajectories, n_steps, random))
    return frame.assign(wear=frame["state"] // 2, demand=frame["state"] % 2), features


def test_costs_of_machines_come_out_with_estimated_transitions():
    """The mean over six panels within three of its standard errors, to which both steps contribute."""
    estimates = []
    for seed in range(6):
        frame, features = machines(seed)
        found = of(frame, ("wear", "demand"), unseen="prior")
        model = IQLearnClassifier(
            found.transitions, discount=0.98, q_type="structural", features=features, alpha=np.inf
        )
        X = found.encode(frame[["wear", "demand"]])
        estimates.append(model.fit(X, frame["action"]).coef_)
    standard_error = np.std(estimates, axis=0, ddof=1) / np.sqrt(6)
    assert (standard_error < 0.02 * COST).all()
    assert_allclose((np.mean(estimates, axis=0) - COST) / standard_error, 0, rtol=0, atol=3)
