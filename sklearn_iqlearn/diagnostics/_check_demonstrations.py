"""Demonstrations looked at before a fit."""

import numpy as np

from sklearn_iqlearn.diagnostics._checks import BEFORE, CHECKS, find
from sklearn_iqlearn.diagnostics._report import Report
from sklearn_iqlearn.diagnostics._rows import Rows


def check_demonstrations(
    X,
    y,
    sample_weight=None,
    *,
    trajectory=None,
    step=None,
    next_X=None,
    terminal=None,
    transitions=None,
    action_mask=None,
):
    """What is wrong with rows, or worth knowing, before they are fitted.

    The rows are read as ``IQLearnClassifier.fit`` reads them. What it would refuse is an error of the report, with
    its message; what it would warn of a warning; and the rest it would not tell.

    Parameters
    ----------
    X, y, sample_weight, trajectory, step, next_X, terminal : arrays of n_rows rows
        As in ``IQLearnClassifier.fit``.
    transitions, action_mask : matrices, mask, and what stands for them
        As in ``IQLearnClassifier``: None for rows of features, matrices, "estimate" or a ``TransitionEstimator``.

    Returns
    -------
    report : Report
        ``findings``, a list of records with ``name``, ``severity`` ("error", "warning" or "note"), ``text``,
        ``count``, ``row`` (position of an example in X, or None), ``mend`` and ``setting``; ``summary``, a
        dictionary of figures; ``settings``, suggested parameters of ``IQLearnClassifier`` and its ``fit``, each
        with its value, in words or code, and its reason; ``to_dict()``. It prints as text, and in notebooks as
        HTML.

    Notes
    -----
    Nothing raises: errors are findings. The time is that of reading the rows in a fit, with up to two sorts more.
    A pair that is never seen may not exist, or nobody may want it. The rows do not tell which: these are notes.

    Examples
    --------
    >>> from sklearn_iqlearn.diagnostics import check_demonstrations
    >>> report = check_demonstrations(
    ...     [[0.1], [0.4], [0.9], [0.2], [0.8]],
    ...     ["wait", "wait", "stop", "wait", "stop"],
    ...     trajectory=[1, 1, 1, 2, 2],
    ...     step=[0, 1, 3, 0, 0],
    ... )
    >>> print(report)
    Demonstrations: rows 5, decisions 5.
      error, order: step must differ between the rows of a trajectory, got the step 0 twice in
        trajectory 2. Where steps begin anew in each episode, give each a trajectory of its own, or
        steps that go on after a gap.
    """
    order = {"trajectory": trajectory, "step": step, "next_X": next_X, "terminal": terminal}
    rows = Rows(X, y, sample_weight, order, transitions, action_mask)
    missing = find(rows, BEFORE)
    return Report(missing or find(rows, CHECKS), {} if missing else _summary(rows))


def _summary(rows):
    """The figures that can be told."""
    found = {}
    for name, figure in FIGURES.items():
        try:
            value = figure(rows)
        except (TypeError, ValueError):
            continue
        if value is not None:
            found[name] = value
    return found


def _by_trajectory(figure):
    """A figure of rows that belong to trajectories."""
    return lambda rows: None if rows.order["trajectory"] is None else figure(rows)


FIGURES = {
    "rows": lambda rows: len(rows.arrays[1]),
    "decisions": lambda rows: float(rows.weight.sum()),
    "trajectories": _by_trajectory(lambda rows: len(rows.lengths)),
    "median length": _by_trajectory(lambda rows: float(np.median(rows.lengths))),
    "cut off": _by_trajectory(lambda rows: int(rows.cut_off.sum())),
    "states": lambda rows: rows.counts.shape[0],
    "actions": lambda rows: rows.counts.shape[1],
    "state coverage": lambda rows: float(rows.counts.any(axis=1).mean()),
    "pair coverage": lambda rows: float((rows.counts > 0).sum() / rows.exists.sum()),
}
