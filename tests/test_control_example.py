import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "imitation"))

from control import fit_cloning, fit_iqlearn
from control_experts import EXPERTS, OBSERVATIONS, demonstrate, evaluate, roll_out

ROOT = Path(__file__).resolve().parents[1]

# Box2D's SWIG types warn on import, and crash the interpreter where warnings are errors.
pytestmark = pytest.mark.filterwarnings("ignore:builtin type .* has no __module__:DeprecationWarning")


@pytest.mark.parametrize(
    ("env_id", "least"), [("CartPole-v1", 500), ("Acrobot-v1", -120), ("LunarLander-v3", 240)]
)
def test_expert_controls(env_id, least):
    assert evaluate(EXPERTS[env_id], env_id, 3, seed=0).mean() >= least


@pytest.mark.parametrize("env_id", EXPERTS)
def test_demonstrations_are_ordered_trajectories(env_id):
    decisions = demonstrate(env_id, 2, seed=0)
    assert list(decisions) == ["trajectory", "step", *OBSERVATIONS[env_id], "action", "reward", "terminal"]
    assert list(decisions["trajectory"].unique()) == [0, 1]
    for _, episode in decisions.groupby("trajectory"):
        np.testing.assert_array_equal(episode["step"], np.arange(len(episode)))
        assert not episode["terminal"].iloc[:-1].any()


def test_running_out_of_time_is_not_terminal():
    balanced = demonstrate("CartPole-v1", 1, seed=0)
    assert len(balanced) == 500
    assert not balanced["terminal"].any()


def test_falling_is_terminal():
    def push_right(observations):
        return np.ones(len(observations), dtype=int)

    fallen = roll_out(push_right, "CartPole-v1", 2, seed=0)
    assert fallen.groupby("trajectory")["terminal"].sum().tolist() == [1, 1]


def test_each_action_answers_its_own_observation():
    # Episodes end at different steps; the batch that the policy sees shrinks with them.
    decisions = demonstrate("Acrobot-v1", 4, seed=0)
    assert decisions["trajectory"].value_counts().nunique() > 1
    observations = decisions[OBSERVATIONS["Acrobot-v1"]].to_numpy()
    np.testing.assert_array_equal(EXPERTS["Acrobot-v1"](observations), decisions["action"])


def test_the_same_seed_gives_the_same_episodes():
    first, again = (demonstrate("Acrobot-v1", 2, seed=3) for _ in range(2))
    assert first.equals(again)
    assert not first.equals(demonstrate("Acrobot-v1", 2, seed=4))


@pytest.mark.parametrize(("fit", "least"), [(fit_iqlearn, 490), (fit_cloning, 200)])
def test_one_trajectory_is_enough_to_balance(fit, least):
    decisions = demonstrate("CartPole-v1", 1, seed=0)
    policy = fit(decisions[OBSERVATIONS["CartPole-v1"]].to_numpy(), decisions).predict
    assert evaluate(policy, "CartPole-v1", 5, seed=1).mean() >= least


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("examples/imitation/control.py", "behavioural cloning"),
        (
            "benchmarks/control.py --env CartPole-v1 --trajectories 1 --seeds 2 --episodes 2",
            "target 490: reached",
        ),
    ],
)
def test_scripts_print_their_table(command, line):
    script, *options = command.split()
    run = subprocess.run([sys.executable, ROOT / script, *options], capture_output=True, text=True, check=True)
    assert line in run.stdout
