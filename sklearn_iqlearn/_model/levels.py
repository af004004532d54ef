"""Decision problems in which no state comes back: levels, and sweeps through them.

Let the states that no state leads to be level 0, and those that only earlier levels lead to, level by level, the
others. Where that reaches all states, moves go from earlier to later levels alone, and

    v = b + sum_a w_a P_a v     (values, from the last level to the first)
    m = b + sum_a P_a' w_a m    (visits, from the first level to the last)

are each solved by one sweep that looks at every transition once, for weights w of any size and sign. With a policy
and a discount these are its values and discounted visits. A factor of such a system fills in: its elimination
couples all states of a level.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

# So many levels are always few; more of them must have so many states in the mean, or their factor is cheap.
FEW, WIDE = 128, 16


@dataclass(frozen=True)
class Level:
    """States, where they lead, and how.

    Attributes
    ----------
    states, successors : slice or integer ndarray
    block : CSR array of shape (n_states * n_actions, n_successors)
        Rows ordered (state, action).
    transposed : CSC array of shape (n_successors, n_states * n_actions)
        The same numbers: to make it for each product would cost as much as a small one.
    """

    states: slice | np.ndarray
    successors: slice | np.ndarray
    block: sp.csr_array
    transposed: sp.csc_array


@dataclass(frozen=True)
class Levels:
    """All states of transitions in which none comes back, the first ones first."""

    levels: list[Level]
    shape: tuple[int, int]

    def backward(self, value_of, shape=()):
        """Values level by level, from the last one.

        Parameters
        ----------
        value_of : callable
            ``value_of(states, expected)``, with the expected next values of their pairs, (n, A) or (n, A, k),
            gives their values, (n,) or (n, k).
        shape : tuple
            Of the value of one state: () or (k,).

        Returns
        -------
        values : ndarray of shape (S,) or (S, k)
        """
        values = np.empty((self.shape[0], *shape))
        for level in reversed(self.levels):
            expected = level.block @ values[level.successors]
            values[level.states] = value_of(level.states, expected.reshape(-1, self.shape[1], *shape))
        return values

    def forward(self, sent_by, start):
        """What has flowed into each state, level by level, from the first one.

        Parameters
        ----------
        sent_by : callable
            ``sent_by(states, inflow)``, with what has come to them, (n,) or (n, k), gives what their pairs send
            on, (n, A) or (n, A, k).
        start : ndarray of shape (S,) or (S, k)

        Returns
        -------
        inflow : ndarray of shape (S,) or (S, k)
            With the start.
        """
        inflow = start.copy()
        for level in self.levels:
            sent = sent_by(level.states, inflow[level.states])
            inflow[level.successors] += level.transposed @ sent.reshape(-1, *start.shape[1:])
        return inflow

    def values(self, weights, b):
        """Solve ``v = b + sum_a weights[:, a] * P_a v``: for b of shape (S,) or (S, k)."""

        def value_of(states, expected):
            return b[states] + np.einsum("sa,sa...->s...", weights[states], expected)

        return self.backward(value_of, b.shape[1:])

    def visits(self, weights, b):
        """Solve ``m = b + sum_a P_a' (weights[:, a] * m)``: for b of shape (S,) or (S, k)."""
        return self.forward(lambda states, inflow: np.einsum("sa,s...->sa...", weights[states], inflow), b)


def find_levels(transitions):
    """The levels of transitions, or None where a state can come back, or levels are many and narrow.

    Parameters
    ----------
    transitions : Transitions

    Returns
    -------
    levels : Levels or None
    """
    n_states, n_actions = transitions.n_states, transitions.n_actions
    if any(stays(states, matrix).any() for states, matrix in transitions.blocks):
        return None
    matrices = [sp.csr_array(matrix) for matrix in transitions.matrices]
    pending = np.zeros(n_states, dtype=np.int64)
    for matrix in matrices:
        pending += np.bincount(matrix.indices[matrix.data > 0], minlength=n_states)
    if pending.all():  # each state has one before it: most cycles are seen here, at no cost
        return None
    stacked = sp.vstack(matrices, format="csr")
    place, pairs = np.empty(n_states, dtype=np.int64), n_states * np.arange(n_actions)
    levels: list[Level] = []
    states, n_found = np.flatnonzero(pending == 0), 0
    while states.size:
        block = stacked[(states[:, None] + pairs).ravel()]
        block.eliminate_zeros()
        successors, times = np.unique(block.indices, return_counts=True)
        place[successors] = np.arange(len(successors))
        block = sp.csr_array(
            (block.data, place[block.indices], block.indptr), shape=(block.shape[0], len(successors))
        )
        if levels and _same(block, levels[-1].block):  # it may stay in the processor's cache
            block = levels[-1].block
        levels.append(Level(_range(states), _range(successors), block, block.T))
        pending[successors] -= times
        n_found += len(states)
        if len(levels) > FEW and n_found < WIDE * len(levels):
            return None
        states = successors[pending[successors] == 0]
    return Levels(levels, (n_states, n_actions)) if n_found == n_states else None


def stays(states, matrix):
    """Chances to stay, of a block of transitions."""
    if sp.issparse(matrix):
        return matrix.diagonal()
    return matrix[np.arange(len(matrix)), np.arange(matrix.shape[1])[states]]


def _same(one, other):
    """Whether two CSR arrays hold the same numbers in the same order."""
    return one.shape == other.shape and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("indptr", "indices", "data")
    )


def _range(states):
    """States as a slice where they are one: a view then takes the place of a copy."""
    first, last = (states[0], states[-1]) if states.size else (0, -1)
    return slice(first, last + 1) if last - first + 1 == len(states) else states
