"""The kernel of each column of the states, and their product.

Where a state is several columns that move independently, x = (x_1, ..., x_d),

    P(x' | x, a) = (1 - e(x, a)) * product over j of P_j(x_j' | x_j, a)

with e the share of episodes that end, an event of the whole state: no column can tell it alone.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._model.demonstrations import pair_counts
from sklearn_iqlearn._model.moves import CUT_OFF, ENDED, count_moves, scale_rows
from sklearn_iqlearn._numerics.checks import plain
from sklearn_iqlearn.preprocessing._shrinkage import shrink

UNSEEN = ("error", "mask", "prior", "self-loop")
# With several columns, the share of ends of a pair starts from so many visits at the rate of its action.
PSEUDO_VISITS = 1.0


@dataclass(frozen=True)
class Kernel:
    """What the rows say of the moves.

    Parameters
    ----------
    matrices : list of A CSR arrays of shape (S, S)
    ended : ndarray of shape (S, A)
        Probability that the episode ends, what the rows of the matrices lack to 1.
    unseen : boolean ndarray of shape (S, A)
        Pairs for which something stands in.
    exists : boolean ndarray of shape (S, A)
        Pairs that exist: all, unless those never taken are masked.
    """

    matrices: list
    ended: np.ndarray
    unseen: np.ndarray
    exists: np.ndarray


def estimate_kernel(rows, prior, unseen, mask):
    """The kernel of rows with one column or several.

    Parameters
    ----------
    rows : Observed
    prior : Prior
    unseen : str
        One of ``UNSEEN``.
    mask : boolean ndarray of shape (S, A)
        Pairs that exist, as far as it is known.

    Returns
    -------
    kernel : Kernel
    """
    columns = [_of_column(rows, j, prior, unseen, mask) for j in range(len(rows.n_states))]
    exists = reduce(_both, [column.exists for column in columns]) & mask
    _refuse_idle(exists, rows.n_states)
    if len(columns) == 1:
        return columns[0]
    ended = _shares_ended(rows)
    factors = zip(*(column.matrices for column in columns), strict=True)
    return Kernel(
        matrices=[
            scale_rows(reduce(_kron, matrices), goes_on)
            for matrices, goes_on in zip(factors, np.where(exists, 1 - ended, 0.0).T, strict=True)
        ],
        ended=np.where(exists, ended, 0.0),
        unseen=~reduce(_both, [~column.unseen for column in columns]) & mask,
        exists=exists,
    )


def _of_column(rows, j, prior, unseen, mask):
    """The kernel of one column; where there are others, given that the episode goes on."""
    others = tuple(i for i in range(len(rows.n_states)) if i != j)
    exists = mask.reshape(*rows.n_states, -1).any(axis=others)  # with some values of the other columns
    states, successors = rows.states[:, j], rows.successors[:, j]
    shape = (rows.n_states[j], len(rows.labels))
    always_ends = np.zeros(shape[1], dtype=bool)
    if len(rows.n_states) > 1:
        ends_of = np.bincount(rows.actions, weights=rows.successors[:, 0] == ENDED, minlength=shape[1])
        goes_on = np.bincount(rows.actions, weights=successors >= 0, minlength=shape[1])
        always_ends = (ends_of > 0) & (goes_on == 0)  # moves nowhere, so that nothing is missing
        successors = np.where(successors == ENDED, CUT_OFF, successors)
    moves = count_moves(states, rows.actions, successors, rows.weight, shape)
    missing = (np.column_stack([matrix.sum(axis=1) for matrix in moves]) == 0) & ~always_ends & exists
    if unseen == "mask":
        exists = exists & (pair_counts(states, rows.actions, rows.weight, shape) > 0)
    if unseen == "error":
        _refuse_missing(missing, rows.labels, rows.column(j))
    kernel = shrink(moves, prior, missing & exists, self_loop=unseen == "self-loop")
    return Kernel(
        matrices=[matrix[:, :-1] for matrix in kernel],
        ended=np.column_stack([matrix[:, [-1]].toarray() for matrix in kernel]),
        unseen=missing,
        exists=exists,
    )


def _shares_ended(rows):
    """Share of the visits of each pair that ended, shrunk towards that of its action: (S, A)."""
    known, ended = rows.counts(rows.successors[:, 0] != CUT_OFF), rows.counts(rows.successors[:, 0] == ENDED)
    visits = known.sum(axis=0)
    of_action = np.divide(ended.sum(axis=0), visits, where=visits > 0, out=np.zeros(len(visits)))
    return (ended + PSEUDO_VISITS * of_action) / (known + PSEUDO_VISITS)


def _both(one, two):
    """Whether both hold: (S, A) and (T, A) -> (S * T, A), the second state running fastest."""
    return (one[:, None] & two[None]).reshape(-1, one.shape[1])


def _kron(one, two):
    return sp.kron(one, two, format="csr")


def _refuse_missing(missing, labels, column):
    """Raise a ValueError that names the first pair that was never seen."""
    if not missing.any():
        return
    state, action = np.argwhere(missing)[0]
    never = np.flatnonzero(missing.all(axis=1))
    lost = f"; {never.size} states were never left, the first {never[0]}" if never.size else ""
    raise ValueError(
        f"unseen='error' must have a row with a known continuation for every state and action, got none for "
        f"{missing.sum()} of {missing.size} pairs{column}, the first state {state} with action "
        f"{plain(labels[action])}{lost}. Pass unseen='prior' for what follows the state whatever the action, "
        "'self-loop' for the state itself, or 'mask' where pairs never taken do not exist; and number the states "
        "without gaps."
    )


def _refuse_idle(exists, n_states):
    """Raise a ValueError that names the first state without an action."""
    idle = np.flatnonzero(~exists.any(axis=1))
    if idle.size:
        first = tuple(int(part) for part in np.unravel_index(idle[0], n_states))
        raise ValueError(
            f"unseen='mask' must leave an action in every state, got none in {idle.size} of {len(exists)} states, "
            f"the first {first if len(first) > 1 else idle[0]}, with no row. Number the states without gaps, or "
            "pass unseen='prior' or 'self-loop', with which they stay where they are."
        )
