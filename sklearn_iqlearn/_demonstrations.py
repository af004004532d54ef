"""From rows of decisions to what the objective needs: counts and starts."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Demonstrations:
    """Decisions summarised; the rows are not needed any more.

    Parameters
    ----------
    counts : ndarray of shape (S, A)
        Weighted visits.
    initial_distribution : ndarray of shape (S,)
        Weighted shares of the states in which trajectories start.
    """

    counts: np.ndarray
    initial_distribution: np.ndarray


def summarise(states, actions, weight, starts, shape):
    """Count decisions.

    Parameters
    ----------
    states, actions : integer ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,)
    starts : boolean ndarray of shape (n_rows,)
    shape : tuple (S, A)

    Returns
    -------
    demonstrations : Demonstrations
        The same to the last bit for every order of the rows.
    """
    counts = _totals(states * shape[1] + actions, weight, shape[0] * shape[1]).reshape(shape)
    initial = _totals(states[starts], weight[starts], shape[0])
    if not initial.any():
        raise ValueError("sample_weight must be positive in some row that starts a trajectory, got none.")
    return Demonstrations(counts, initial / initial.sum())


def _totals(cells, weight, n_cells):
    # Adding in the order of cell and weight makes the sums independent of the order of the rows.
    order = np.lexsort((weight, cells))
    return np.bincount(cells[order], weights=weight[order], minlength=n_cells)


def start_rows(trajectory, step, n_rows):
    """Which rows start a trajectory: all of them where ``trajectory`` is None."""
    if trajectory is None:
        if step is not None:
            raise ValueError("step needs trajectory, the id of each row's trajectory; got step alone.")
        return np.ones(n_rows, dtype=bool)
    ids = np.unique(check_column(trajectory, "trajectory", n_rows), return_inverse=True)[1]
    if step is None:
        changes = np.flatnonzero(np.diff(ids, prepend=-1))
        if len(np.unique(ids[changes])) < len(changes):
            raise ValueError(
                "trajectory: the rows of a trajectory must be contiguous and in order, got an id that comes "
                "back later; pass step, each row's integer time, for rows in any order."
            )
        starts = np.zeros(n_rows, dtype=bool)
        starts[changes] = True
        return starts
    times = check_integers(check_column(step, "step", n_rows), "step")
    first = np.full(ids.max() + 1, times.max())
    np.minimum.at(first, ids, times)
    return times == first[ids]


def check_column(values, name, n_rows):
    """A fit parameter with one value per row."""
    values = np.asarray(values)
    if values.shape != (n_rows,):
        raise ValueError(f"{name} must have one value per row, shape ({n_rows},), got {values.shape}.")
    return values


def check_integers(values, name):
    """Whole numbers, in any numeric type, as int64."""
    if not np.issubdtype(values.dtype, np.number) and values.dtype != bool:
        raise ValueError(f"{name} must be integers, got {values[0]!r}.")
    whole = np.asarray(values, dtype=np.float64)
    if not np.all(whole == np.floor(whole)) or not np.isfinite(whole).all():
        worst = whole[(whole != np.floor(whole)) | ~np.isfinite(whole)][0]
        raise ValueError(f"{name} must be integers, got {worst}.")
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
