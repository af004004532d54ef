"""Minari episodes as rows, from a data set made here."""

from types import SimpleNamespace

import gymnasium
import minari
import numpy as np
import pytest
from minari.data_collector import EpisodeBuffer

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import from_minari


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Three CartPole episodes that end, and one that is truncated after 5 steps."""
    patch = pytest.MonkeyPatch()
    patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("minari")))
    environment = gymnasium.make("CartPole-v1")
    buffers = []
    for seed in range(4):
        observation, _ = environment.reset(seed=seed)
        buffer = EpisodeBuffer(
            id=seed, observations=[observation], actions=[], rewards=[], terminations=[], truncations=[]
        )
        while not (buffer.terminations and buffer.terminations[-1]) and not (
            seed == 3 and len(buffer.actions) == 5
        ):
            action = len(buffer.actions) % 2 if seed == 3 else 1
            observation, reward, terminated, _, _ = environment.step(action)
            buffer.observations.append(observation)
            buffer.actions.append(action)
            buffer.rewards.append(reward)
            buffer.terminations.append(terminated)
            buffer.truncations.append(False)
        buffers.append(buffer)
    environment.close()
    name = "cartpole/test-v0"
    minari.create_dataset_from_buffers(
        name,
        buffers,
        env=environment,
        eval_env=environment,
        algorithm_name="constant",
        author="tests",
        author_email="tests@example.org",
        code_permalink="none",
        description="made by the tests",
    )
    yield name
    patch.undo()


@pytest.mark.parametrize("load", [str, minari.load_dataset], ids=["id", "data set"])
def test_rows(dataset, load):
    demos = from_minari(load(dataset))
    episodes = list(minari.load_dataset(dataset))
    assert len(episodes) == 4
    assert demos.data.shape == demos.next_data.shape == (sum(len(e.actions) for e in episodes), 4)
    for episode in episodes:
        rows = demos.trajectory == episode.id
        np.testing.assert_array_equal(demos.data[rows], episode.observations[:-1])
        np.testing.assert_array_equal(demos.next_data[rows], episode.observations[1:])
        np.testing.assert_array_equal(demos.target[rows], episode.actions)
        np.testing.assert_array_equal(demos.step[rows], np.arange(len(episode.actions)))
        assert demos.terminal[rows][:-1].sum() == 0
        assert demos.terminal[rows][-1] == (episode.id < 3)
    order = {name: demos[name] for name in ("trajectory", "step", "terminal")}
    by_id = IQLearnClassifier(alpha=50.0).fit(demos.data, demos.target, **order)
    by_row = IQLearnClassifier(alpha=50.0).fit(
        demos.data, demos.target, next_X=demos.next_data, terminal=demos.terminal
    )
    # Trajectories do not know the state after a truncation; next states do.
    assert np.isnan(by_id.reward_[by_id.counts_ > 0]).sum() == 1
    assert np.isnan(by_row.reward_[by_row.counts_ > 0]).sum() == 0
    assert by_id.score(demos.data, demos.target) > -0.3


def episode(**changes):
    parts = {
        "id": 0,
        "observations": np.zeros((3, 2)),
        "actions": np.array([0, 1]),
        "rewards": np.zeros(2),
        "terminations": np.array([False, True]),
    }
    return SimpleNamespace(**parts | changes)


@pytest.mark.parametrize(
    ("episodes", "message"),
    [
        ([], "at least one episode, got none"),
        ([episode(actions=np.zeros((2, 1)))], r"discrete actions, got actions of shape \(1,\)"),
        ([episode(actions=np.array([0.5, 1.0]))], "discrete actions.*float64"),
        ([episode(observations={"a": np.zeros(3)})], "arrays as observations, got dict"),
    ],
)
def test_refused(episodes, message):
    with pytest.raises(ValueError, match=message):
        from_minari(episodes)
