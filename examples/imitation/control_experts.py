"""Scripted experts for three of Gymnasium's control problems, and what they do.

Each expert is a short rule on the observation, so the demonstrations need no trained model. A policy,
here and in the functions that run it, maps an array of observations of shape (n, n_features) to n actions:
an expert and a fitted classifier's ``predict`` are interchangeable.
"""

from itertools import count

import gymnasium as gym
import numpy as np
import pandas as pd

OBSERVATIONS = {
    "CartPole-v1": ["x", "velocity", "angle", "spin"],
    "Acrobot-v1": ["cos_1", "sin_1", "cos_2", "sin_2", "spin_1", "spin_2"],
    "LunarLander-v3": ["x", "y", "velocity_x", "velocity_y", "angle", "spin", "left_leg", "right_leg"],
}


def balance(observations):
    """CartPole: push towards the side to which the pole falls.

    The cart's position and velocity count a little, lest the cart roll off the track under an upright
    pole.

    Parameters
    ----------
    observations : ndarray of shape (n, 4)

    Returns
    -------
    actions : integer ndarray of shape (n,)
    """
    x, velocity, angle, spin = observations.T
    return np.where(0.1 * x + 0.2 * velocity + angle + 0.5 * spin > 0, 1, 0)


def swing_up(observations):
    """Acrobot: torque along the elbow's rotation, which does positive work and so adds energy.

    That alone swings up, in some episodes slowly. Leaning also against the shoulder's rotation and the
    tip's side folds the elbow in time with the swing, which makes the slow episodes rare.

    Parameters
    ----------
    observations : ndarray of shape (n, 6)

    Returns
    -------
    actions : integer ndarray of shape (n,)
    """
    cos_1, sin_1, cos_2, sin_2, spin_1, spin_2 = observations.T
    tip_x = sin_1 * cos_2 + cos_1 * sin_2
    return np.where(spin_2 - 0.5 * spin_1 - tip_x > 0, 2, 0)


def land(observations):
    """LunarLander: lean against the drift, and sink the slower the nearer the ground.

    One proportional-derivative law asks for a turn and one for lift; the engine for which they ask the
    more strongly fires.

    Parameters
    ----------
    observations : ndarray of shape (n, 8)

    Returns
    -------
    actions : integer ndarray of shape (n,)
    """
    x, y, velocity_x, velocity_y, angle, spin, left_leg, right_leg = observations.T
    on_ground = (left_leg > 0) | (right_leg > 0)
    lean = np.clip(0.3 * x + velocity_x, -0.5, 0.5)
    turn = np.where(on_ground, 0, 0.6 * (lean - angle) - 1.2 * spin)
    # Beside the pad the lander keeps some height, to reach the pad before the ground.
    lift = np.where(on_ground, 0, 0.3 * (0.2 * np.abs(x) - y)) - 0.5 * velocity_y
    idle, turn_left, lift_up, turn_right = range(4)
    wishes = [(lift > np.abs(turn)) & (lift > 0.08), turn > 0.05, turn < -0.05]
    return np.select(wishes, [lift_up, turn_left, turn_right], idle)


EXPERTS = {"CartPole-v1": balance, "Acrobot-v1": swing_up, "LunarLander-v3": land}


def roll_out(policy, env_id, n_episodes, seed):
    """Run a policy in several episodes at once.

    Parameters
    ----------
    policy : callable
        Maps observations of shape (n, n_features) to n actions.
    env_id : str
        A key of ``EXPERTS``.
    n_episodes : int
    seed : int or sequence of int
        Seed of the initial states.

    Returns
    -------
    decisions : pandas.DataFrame
        A row per decision, ordered by ``trajectory`` and ``step``, with the observation, ``action``,
        ``reward`` and ``terminal``: whether the episode ended there, not merely its time.
    """
    environments = [gym.make(env_id) for _ in range(n_episodes)]
    seeds = np.random.SeedSequence(seed).generate_state(n_episodes)
    starts = [env.reset(seed=int(s))[0] for env, s in zip(environments, seeds, strict=True)]
    # In double precision, so that the policy decides on the very numbers that the rows hold.
    observations = np.array(starts, dtype=np.float64)
    running = list(range(n_episodes))
    rows = []
    for step in count():
        # One call for all episodes: a pipeline predicts twenty rows about as fast as one.
        decided = list(zip(running, policy(observations[running]), strict=True))
        for i, action in decided:
            seen = observations[i].tolist()
            observations[i], reward, terminal, truncated, _ = environments[i].step(action)
            rows.append((i, step, *seen, action, reward, terminal))
            if terminal or truncated:
                running.remove(i)
        if not running:
            break
    columns = ["trajectory", "step", *OBSERVATIONS[env_id], "action", "reward", "terminal"]
    return pd.DataFrame(rows, columns=columns).sort_values(["trajectory", "step"], ignore_index=True)


def demonstrate(env_id, n_episodes, seed):
    """What the scripted expert does.

    Parameters
    ----------
    env_id : str
        A key of ``EXPERTS``.
    n_episodes : int
    seed : int or sequence of int
        Seed of the initial states.

    Returns
    -------
    decisions : pandas.DataFrame
        As of ``roll_out``.
    """
    return roll_out(EXPERTS[env_id], env_id, n_episodes, seed)


def evaluate(policy, env_id, n_episodes, seed):
    """Return of each episode: the undiscounted sum of its rewards.

    Parameters
    ----------
    policy, env_id, n_episodes, seed
        As for ``roll_out``.

    Returns
    -------
    returns : ndarray of shape (n_episodes,)
    """
    decisions = roll_out(policy, env_id, n_episodes, seed)
    return decisions.groupby("trajectory")["reward"].sum().to_numpy()
