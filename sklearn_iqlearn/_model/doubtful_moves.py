"""Observed moves that the transitions contradict, and a reading of the transitions that fits them better.

Under a kernel that is right, a move of probability below ``RARE / S`` happens less than once in ``1 / RARE``
moves, whatever the kernel: the S next states of a row share less than ``RARE`` among such moves. And another
reading of it is R times as likely with a probability of at most 1 / R, since the likelihood ratio has mean 1.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import linear_sum_assignment

from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn._numerics.checks import plain

RARE = 0.01
# Share of moves that rare that is no noise: five times what a right kernel has; and the least number of them.
SHARE, LEAST = 0.05, 3
# Log-likelihood by which another reading must be better: one chance in a million.
EVIDENCE = np.log(1e6)
# And for each move, where the transitions as they are do not contradict the rows: kernels are models, and a
# wrong reading of one may by accident fit the rarer moves a little better.
GAIN = 0.1
# Distinct moves, of all actions and states, that are enough to compare readings by.
ENOUGH = 2000


@dataclass(frozen=True)
class Moves:
    """The distinct moves between rows.

    Parameters
    ----------
    transitions : Transitions
    labels : ndarray of shape (A,)
        Names of the actions.
    actions, states, following : integer ndarray of shape (n_moves,)
    times : ndarray of shape (n_moves,)
        Rows that show each.
    rows : integer ndarray of shape (n_moves,)
        The first of them.
    """

    transitions: Transitions
    labels: np.ndarray
    actions: np.ndarray
    states: np.ndarray
    following: np.ndarray
    times: np.ndarray
    rows: np.ndarray

    @classmethod
    def of_rows(cls, transitions, labels, states, actions, following, rows):
        """The moves of decisions.

        Parameters
        ----------
        transitions, labels
        states, actions : integer ndarray of shape (n_rows,)
        following : integer ndarray of shape (n_rows,)
            Position of the next row, negative where there is none.
        rows : integer ndarray of shape (n_rows,)
            What the rows are called.
        """
        moved = np.flatnonzero(following >= 0)
        sizes = (transitions.n_actions, transitions.n_states, transitions.n_states)
        codes = np.ravel_multi_index((actions[moved], states[moved], states[following[moved]]), sizes)
        codes, first, times = np.unique(codes, return_index=True, return_counts=True)
        a, s, t = np.unravel_index(codes, sizes)
        return cls(transitions, labels, a, s, t, times, rows[moved[first]])

    def some(self):
        """Every so many of them: about ``ENOUGH``."""
        every = slice(None, None, max(1, len(self.times) // ENOUGH))
        columns = ("actions", "states", "following", "times", "rows")
        return replace(self, **{name: getattr(self, name)[every] for name in columns})

    @property
    def rare(self):
        """Probability that counts as nearly 0."""
        return RARE / self.transitions.n_states

    @cached_property
    def probability(self):
        return self.read(self.actions, self.states, self.following)

    def read(self, actions, states, following):
        """Probability of moves."""
        found = np.zeros(len(states))
        for a, matrix in enumerate(self.transitions.matrices):
            at = np.flatnonzero(actions == a)
            if at.size:  # SciPy has another type for none
                found[at] = matrix[states[at], following[at]]
        return found

    def example(self, which):
        """The move of ``which`` that comes first in the rows, in words."""
        first = np.flatnonzero(which)[self.rows[which].argmin()]
        return (
            f"row {self.rows[first]}, from state {self.states[first]} by action "
            f"{plain(self.labels[self.actions[first]])} to state {self.following[first]}"
        )


def doubt_moves(moves):
    """What looks wrong in moves: a list of sentences, empty where nothing does."""
    if not moves.times.size:
        return []
    n, rare = moves.times.sum(), moves.probability < moves.rare
    of_moves = f"of {n} moves to the next row of a trajectory"
    some = moves.some()
    better = _better_reading(some)
    if better is not None:
        probability, reading = better
        before, after = _log(some.probability, some), _log(probability, some)
        given, then = (np.average(log, weights=some.times) for log in (before, after))
        return [
            f"transitions fit the rows far better {reading}: {_share(moves, rare)} {of_moves} have probability 0, "
            f"or nearly, as they are; the mean log-likelihood is {given:.2f} as they are and {then:.2f} then. The "
            f"difference is greatest for {some.example(after - before == (after - before).max())}."
        ]
    doubts = []
    ended = rare & (moves.transitions.row_sums[moves.states, moves.actions] == 0)
    if _too_many(moves, rare & ~ended):
        doubts.append(
            f"transitions and rows do not fit: {_share(moves, rare & ~ended)} {of_moves} have probability 0, or "
            f"nearly, the first that of {moves.example(rare & ~ended)}. Check the order of states and actions in "
            "transitions, and that trajectory tells which rows follow each other; where rows are missing between "
            "others, pass step."
        )
    if ended.any():
        doubts.append(
            f"transitions end episodes that go on: {_share(moves, ended)} {of_moves} start from a state and "
            "action with a row of zeros, which ends the episode with value 0, the first that of "
            f"{moves.example(ended)}. Give such pairs the probabilities of their next states, or each episode a "
            "trajectory of its own."
        )
    return doubts


def _share(moves, which):
    found = moves.times[which].sum()
    return f"{found} ({found / moves.times.sum():.1%})"


def _too_many(moves, which):
    """Whether more moves, in all or of one action, are among ``which`` than noise explains."""
    found = np.bincount(moves.actions, moves.times * which)
    found, of = np.append(found, found.sum()), np.bincount(moves.actions, moves.times)
    return bool(((found >= LEAST) & (found > SHARE * np.append(of, of.sum()))).any())


def _better_reading(moves):
    """The probabilities of the moves in the reading of the transitions that fits them far better, and its name."""
    contradicted = _too_many(moves, moves.probability < moves.rare)
    best = EVIDENCE if contradicted else max(EVIDENCE, GAIN * moves.times.sum())
    found = None
    for probability, reading in _readings(moves):
        gain = moves.times @ (_log(probability, moves) - _log(moves.probability, moves))
        if gain > best and not _too_many(moves, probability < moves.rare):
            best, found = gain, (probability, reading)
    return found


def _log(probability, moves):
    return np.log(np.maximum(probability, moves.rare))


def _readings(moves):
    """Other readings of the transitions: probabilities of the moves, and how to get them."""
    a, s, t = moves.actions, moves.states, moves.following
    yield moves.read(a, t, s), "with each action's matrix transposed"
    n_states, n_actions = moves.transitions.n_states, moves.transitions.n_actions
    yield moves.read(a, (s - 1) % n_states, (t - 1) % n_states), "with 1 less for each state id"
    yield moves.read(a, (s + 1) % n_states, (t + 1) % n_states), "with 1 more for each state id"
    if n_actions == n_states:
        yield moves.read(s, a, t), "as (n_states, n_actions, n_states), of transitions.transpose(1, 0, 2)"
    fits = np.stack(
        [
            np.bincount(a, moves.times * _log(moves.read(np.full_like(a, b), s, t), moves), n_actions)
            for b in range(n_actions)
        ],
        axis=1,
    )
    # A trifle for each action's own matrix settles ties.
    order = linear_sum_assignment(fits + 1e-9 * np.eye(n_actions), maximize=True)[1]
    changed = np.flatnonzero(order != np.arange(n_actions))
    theirs, own = (plain(moves.labels[places]) for places in (order[changed], changed))
    yield moves.read(order[a], s, t), f"with the matrices of actions {theirs} for actions {own}"
