"""Transitions that contradict the moves between rows are told, with the reading that fits."""

import re
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from problems import bus_problem
from sklearn.model_selection import GridSearchCV, GroupKFold

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.datasets import make_gridworld, make_random_mdp
from sklearn_iqlearn.exceptions import DataWarning


def order_of(world):
    return {"trajectory": world.trajectory, "step": world.step}


@pytest.fixture(scope="module")
def grid():
    return make_gridworld(n_trajectories=40, n_steps=25, side=5, random_state=0)


@pytest.mark.parametrize("order", [[1, 2, 3, 4, 0], [0, 2, 1, 3, 4]])
@pytest.mark.parametrize("sparse", [False, True])
def test_matrices_of_other_actions(grid, order, sparse):
    """No move is impossible, since walkers slip: likelihoods tell."""
    back = np.argsort(order)
    names = [np.flatnonzero(back != np.arange(5)).tolist()]
    names.insert(0, back[names[0]].tolist())
    transitions = [(sp.csr_array if sparse else np.asarray)(grid.transitions[a]) for a in order]
    with pytest.warns(DataWarning, match=re.escape(f"of actions {names[0]} for actions {names[1]}: 0 (0.0%)")):
        IQLearnClassifier(transitions).fit(grid.data, grid.target, **order_of(grid))


def test_actions_are_called_by_their_names():
    X, y, order, transitions, _ = bus_problem((4,))
    swapped = dict(zip(("keep", "replace"), transitions[::-1], strict=True))
    labels = np.array(["keep", "replace"])[y]
    with pytest.warns(DataWarning, match=r"matrices of actions \['replace', 'keep'\] for .* by action 'keep' to"):
        IQLearnClassifier(swapped).fit(X, labels, **order)


@pytest.mark.parametrize(("shift", "reading"), [(1, "1 more"), (-1, "1 less")])
def test_states_shifted_by_one(grid, shift, reading):
    shifted = np.roll(grid.transitions, shift, axis=(1, 2))
    with pytest.warns(DataWarning, match=f"far better with {reading} for each state id: "):
        IQLearnClassifier(shifted).fit(grid.data, grid.target, **order_of(grid))


def test_transposed_matrices():
    """Steps around a ring, whose matrices have columns that sum to 1, too."""
    eye, rng = np.eye(12), np.random.default_rng(0)
    transitions = 0.9 * np.stack([eye, np.roll(eye, 1, axis=1), np.roll(eye, 3, axis=1)]) + 0.1 * eye
    states, actions = [0], rng.integers(0, 3, size=300)
    for action in actions[:-1]:
        states.append(rng.choice(12, p=transitions[action, states[-1]]))
    X, ids = np.array(states)[:, None], np.zeros(300)
    IQLearnClassifier(transitions).fit(X, actions, trajectory=ids)
    with pytest.warns(DataWarning, match="far better with each action's matrix transposed: "):
        IQLearnClassifier(transitions.transpose(0, 2, 1)).fit(X, actions, trajectory=ids)


def test_axes_in_another_order():
    """As many states as actions: the shape does not tell the axes."""
    world = make_random_mdp(10, 30, n_states=4, n_actions=4, n_successors=4, random_state=0)
    wrong = IQLearnClassifier(world.transitions.transpose(1, 0, 2))
    with pytest.warns(DataWarning, match=r"far better as \(n_states, n_actions, n_states\), of transitions.trans"):
        wrong.fit(world.data, world.target, **order_of(world))


def test_impossible_moves():
    """A replacement that does not renew: 33 of 4,255 moves, all of one action."""
    X, y, order, transitions, _ = bus_problem((4,))
    transitions[1] = transitions[0]
    moves = order["trajectory"].duplicated(keep="last")
    row = np.flatnonzero((y == 1) & moves)[0]
    first = f"first that of row {row}, from state {X.iloc[row, 0]} by action 1 to state {X.iloc[row + 1, 0]}."
    with pytest.warns(DataWarning, match=f"of {moves.sum()} moves .* {first} Check the order"):
        IQLearnClassifier(transitions).fit(X, y, **order)


def test_a_share_that_noise_explains_is_no_doubt(grid):
    """Up to 5% of moves of an action, impossible under transitions without slips."""
    exact = make_gridworld(side=5, slip=0, random_state=0).transitions
    X, y = grid.data.to_numpy(), grid.target.to_numpy()
    possible = exact[y[:-1], X[:-1, 0], X[1:, 0]] > 0

    def fit(slips):
        """Each move an episode of its own, in all a hundred of action 0."""
        rows = np.concatenate(
            [
                np.flatnonzero((y[:-1] == 0) & (possible == good))[:n]
                for good, n in ((True, 100 - slips), (False, slips))
            ]
        )
        both = np.stack([rows, rows + 1], axis=1).ravel()
        return IQLearnClassifier(exact).fit(X[both], y[both], trajectory=np.repeat(np.arange(100), 2))

    fit(slips=5)
    with pytest.warns(DataWarning, match=r"do not fit: 6 \(6.0%\) of 100 moves"):
        fit(slips=6)


def test_an_episode_that_goes_on_after_its_end(grid):
    transitions = grid.transitions.copy()
    state, action = grid.data["state"].iloc[3], grid.target.iloc[3]
    transitions[action, state] = 0
    found = (
        (grid.data["state"] == state) & (grid.target == action) & grid.trajectory.duplicated(keep="last")
    ).sum()
    with pytest.warns(DataWarning, match=rf"episodes that go on: {found} \(.*%\) of 960 moves"):
        IQLearnClassifier(transitions).fit(grid.data, grid.target, **order_of(grid))


def test_a_search_says_it_once_for_each_fold(grid):
    """The text of a fold is the same for all candidates; told by every fit only where a filter asks for it."""
    search = GridSearchCV(
        IQLearnClassifier(grid.transitions[[4, 3, 2, 1, 0]], tol=1e-3),
        {"alpha": [1.0, 2.0, 3.0], "smoothing": [1.0, 2.0]},
        cv=GroupKFold(2),
    )
    for action, times in (("default", 3), ("always", 13), ("default", 0)):  # two folds, six candidates, the refit
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter(action)
            search.fit(grid.data, grid.target, groups=grid.trajectory, **order_of(grid))
        assert [warning.category for warning in shown] == [DataWarning] * times


def test_warnings_point_to_the_call_of_fit(grid):
    with pytest.warns(DataWarning) as shown:
        IQLearnClassifier(grid.transitions[::-1]).fit(grid.data, grid.target, **order_of(grid))
    assert shown[0].filename == __file__


def test_inference_does_not_repeat_them(grid):
    transitions = grid.transitions[[1, 2, 3, 4, 0]]
    with pytest.warns(DataWarning):
        model = IQLearnClassifier(
            transitions, q_type="structural", features=grid.features, alpha=np.inf, discount=0.9
        ).fit(grid.data, grid.target, **order_of(grid))
    inference.covariance(model, grid.data, grid.target, **order_of(grid))
    inference.bootstrap(model, "coef_", grid.data, grid.target, **order_of(grid), n_resamples=2, random_state=0)
