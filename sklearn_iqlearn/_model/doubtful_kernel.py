"""Endings in the transitions that look like accidents.

A row that sums to less than 1 ends the episode with the rest of the probability, with value 0. Frequencies of
what was seen leave rows of zeros for pairs never seen; rounded probabilities leave rows that sum to nearly 1.
Both are legal endings: they are doubted only where they lie as accidents do.
"""

import numpy as np

from sklearn_iqlearn._model.transitions import ROW_SUM_TOLERANCE
from sklearn_iqlearn._numerics.checks import plain

# The most that rounding takes from a row.
ROUNDED = 0.02
# Relative residual up to which chances to end count as a product of one of the state and one of the action; the
# steps that find such a product; and what stands for 0 in a division.
IRREGULAR, ALTERNATIONS, TINY = 0.05, 30, np.finfo(float).tiny


def doubt_kernel(transitions, labels, counts, n_rows, trajectory):
    """What looks wrong in the row sums of given transitions.

    Parameters
    ----------
    transitions : Transitions
    labels : ndarray of shape (A,)
        Names of the actions.
    counts : ndarray of shape (S, A)
        Weighted visits.
    n_rows : int
        Decisions.
    trajectory : ndarray or None
        Ids of their trajectories, or of those of the last decisions.

    Returns
    -------
    doubts : list of str
        Sentences, none where nothing looks wrong.
    """
    sums = transitions.row_sums
    exists = transitions.pairs
    ending = np.where(sums > 0, np.maximum(1 - sums, 0.0), 0.0)
    doubts = []
    if n_rows >= exists.sum() and np.mean(ending[exists] <= ROW_SUM_TOLERANCE) > 0.5:
        doubts += _unseen_endings(sums > 0, exists, labels, counts)
    rounded = [*_rounded(sums, ending, labels)]
    if rounded and not _expected(ending, counts, trajectory):
        doubts += rounded
    return doubts


def _unseen_endings(goes_on, exists, labels, counts):
    """Rows of zeros where nothing was seen.

    Not in a state where every action ends the episode, nor for an action that ends it everywhere; not where such
    pairs are mostly seen, nor where most pairs that are not seen have rows.
    """
    asked = exists & counts.any(axis=1, keepdims=True) & goes_on.any(axis=1, keepdims=True) & goes_on.any(axis=0)
    unseen, ends = asked & (counts == 0), asked & ~goes_on
    found = unseen & ends
    if 2 * found.sum() > max(unseen.sum(), ends.sum()):
        state, action = np.argwhere(found)[0]
        yield (
            f"transitions end the episode where nothing was seen: of {unseen.sum()} pairs of a visited state and "
            f"an action never taken there {found.sum()} have rows of zeros, which end the episode with value 0, "
            f"the first state {state} and action {plain(labels[action])}. Where such actions do not exist, tell "
            "action_mask; where transitions are frequencies, give such pairs probabilities too, as those of the "
            "action over all states."
        )


def _rounded(sums, ending, labels):
    """Rows that sum to nearly 1, each to something else.

    Not where the chance to end is a product of one of the state and one of the action, as constant hazards are.
    """
    goes_on, short = sums > 0, ending > ROW_SUM_TOLERANCE
    if 2 * short.sum() >= goes_on.sum() and ending.max() <= ROUNDED and _irregular(ending, goes_on):
        state, action = np.argwhere(short)[0]
        yield (
            f"transitions look rounded: {short.sum()} of {goes_on.sum()} rows sum to less than 1, each to "
            f"something else, the first, of state {state} and action {plain(labels[action])}, to "
            f"{sums[state, action]:.6g}. What is missing ends the episode, with value 0. Where episodes do not "
            "end, divide each row by its sum."
        )


def _irregular(chances, told):
    """Whether chances are no product of one of the state and one of the action: least squares, by alternation."""
    chances, of_action = np.where(told, chances, 0.0), np.ones(told.shape[1])
    for _ in range(ALTERNATIONS):
        of_state = chances @ of_action / np.maximum(told @ of_action**2, TINY)
        of_action = of_state @ chances / np.maximum(of_state**2 @ told, TINY)
    left = np.where(told, chances - of_state[:, None] * of_action, 0.0)
    return np.linalg.norm(left) > IRREGULAR * np.linalg.norm(chances)


def _expected(ending, counts, trajectory):
    """Whether trajectories stop, before the longest does, about as often as the transitions say."""
    if trajectory is None:
        return False
    lengths = np.unique(trajectory, return_counts=True)[1]
    stops = np.sum(lengths < lengths.max())
    return stops > len(trajectory) * np.average(ending, weights=counts) / 2
