"""Endings that look like accidents are told: rows of zeros for pairs never seen, rounded probabilities."""

import numpy as np
import pytest

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import make_random_mdp
from sklearn_iqlearn.exceptions import DataWarning


@pytest.fixture(scope="module")
def world():
    return make_random_mdp(60, 20, n_states=30, n_actions=3, random_state=0)


def fit(world, transitions, *, ordered):
    order = {"trajectory": world.trajectory, "step": world.step} if ordered else {}
    return IQLearnClassifier(transitions).fit(world.data, world.target, **order)


def frequencies(world):
    """Frequencies of the moves, as everybody writes them: zeros where there are none."""
    frame = world.frame
    moved = frame["trajectory"].eq(frame["trajectory"].shift(-1))
    following = frame["state"].shift(-1)[moved].astype(int)
    totals = np.zeros_like(world.transitions)
    np.add.at(totals, (frame["action"][moved], frame["state"][moved], following), 1)
    return totals / np.maximum(totals.sum(axis=2, keepdims=True), 1)


@pytest.mark.parametrize("ordered", [False, True])
def test_rows_of_zeros_where_nothing_was_seen(ordered):
    world = make_random_mdp(20, 20, n_states=30, n_actions=3, random_state=0)
    transitions = frequencies(world)
    empty = transitions.sum(axis=2) == 0  # also a pair that is seen in a last row only
    never = empty.copy()
    never[world.target, world.data["state"]] = False
    assert empty.sum() > never.sum() >= 5
    state, action = np.argwhere(never.T)[0]
    example = f"of {never.sum()} pairs .* {never.sum()} have .* the first state {state} and action {action}. "
    with pytest.warns(DataWarning, match=example):
        fit(world, transitions, ordered=ordered)
    pooled = transitions.sum(axis=1, keepdims=True) / transitions.sum(axis=(1, 2))[:, None, None]
    fit(world, np.where(empty[..., None], pooled, transitions), ordered=ordered)


def rounded(world):
    return np.floor(1000 * world.transitions) / 1000


def never_renormalised(world):
    return world.transitions / np.random.default_rng(0).uniform(1, 1.02, size=(3, 30, 1))


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("mistake", [rounded, never_renormalised])
def test_rounded_probabilities(world, mistake, ordered):
    transitions = mistake(world)
    sums = transitions.sum(axis=2)
    short = sums < 1 - 1e-6
    state, action = np.argwhere(short.T)[0]
    example = f"{short.sum()} of 90 rows .* state {state} and action {action}, to {sums[action, state]:.6g}. What"
    with pytest.warns(DataWarning, match=example):
        fit(world, transitions, ordered=ordered)
    fit(world, transitions / sums[..., None], ordered=ordered)


HAZARD = np.random.default_rng(1).uniform(0, 0.02, size=30)[None, :, None]
HARM = np.array([1.0, 0.5, 0.2])[:, None, None]


@pytest.mark.parametrize("hazard", [0.01, HAZARD, HARM / 50, HAZARD * HARM, 1 - (1 - HAZARD) * (1 - HARM / 50)])
@pytest.mark.parametrize("ordered", [False, True])
def test_hazards_are_no_rounding(world, hazard, ordered):
    """A chance to end that is the same everywhere, or depends on the state, on the action, or on each."""
    fit(world, (1 - hazard) * world.transitions, ordered=ordered)


def test_trajectories_that_end_excuse_any_hazard():
    """Where episodes are seen to end as often as said, the transitions are believed."""
    rng = np.random.default_rng(0)
    transitions = rng.dirichlet(np.ones(5), size=(2, 5)) * rng.uniform(0.98, 1, size=(2, 5, 1))
    X, y, ids = [], [], []
    for trajectory in range(20):
        state = rng.integers(5)
        for _ in range(100):
            action = rng.integers(2)
            X, y, ids = [*X, [state]], [*y, action], [*ids, trajectory]
            shares = transitions[action, state]
            state = rng.choice(6, p=np.append(shares, 1 - shares.sum()))
            if state == 5:
                break
    IQLearnClassifier(transitions).fit(X, y, trajectory=ids)
    with pytest.warns(DataWarning, match="look rounded"):
        IQLearnClassifier(transitions).fit(X, y)


def test_endings_that_are_meant(world):
    """A last state, an action that stops, and one that stops in some states, where it is taken."""
    last, stop, some = (world.transitions.copy() for _ in range(3))
    last[:, 3] = 0
    stop[1] = 0
    taken = np.zeros((30, 3))
    np.add.at(taken, (world.data["state"], world.target), 1)
    some[1, np.argsort(-taken[:, 1])[:10]] = 0
    for transitions in (last, stop, some):
        fit(world, transitions, ordered=False)
