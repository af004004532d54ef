"""X, y and the order of the rows as demonstrations: states that are ids, or rows of features.

Both readers return the demonstrations, the features of the states and the fitted attributes that the data
decide. ``held`` is the weight of the rows that are held out of the fit, whose own ``weight`` is 0.
"""

import re
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite, check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from sklearn_iqlearn._approximation.kernel import Rows
from sklearn_iqlearn._estimator.approximated import NO_ORDER, approximated
from sklearn_iqlearn._estimator.first_step import estimate, is_estimated
from sklearn_iqlearn._estimator.row_functions import (
    base_in,
    distinct_given,
    exists_in,
    of_states,
    refuse_excluded,
    take,
)
from sklearn_iqlearn._estimator.sparse_rows import accepted_format, canonical, distinct_rows
from sklearn_iqlearn._model.demonstrations import (
    check_integers,
    follow_rows,
    pair_counts,
    with_successors,
    with_transitions,
)
from sklearn_iqlearn._model.doubtful_kernel import doubt_kernel
from sklearn_iqlearn._model.doubtful_moves import Moves, doubt_moves
from sklearn_iqlearn._model.doubtful_steps import doubt_steps
from sklearn_iqlearn._model.endings import check_endings, check_known_endings
from sklearn_iqlearn._model.tables import check_base, check_features
from sklearn_iqlearn._model.tally import Starts, Tally
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn._numerics.checks import any_array, by_state, plain, real_array, refuse_masked
from sklearn_iqlearn._q_functions.structural import Structural

TABLE = "a table of numbers, one row for each decision; trajectories one below the other, told apart by trajectory"
# What to do about errors of scikit-learn and NumPy that have a word in them.
MENDS = {
    "string": "Encode strings before, by OneHotEncoder, or into ids of states by preprocessing.StateEncoder.",
    "DateTime64": "Derive numbers from dates, such as the month.",
}
COLUMN = "one action for each row of X"
# Kinds of NumPy's types that hold strings.
TEXT = {"U", "S", "T"}


def read_states(estimator, X, values, y, weight, held, order, earlier=None):
    """Decisions in states that are ids, of transitions given or estimated, with those of an earlier tally."""
    kernel, mask, estimated = estimator.transitions, estimator.action_mask, {}
    if is_estimated(kernel):
        labels, actions = _classes_of(estimator, y)
        found = estimate(estimator, check_states(values), labels, actions, weight, order)
        kernel, mask, estimated = found.transitions, found.action_mask, {"transitions_": found}
    for name in ("next_X", "terminal"):
        if order[name] is not None and not estimated:
            raise ValueError(f"{name} must be None where transitions are given: they tell the next state.")
    transitions, labels = check_transitions(kernel, mask)
    if estimator.classes is not None and not np.array_equal(check_classes(estimator.classes), labels):
        raise ValueError(
            f"classes must be None, or the actions of transitions, {plain(labels)}, got "
            f"{plain(estimator.classes)}."
        )
    check_endings(estimator.discount, transitions)
    states, actions = check_states(values, transitions.n_states), check_actions(y, labels, _mapping_for(y, labels))
    if transitions.exists is not None:
        refuse_excluded(transitions.exists[states], actions, weight + held, labels)
    kept = weight > 0
    shape = (transitions.n_states, transitions.n_actions)
    held_out = pair_counts(states, actions, held, shape) if held.any() else None
    following, starts = follow_rows(kept, **order)
    if not kept.all():  # where rows are very many, copies of them count
        states, actions, weight = states[kept], actions[kept], weight[kept]
    rows, trajectory = np.flatnonzero(kept), order["trajectory"]
    if trajectory is not None:
        starts = Starts.of_rows(trajectory, order["step"], starts, rows, states, weight)
    tally = Tally.of_rows(labels, states, actions, weight, shape, None if trajectory is None else starts)
    if earlier is not None:
        tally = tally.after(earlier)
        refuse_earlier(tally.counts, transitions, labels)
    demonstrations = replace(
        with_transitions(transitions, tally),
        base_reward=check_base_reward(estimator.base_reward, transitions, labels),
        held_out=held_out,
    )
    if not estimated:  # else they are as the rows have it
        moves = Moves.of_rows(transitions, labels, states, actions, following, rows)
        ids = None if trajectory is None else np.asarray(trajectory)[kept]
        doubts = doubt_moves(moves) + doubt_kernel(transitions, labels, tally.counts, tally.n_rows, ids)
        demonstrations = replace(demonstrations, doubts=doubts)
    features = estimator.features
    if features is not None:
        features = check_features(features, shape, transitions.exists)
    return demonstrations, features, {"classes_": labels, "_tally": tally.stored()} | estimated


def read_rows(estimator, X, values, y, weight, held, order):
    """Decisions in states that are rows of features: the distinct rows, and how they follow each other."""
    structural = estimator._form() is Structural
    for name in ("initial_distribution",) if structural else ("features", "initial_distribution"):
        if getattr(estimator, name) is not None:
            raise ValueError(f"{name} must be None without transitions: the rows of X are the states.")
    kept = weight > 0
    following, starts = follow_rows(kept, **order)
    values = _own(values, structural)
    classes, actions = _classes_of(estimator, y)
    rows, tables = [values[kept]], [X]
    if order["next_X"] is not None:
        moved = np.flatnonzero(kept)[following >= 0]
        rows.append(_check_next(X, values, order["next_X"], moved))
        following[following >= 0] = kept.sum() + np.arange(len(moved))
        tables.append(take(order["next_X"], moved))
    rows.append(values[held > 0])
    states, position = _distinct(rows)

    def of_the_states(name, answers):
        """The answers for states, from those for the rows of each table."""
        rows = [answers[0][kept], *answers[1:], answers[0][held > 0]]
        return of_states(name, np.concatenate(rows), position, states.shape[0])

    exists, base_reward, masks = None, 0.0, [None] * len(tables)
    if estimator.action_mask is not None:
        masks = [exists_in(estimator.action_mask, table, classes) for table in tables]
        refuse_excluded(masks[0], actions, weight + held, classes)
        exists = of_the_states("action_mask", masks)
    if estimator.base_reward is not None:
        answers = [
            base_in(estimator.base_reward, table, classes, mask) for table, mask in zip(tables, masks, strict=True)
        ]
        base_reward = of_the_states("base_reward", answers)
    held_actions, actions = actions[held > 0], actions[kept]
    successors = np.where(following >= 0, position[np.maximum(following, 0)], following)
    demonstrations = with_successors(
        states=position[: len(actions)],
        actions=actions,
        weight=weight[kept],
        successors=successors,
        starts=starts,
        shape=(states.shape[0], len(classes)),
        stand_in=estimator._form().needs_stand_in,
        exists=exists,
    )
    check_known_endings(estimator.discount, demonstrations, states)
    held_states = position[len(position) - len(held_actions) :]
    held_out = pair_counts(held_states, held_actions, held[held > 0], demonstrations.counts.shape)
    doubts = doubt_steps(kept, following, order["trajectory"], order["step"])
    if structural and estimator.discount > 0 and order["trajectory"] is None and order["next_X"] is None:
        doubts.append(NO_ORDER)
    demonstrations = replace(demonstrations, base_reward=base_reward, doubts=doubts, held_out=held_out)
    fitted = {"classes_": classes, "states_": states}
    if structural:
        given = distinct_given([take(X, np.flatnonzero(kept)), *tables[1:]], position, len(states))
        decisions = Rows(position[: len(actions)], actions, successors, weight[kept])
        ids = None if order["trajectory"] is None else np.asarray(order["trajectory"])[kept]
        return approximated(estimator, given, demonstrations, decisions, ids, fitted)
    return demonstrations, states, fitted


def _own(values, double):
    """Rows of features, in which equal rows look alike: as float64, unless they are float32 and it may stay so."""
    if sp.issparse(values):
        return canonical(values)
    kept = values.dtype == np.float32 and not double
    return values.astype(values.dtype if kept else np.float64) + np.float32(0)  # -0.0 is 0.0


def _distinct(tables):
    """The distinct rows of tables one below the other, and the position of each row among them."""
    if sp.issparse(tables[0]):
        return distinct_rows(sp.csr_array(sp.vstack(tables)))
    rows = np.concatenate(tables)
    order = np.argsort(rows[:, 0], kind="stable")
    # Where the first column tells rows apart, the others need no look.
    same = np.concatenate([[False], np.diff(rows[order, 0]) == 0, [False]])
    tied = np.flatnonzero(same[1:] | same[:-1])
    order[tied] = order[tied][np.lexsort(rows[order[tied]].T[::-1])]
    new = ~same[:-1]
    new[tied] |= np.append(True, (np.diff(rows[order[tied]], axis=0) != 0).any(axis=1))[: len(tied)]
    position = np.empty(len(rows), dtype=np.int64)
    position[order] = np.cumsum(new) - 1
    return rows[order[new]], position


def refuse_earlier(counts, transitions, labels):
    """Raise a ValueError where decisions of earlier calls are none that exist."""
    excluded = (counts > 0) & ~transitions.pairs
    if excluded.any():
        state, action = np.argwhere(excluded)[0]
        raise ValueError(
            f"action_mask must leave the actions of earlier calls of partial_fit, got one that excludes action "
            f"{plain(labels[action])} in state {state}, which was taken there."
        )


def read_X(estimator, X):
    """X to predict for, as an array like that of the fit."""
    refuse_masked("X", X)
    with _about("X", TABLE):
        return validate_data(estimator, X, reset=False, accept_sparse=accepted_format(estimator, X))


def read_y(X, y):
    """The actions of rows to score."""
    with _about("y", COLUMN):
        y = column_or_1d(any_array("y", y))
        check_consistent_length(X, y)
    return y


def read_X_y(estimator, X, y):
    """X and y of a fit, as arrays."""
    refuse_masked("X", X)
    refuse_masked("y", y)
    with _about("X", TABLE):
        values = check_array(X, estimator=estimator, input_name="X", accept_sparse=accepted_format(estimator, X))
        _refuse_other_types(values)
    with _about("y", COLUMN):
        if y is None:
            raise ValueError("fit requires y to be passed, but the target y is None.")
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_consistent_length(values, y)
        if y.dtype.kind not in "biu":  # whole numbers always are
            check_classification_targets(y)
    return values, y


def _refuse_other_types(values):
    """Raise a ValueError for what check_array lets pass: dates alone, and strings as categories."""
    if values.dtype.kind in "mM":
        raise ValueError(f"got {values.dtype}. Derive numbers from it, such as the month.")
    if values.dtype.kind == "O":
        values.astype(np.float64)


@contextmanager
def _about(name, rule):
    """Give errors of scikit-learn and NumPy the name of the parameter that they are about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if re.search(rf"\b{name}\b", str(error)):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        told = [str(error).rstrip("."), *(mend for word, mend in MENDS.items() if word in str(error))]
        raise kind(f"{name} must be {rule}: {'. '.join(told)}") from error


def names_and_width(X, estimator=None):
    """``n_features_in_`` and, for a data frame, ``feature_names_in_``; an earlier fit keeps its own."""
    recorder = estimator
    if not hasattr(recorder, "n_features_in_"):
        recorder = BaseEstimator()
        validate_data(recorder, X, skip_check_array=True)
    return {name: value for name, value in vars(recorder).items() if name.endswith("_in_")}


def check_states(X, n_states=None):
    """The one column of X as state ids, below ``n_states`` where that is told."""
    if X.shape[1] != 1:
        raise ValueError(f"X must have one column, of state ids, where transitions are given; got {X.shape[1]}.")
    states = check_integers(X[:, 0], "X: state ids")
    if n_states is not None and (states.min() < 0 or states.max() >= n_states):
        row = np.argmax((states < 0) | (states >= n_states))
        raise ValueError(
            f"X: state ids must be 0 to {n_states - 1}, as in transitions, got {states[row]} in row {row}."
        )
    return states


def check_actions(y, labels, hint=""):
    """Positions of the actions y among the sorted labels."""
    counted = y.dtype.kind in "iu" and np.array_equal(labels, np.arange(len(labels)))
    known = (y >= 0) & (y < len(labels)) if counted else are_labels(y, labels)
    if not known.all():
        row = known.argmin()
        raise ValueError(f"y must hold actions of {plain(labels)}, got {plain(y[row])} in row {row}.{hint}")
    return y.astype(np.int64, copy=False) if counted else np.searchsorted(labels, y)


def check_classes(classes):
    """The sorted labels of a parameter."""
    labels = any_array("classes", classes)
    if labels.ndim != 1 or not labels.size or pd.isna(labels).any():
        raise ValueError(f"classes must be a list of action labels, got {plain(classes)}.")
    try:
        return np.unique(labels)
    except TypeError as error:
        raise ValueError(f"classes must be labels of one kind, got {plain(classes)}.") from error


def _classes_of(estimator, y):
    """The sorted labels, told or found, and the positions of the actions y among them."""
    if estimator.classes is None:
        return np.unique(y, return_inverse=True)
    labels = check_classes(estimator.classes)
    return labels, check_actions(y, labels, " They are those of classes.")


def are_labels(values, labels):
    """Which of the values are among the labels: boolean, of the shape of the values."""
    kinds = {values.dtype.kind, labels.dtype.kind}
    if "V" in kinds or (kinds & TEXT and not kinds <= TEXT | {"O"}):  # NumPy would write numbers as strings
        return np.zeros(values.shape, dtype=bool)
    known = ~pd.isna(values)
    known[known] = np.isin(values[known], labels)
    return known


def _mapping_for(y, labels):
    """How to name actions, where y has names and the transitions have none."""
    if labels.dtype.kind in TEXT or not isinstance(y[0], str):
        return ""
    names = ", ".join(f"{name!r}: ..." for name in np.unique(y).tolist()[:3])
    return f" To name actions, pass transitions as a mapping from action to matrix: {{{names}}}."


def check_base_reward(base_reward, transitions, labels):
    """The known part of the reward as (S, A), 0 for pairs that do not exist; None is 0."""
    if base_reward is None:
        return 0.0
    if callable(base_reward):
        raise ValueError("base_reward must be an array where transitions are given, got a function.")
    return check_base(by_state(base_reward), transitions.n_states, labels, transitions.exists)


def _check_next(X, values, next_X, moved):
    """The rows ``moved`` of ``next_X``, checked to be like those of X."""
    if sp.issparse(values):
        with _about("next_X", TABLE):
            found = check_array(next_X, accept_sparse="csr", ensure_all_finite=False, input_name="next_X")
        found = canonical(found)
    else:
        found = canonical(next_X) if sp.issparse(next_X) else real_array("next_X", next_X, finite=False) + 0.0
    if getattr(next_X, "dtype", None) == values.dtype:
        found = found.astype(values.dtype, copy=False)
    if found.shape != values.shape:
        raise ValueError(f"next_X must have the shape of X, {values.shape}, got {found.shape}.")
    if sp.issparse(found) and not sp.issparse(values):
        found = found.toarray()
    names = [getattr(frame, "columns", None) for frame in (X, next_X)]
    if names[0] is not None and names[1] is not None and list(names[0]) != list(names[1]):
        raise ValueError(f"next_X must have the columns of X, {list(names[0])}, got {list(names[1])}.")
    if not np.isfinite(found[moved].data if sp.issparse(found) else found[moved]).all():
        raise ValueError("next_X must be finite in rows that are not terminal, got NaN or infinity.")
    return found[moved]
