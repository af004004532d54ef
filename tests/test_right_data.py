"""Right data are fitted in silence: the suite turns every warning into an error."""

from itertools import chain

import numpy as np
import pytest
from problems import bus_problem
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import load_rust_bus, make_bus_engine, make_gridworld, make_random_mdp
from sklearn_iqlearn.preprocessing import renewal_transitions

WORLDS = {
    "bus": lambda: make_bus_engine(60, 60, random_state=0),
    "few bins": lambda: make_bus_engine(30, 100, n_bins=12, random_state=0),
    "grid": lambda: make_gridworld(60, 40, random_state=0),
    "sparse grid": lambda: make_gridworld(60, 40, side=17, slip=0.3, sparse=True, random_state=0),
    "no slips": lambda: make_gridworld(40, 20, slip=0.0, random_state=0),
    "random": lambda: make_random_mdp(60, 20, random_state=0),
    "as many states as actions": lambda: make_random_mdp(n_states=5, n_actions=5, random_state=0),
    "endings": lambda: make_random_mdp(ending=0.3, random_state=0),
    "rare endings": lambda: make_random_mdp(60, 50, ending=0.01, random_state=0),
    "few rows": lambda: make_random_mdp(3, 4, n_states=4, n_successors=2, random_state=0),
    "tiny world": lambda: make_random_mdp(50, 10, n_states=2, n_successors=2, n_actions=2, random_state=0),
}


@pytest.mark.parametrize("name", WORLDS)
def test_simulated_worlds(name):
    world = WORLDS[name]()

    def fit(rows=slice(None), *order):
        model = IQLearnClassifier(world.transitions, discount=world.discount)
        return model.fit(world.data.iloc[rows], world.target.iloc[rows], **{k: world[k].iloc[rows] for k in order})

    fit(slice(None), "trajectory", "step")
    fit(slice(None), "trajectory")
    fit()
    if world.trajectory.nunique() >= 30:
        by_trajectory = GroupKFold(3).split(world.data, groups=world.trajectory)
        at_random = ShuffleSplit(2, train_size=0.3, random_state=0).split(world.data)
        for rows, _ in chain(by_trajectory, KFold(3).split(world.data), at_random):
            fit(rows, "trajectory", "step")


@pytest.mark.parametrize("n_bins", [78, 90, 120])
@pytest.mark.parametrize("group", [None, 1, 2, 3, 4])
def test_real_buses(n_bins, group):
    """Also where increments are those of other buses than the rows."""
    bus = load_rust_bus()
    known = bus.frame[bus.frame["increment"] >= 0]
    increments = known["increment"][known["group"].eq(group) | (group is None)].to_numpy()
    transitions = renewal_transitions(increments, n_bins)
    IQLearnClassifier(transitions).fit(bus.data, bus.target, trajectory=bus.bus, step=bus.period)
    IQLearnClassifier(transitions).fit(bus.data, bus.target, trajectory=bus.bus)


def test_real_buses_as_features():
    bus = load_rust_bus()
    model = IQLearnClassifier(discount=0.95)
    model.fit(bus.data, bus.target, trajectory=bus.bus, step=bus.period)
    kept = np.random.default_rng(0).uniform(size=len(bus.data)) < 0.3
    model.fit(bus.data[kept], bus.target[kept], trajectory=bus.bus[kept], step=bus.period[kept])


def test_weights_of_zero_and_resampled_trajectories():
    X, y, order, transitions, _ = bus_problem((4,))
    rng = np.random.default_rng(0)
    model = IQLearnClassifier(transitions)
    model.fit(X, y, sample_weight=rng.integers(0, 2, size=len(y)), **order)
    for _ in range(5):
        times = rng.multinomial(37, np.full(37, 1 / 37))
        model.fit(X, y, sample_weight=times[order["trajectory"].to_numpy() - 68], **order)


def test_a_goal_that_ends_the_episode_and_one_that_absorbs():
    """Walks on a line to its last cell, whose rows are zeros, or lead back to it."""
    line = np.zeros((2, 6, 6))
    for state in range(5):
        line[0, state, max(state - 1, 0)] = line[1, state, state + 1] = 1.0
    absorbing = line.copy()
    absorbing[:, 5, 5] = 1.0
    rng = np.random.default_rng(0)
    X, y, ids = [], [], []
    for trajectory in range(40):
        state = 0
        while state < 5:
            action = int(rng.uniform() < 0.7)
            X, y, ids = [*X, [state]], [*y, action], [*ids, trajectory]
            state = int(line[action, state].argmax())
        X, y, ids = [*X, [5]], [*y, 0], [*ids, trajectory]  # the record shows the goal, too
    for transitions in (line, absorbing):
        IQLearnClassifier(transitions, discount=0.9).fit(X, y, trajectory=ids)
        IQLearnClassifier(transitions, discount=0.9).fit(X, y)
