"""Transitions from rows: the shares of what was seen, and shrinkage."""

import math
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from problems import random_problem, rollouts

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.exceptions import DataWarning
from sklearn_iqlearn.preprocessing import estimate_transitions


def rows_with_gaps(seed=0):
    """Shuffled rows with ends, gaps in time and weights, some of them 0."""
    states, actions, order = rollouts(seed, n_states=5)
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.1, 3.0, size=len(actions)) * (rng.uniform(size=len(actions)) > 0.1)
    chosen = rng.permutation(len(actions))[: int(0.9 * len(actions))]
    return {
        "states": states[chosen, 0],
        "actions": actions[chosen],
        "sample_weight": weight[chosen],
        **{name: column[chosen] for name, column in order.items()},
    }


def dense(found):
    matrices = found.transitions.values() if isinstance(found.transitions, dict) else found.transitions
    return np.array([matrix.toarray() for matrix in matrices])


def shares_by_loops(states, actions, trajectory, step, terminal, sample_weight):
    """Moves, ends and rows cut off, row by row, added without rounding."""
    at = {(i, t): s for s, i, t, w in zip(states, trajectory, step, sample_weight, strict=True) if w > 0}
    moves, visits, cut_off = defaultdict(list), defaultdict(list), []
    for s, a, i, t, end, w in zip(states, actions, trajectory, step, terminal, sample_weight, strict=True):
        if w == 0:
            continue
        if not end and (i, t + 1) not in at:
            cut_off.append(w)
            continue
        moves[s, a, "end" if end else at[i, t + 1]].append(w)
        visits[s, a].append(w)
    counts = {pair: math.fsum(weights) for pair, weights in visits.items()}
    return {move: math.fsum(w) / counts[move[:2]] for move, w in moves.items()}, counts, math.fsum(cut_off)


@pytest.mark.parametrize("seed", range(3))
def test_shares_by_loops(seed):
    rows = rows_with_gaps(seed)
    shares, counts, cut_off = shares_by_loops(**rows)
    found = estimate_transitions(**rows)
    kernel, ended = np.zeros((3, 5, 5)), np.zeros((5, 3))
    for (s, a, to), share in shares.items():
        if to == "end":
            ended[s, a] = share
        else:
            kernel[a, s, to] = share
    assert cut_off > 0
    assert ended.any()
    assert_allclose(dense(found), kernel, rtol=1e-14, atol=0)
    assert_allclose(found.ended, ended, rtol=1e-14, atol=0)
    assert_allclose(found.n_cut_off, cut_off, rtol=1e-14)
    assert_allclose(found.counts, [[counts[s, a] for a in range(3)] for s in range(5)], rtol=1e-14)


def test_shares_by_pandas():
    states, actions, order = rollouts(n_states=4)
    frame = pd.DataFrame({"s": states[:, 0], "a": actions, "to": np.roll(states[:, 0], -1), **order})
    going = frame[frame["step"] < 19]  # the last rows have no next one
    found = estimate_transitions(going["s"], going["a"], next_state=going["to"])
    expected = going.groupby(["a", "s"])["to"].value_counts(normalize=True).unstack(fill_value=0.0)
    assert_allclose(dense(found).reshape(-1, 4), expected.to_numpy(), rtol=1e-14)
    assert found.n_cut_off == 0
    by_trajectory = frame.drop(columns="to").rename(columns={"s": "states", "a": "actions"})
    by_trajectory["terminal"] = False
    assert_array_equal(dense(estimate_transitions(**dict(by_trajectory.items()))), dense(found))


def test_order_of_rows_is_immaterial_to_the_last_bit():
    rows = rows_with_gaps()
    expected = estimate_transitions(**rows, prior=0.7)
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(rows["states"]))
        found = estimate_transitions(**{name: column[order] for name, column in rows.items()}, prior=0.7)
        assert_array_equal(dense(found), dense(expected))
        assert_array_equal(found.ended, expected.ended)
        assert_array_equal(found.counts, expected.counts)


def test_counts_of_moves_are_as_good_as_rows():
    """With ends, and missing next states where rows are cut off."""
    states, actions, order = rollouts()
    frame = pd.DataFrame({"s": states[:, 0], "a": actions, "end": order["terminal"]})
    frame["to"] = frame["s"].shift(-1).where(order["step"] < 19).mask(frame["end"], -1)  # not read
    counts = frame.groupby(["s", "a", "to", "end"], dropna=False).size().reset_index(name="n")
    assert len(counts) < len(frame) / 2
    expected = estimate_transitions(states, actions, **order)
    assert expected.n_cut_off == 15
    to = counts["to"]
    for following in (to, to.astype("Int64"), to.astype(object).where(to.notna(), None)):
        found = estimate_transitions(
            counts["s"], counts["a"], next_state=following, terminal=counts["end"], sample_weight=counts["n"]
        )
        assert_array_equal(dense(found), dense(expected))
        assert_array_equal(found.ended, expected.ended)
        assert_array_equal(found.counts, expected.counts)
        assert found.n_cut_off == 15


def test_weights_have_no_unit():
    rows = rows_with_gaps()
    doubled = estimate_transitions(**rows | {"sample_weight": 2 * rows["sample_weight"]}, prior=2.0)
    assert_array_equal(dense(doubled), dense(estimate_transitions(**rows, prior=1.0)))


def shrunk_by_hand(rows, weight, prior=None):
    """The formula of the docstring on dense arrays with the end as the last state."""
    plain = estimate_transitions(**rows)
    moves = np.concatenate([dense(plain), plain.ended.T[:, :, None]], axis=2) * plain.counts.T[:, :, None]
    if prior is None:
        prior = moves.sum(axis=0) / moves.sum(axis=(0, 2))[:, None]
    return (moves + weight * prior) / (moves.sum(axis=2, keepdims=True) + weight)


@pytest.mark.parametrize("weight", [0.5, 4.0])
def test_shrinkage_towards_the_kernel_whatever_the_action(weight):
    rows = rows_with_gaps()
    found = estimate_transitions(**rows, prior=weight)
    expected = shrunk_by_hand(rows, weight)
    assert_allclose(dense(found), expected[:, :, :-1], rtol=1e-13)
    assert_allclose(found.ended, expected[:, :, -1].T, rtol=1e-13)
    assert_allclose(dense(found).sum(axis=2).T + found.ended, 1, rtol=1e-14)


@pytest.mark.parametrize(
    "form",
    [
        lambda kernel: kernel,
        list,
        lambda kernel: [sp.csr_array(matrix) for matrix in kernel],
        lambda kernel: dict(enumerate(kernel)),
    ],
    ids=["array", "list", "sparse", "mapping"],
)
def test_shrinkage_towards_a_given_kernel(form):
    rows, given = rows_with_gaps(), random_problem(1, n_states=5, ending=True)[0]
    found = estimate_transitions(**rows, prior=(2.0, form(given)))
    prior = np.concatenate([given, 1 - given.sum(axis=2, keepdims=True)], axis=2)
    expected = shrunk_by_hand(rows, 2.0, prior)
    assert_allclose(dense(found), expected[:, :, :-1], rtol=1e-13)
    assert_allclose(found.ended, expected[:, :, -1].T, rtol=1e-12)


def test_one_kernel_for_all_actions_and_limits_of_its_weight():
    rows, given = rows_with_gaps(), random_problem(1, n_states=5)[0][0]
    assert_array_equal(
        dense(estimate_transitions(**rows, prior=(3.0, given))),
        dense(estimate_transitions(**rows, prior=(3.0, np.stack([given] * 3)))),
    )
    # 1e9 visits of it against at most 1e3 seen
    heavy = estimate_transitions(**rows, prior=(1e9, sp.csr_array(given)))
    assert_allclose(dense(heavy), [given] * 3, rtol=0, atol=1e-6)
    assert_array_equal(
        dense(estimate_transitions(**rows, prior=(0.0, given))), dense(estimate_transitions(**rows))
    )


def test_labels_are_as_the_classifier_sorts_them():
    states, actions, order = rollouts()
    by_id = estimate_transitions(states, actions, **order)
    assert isinstance(by_id.transitions, list)
    assert isinstance(estimate_transitions(states, actions / 1.0, **order).transitions, list)
    names = np.array(["stay", "go", "back"])[actions]
    by_name = estimate_transitions(states, pd.Series(names, dtype="category"), **order)
    assert list(by_name.transitions) == ["back", "go", "stay"]
    for label, a in {"stay": 0, "go": 1, "back": 2}.items():
        assert_array_equal(by_name.transitions[label].toarray(), by_id.transitions[a].toarray())
    model = IQLearnClassifier(by_name.transitions).fit(states, names)
    assert_array_equal(model.classes_, ["back", "go", "stay"])
    numbers = estimate_transitions(states, actions + 5, **order)
    assert list(numbers.transitions) == [5, 6, 7]
    told = estimate_transitions(states, actions, **order, n_states=9, n_actions=4, unseen="self-loop")
    assert len(told.transitions) == 4
    assert told.n_unseen == 4 + 8


def test_a_fit_is_that_of_rows_as_states():
    """Without transitions, a table estimates them from its rows: with ends known, by the same counts."""
    states, actions, order = rollouts(n_states=6, n_trajectories=6, length=12)
    order["terminal"] = order["step"] == 11
    found = estimate_transitions(states, actions, **order, unseen="prior")
    assert found.n_unseen > 0
    given = IQLearnClassifier(found.transitions, alpha=1.0, tol=1e-12).fit(states, actions)
    rows = IQLearnClassifier(q_type="tabular", alpha=1.0, tol=1e-12).fit(states, actions, **order)
    assert_allclose(given.q_table_, rows.q_table_, rtol=0, atol=1e-9)


def test_no_array_of_all_moves():
    """With 200,000 states, one action's dense matrix alone would take 320 GB."""
    rng = np.random.default_rng(0)
    states = rng.integers(200_000, size=100_000)
    found = estimate_transitions(
        states, states % 3, next_state=states[::-1], n_states=200_000, n_actions=3, unseen="self-loop"
    )
    assert sum(matrix.nnz for matrix in found.transitions) <= 100_000 + found.n_unseen


def test_steps_that_leave_rows_without_a_next_one_are_told():
    rows = {"states": [0, 1] * 50, "actions": [0] * 100, "trajectory": [0] * 100}
    step = 10 * np.arange(100)
    step[1:3] = 1, 2
    with pytest.warns(DataWarning, match="step leaves 97 of 99 rows .* They count as cut off. Number the"):
        found = estimate_transitions(**rows, step=step)
    assert found.n_cut_off == 98


GOOD = {"states": [0, 1, 0, 1], "actions": [0, 0, 0, 0], "trajectory": [0, 0, 0, 0]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"states": [0, 1.5, 0, 1]}, "states must be integers, got 1.5 in row 1"),
        ({"states": [0, 1, np.nan, 1]}, "states must be integers, got nan in row 2"),
        (
            {"states": pd.Series([0, 1, None, 1], dtype="Int64")},
            "states must be integers, got (<NA>|nan) in row 2",
        ),
        ({"states": [0, -1, 0, 1]}, "states must be 0 to 1, got -1 in row 1"),
        ({"states": [0, 1, 0, 1], "n_states": 1}, "states must be 0 to 0, got 1 in row 1"),
        ({"states": [[[0]]]}, r"states must be a column of state ids or several.*\(1, 1, 1\)"),
        ({"states": []}, r"states must be a column of state ids or several, with a row, got shape \(0, 1\)"),
        (
            {"states": pd.DataFrame({"x": [0, 1, 0, 1], "y": [0, "a", 0, 1]})},
            "states of column 'y' must be integers",
        ),
        ({"actions": [0, 0, 0]}, r"actions must have one value per row, shape \(4,\), got \(3,\)"),
        ({"actions": [0, None, 0, 0]}, "actions must have no missing id, got None"),
        ({"actions": [0, 2, 0, 0], "n_actions": 2}, "actions must be 0 to 1, as n_actions says, got 2 in row 1"),
        (
            {"actions": list("aaaa"), "n_actions": 2},
            "actions, where n_actions is given, must be integers, got 'a'",
        ),
        ({"trajectory": None}, "trajectory or next_state must tell .* got neither"),
        ({"next_state": [1, 0, 1, 0]}, "trajectory or next_state must tell .* got both"),
        ({"trajectory": [0, 1, 0, 1]}, "trajectory: .* contiguous"),
        (
            {"trajectory": list("abcd")},
            "trajectory must tell what follows some row, got none: all 4 are cut off",
        ),
        ({"step": [0, 10, 20, 30]}, "trajectory must tell what follows some row, got none: all 4 are cut off"),
        (
            {"states": [0] * 9, "actions": [0] * 9, "trajectory": [0] * 9, "step": range(0, 90, 10)},
            "all 9 are cut off. step leaves 8 of 8 rows .* All steps .* multiples of 10: divide them by 10",
        ),
        ({"trajectory": None, "next_state": [None] * 4}, "next_state must tell what follows some row, got none"),
        ({"trajectory": None, "next_state": [1, 0.5, 1, np.nan]}, "next_state must be integers, got 0.5 in row 1"),
        ({"trajectory": None, "next_state": [1, 0, 1]}, r"next_state must have the shape of states, \(4, 1\)"),
        (
            {"trajectory": None, "next_state": [1, 0, 1, 5], "n_states": 2},
            "next_state must be 0 to 1, got 5 in row 3",
        ),
        ({"sample_weight": [1, 1, -1, 1]}, "sample_weight must be finite and non-negative, got -1"),
        ({"n_states": 0}, "n_states must be an integer >= 1, got 0"),
        ({"n_states": (2, 2)}, r"n_states must be an integer >= 1, got \(2, 2\)"),
        ({"n_actions": 0}, "n_actions must be an integer >= 1, got 0"),
        ({"prior": -1.0}, r"prior must be a weight >= 0, or a pair \(weight, kernel\), got the weight -1.0"),
        ({"prior": "much"}, "prior must be real numbers, got 'much'"),
        (
            {"prior": (1.0, np.eye(3))},
            "prior must hold a kernel of 2 states and the actions .0., got one of 3 states",
        ),
        ({"prior": (1.0, {"a": np.eye(2)})}, "actions .0., got one of 2 states and the actions .'a'."),
        (
            {"prior": (1.0, 2 * np.eye(2))},
            "prior must hold a kernel .*: transitions of action 0, state 0, must sum",
        ),
        ({"unseen": "zero"}, r"unseen must be one of \['error', 'mask', 'prior', 'self-loop'\], got 'zero'"),
        ({"unseen": None}, "unseen must be one of .*, got None"),
    ],
)
def test_refused(change, message):
    with pytest.raises(ValueError, match=message):
        estimate_transitions(**GOOD | change)
