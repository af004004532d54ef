"""Whether episodes end: what discount 1 asks of transitions, of rows, and of policies."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn._model.endings import soonest_end, steps_to_end
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn.datasets import make_bus_engine, make_random_mdp

# Four states in a row; action 0 goes on, and from the last one ends; action 1 stays.
ROW = np.stack([np.eye(4, k=1), np.eye(4)])
X, y = [[0], [1], [2], [3]], [0, 0, 1, 0]


def row(**parameters):
    return IQLearnClassifier(ROW, **({"discount": 1} | parameters))


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_steps_to_the_end(form):
    kernel = Transitions([form(matrix) for matrix in ROW])
    assert_array_equal(steps_to_end(kernel), [4, 3, 2, 1])
    only_stays = np.array([[True, True]] * 2 + [[False, True]] + [[True, True]])
    assert_array_equal(steps_to_end(kernel, only_stays), [np.inf, np.inf, np.inf, 1])
    assert_array_equal(steps_to_end(kernel, only_stays, only_stays[:, 0] == 0), [3, 2, 1, 1])
    assert_array_equal(steps_to_end(Transitions([form(np.eye(4))]), unknown=np.ones(4, dtype=bool)), [np.inf] * 4)


def test_a_matrix_may_store_zeros():
    stored = sp.csr_array((np.zeros(2), ([0, 1], [1, 0])), shape=(2, 2)) + sp.csr_array([[1.0, 0], [0, 0]])
    assert_array_equal(steps_to_end(Transitions([stored])), [np.inf, 1])


def test_heading_for_the_end():
    """In proportion to the chance to get nearer: by one way of 0.2 or another of 0.6, never by a third."""
    ways = [np.array([[1 - chance, chance], [0.0, 0.0]]) for chance in (0.2, 0.6, 0.0)]
    np.testing.assert_allclose(soonest_end(Transitions(ways)), [[0.25, 0.75, 0], [1 / 3] * 3], rtol=1e-15)


@pytest.mark.parametrize("discount", [1, 1.0, np.float64(1)])
def test_a_state_without_a_way_to_an_end(discount):
    """The absorbing state is the third one; with rows of zeros it ends episodes."""
    kernel = np.array([[[0.5, 0.25, 0.25], [0, 0.5, 0.5], [0, 0, 1]]] * 2)
    with pytest.raises(
        ValueError, match=r"discount must be less than 1 .* got 1(\.0)?: from state 0 no end can be reached\. "
    ):
        IQLearnClassifier(kernel, discount=discount).fit([[0]], [0])
    kernel[:, 2] = 0
    assert IQLearnClassifier(kernel, discount=discount).fit([[0]], [0]).converged_


def test_what_single_precision_leaves_of_a_row_is_no_end():
    kernel = np.full((2, 3, 3), 1 / 3, dtype=np.float32) * (1 - 1e-7)
    with pytest.raises(ValueError, match="no end can be reached"):
        IQLearnClassifier(kernel, discount=1).fit([[0]], [0])


def test_pairs_that_do_not_exist_end_nothing():
    mask = np.array([[True, True], [True, True], [False, True], [True, True]])
    with pytest.raises(ValueError, match="from state 0 no end can be reached"):
        row(action_mask=mask).fit([[0], [2]], [0, 1])
    mask[2] = True, False
    assert row(action_mask=mask).fit([[0], [2]], [0, 0]).converged_


@pytest.mark.parametrize("change", [{"forbid": [0]}, {"reward": [[0, 0]] * 3 + [[-np.inf, 0]]}])
def test_counterfactuals_without_an_end(change):
    with pytest.raises(ValueError, match="from state 0 no end can be reached without what is forbidden"):
        row().fit(X, y).counterfactual(**change)


def test_counterfactuals_in_other_worlds():
    model = row(discount=0.9).fit(X, y)
    with pytest.raises(ValueError, match="discount must be less than 1"):
        model.counterfactual(discount=1, transitions=[np.eye(4)] * 2)
    world = model.counterfactual(discount=1, transitions=ROW[::-1], reward=np.full((4, 2), -1.0))
    assert world.policy_[3].argmax() == 1  # what ends is now action 1


def test_a_counterfactual_reward_that_has_no_value():
    """A reward of 1 for staying in state 2."""
    with pytest.raises(ArithmeticError, match="leads back to state 2 is worth more"):
        row().fit(X, y).counterfactual(reward=np.where(np.arange(8).reshape(4, 2) == 5, 1.0, -1.0))


def test_policies():
    """It is the policy's own episodes that must end."""
    stays = [[1, 0], [1, 0], [0, 1], [1, 0]]
    with pytest.raises(ValueError, match="from state 0 no end can be reached under the policy"):
        rewards.evaluate(stays, np.zeros(4), ROW, discount=1)
    model = row().fit(X, y)
    model.policy_ = np.array(stays, dtype=float)
    with pytest.raises(ValueError, match="from state 0 no end can be reached under the policy"):
        rewards.occupancy(model)
    assert rewards.occupancy(model, long_run=True).sum() == pytest.approx(1)
    assert (rewards.evaluate([[1, 0]] * 4, np.ones(4), ROW, discount=1) == [4, 3, 2, 1]).all()


def test_the_anchor_must_end_episodes():
    model = row().fit(X, y)
    with pytest.raises(ValueError, match="from state 0 no end can be reached by action 1, whose reward is known"):
        rewards.anchor(model, 1)
    assert np.isfinite(rewards.anchor(model, 0).value_).all()


def test_the_initial_term_has_no_weight_left():
    with pytest.raises(
        ValueError, match=r"less than 1 with value_term='initial', .* got 1: take value_term='expert'"
    ):
        row(value_term="initial").fit(X, y)


def test_worlds_to_simulate():
    with pytest.raises(ValueError, match="discount must be less than 1 where an episode may never end"):
        make_bus_engine(discount=1)
    world = make_random_mdp(ending=0.5, discount=1, n_trajectories=10, random_state=0)
    assert np.isfinite(world.value).all()
    with pytest.raises(ValueError, match=r"ending must be a number in \[0, 1\), got 1"):
        make_random_mdp(ending=1)


ROWS, ACTIONS = np.arange(6.0)[:, None], [0, 1, 0, 1, 0, 1]
TRAJECTORY = [0, 0, 0, 1, 1, 1]


def ends_after(*rows):
    return {"trajectory": TRAJECTORY, "terminal": np.isin(np.arange(6), rows)}


def rows(q_type, **parameters):
    return IQLearnClassifier(discount=1, q_type=q_type, hidden_layer_sizes=2, random_state=0, **parameters)


@pytest.mark.parametrize("q_type", ["linear", "tabular"])
def test_rows_whose_episodes_end(q_type):
    assert rows(q_type).fit(ROWS, ACTIONS, **ends_after(2, 5)).converged_
    assert rows(q_type).fit(ROWS, ACTIONS).converged_  # episodes of one step


@pytest.mark.parametrize("q_type", ["linear", "tabular", "neural"])
def test_rows_without_an_end(q_type):
    with pytest.raises(
        ValueError, match=r"got 1: no row that is terminal can be reached from \[0.0\]\. Tell by ter"
    ):
        rows(q_type).fit(ROWS, ACTIONS, trajectory=TRAJECTORY)


@pytest.mark.parametrize("q_type", ["linear", "neural"])
def test_a_row_that_was_cut_off_tells_nothing(q_type):
    model = rows(q_type, max_iter=300)
    if q_type == "neural":
        with pytest.warns(ConvergenceWarning):
            model.fit(ROWS, ACTIONS, **ends_after(2))
    else:
        assert model.fit(ROWS, ACTIONS, **ends_after(2)).converged_
    assert np.isfinite(model.value_).all()


def test_a_table_has_no_values_where_rows_were_cut_off():
    with pytest.raises(ValueError, match=r"can be reached from \[3.0\]\. .*for a table leave out trajectories"):
        rows("tabular").fit(ROWS, ACTIONS, **ends_after(2))
    # Another visit of the last state tells what may follow.
    seen = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [2.0]])
    assert rows("tabular").fit(seen, ACTIONS, **ends_after(2)).converged_


def test_a_known_loop_is_no_unknown():
    """Rows 3 and 4 lead to each other and nowhere else."""
    circle = {"next_X": [[1.0], [2.0], [0.0], [4.0], [3.0], [3.0]], "terminal": [0, 0, 1, 0, 0, 0]}
    with pytest.raises(ValueError, match=r"can be reached from \[3.0\]"):
        rows("linear").fit(ROWS, ACTIONS, **circle)


def test_episodes_so_long_that_values_lose_their_digits():
    """A loop left once in 1e11 steps; 1e8 is well."""
    stay_or_leave = [[[1.0]], [[0.0]]]
    model = IQLearnClassifier(stay_or_leave, discount=1).fit([[0], [0]], [0, 1])
    with pytest.warns(scipy.linalg.LinAlgWarning, match="discount=1 is so near 1, for episodes as long, that"):
        model.counterfactual(reward=[[-1e-11, 0.0]])
    assert np.isfinite(model.counterfactual(reward=[[-1e-8, 0.0]]).value_).all()
    with pytest.warns(scipy.linalg.LinAlgWarning, match="leaves about 4 digits"):
        rewards.evaluate([[1 - 1e-11, 1e-11]], [1.0], stay_or_leave, discount=1)
