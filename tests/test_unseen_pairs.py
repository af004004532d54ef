"""What stands in for pairs of state and action that the rows never show."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import random_problem, rollouts

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.preprocessing import estimate_transitions


def dense(found):
    matrices = found.transitions.values() if isinstance(found.transitions, dict) else found.transitions
    return np.array([matrix.toarray() for matrix in matrices])


# From 0 action "a" leads to 0, 1 and 2, from 1 action "b" to 0; 2 is left in a row cut off alone, 3 is in no row.
THIRD = 1 / 3
SEEN = {("a", 0): [THIRD, THIRD, THIRD, 0], ("b", 1): [1, 0, 0, 0]}
FREE = {0: SEEN["a", 0], 1: SEEN["b", 1], 2: [0, 0, 1, 0], 3: [0, 0, 0, 1]}
PAIRS = [(label, s) for label in "ab" for s in range(4)]


def few(n_states=4, **options):
    rows = {"states": [0, 0, 1, 0, 0, 2], "actions": list("aabaab"), "trajectory": [0, 0, 0, 0, 1, 1]}
    return estimate_transitions(**rows, n_states=n_states, **options)


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize(
    ("unseen", "stand_in"), [("prior", lambda s: FREE[s]), ("self-loop", lambda s: np.eye(4)[s])]
)
def test_what_stands_in_for_pairs_never_seen(unseen, stand_in, weight):
    """Where a state has one action, shrinkage towards what follows whatever the action changes nothing."""
    found = few(unseen=unseen, prior=weight)
    expected = [SEEN.get((label, s), stand_in(s)) for label, s in PAIRS]
    assert list(found.transitions) == ["a", "b"]
    assert_allclose(dense(found).reshape(8, 4), expected, rtol=1e-15)
    assert_array_equal(found.unseen.T.ravel(), [pair not in SEEN for pair in PAIRS])
    assert found.n_unseen == 6
    assert_array_equal(found.never_left, [2, 3])
    assert found.action_mask is None
    assert found.n_cut_off == 2


def test_a_given_kernel_stands_in():
    given = random_problem(0, n_states=4, n_actions=2)[0]
    found = few(unseen="prior", prior=(0.0, {"a": given[0], "b": given[1]}))
    expected = [SEEN.get(pair, row) for pair, row in zip(PAIRS, given.reshape(8, 4), strict=True)]
    assert_allclose(dense(found).reshape(8, 4), expected, rtol=1e-15)


def test_pairs_never_taken_do_not_exist():
    found = few(n_states=3, unseen="mask")
    assert_array_equal(found.action_mask, [[True, False], [False, True], [False, True]])
    rows = {("a", 0): [THIRD] * 3, ("b", 1): [1, 0, 0], ("b", 2): [0, 0, 1]}
    expected = [rows.get((label, s), [0, 0, 0]) for label in "ab" for s in range(3)]
    assert_allclose(dense(found).reshape(6, 3), expected, rtol=1e-15)
    assert found.n_unseen == 4
    model = IQLearnClassifier(found.transitions, action_mask=found.action_mask)
    model.fit([[0], [0], [1], [0], [0], [2]], list("aabaab"))
    assert_array_equal(model.policy_, found.action_mask)


def test_pairs_never_seen_are_refused_by_default():
    message = (
        r"for every state and action, got none for 6 of 8 pairs, the first state 0 with action 'b'; 2 states were "
        r"never left, the first 2\. Pass unseen='prior'"
    )
    for weight in (0.0, 1.0):
        with pytest.raises(ValueError, match=message):
            few(prior=weight)
    with pytest.raises(ValueError, match="an action in every state, got none in 1 of 4 states, the first 3"):
        few(unseen="mask")


def test_no_row_of_zeros_is_an_end():
    """Rows go on but for the share that ended, whatever stands in."""
    states, actions, order = rollouts(n_states=8, n_trajectories=2, length=20)
    for unseen in ("prior", "self-loop"):
        for weight in (0.0, 2.0):
            found = estimate_transitions(states, actions, **order, unseen=unseen, prior=weight)
            assert found.n_unseen > 0
            assert_allclose(dense(found).sum(axis=2).T, 1 - found.ended, rtol=0, atol=1e-15)
            assert found.ended[found.unseen].max() <= found.ended[~found.unseen].max()
            assert (found.ended < 1).all()


def test_report():
    text = "EstimatedTransitions(4 states, 2 actions, 6 of 8 pairs unseen, 2 rows cut off)"
    assert repr(few(unseen="prior")) == text


def test_pairs_that_do_not_exist_need_no_rows():
    mask = np.array([[True, True], [True, False]])
    rows = {"states": [0, 1, 0, 1, 0, 0], "actions": [0, 0, 1, 0, 0, 1]}
    order = {"trajectory": [0, 0, 1, 1, 2, 2], "terminal": [0, 1, 0, 1, 0, 1]}
    with pytest.raises(ValueError, match="the first state 1 with action 1"):
        estimate_transitions(**rows, **order)
    found = estimate_transitions(**rows, **order, action_mask=mask)
    assert (found.action_mask == mask).all()
    assert found.n_unseen == 0
    assert found.transitions[1].toarray()[1].tolist() == [0, 0]
    assert (estimate_transitions(**rows, **order, unseen="mask").action_mask == mask).all()
    X, y = np.array(rows["states"])[:, None], rows["actions"]
    model = IQLearnClassifier("estimate", action_mask=mask).fit(X, y, **order)
    assert (model.policy_ > 0).tolist() == mask.tolist()
    with pytest.raises(ValueError, match="action_mask excludes action 0 in state 1, which 2 rows take"):
        estimate_transitions(**rows, **order, action_mask=[[True, True], [False, True]])


def test_columns_where_some_pairs_do_not_exist():
    """A column's pair is asked for where some whole state has it."""
    rng = np.random.default_rng(0)
    states, actions = rng.integers(0, (2, 3), size=(500, 2)), rng.integers(2, size=500)
    mask = np.ones((6, 2), dtype=bool)
    mask[:3, 1] = False  # with the first column at 0
    kept = mask[np.ravel_multi_index(states.T, (2, 3)), actions]
    rows = {"states": states[kept], "actions": actions[kept], "trajectory": np.arange(kept.sum()) // 20}
    with pytest.raises(ValueError, match="unseen='error' must have a row"):
        estimate_transitions(**rows)
    found = estimate_transitions(**rows, action_mask=mask)
    assert (found.action_mask == mask).all()
    sums = np.column_stack([matrix.sum(axis=1) for matrix in found.transitions])
    np.testing.assert_allclose(sums, 1.0 * mask)
