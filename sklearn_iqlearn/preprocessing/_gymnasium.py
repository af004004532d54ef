"""Environments of Gymnasium that carry their table."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sklearn_iqlearn._model.moves import ENDED, count_moves
from sklearn_iqlearn._model.transitions import ROW_SUM_TOLERANCE
from sklearn_iqlearn._numerics.checks import is_count, plain, real_array


@dataclass(frozen=True, repr=False)
class TabularEnvironment:
    """An environment as arrays, as ``from_gymnasium`` returns it.

    Attributes
    ----------
    transitions : list of A CSR arrays of shape (S, S)
        A move that terminates the episode is missing from its row.
    reward : ndarray of shape (S, A)
        Expected reward of each pair, 0 where it does not exist.
    initial_distribution : ndarray of shape (S,), or None
        Where episodes start, if the environment tells.
    action_mask : boolean ndarray of shape (S, A), or None
        Pairs that exist, where some do not.
    """

    transitions: list
    reward: np.ndarray
    initial_distribution: np.ndarray | None
    action_mask: np.ndarray | None

    def __repr__(self):
        n_states, n_actions = self.reward.shape
        return f"TabularEnvironment({n_states} states, {n_actions} actions)"


def from_gymnasium(env):
    """Transitions and rewards of an environment that carries its table.

    Parameters
    ----------
    env : gymnasium.Env, or an object like it
        With a table ``env.unwrapped.P[state][action]``, a list of ``(probability, next_state, reward,
        terminated)``, as FrozenLake, Taxi and CliffWalking have. States are 0 to S - 1, actions 0 to A - 1.
        Wrappers are not looked at: what one changes of a reward is not in the table. Gymnasium need not be
        installed.

    Returns
    -------
    environment : TabularEnvironment
        ``transitions``, a list of A CSR arrays of shape (S, S), whose rows lack the probability of moves that
        terminate the episode; ``reward``, the expected reward (S, A); ``initial_distribution`` (S,), that of
        ``env.unwrapped.initial_state_distrib``, or None without one; ``action_mask``, boolean (S, A), where the
        table has not every action in every state, else None. These are parameters of ``IQLearnClassifier`` by
        their names, but for ``reward``: the truth to compare with, or a ``base_reward``.

    Raises
    ------
    TypeError
        If the environment has no table.
    ValueError
        If states or actions are not numbered from 0, a state has no action, or probabilities are negative or do
        not sum to 1.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from sklearn_iqlearn.preprocessing import from_gymnasium
    >>> table = {
    ...     0: {0: [(1.0, 0, 0.0, False)], 1: [(0.75, 1, 0.0, False), (0.25, 0, -1.0, True)]},
    ...     1: {0: [(1.0, 1, 2.0, True)]},
    ... }
    >>> found = from_gymnasium(SimpleNamespace(unwrapped=SimpleNamespace(P=table)))
    >>> found.transitions[1].toarray()
    array([[0.  , 0.75],
           [0.  , 0.  ]])
    >>> found.reward
    array([[ 0.  , -0.25],
           [ 2.  ,  0.  ]])
    >>> found.action_mask
    array([[ True,  True],
           [ True, False]])
    """
    world = getattr(env, "unwrapped", env)
    table = getattr(world, "P", None)
    if not isinstance(table, Mapping) or not table:
        raise TypeError(
            "env must carry its table as env.unwrapped.P, as FrozenLake and Taxi do, got "
            f"{type(world).__name__} {'without it' if table is None else f'with {plain(table)}'}: estimate the "
            "transitions from episodes, with estimate_transitions."
        )
    n_states, n_actions = _size(table)
    pairs = [(state, action) for state, row in table.items() for action in row]
    moves = [_check_moves(f"env.unwrapped.P[{s}][{a}]", table[s][a], n_states) for s, a in pairs]
    state, action = np.repeat(pairs, [len(outcomes) for outcomes in moves], axis=0).T
    probability, next_state, reward, terminated = np.concatenate(moves).T
    exists, expected = np.zeros((n_states, n_actions), dtype=bool), np.zeros((n_states, n_actions))
    exists[tuple(np.transpose(pairs))] = True
    np.add.at(expected, (state, action), probability * reward)
    if not exists.any(axis=1).all():
        raise ValueError(
            f"env.unwrapped.P must have an action in every state, got none in state "
            f"{np.argmin(exists.any(axis=1))}: give it one whose move has terminated=True."
        )
    successors = np.where(terminated, ENDED, next_state.astype(int))
    kernel = count_moves(state, action, successors, probability, exists.shape)
    return TabularEnvironment(
        transitions=[matrix[:, :-1] for matrix in kernel],
        reward=expected,
        initial_distribution=_initial(getattr(world, "initial_state_distrib", None), n_states),
        action_mask=None if exists.all() else exists,
    )


def _size(table):
    """The numbers of states and actions of a table."""
    n_states = len(table)
    strange = [state for state in table if not is_count(state, 0) or state >= n_states]
    if strange:
        raise ValueError(
            f"env.unwrapped.P must have the states 0 to {n_states - 1}, as it has {n_states}, got "
            f"{plain(strange[0])}."
        )
    actions = {action for row in table.values() for action in row}
    strange = [action for action in actions if not is_count(action, 0)]
    if strange or not actions:
        raise ValueError(f"env.unwrapped.P must have actions 0, 1, ..., got {plain(strange[:1])}.")
    return n_states, max(actions) + 1


def _check_moves(place, outcomes, n_states):
    """The moves of a pair: an array with columns probability, next_state, reward, terminated."""
    moves = real_array(place, outcomes, ("moves", 4))
    probability, next_state = moves[:, 0], moves[:, 1]
    if (probability < 0).any() or abs(probability.sum() - 1) > ROW_SUM_TOLERANCE:
        raise ValueError(f"{place} must have probabilities >= 0 of sum 1, got {plain(probability)}.")
    if ((next_state != np.floor(next_state)) | (next_state < 0) | (next_state >= n_states)).any():
        raise ValueError(f"{place} must lead to states 0 to {n_states - 1}, got {plain(next_state)}.")
    return moves


def _initial(distribution, n_states):
    return None if distribution is None else real_array("initial_state_distrib", distribution, (n_states,))
