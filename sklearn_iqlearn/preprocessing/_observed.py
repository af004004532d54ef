"""Rows of decisions in states of one or several columns, read once: ids, actions, what follows, weights."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sklearn_iqlearn._model.demonstrations import (
    check_column,
    check_integers,
    check_weight,
    distinct_ids,
    follow_rows,
    pair_counts,
)
from sklearn_iqlearn._model.doubtful_steps import doubt_steps
from sklearn_iqlearn._model.moves import CUT_OFF
from sklearn_iqlearn._model.tables import check_mask
from sklearn_iqlearn._numerics.checks import any_array, by_state, check_count, is_count, plain


@dataclass(frozen=True)
class Observed:
    """The rows with a weight.

    Parameters
    ----------
    states : integer ndarray of shape (n_rows, n_columns)
    actions : integer ndarray of shape (n_rows,)
        Positions among the labels.
    successors : integer ndarray of shape (n_rows, n_columns)
        Next states; ``ENDED`` or ``CUT_OFF`` in all columns of rows without.
    weight : ndarray of shape (n_rows,)
    n_states : tuple of int
        States of each column.
    labels : ndarray of shape (A,)
        Sorted action labels.
    columns : list
        Names of the columns.
    doubts : list of str
        What looks wrong in the order of the rows, in sentences.
    """

    states: np.ndarray
    actions: np.ndarray
    successors: np.ndarray
    weight: np.ndarray
    n_states: tuple
    labels: np.ndarray
    columns: list
    doubts: list

    def counts(self, which):
        """Weighted rows of each pair, (S, A), among those of a boolean array; S is the product of ``n_states``."""
        ids = np.ravel_multi_index(tuple(self.states[which].T), self.n_states)
        shape = (int(np.prod(self.n_states)), len(self.labels))
        return pair_counts(ids, self.actions[which], self.weight[which], shape)

    def check_mask(self, action_mask):
        """The pairs that exist, (S, A), all of them by default; the rows must show no others."""
        counts = self.counts(np.ones(len(self.weight), dtype=bool))
        if action_mask is None:
            return np.ones(counts.shape, dtype=bool)
        mask = check_mask(by_state(action_mask), len(counts), self.labels)
        if (counts[~mask] > 0).any():
            state, action = np.argwhere((counts > 0) & ~mask)[0]
            raise ValueError(
                f"actions must exist in their state: action_mask excludes action {plain(self.labels[action])} in "
                f"state {state}, which {counts[state, action]:g} rows take."
            )
        return mask

    def column(self, j):
        """How a message names a column: not at all where it is the only one."""
        return _where(self.columns[j], self.columns)


def read_rows(
    states, actions, *, trajectory, step, next_state, terminal, sample_weight, n_states, n_actions
) -> Observed:
    """The arguments of ``estimate_transitions`` of the same names, checked."""
    table = _table("states", states)
    columns = list(getattr(states, "columns", range(table.shape[1])))
    ids = _read_ids("states", table, columns)
    labels, positions = _read_actions(actions, n_actions, len(ids))
    weight = check_weight(sample_weight, len(ids))
    kept = weight > 0
    following, after = _follow(ids, kept, columns, trajectory, step, next_state, terminal)
    moved = following >= 0
    sizes = _sizes(n_states, np.maximum(ids.max(axis=0, initial=0), after.max(axis=0)) + 1)
    for name, found in (("states", ids), ("next_state", after)):
        _check_range(name, found, sizes, columns)
    return Observed(
        states=ids[kept],
        actions=positions[kept],
        successors=np.where(moved[:, None], after[kept][np.where(moved, following, 0)], following[:, None]),
        weight=weight[kept],
        n_states=sizes,
        labels=labels,
        columns=columns,
        doubts=doubt_steps(kept, following, trajectory, step),
    )


def _table(name, values):
    """One or several columns as a two-dimensional array of whatever kind."""
    array = any_array(name, values)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must be a column of state ids or several, with a row, got shape {array.shape}.")
    return array


def _read_ids(name, table, columns):
    """Columns of integers; an error names the column, where there are several."""
    return np.column_stack(
        [
            check_integers(column, name + _where(label, columns))
            for label, column in zip(columns, table.T, strict=True)
        ]
    )


def _where(label, columns):
    return f" of column {plain(label)}" if len(columns) > 1 else ""


def _follow(ids, kept, columns, trajectory, step, next_state, terminal):
    """What follows each row kept, as from ``follow_rows``, and the states, of all rows, that it points at."""
    if (trajectory is None) == (next_state is None):
        raise ValueError(
            "trajectory or next_state must tell what follows each row, the one or the other, got "
            + ("neither." if trajectory is None else "both: pass one of them.")
        )
    following, _ = follow_rows(kept, trajectory=trajectory, step=step, next_X=next_state, terminal=terminal)
    if next_state is not None:
        needed = np.zeros(len(ids), dtype=bool)
        needed[kept] = following >= 0
        ids, told = _read_next(next_state, needed, ids.shape, columns)
        following[needed[kept] & ~told[kept]] = CUT_OFF
    if (following == CUT_OFF).all():
        doubts = " ".join(doubt_steps(kept, following, trajectory, step))
        raise ValueError(
            f"{'next_state' if trajectory is None else 'trajectory'} must tell what follows some row, got none: "
            f"all {len(following)} are cut off. {doubts}".rstrip()
        )
    return following, ids


def _read_next(next_state, needed, shape, columns):
    """The next states, 0 in rows that do not need one or where it is missing, and which rows have theirs."""
    table = _table("next_state", next_state)
    if table.shape != shape:
        raise ValueError(f"next_state must have the shape of states, {shape}, got {table.shape}.")
    told = needed & ~pd.isna(table).any(axis=1)
    return _read_ids("next_state", np.where(told[:, None], table, 0), columns), told


def _read_actions(actions, n_actions, n_rows):
    """The sorted labels, and the position of each action among them."""
    if n_actions is None:
        return distinct_ids(actions, "actions", n_rows)
    check_count("n_actions", n_actions)
    positions = check_integers(check_column(actions, "actions", n_rows), "actions, where n_actions is given,")
    wrong = (positions < 0) | (positions >= n_actions)
    if wrong.any():
        raise ValueError(
            f"actions must be 0 to {n_actions - 1}, as n_actions says, got {positions[wrong][0]} in row "
            f"{np.argmax(wrong)}."
        )
    return np.arange(n_actions), positions


def _sizes(n_states, found):
    """The number of states of each column, told or one more than the largest id."""
    if n_states is None:
        return tuple(found.tolist())
    sizes = n_states if isinstance(n_states, tuple | list) else (n_states,)
    if len(sizes) != len(found) or not all(is_count(size) for size in sizes):
        rule = (
            "an integer >= 1" if len(found) == 1 else f"a tuple of {len(found)} integers >= 1, one for each column"
        )
        raise ValueError(f"n_states must be {rule}, got {plain(n_states)}.")
    return tuple(map(int, sizes))


def _check_range(name, ids, sizes, columns):
    wrong = (ids < 0) | (ids >= np.array(sizes))
    if wrong.any():
        row, j = np.argwhere(wrong)[0]
        raise ValueError(
            f"{name}{_where(columns[j], columns)} must be 0 to {sizes[j] - 1}, got {ids[row, j]} in row {row}."
        )
