"""Decisions in states that are ids, summed up: what is kept of rows, to be joined with that of more rows.

The objective knows rows by their counts alone, and by the states in which trajectories start. Counts add up. Of a
trajectory that came in pieces, the start is that of the piece whose first row is the earliest.
"""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_iqlearn._model.demonstrations import check_ids, check_integers, pair_counts
from sklearn_iqlearn._numerics.checks import plain


@dataclass(frozen=True)
class Starts:
    """The first row of each trajectory, by its id.

    Parameters
    ----------
    ids : ndarray of shape (n_trajectories,)
        Sorted.
    times : integer ndarray of shape (n_trajectories,)
        Step of the first row; without steps the number of rows before it.
    timed : bool
        Whether there are steps.
    states : integer ndarray of shape (n_trajectories,)
    weight : ndarray of shape (n_trajectories,)
    """

    ids: np.ndarray
    times: np.ndarray
    timed: bool
    states: np.ndarray
    weight: np.ndarray

    @classmethod
    def of_rows(cls, trajectory, step, starts, rows, states, weight):
        """The first rows among those kept.

        Parameters
        ----------
        trajectory, step : as in ``IQLearnClassifier.fit``, checked
        starts : boolean ndarray of shape (n_kept,)
            Rows that start a trajectory.
        rows : integer ndarray of shape (n_kept,)
            Their numbers among all.
        states, weight : ndarray of shape (n_kept,)
        """
        first = np.flatnonzero(starts)
        ids, order = np.unique(np.asarray(trajectory)[rows[first]], return_index=True)
        first = first[order]
        times = first if step is None else check_integers(np.asarray(step)[rows[first]], "step")
        return cls(ids, times, step is not None, states[first], weight[first])

    def after(self, earlier, n_before):
        """The first rows of all, where ``n_before`` rows with the first rows ``earlier`` came before."""
        if self.timed != earlier.timed:
            raise ValueError("step must be given in every call of partial_fit, or in none.")
        times = self.times if self.timed else self.times + n_before
        theirs, ids = earlier.ids, self.ids
        if theirs.dtype.kind != ids.dtype.kind:  # NumPy would write numbers as strings
            theirs, ids = theirs.astype(object), ids.astype(object)
        ids = np.concatenate([theirs, ids])
        ids, number = np.unique(check_ids(ids, "trajectory", len(ids)), return_inverse=True)
        times = np.concatenate([earlier.times, times])
        order = np.lexsort((times, number))
        again = np.diff(number[order], prepend=-1) == 0
        self._check_pieces(ids[number], times, order[:-1][again[1:]], order[1:][again[1:]], len(theirs))
        first = order[~again]
        states, weight = (
            np.concatenate([getattr(earlier, name), getattr(self, name)])[first] for name in ("states", "weight")
        )
        return Starts(ids, times[first], self.timed, states, weight)

    def _check_pieces(self, ids, times, one, other, n_earlier):
        """That the pieces ``one`` and ``other`` of trajectories can be told to be parts of one."""
        if self.timed:
            twice = times[one] == times[other]
            if twice.any():
                row = one[twice][0]
                raise ValueError(
                    "step must differ between the rows of a trajectory, over the calls of partial_fit too, got "
                    f"the step {times[row]} twice in trajectory {plain(ids[row])}: pass each row once."
                )
            return
        goes_on = (times[one] == times[:n_earlier].max()) & (times[other] == times[n_earlier:].min())
        if not goes_on.all():
            raise ValueError(
                "trajectory: the rows of a trajectory must be contiguous and in order, over the calls of "
                f"partial_fit too, got an id that comes back later, {plain(ids[one[~goes_on][0]])}; pass step, "
                "each row's integer time, for rows in any order."
            )


@dataclass(frozen=True)
class Tally:
    """Decisions summed up.

    Parameters
    ----------
    labels : ndarray of shape (A,)
        Names of the actions.
    counts : ndarray of shape (S, A)
        Weighted visits.
    n_rows : int
        Rows with a weight.
    starts : Starts or None
        None where every row is a start.
    """

    labels: np.ndarray
    counts: np.ndarray
    n_rows: int
    starts: Starts | None

    @classmethod
    def of_rows(cls, labels, states, actions, weight, shape, starts):
        """The tally of rows: arrays of shape (n_rows,), and the shape of ``counts``."""
        return cls(labels, pair_counts(states, actions, weight, shape), len(states), starts)

    @classmethod
    def restored(cls, stored):
        """The tally of which ``stored`` is what is kept."""
        starts = stored["starts"]
        return cls(**stored | {"starts": starts and Starts(**starts)})

    def stored(self):
        """It as a dictionary, which stored models can hold without trust in a class."""
        return vars(self) | {"starts": self.starts and dict(vars(self.starts))}

    @property
    def initial_distribution(self):
        """Weighted shares of the states in which trajectories start: (S,)."""
        if self.starts is None:
            totals = self.counts.sum(axis=1)
        else:
            totals = pair_counts(self.starts.states, 0, self.starts.weight, (len(self.counts), 1))[:, 0]
        return totals / totals.sum()

    def after(self, earlier):
        """The tally of all rows, where those of ``earlier`` came before."""
        if self.counts.shape != earlier.counts.shape or not np.array_equal(self.labels, earlier.labels):
            raise ValueError(
                f"transitions must have the {len(earlier.counts)} states and the actions {plain(earlier.labels)} "
                f"of the earlier calls of partial_fit, got {len(self.counts)} states and {plain(self.labels)}: "
                "fit forgets them."
            )
        starts = self.starts
        if (starts is None) != (earlier.starts is None):
            raise ValueError("trajectory must be given in every call of partial_fit, or in none.")
        if starts is not None:
            starts = starts.after(earlier.starts, earlier.n_rows)
        counts, n_rows = self.counts + earlier.counts, self.n_rows + earlier.n_rows
        return replace(self, counts=counts, n_rows=n_rows, starts=starts)
