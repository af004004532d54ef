"""A finite horizon as states: what is where, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from horizons import backward_induction, random_steps
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_iqlearn._model.soft_bellman import solve_soft_bellman
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn.preprocessing import with_time

T, S, A = 5, 4, 3
KERNELS, REWARDS, LAST = random_steps()


def by_step(matrix):
    """(T * S, T * S) -> (T, S, T, S)."""
    return matrix.toarray().reshape(T, S, T, S)


def test_moves_lead_to_the_next_step_and_the_last_one_ends():
    horizon = with_time(list(KERNELS), T)
    expected = np.zeros((A, T, S, T, S))
    for t in range(T - 1):
        expected[:, t, :, t + 1] = KERNELS[t]
    assert_array_equal([by_step(matrix) for matrix in horizon.transitions], expected)
    assert horizon.features is horizon.action_mask is horizon.base_reward is None


@pytest.mark.parametrize(
    "form",
    [
        lambda kernel: kernel,
        list,
        lambda kernel: [sp.csr_array(matrix) for matrix in kernel],
        lambda kernel: tuple(sp.coo_matrix(matrix) for matrix in kernel),
        lambda kernel: kernel.tolist(),
    ],
)
def test_forms_of_transitions(form):
    """One kernel for all steps is a list of it, in whatever form."""
    expected = with_time([KERNELS[0]] * T, T).transitions
    for given in (form(KERNELS[0]), [form(KERNELS[0])] * T):
        for found, wanted in zip(with_time(given, T).transitions, expected, strict=True):
            assert_array_equal(found.toarray(), wanted.toarray())


def test_labels_are_kept():
    named = [dict(zip(["stay", "go", "ask"], kernel, strict=True)) for kernel in KERNELS]
    expected = with_time(list(KERNELS), T).transitions
    found = with_time(named, T).transitions
    for a, label in enumerate(["stay", "go", "ask"]):
        assert_array_equal(found[label].toarray(), expected[a].toarray())
    assert list(with_time(named[0], T).transitions) == list(found)


def test_tables_step_by_step():
    rng = np.random.default_rng(0)
    wide, narrow, mask = (
        rng.normal(size=(T, S, A, 2)),
        rng.normal(size=(T, S, 2)),
        rng.uniform(size=(T, S, A)) < 0.7,
    )
    mask[..., 0] = True
    horizon = with_time(
        KERNELS[0], T, features=list(wide), action_mask=list(mask), base_reward=[r[:, 0] for r in REWARDS]
    )
    assert_array_equal(horizon.features, np.where(mask[..., None], wide, 0).reshape(T * S, A, 2))
    assert_array_equal(horizon.action_mask, mask.reshape(T * S, A))
    base = np.where(mask, REWARDS[..., :1], 0)
    assert_array_equal(horizon.base_reward, base.reshape(T * S, A))
    horizon = with_time(KERNELS[0], T, features=narrow[0], action_mask=mask[0], base_reward=REWARDS[0])
    assert_array_equal(horizon.features.reshape(T, S, 2), [narrow[0]] * T)
    assert_array_equal(horizon.action_mask.reshape(T, S, A), [mask[0]] * T)
    assert_array_equal(horizon.base_reward.reshape(T, S, A), [np.where(mask[0], REWARDS[0], 0)] * T)


def test_rows_of_pairs_that_do_not_exist_may_hold_anything():
    mask = np.ones((S, A), dtype=bool)
    mask[2, 1] = False
    kernel = KERNELS[0].copy()
    kernel[1, 2] = np.nan
    features, base = np.ones((S, A, 2)), np.ones((S, A))
    features[2, 1] = base[2, 1] = np.nan
    horizon = with_time(kernel, T, action_mask=mask, features=features, base_reward=base)
    found = horizon.transitions[1]
    assert_array_equal(by_step(found)[:, 2], 0)
    assert_array_equal(by_step(found)[0, :2, 1], KERNELS[0][1, :2])
    for table in (horizon.features[..., 0], horizon.base_reward):
        assert_array_equal(table.reshape(T, S, A), [1.0 * mask] * T)
    with pytest.raises(ValueError, match="features must be finite"):
        with_time(KERNELS[0], T, features=features)


@pytest.mark.parametrize("discount", [0.0, 0.8, 1.0])
def test_a_terminal_value_is_that_of_the_states_after_the_last_step(discount):
    mask = np.random.default_rng(0).uniform(size=(T, S, A)) < 0.7
    mask[..., 0] = True
    horizon = with_time(
        list(KERNELS),
        T,
        features=REWARDS[0],
        action_mask=list(mask),
        base_reward=list(REWARDS),
        terminal_value=LAST,
    )
    assert horizon.n_layers == T + 1
    assert_array_equal(horizon.features[-S:], 0)
    assert_array_equal(horizon.action_mask[-S:], [[True, False, False]] * S)
    kernel, _ = check_transitions(horizon.transitions, horizon.action_mask)
    q = solve_soft_bellman(horizon.base_reward + kernel.bar, kernel, discount, 0.5).reshape(T + 1, S, A)
    expected = backward_induction(KERNELS, np.where(mask, REWARDS, -np.inf), discount, 0.5, LAST)
    assert_allclose(q[:T], expected, rtol=0, atol=1e-13)
    assert_array_equal(q[T, :, 0], LAST)


def test_ids():
    horizon = with_time(KERNELS[0], T)
    state, step = horizon.decode(np.arange(T * S).reshape(T, S))
    assert_array_equal(state, np.tile(np.arange(S), (T, 1)))
    assert_array_equal(step, np.repeat(np.arange(T)[:, None], S, axis=1))
    assert_array_equal(horizon.encode(state, step), np.arange(T * S).reshape(T, S))
    frame = pd.DataFrame({"state": [3, 0], "period": [0.0, 4.0]})
    assert_array_equal(horizon.encode(frame["state"], frame["period"]), [3, 16])
    assert_array_equal(horizon.encode(np.arange(S), 2), 2 * S + np.arange(S))
    assert horizon.encode(1, 2) == 9


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("encode", (4, 0), "state must be 0 to 3, got 4"),
        ("encode", (-1, 0), "state must be 0 to 3, got -1"),
        ("encode", ([0, 1], [0, 5]), "step must be 0 to 4, got 5"),
        ("encode", (0.5, 0), "state must be integers, got 0.5"),
        ("decode", ([0, 20],), "ids must be 0 to 19, got 20"),
        ("decode", ("a",), "ids must be integers, got 'a'"),
    ],
)
def test_ids_refused(method, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(with_time(KERNELS[0], T), method)(*arguments)


ONE = KERNELS[0]


@pytest.mark.parametrize(
    ("transitions", "n_steps", "tables", "message"),
    [
        (ONE, 0, {}, "n_steps must be an integer >= 1, got 0"),
        (list(KERNELS), 4, {}, "transitions must be given once for all steps.*n_steps=4 of them, got a list of 5"),
        ([ONE, 2 * ONE], 2, {}, "step 1: transitions of action 0, state 1, must sum to at most 1"),
        ([ONE, ONE[:2]], 2, {}, "got 4 states and actions .0, 1, 2. in step 0, 4 and .0, 1. in step 1"),
        ([ONE, ONE[:, :2, :2]], 2, {}, "4 states and .* in step 0, 2 and"),
        (
            ONE,
            2,
            {"features": np.zeros((3, 2))},
            r"features must have shape \(4, K\) or \(4, 3, K\), got \(3, 2\)",
        ),
        (ONE, 2, {"features": [np.zeros((4, 2))] * 3}, "features must be given once .* n_steps=2 .* list of 3"),
        (
            ONE,
            2,
            {"features": [np.zeros((4, 2)), np.zeros((4, 1))]},
            r"features must have one shape in all steps, got \[\(4, 1\), \(4, 2\)\]",
        ),
        (
            ONE,
            2,
            {"base_reward": [np.zeros(4), np.full(4, np.nan)]},
            "step 1: base_reward must be finite",
        ),
        (
            ONE,
            2,
            {"action_mask": [np.ones((4, 3)), np.zeros((4, 3))]},
            "step 1: action_mask must leave an action in every",
        ),
        (ONE, 2, {"action_mask": np.ones((4, 2))}, r"action_mask must have shape \(4, 3\), got \(4, 2\)"),
        (ONE, 2, {"terminal_value": np.zeros(3)}, r"terminal_value must have shape \(4,\), got \(3,\)"),
    ],
)
def test_refused(transitions, n_steps, tables, message):
    with pytest.raises(ValueError, match=message):
        with_time(transitions, n_steps, **tables)
