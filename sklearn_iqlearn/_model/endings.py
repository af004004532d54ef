"""Whether every episode ends, by the graph of what is possible: what discount 1 asks for.

Undiscounted, a policy has finite values where it is proper, where it ends with certainty (Bertsekas and Tsitsiklis
1991). Where every state has a way to an end, every policy that gives all pairs a positive probability is proper.
"""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra

from sklearn_iqlearn._model.transitions import ROW_SUM_TOLERANCE
from sklearn_iqlearn._numerics.checks import plain


def steps_to_end(transitions, pairs=True, unknown=False):
    """Fewest steps in which an episode can end.

    Parameters
    ----------
    transitions : Transitions
    pairs : boolean ndarray of shape (S, A), optional
        Pairs that may be taken, of those that exist; by default all.
    unknown : boolean ndarray of shape (S,), optional
        States of which nothing is known: where there are ends at all, they may lead to one. By default none.

    Returns
    -------
    steps : ndarray of shape (S,)
        Infinite where there is no way to an end: a chance to end above the rounding of a row, as in simulations.
    """
    pairs = transitions.pairs & pairs
    ends = (pairs & (transitions.ends > ROW_SUM_TOLERANCE)).any(axis=1)
    if not ends.any():
        return np.full(len(ends), np.inf)
    # Backwards from the end, which is one state more.
    moves, last = sp.coo_array(transitions.mix(1.0 * pairs)), np.flatnonzero(ends | unknown)
    origin = np.append(moves.col[moves.data > 0], np.full(len(last), len(ends))).astype(np.int32)
    target = np.append(moves.row[moves.data > 0], last).astype(np.int32)  # as old SciPy's graphs want them
    back = sp.coo_array((np.ones(len(origin)), (origin, target)), shape=(len(ends) + 1,) * 2)
    return dijkstra(back.tocsr(), indices=len(ends), unweighted=True)[:-1]


def soonest_end(transitions, pairs=True):
    """The policy that takes each pair in proportion to its chance to get nearer to an end: (S, A).

    Parameters
    ----------
    transitions : Transitions
        With a way to an end from every state.
    pairs : boolean ndarray of shape (S, A), optional
    """
    pairs = transitions.pairs & pairs
    steps = steps_to_end(transitions, pairs)
    nearer = np.where(steps[:, None] == 1, transitions.ends, 0.0)
    for a, matrix in enumerate(transitions.matrices):
        moves = sp.coo_array(matrix)
        gains = steps[moves.col] < steps[moves.row]
        nearer[:, a] += np.bincount(moves.row[gains], moves.data[gains], minlength=len(steps))
    nearer = np.where(pairs, nearer, 0.0)
    return nearer / nearer.sum(axis=1, keepdims=True)


def check_endings(discount, transitions, pairs=True, how=""):
    """Raise a ValueError where discount is 1 and an episode may never end.

    Parameters
    ----------
    discount : float
    transitions : Transitions
    pairs : boolean ndarray of shape (S, A), optional
        Pairs that may be taken, by default all.
    how : str
        Which pairs these are, in words.
    """
    if discount < 1:
        return
    steps = steps_to_end(transitions, pairs)
    if np.isinf(steps).any():
        raise ValueError(
            f"discount must be less than 1 where an episode may never end, got {plain(discount)}: from state "
            f"{np.isinf(steps).argmax()} no end can be reached{how}. An episode ends where a row of transitions "
            "sums to less than 1: give absorbing states rows of zeros, in place of a 1 on the diagonal."
        )


def check_known_endings(discount, demonstrations, rows):
    """Raise a ValueError where discount is 1 and rows that are states are not known to lead to an end.

    What follows a row that was cut off is not known, neither that it is an end nor that it is not. So a state of
    which nothing is known may lead to an end, if there is one at all, but for a table: there it stands in for its
    own successor.

    Parameters
    ----------
    discount : float
    demonstrations : Demonstrations
        Of an empirical kernel.
    rows : ndarray of shape (S, n_features)
        The states.
    """
    if discount < 1:
        return
    known = demonstrations.penalised
    steps = steps_to_end(demonstrations.transitions, known, ~known.any(axis=1))
    if np.isinf(steps).any():
        raise ValueError(
            f"discount must be less than 1 where episodes are not known to end, got {plain(discount)}: no row "
            f"that is terminal can be reached from {plain(rows[np.isinf(steps).argmax()])}. Tell by terminal "
            "where episodes ended; for a table leave out trajectories that were cut off: other forms take them."
        )
