"""From rows of decisions to what the objective needs: counts, kernel and starts.

The rows enter only here. What comes out has the size of the states and actions, and is the same to
rounding for every order of the rows.
"""

import numbers
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_iqlearn._model.moves import (
    CUT_OFF,
    ENDED,
    action_free,
    count_moves,
    divide_rows,
    exact_parts,
    scale_rows,
)
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn._numerics.checks import any_array, is_real, plain, real_array


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
        Pairs whose reward can be told, and so be penalised: they exist.
    initial_distribution : ndarray of shape (S,)
        Weighted shares of the states in which trajectories start.
    base_reward : ndarray of shape (S, A), or 0
        The part of the reward that is known.
    pseudo_counts : ndarray of shape (S, A), or 0
        What the likelihood counts beside the visits.
    doubts : list of str
        What looks wrong in the rows, in sentences.
    held_out : ndarray of shape (S, A), optional
        Weighted decisions that are held out, and in none of the others.
    """

    transitions: Transitions
    counts: np.ndarray
    known: np.ndarray
    penalised: np.ndarray
    initial_distribution: np.ndarray
    base_reward: np.ndarray | float = 0.0
    pseudo_counts: np.ndarray | float = 0.0
    doubts: list[str] = field(default_factory=list)
    held_out: np.ndarray | None = None


def with_transitions(transitions, tally):
    """Summarise decisions where the transitions are given.

    Parameters
    ----------
    transitions : Transitions
    tally : Tally
        The decisions summed up.

    Returns
    -------
    demonstrations : Demonstrations
    """
    return Demonstrations(
        transitions=transitions,
        counts=tally.counts,
        known=tally.counts,
        penalised=transitions.pairs,
        initial_distribution=tally.initial_distribution,
    )


def with_successors(states, actions, weight, successors, starts, shape, *, stand_in, exists=None):
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
        Whether a pair with no known continuation gets one: the mean successor of the actions tried in its
        state, or the state itself where none is known.
    exists : boolean ndarray of shape (S, A), optional
        Pairs that exist, by default all.

    Returns
    -------
    demonstrations : Demonstrations
    """
    counts = pair_counts(states, actions, weight, shape)
    moves = count_moves(states, actions, successors, weight, shape)
    known = np.column_stack([matrix.sum(axis=1) for matrix in moves])
    matrices = [divide_rows(matrix[:, :-1], total) for matrix, total in zip(moves, known.T, strict=True)]
    penalised = known > 0
    if stand_in:
        mean = action_free(moves)[:, :-1]
        every = np.ones(shape, dtype=bool) if exists is None else exists
        matrices = [
            sp.csr_array(matrix + scale_rows(mean, 1.0 * missing))
            for matrix, missing in zip(matrices, (every & ~penalised).T, strict=True)
        ]
        penalised = every
    return Demonstrations(
        transitions=Transitions(matrices, exists),
        counts=counts,
        pseudo_counts=0.0 if stand_in else _never_taken(counts, exists),
        known=known,
        penalised=penalised,
        initial_distribution=_distribution(states[starts], weight[starts], shape[0]),
    )


def _never_taken(counts, exists):
    """Half a decision for each action that was never taken, as Krichevsky and Trofimov (1981) count: (S, A), or 0.

    Where the penalty does not see such an action, its Q would run to minus infinity.
    """
    if counts.any(axis=0).all():
        return 0.0
    visits = counts.sum(axis=1, keepdims=True) * ~counts.any(axis=0)
    visits = visits if exists is None else visits * exists
    totals = visits.sum(axis=0)
    return 0.5 * visits / np.where(totals > 0, totals, 1.0)


def pair_counts(states, actions, weight, shape):
    """Weighted decisions of each state and action, (S, A)."""
    return _totals(states * shape[1] + actions, weight, shape[0] * shape[1]).reshape(shape)


def _totals(cells, weight, n_cells):
    """Sums of the weights in each cell, whose last bit does not depend on the order of the rows."""
    parts = (np.bincount(cells, part, n_cells) for part in exact_parts(weight))
    return sum(parts, start=np.zeros(n_cells))


def _distribution(states, weight, n_states):
    totals = _totals(states, weight, n_states)
    return totals / totals.sum()


def follow_rows(kept, *, trajectory, step, next_X, terminal):
    """What follows each of the rows kept.

    Parameters
    ----------
    kept : boolean ndarray of shape (n_rows,)
        Rows with a weight; the others count as left out.
    trajectory, step, next_X, terminal
        As in ``IQLearnClassifier.fit``.

    Returns
    -------
    following : integer ndarray of shape (kept.sum(),)
        Position of the next row among those kept, ``ENDED`` or ``CUT_OFF``; with ``next_X`` that of the row.
    starts : boolean ndarray of shape (kept.sum(),)
        Rows that start a trajectory: all of them where there is none.
    """
    if trajectory is not None and next_X is not None:
        raise ValueError("trajectory and next_X both tell the next state: pass one of them.")
    if trajectory is None and step is not None:
        raise ValueError("step needs trajectory, the id of each row's trajectory; got step alone.")
    starts = np.ones(kept.sum(), dtype=bool)
    if trajectory is None and next_X is None:
        if terminal is not None:
            raise ValueError(
                "terminal needs trajectory or next_X, which tell the next states; got terminal alone."
            )
        return np.full(len(starts), ENDED), starts
    ended = np.zeros(len(starts), dtype=bool)
    if terminal is not None:
        ended = check_flags(terminal, "terminal", len(kept))[kept]
    if trajectory is None:
        return np.where(ended, ENDED, np.arange(len(starts))), starts
    order, same, ahead = sorted_rows(trajectory, step, kept)
    starts[order[1:][same]] = False
    following = np.full(len(starts), CUT_OFF)
    follows = same & (ahead == 1)
    following[order[:-1][follows]] = order[1:][follows]
    if (following[ended] >= 0).any():
        row = np.flatnonzero(ended & (following >= 0))[0]
        raise ValueError(
            "terminal rows must be the last of their trajectory, got one that the next row of trajectory "
            f"{plain(np.asarray(trajectory)[kept][row])} follows."
        )
    following[ended] = ENDED
    return following, starts


def sorted_rows(trajectory, step, kept):
    """The rows kept, by trajectory and time.

    Returns
    -------
    order : integer ndarray
    same : boolean ndarray
        Whether each but the first belongs to the trajectory of the one before it.
    ahead : integer ndarray
        Its time since that one.
    """
    ids = number_ids(trajectory, "trajectory", len(kept))[kept]
    if step is None:
        times, order = np.flatnonzero(kept), np.arange(len(ids))
        changes = np.flatnonzero(np.diff(ids, prepend=-1))
        first = np.unique(ids[changes], return_index=True)[1]
        if len(first) < len(changes):
            row = times[np.delete(changes, first)[0]]
            raise ValueError(
                f"trajectory: the rows of a trajectory must be contiguous and in order, got an id that comes back "
                f"later, {plain(np.asarray(trajectory)[row])} in row {row}; pass step, each row's integer time, "
                "for rows in any order."
            )
    else:
        times = check_steps(step, len(kept))[kept]
        order = np.lexsort((times, ids))
    same, ahead = np.diff(ids[order]) == 0, np.diff(times[order])
    if (same & (ahead == 0)).any():
        row = order[1:][same & (ahead == 0)][0]
        raise ValueError(
            "step must differ between the rows of a trajectory, got the step "
            f"{times[row]} twice in trajectory {plain(np.asarray(trajectory)[kept][row])}. Where "
            "steps begin anew in each episode, give each a trajectory of its own, or steps that go on after a gap."
        )
    return order, same, ahead


def check_column(values, name, n_rows):
    """A fit parameter with one value per row."""
    values = any_array(name, values)
    if values.shape != (n_rows,):
        raise ValueError(f"{name} must have one value per row, shape ({n_rows},), got {values.shape}.")
    return values


def check_ids(values, name, n_rows):
    """A fit parameter with an id per row: numbers, strings or other things of one kind, none missing."""
    values = check_column(values, name, n_rows)
    if values.dtype.kind in "cV":
        raise ValueError(f"{name} must hold ids that can be sorted, got {plain(values[0])}.")
    missing = pd.isna(values)
    if missing.any():
        raise ValueError(f"{name} must have no missing id, got {plain(values[missing][0])}.")
    kinds = sorted({type(value).__name__ for value in values}) if values.dtype == object else []
    if len(kinds) > 1:
        raise ValueError(f"{name} must hold ids of one type, got {' and '.join(kinds)}.")
    return values


def number_ids(values, name, n_rows):
    """The place of each row's id among the sorted distinct ids."""
    return distinct_ids(values, name, n_rows)[1]


def distinct_ids(values, name, n_rows):
    """The sorted distinct ids, and the place of each row's among them."""
    values = check_ids(values, name, n_rows)
    try:
        return np.unique(values, return_inverse=True)
    except TypeError as error:
        raise ValueError(f"{name} must hold ids that can be sorted, got {plain(values[0])}.") from error


def check_flags(values, name, n_rows):
    """A fit parameter with a truth value per row."""
    values = check_column(values, name, n_rows)
    strange = [value for value in values.tolist() if not (is_real(value) and value in (0, 1))]
    if strange:
        raise ValueError(f"{name} must be boolean, got {plain(strange[0])}.")
    return values.astype(bool)


def check_steps(step, n_rows):
    """Integer times. Dates and durations are refused, of whatever type: only their owner knows their unit."""
    values = check_column(step, "step", n_rows)
    for value in values if values.dtype == object else values[:1]:
        if isinstance(value, np.datetime64 | np.timedelta64) or hasattr(value, "year") or hasattr(value, "days"):
            raise ValueError(
                f"step must be integers, got the time {value!r}: number the periods, as pd.PeriodIndex(step, "
                "freq='M').astype('int64') does with months, or, where none is missing, the rows, as "
                "groupby(trajectory).cumcount() does."
            )
    return check_integers(values, "step")


def check_integers(values, name):
    """Whole numbers, in any real numeric type, as int64."""
    if values.dtype.kind not in "iuf":
        entries = values.tolist()
        strange = [row for row, value in enumerate(entries) if not _is_whole(value)]
        if strange:
            raise ValueError(f"{name} must be integers, got {plain(entries[strange[0]])} in row {strange[0]}.")
        return np.array([int(value) for value in entries], dtype=np.int64)
    if values.dtype.kind == "i":
        return values.astype(np.int64, copy=False)
    limit = 2.0**53 if values.dtype.kind == "f" else 2.0**63
    wrong = (values != np.floor(values)) | (np.abs(values) >= limit)
    if wrong.any():
        hint = " Floating-point numbers tell integers apart below 2**53." if limit == 2.0**53 else ""
        where = f" in row {np.argmax(wrong)}" if values.ndim else ""
        raise ValueError(f"{name} must be integers, got {plain(values[wrong][0])}{where}.{hint}")
    return values.astype(np.int64)


def _is_whole(value):
    limit = 2**63 if isinstance(value, numbers.Integral) else 2**53
    return is_real(value) and -limit < value < limit and int(value) == value


def check_weight(sample_weight, n_rows):
    """Sample weights: None is 1 everywhere."""
    if sample_weight is None:
        return np.ones(n_rows)
    weight = real_array("sample_weight", check_column(sample_weight, "sample_weight", n_rows), finite=False)
    wrong = ~(weight >= 0) | ~np.isfinite(weight)
    if wrong.any():
        raise ValueError(f"sample_weight must be finite and non-negative, got {plain(weight[wrong][0])}.")
    with np.errstate(over="ignore"):
        total = weight.sum()
    if total == 0:
        raise ValueError("sample_weight must be positive in some row, got zeros only.")
    if total == np.inf:
        raise ValueError(f"sample_weight must have a finite sum, got weights up to {weight.max()}.")
    return weight
