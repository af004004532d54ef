"""One function for each thing that may be wrong with rows: it gets ``Rows``, and yields findings.

A check that asks for a part of the rows that a fit refuses raises the fit's error, which becomes a finding.
"""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_iqlearn._estimator.first_step import is_estimated
from sklearn_iqlearn._numerics.checks import any_array, plain
from sklearn_iqlearn.diagnostics._report import Finding

# Decisions for an action below which its values rest on accidents.
FEW = 10
# Rows for each state from which on one integer column looks like state ids.
ROWS_OF_A_STATE = 5
ESTIMATE, BY_PRIOR = '"estimate"', 'TransitionEstimator(unseen="prior")'
SEVERITIES = ("error", "warning", "note")


def missing_values(rows):
    columns = {name: rows.order[name] for name in ("trajectory", "step", "terminal")}
    for name, given in {"X": rows.X, "y": rows.y, "sample_weight": rows.sample_weight, **columns}.items():
        if given is None or sp.issparse(given):  # those of sparse rows are the fit's to refuse
            continue
        values = any_array(name, given)
        missing = ~np.isfinite(values) if values.dtype.kind == "f" else pd.isna(values)
        if missing.any() and missing.ndim <= 2:
            row, *column = np.argwhere(missing)[0].tolist()
            labels = getattr(given, "columns", range(missing.shape[-1]))
            where = f"column {plain(labels[column[0]])}, row {row}" if column else f"row {row}"
            yield Finding(
                "error",
                f"{name} has {missing.sum()} missing or infinite values, the first in {where}.",
                count=int(missing.sum()),
                row=row,
                mend="Fill them, or leave their rows out.",
            )


def table(rows):
    """Whether X and y can be read at all."""
    _ = rows.arrays
    return ()


def weights(rows):
    left_out = np.flatnonzero(rows.weight == 0)
    if left_out.size:
        yield Finding("note", f"{left_out.size} rows have weight 0, and are left out.", left_out.size, left_out[0])


def order(rows):
    following = rows.following
    if rows.has_order:
        return
    if rows.has_kernel:
        yield Finding(
            "note",
            "nothing tells which rows follow each other, so that moves are not compared to transitions.",
            len(following),
            mend="Pass trajectory, and step.",
        )
    elif len(following) > 1:
        yield Finding(
            "warning",
            "nothing tells which rows follow each other: each is an episode of one step, discount has no role.",
            len(following),
            setting=("trajectory", "the column that says who decides"),
        )


def reading(rows):
    """What a fit refuses or doubts of states, actions, moves and transitions."""
    for doubt in rows.reading[2]:
        yield Finding("warning", doubt, row=_row_in(doubt))


def gaps(rows):
    if rows.order["step"] is None:
        return
    order, same, ahead = rows.sorted
    jumps = order[:-1][same & (ahead > 1)]
    if jumps.size:
        yield Finding(
            "note" if rows.has_kernel else "warning",
            f"{jumps.size} of {same.sum()} rows that another of their trajectory follows have it not at step + 1: "
            "what follows them is not known.",
            jumps.size,
            rows.numbers[jumps.min()],
            mend="Where no decision is missing, number the decisions: groupby(trajectory).cumcount().",
        )


def cut_off(rows):
    if rows.has_kernel or rows.order["trajectory"] is None:
        return
    last = rows.last[rows.cut_off[rows.last]]
    if last.size:
        told = rows.order["terminal"] is not None
        uneven = not told and len(np.unique(rows.stops)) > 1
        yield Finding(
            "note",
            f"{last.size} of {len(rows.last)} trajectories were cut off: what follows their last row is not known"
            f"{', and they stop at different times, as episodes that end do' * uneven}.",
            last.size,
            rows.numbers[last.min()],
            mend="" if told else "Where episodes end there, pass terminal.",
            setting=("terminal", "a boolean column, True where an episode ended") if uneven else None,
        )


def short_trajectories(rows):
    if rows.order["trajectory"] is None:
        return
    single = rows.last[rows.lengths == 1]
    if single.size:
        yield Finding(
            "warning" if not rows.has_kernel and 2 * single.size > len(rows.last) else "note",
            f"{single.size} of {len(rows.last)} trajectories have one row, which tells no move.",
            single.size,
            rows.numbers[single.min()],
        )


def impossible_moves(rows):
    if not rows.has_kernel or not rows.has_order:
        return
    moves = rows.moves
    never = moves.probability == 0
    if never.any():
        yield Finding(
            "warning",
            f"{moves.times[never].sum()} of {moves.times.sum()} moves have probability 0 in transitions.",
            int(moves.times[never].sum()),
            moves.rows[never].min(),
            mend="Correct their rows, or transitions.",
        )


def state_ids(rows):
    """A column of ids that is read as a number, for lack of transitions."""
    values = rows.arrays[0]
    if rows.transitions is not None or not rows.has_order or values.shape[1] != 1 or values.dtype.kind not in "iu":
        return
    n_states = len(rows.counts)
    if values.min() == 0 and values.max() == n_states - 1 and len(values) >= ROWS_OF_A_STATE * n_states:
        unseen = (rows.reading[0].known == 0).any()
        yield Finding(
            "note",
            f"X is one column of whole numbers, 0 to {n_states - 1}, as state ids are; without transitions it is "
            f"read as a quantity{', and what follows some pairs is never seen' * bool(unseen)}.",
            n_states,
            setting=("transitions", BY_PRIOR if unseen else ESTIMATE),
        )


def rare_actions(rows):
    labels, counts = rows.labels, rows.counts.sum(axis=0)
    if len(labels) == 1:
        yield Finding(
            "warning",
            f"y has one action, {plain(labels[0])}: there is nothing to choose.",
            setting=None if rows.has_kernel else ("classes", "all the actions there are"),
        )
    if (counts == 0).any():
        yield Finding(
            "warning",
            f"actions that nobody took: {plain(labels[counts == 0])}.",
            int((counts == 0).sum()),
            mend="Their values rest on the penalty alone, and a structural fit has no maximum.",
            setting=("action_mask", "False in the columns of these actions, where they do not exist"),
        )
    rare = (counts > 0) & (counts < FEW)
    if rare.any():
        yield Finding(
            "warning",
            f"actions taken fewer than {FEW} times: {plain(labels[rare])}, {plain(counts[rare])} times.",
            int(rare.sum()),
            mend="Join them with others like them, or expect large standard errors.",
        )


def unseen_pairs(rows):
    """Only where states come back: else hardly any pair can be seen."""
    counts = rows.counts
    visited = counts.any(axis=1, keepdims=True)
    unseen = visited & rows.exists & (counts == 0) & counts.any(axis=0)
    if unseen.any() and len(rows.numbers) >= ROWS_OF_A_STATE * visited.sum():
        state, action = np.argwhere(unseen)[0]
        yield Finding(
            "note",
            f"{unseen.sum()} of {(visited & rows.exists).sum()} pairs of a visited state and an action are never "
            f"seen, the first {_state(rows, state)} and action {plain(rows.labels[action])}.",
            int(unseen.sum()),
            mend="Where such an action does not exist, tell action_mask.",
        )


def coverage(rows):
    visited = rows.counts.any(axis=1)
    if rows.transitions is not None and not visited.all():
        yield Finding(
            "note",
            f"{(~visited).sum()} of {len(visited)} states are never visited, the first {visited.argmin()}: what "
            "is said of them rests on transitions and the form of Q.",
            int((~visited).sum()),
        )


def without_successors(rows):
    if rows.has_kernel or not rows.has_order:
        return
    found = rows.reading[0]
    lost = found.counts.any(axis=1) & ~found.known.any(axis=1)
    if lost.any():
        yield Finding(
            "note",
            f"{lost.sum()} of {len(lost)} states are never seen to lead anywhere, the first "
            f"{_state(rows, lost.argmax())}: all their rows were cut off.",
            int(lost.sum()),
        )


# Of these, what is found leaves nothing to be read by others.
BEFORE = {"missing values": missing_values}
CHECKS = {
    "table": table,
    "weights": weights,
    "order": order,
    "reading": reading,
    "gaps": gaps,
    "cut off": cut_off,
    "short trajectories": short_trajectories,
    "impossible moves": impossible_moves,
    "state ids": state_ids,
    "rare actions": rare_actions,
    "unseen pairs": unseen_pairs,
    "coverage": coverage,
    "without successors": without_successors,
}


def find(rows, checks):
    """What checks find, the gravest first; an error that several meet is told once."""
    found: dict[str, Finding] = {}
    for name, check in checks.items():
        try:
            new = list(check(rows))
        except (TypeError, ValueError) as error:
            new = [_refused(rows, str(error))]
        for finding in new:
            found.setdefault(finding.text, replace(finding, name=name, row=_plain_int(finding.row)))
    return sorted(found.values(), key=lambda finding: SEVERITIES.index(finding.severity))


def _refused(rows, message):
    """A fit's error; where it lacks moves to estimate, with the setting that supplies them."""
    lacks = is_estimated(rows.transitions) and message.startswith("unseen=")
    return Finding("error", message, row=_row_in(message), setting=("transitions", BY_PRIOR) if lacks else None)


def _row_in(message):
    """The row that a message of the fit names."""
    named = re.search(r"\brow (\d+)", message)
    return int(named[1]) if named else None


def _plain_int(row):
    return None if row is None else int(row)


def _state(rows, state):
    """A state in words: its id, or its features."""
    if rows.transitions is not None:
        return f"state {state}"
    features = rows.reading[1]["states_"][[state]]
    return f"state {plain(features.toarray()[0] if sp.issparse(features) else features[0])}"
