"""From rows of decisions to what the objective needs: counts, kernel and starts.

The rows enter only here. What comes out has the size of the states and actions, and is the same to
rounding for every order of the rows.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._transitions import Transitions


@dataclass(frozen=True)
class Demonstrations:
    """Decisions summarised.

    Parameters
    ----------
    transitions : Transitions
        Given, or the empirical kernel of the rows.
    counts : ndarray of shape (S, A)
        Weighted visits.
    known : ndarray of shape (S, A)
        Those of them whose continuation, a next state or the end of the episode, is known.
    penalised : boolean ndarray of shape (S, A)
        Pairs whose reward can be told, and so be penalised.
    initial_distribution : ndarray of shape (S,)
        Weighted shares of the states in which trajectories start.
    """

    transitions: Transitions
    counts: np.ndarray
    known: np.ndarray
    penalised: np.ndarray
    initial_distribution: np.ndarray


def with_transitions(transitions, states, actions, weight, starts):
    """Summarise decisions where the transitions are given.

    Parameters
    ----------
    transitions : Transitions
    states, actions : integer ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,)
    starts : boolean ndarray of shape (n_rows,)

    Returns
    -------
    demonstrations : Demonstrations
    """
    shape = (transitions.n_states, transitions.n_actions)
    counts = _totals(states * shape[1] + actions, weight, shape[0] * shape[1]).reshape(shape)
    return Demonstrations(
        transitions=transitions,
        counts=counts,
        known=counts,
        penalised=np.ones(shape, dtype=bool),
        initial_distribution=_distribution(states[starts], weight[starts], shape[0]),
    )


def with_successors(states, actions, weight, successors, starts, shape, *, stand_in):
    """Summarise decisions whose next states are rows: the empirical kernel.

    Parameters
    ----------
    states, actions : integer ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,)
    successors : integer ndarray of shape (n_rows,)
        Next state of each row, ``ENDED`` where its episode ended, ``CUT_OFF`` where it is not known.
    starts : boolean ndarray of shape (n_rows,)
    shape : tuple (S, A)
    stand_in : bool
        Whether an action never tried in a visited state gets the mean successor of those tried there.

    Returns
    -------
    demonstrations : Demonstrations
    """
    n_pairs = shape[0] * shape[1]
    pairs = states * shape[1] + actions
    continued, moved = successors != CUT_OFF, successors >= 0
    counts = _totals(pairs, weight, n_pairs).reshape(shape)
    known = _totals(pairs[continued], weight[continued], n_pairs).reshape(shape)
    share = weight[moved] / known[states[moved], actions[moved]]
    matrices = [
        sp.coo_array(
            (share[taken], (states[moved][taken], successors[moved][taken])), shape=(shape[0], shape[0])
        ).tocsr()
        for taken in (actions[moved] == a for a in range(shape[1]))
    ]
    penalised = known > 0
    if stand_in:
        totals = known.sum(axis=1, keepdims=True)
        mean = Transitions(matrices).mix(np.divide(known, totals, where=totals > 0, out=np.zeros(shape)))
        matrices = [
            sp.csr_array(matrix + sp.diags_array(1.0 * ~penalised[:, a]) @ mean)
            for a, matrix in enumerate(matrices)
        ]
        penalised = np.broadcast_to(totals > 0, shape)
    return Demonstrations(
        transitions=Transitions(matrices),
        counts=counts,
        known=known,
        penalised=penalised,
        initial_distribution=_distribution(states[starts], weight[starts], shape[0]),
    )


def _totals(cells, weight, n_cells):
    # Adding in the order of cell and weight makes the sums independent of the order of the rows.
    order = np.lexsort((weight, cells))
    return np.bincount(cells[order], weights=weight[order], minlength=n_cells)


def _distribution(states, weight, n_states):
    totals = _totals(states, weight, n_states)
    return totals / totals.sum()


ENDED, CUT_OFF = -1, -2


@dataclass(frozen=True)
class Order:
    """Which row follows which: ``next_row`` is the position of the next row, ``ENDED`` or ``CUT_OFF``."""

    next_row: np.ndarray
    starts: np.ndarray


def order_rows(trajectory, step, terminal, n_rows):
    """Follow trajectories through the rows.

    Parameters
    ----------
    trajectory : array of shape (n_rows,)
        Id of each row's trajectory.
    step : integer array of shape (n_rows,) or None
        Time of each row. Without it the rows of a trajectory must be contiguous and in order.
    terminal : boolean array of shape (n_rows,) or None
        Rows after which the episode ended.
    n_rows : int

    Returns
    -------
    order : Order
    """
    ids = np.unique(check_column(trajectory, "trajectory", n_rows), return_inverse=True)[1]
    if step is None:
        order, times = np.arange(n_rows), np.arange(n_rows)
        changes = np.flatnonzero(np.diff(ids, prepend=-1))
        if len(np.unique(ids[changes])) < len(changes):
            raise ValueError(
                "trajectory: the rows of a trajectory must be contiguous and in order, got an id that comes "
                "back later; pass step, each row's integer time, for rows in any order."
            )
    else:
        times = check_integers(check_column(step, "step", n_rows), "step")
        order = np.lexsort((times, ids))
    same = ids[order][1:] == ids[order][:-1]
    ahead = np.diff(times[order])
    if (same & (ahead == 0)).any():
        row = order[1:][same & (ahead == 0)][0]
        raise ValueError(
            "step must differ between the rows of a trajectory, got the step "
            f"{times[row]} twice in trajectory {np.asarray(trajectory)[row].tolist()!r}."
        )
    next_row = np.full(n_rows, CUT_OFF)
    follows = same & (ahead == 1)
    next_row[order[:-1][follows]] = order[1:][follows]
    starts = np.zeros(n_rows, dtype=bool)
    starts[order[np.flatnonzero(np.concatenate([[True], ~same]))]] = True
    if terminal is not None:
        ended = check_flags(terminal, "terminal", n_rows)
        if (next_row[ended] >= 0).any():
            row = np.flatnonzero(ended)[next_row[ended] >= 0][0]
            raise ValueError(
                "terminal rows must be the last of their trajectory, got one that the next row of trajectory "
                f"{np.asarray(trajectory)[row].tolist()!r} follows."
            )
        next_row[ended] = ENDED
    return Order(next_row, starts)


def check_column(values, name, n_rows):
    """A fit parameter with one value per row."""
    values = np.asarray(values)
    if values.shape != (n_rows,):
        raise ValueError(f"{name} must have one value per row, shape ({n_rows},), got {values.shape}.")
    return values


def check_flags(values, name, n_rows):
    """A fit parameter with a truth value per row."""
    values = check_column(values, name, n_rows)
    if values.dtype != bool and not np.isin(values, (0, 1)).all():
        raise ValueError(f"{name} must be boolean, got {values[~np.isin(values, (0, 1))][0]!r}.")
    return values.astype(bool)


def check_integers(values, name):
    """Whole numbers, in any numeric type, as int64."""
    if not np.issubdtype(values.dtype, np.number) and values.dtype != bool:
        raise ValueError(f"{name} must be integers, got {values[0]!r}.")
    whole = np.asarray(values, dtype=np.float64)
    fractional = (whole != np.floor(whole)) | ~np.isfinite(whole)
    if fractional.any():
        raise ValueError(f"{name} must be integers, got {whole[fractional][0]}.")
    return values.astype(np.int64)


def check_weight(sample_weight, n_rows):
    """Sample weights: None is 1 everywhere."""
    if sample_weight is None:
        return np.ones(n_rows)
    weight = check_column(sample_weight, "sample_weight", n_rows).astype(np.float64)
    if not np.isfinite(weight).all() or (weight < 0).any():
        worst = weight[~(weight >= 0) | ~np.isfinite(weight)][0]
        raise ValueError(f"sample_weight must be finite and non-negative, got {worst}.")
    if not weight.any():
        raise ValueError("sample_weight must be positive in some row, got zeros only.")
    return weight
