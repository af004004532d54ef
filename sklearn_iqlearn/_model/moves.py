"""Counted moves: how often a state and an action were followed by which state, or by the end of the episode.

    moves[a][s, s'] = sum of the weights of the rows that go from s to s' by action a

The end is one more next state, in the last column: what is said of moves holds for it without a word of its own.
"""

import numpy as np
import scipy.sparse as sp

# Successors that are no state: the episode ended, or what follows is not known.
ENDED, CUT_OFF = -1, -2


def count_moves(states, actions, successors, weight, shape):
    """Weighted moves, the same to the last bit for every order of the rows.

    Parameters
    ----------
    states, actions : integer ndarray of shape (n_rows,)
    successors : integer ndarray of shape (n_rows,)
        Next states, ``ENDED``, or ``CUT_OFF`` in rows that tell nothing.
    weight : ndarray of shape (n_rows,)
    shape : tuple (S, A)

    Returns
    -------
    moves : list of A CSR arrays of shape (S, S + 1)
    """
    n_states, n_actions = shape
    known = successors != CUT_OFF
    origin = (actions * n_states + states)[known]
    following = np.where(successors == ENDED, n_states, successors)[known]
    whole = (n_actions * n_states, n_states + 1)
    parts = (sp.coo_array((part, (origin, following)), shape=whole).tocsr() for part in exact_parts(weight[known]))
    stacked = sum(parts, start=sp.csr_array(whole))
    return [stacked[a * n_states : (a + 1) * n_states] for a in range(n_actions)]


def exact_parts(weight):
    """Arrays that add up to the weights, each of which adds up without rounding, in whatever order.

    Each is in multiples of a unit so large that no sum of them is rounded: one array, as it is, where weights are
    whole numbers, else two or three.
    """
    if weight.sum() < 2.0**53 and np.array_equal(weight, np.rint(weight)):
        yield weight
        return
    while (size := np.abs(weight).sum()) > 0:
        unit = np.ldexp(1.0, max(int(np.frexp(size)[1]) - 52, -1074))
        part = np.rint(weight / unit) * unit
        yield part
        weight = weight - part


def action_free(moves):
    """Shares of what follows a state, whatever the action: a CSR array of shape (S, S + 1).

    A state that was never left stays where it is: a reward of 0 then has the value of one that goes on.
    """
    total = sum(moves)
    left = total.sum(axis=1)
    stays = sp.diags_array([1.0 * (left == 0)], offsets=[0], shape=total.shape)
    return sp.csr_array(divide_rows(sp.csr_array(total), left) + stays)


def scale_rows(matrix, factors):
    """A CSR array with each row times a factor; rows whose factor is 0 lose their entries."""
    return sp.csr_array(sp.diags_array(factors) @ matrix)


def divide_rows(matrix, totals):
    """A CSR array with each row divided by its total, or left as it is where that is 0."""
    divided = matrix.copy()
    divided.data /= np.repeat(np.where(totals > 0, totals, 1.0), np.diff(matrix.indptr))
    return divided
