"""Types that change along a trajectory: a hidden Markov chain (Baum, Petrie, Soules and Weiss 1970).

With the logarithms of the initial shares, of the transitions from type j to type k, and of what each type says of
a row, the messages are

    ahead_1(k) = log initial(k) + l_1k,     ahead_t(k) = log sum_j exp(ahead_t-1(j) + log move(j, k)) + l_tk,
    behind_T(k) = 0,                        behind_t(j) = log sum_k exp(log move(j, k) + l_t+1,k + behind_t+1(k)).

Everything stays in logarithms: a type that hundreds of rows speak against comes back when others speak for it. The
rows are sorted by time, the longest trajectories first, so that a step of all trajectories is one slice.
"""

from functools import cached_property

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_iqlearn._model.demonstrations import sorted_rows
from sklearn_iqlearn.latent._mixture import TINY, Expectation, seed

# Rows that a start gives to one type in a run, and the probability to keep a type there.
RUN, PERSISTENCE = 10, 0.9
# Weight of the moves in all states beside those in one, for states without any.
POOLED = 1e-12


class Switching:
    """A row has a type, which depends on that of the row before it.

    Its parameters ``logs`` are the logarithms of the initial shares and of one transition matrix or several, one
    for each group of rows to leave: (1 + n_groups * n_types, n_types).
    """

    n_groups = 1

    def __init__(self, decisions, n_types, step=None):
        self.decisions, self.n_types = decisions, n_types
        kept = decisions.weight > 0
        order, same, steps = sorted_rows(decisions.ids.to_numpy()[decisions.number], step, kept)
        self.n_gaps = np.count_nonzero(steps[same] > 1) if step is not None else 0
        rows = np.flatnonzero(kept)[order]
        first = np.flatnonzero(np.append(True, ~same))
        lengths = np.diff(np.append(first, len(rows)))
        place = np.empty_like(lengths)
        place[np.argsort(-lengths, kind="stable")] = np.arange(len(lengths))
        time = np.arange(len(rows)) - np.repeat(first, lengths)
        by_time = np.lexsort((np.repeat(place, lengths), time))
        self.rows, self.run = rows[by_time], _runs(time, lengths)[by_time]
        self.sizes = np.bincount(time)
        self.bounds = np.append(0, np.cumsum(self.sizes))
        self.number = decisions.number[self.rows]
        later = np.arange(self.sizes[0], len(rows))
        self.before = later - np.repeat(self.sizes[:-1], self.sizes[1:])
        self.last = np.setdiff1d(np.arange(len(rows)), self.before)

    @property
    def n_units(self):
        return self.decisions.n_rows

    @cached_property
    def groups(self):
        """The transition matrix by which each row is left, in the order of time."""
        return np.zeros(len(self.rows), dtype=np.int64)

    def _parts(self, logs):
        """The initial shares, and the transitions by group."""
        return logs[0], logs[1:].reshape(-1, self.n_types, self.n_types)

    def _moves(self, transition, rows):
        """The transitions by which rows are left."""
        return transition if len(transition) == 1 else transition[self.groups[rows]]

    def said(self, log_chosen):
        """What each type says of each row, in the order of time."""
        decisions = self.decisions
        return log_chosen[decisions.position[self.rows]] * decisions.weight[self.rows, None]

    def forward(self, logs, said):
        initial, transition = self._parts(logs)
        ahead = said.copy()
        ahead[: self.sizes[0]] += initial
        for t in range(1, len(self.sizes)):
            rows = slice(self.bounds[t - 1], self.bounds[t - 1] + self.sizes[t])
            to = ahead[rows, :, None] + self._moves(transition, rows)
            ahead[self.bounds[t] : self.bounds[t + 1]] += np.logaddexp.reduce(to, axis=1)
        return ahead

    def backward(self, logs, said):
        transition = self._parts(logs)[1]
        behind = np.zeros_like(said)
        for t in range(len(self.sizes) - 1, 0, -1):
            rows = slice(self.bounds[t - 1], self.bounds[t - 1] + self.sizes[t])
            now = slice(self.bounds[t], self.bounds[t + 1])
            to = self._moves(transition, rows) + (said[now] + behind[now])[:, None, :]
            behind[rows] = np.logaddexp.reduce(to, axis=2)
        return behind

    def messages(self, logs, log_chosen):
        """Log-likelihood by trajectory, and probabilities of types and of moves between them, in order of time."""
        said = self.said(log_chosen)
        ahead, behind = self.forward(logs, said), self.backward(logs, said)
        total = np.empty(len(self.decisions.ids))
        total[self.number[self.last]] = np.logaddexp.reduce(ahead[self.last], axis=1)
        types = np.exp(ahead + behind - total[self.number][:, None])
        moves = ahead[self.before, :, None] + self._moves(self._parts(logs)[1], self.before)
        moves = moves + (said + behind)[self.sizes[0] :, None, :]
        moves = np.exp(moves - total[self.number[self.before]][:, None, None])
        return total, types, moves

    def expect(self, logs, log_chosen):
        total, types, moves = self.messages(logs, log_chosen)
        counts = np.zeros_like(logs)
        counts[0] = types[: self.sizes[0]].sum(axis=0)
        counts[1:] = _sums(moves, self.groups[self.before], (len(logs) - 1) // self.n_types).reshape(
            -1, self.n_types
        )
        responsibilities = np.full((self.n_units, self.n_types), np.nan)
        responsibilities[self.rows] = types
        return Expectation(total, responsibilities, self._weight(types), counts)

    def _weight(self, types):
        decisions = self.decisions
        of_rows = np.zeros((decisions.n_rows, self.n_types))
        of_rows[self.rows] = types * decisions.weight[self.rows, None]
        return decisions.gather(of_rows)

    def maximise(self, counts):
        initial, moves = self._parts(counts)
        moves = moves + POOLED * (moves.sum(axis=0) + 1)
        shares = np.vstack([initial[None] / initial.sum(), _rows_of(moves / moves.sum(axis=2, keepdims=True))])
        return np.log(np.maximum(shares, TINY))

    def start(self):
        k = self.n_types
        move = np.full((k, k), (1 - PERSISTENCE) / max(k - 1, 1))
        np.fill_diagonal(move, PERSISTENCE if k > 1 else 1.0)
        return np.log(np.vstack([np.full((1, k), 1 / k), np.tile(move, (self.n_groups, 1))]))

    def seeds(self, rng):
        """Weights of the decisions to start from: each type has some runs of rows of its own."""
        return self._weight(seed(self.run.max() + 1, self.n_types, rng)[self.run])

    def by_trajectory(self, logs, log_chosen):
        """The counts of each trajectory, (n_trajectories, logs.size), and its visits under each type."""
        _, types, moves = self.messages(logs, log_chosen)
        n, k = len(self.decisions.ids), self.n_types
        counts = np.zeros((n, 1 + k, k))
        counts[self.number[: self.sizes[0]], 0] = types[: self.sizes[0]]
        counts[:, 1:] = _sums(moves, self.number[self.before], n)
        decisions = self.decisions
        cells = self.number, decisions.position[self.rows]
        weighted = types * decisions.weight[self.rows, None]
        visits = [sp.coo_array((column, cells), shape=(n, decisions.n_decisions)) for column in weighted.T]
        return counts.reshape(n, -1), [sp.csr_array(each) for each in visits]

    def ordered(self, logs, order):
        initial, transition = self._parts(logs)
        return np.vstack([initial[None, order], _rows_of(transition[:, order][:, :, order])])

    def attributes(self, logs, found):
        initial, transition = self._parts(np.exp(logs))
        shares = np.nanmean(found.responsibilities, axis=0)
        return {"weights_": shares, "initial_": initial, "transition_": transition[0]}

    def n_free(self, logs):
        return len(logs) * (self.n_types - 1)

    @staticmethod
    def as_chain(logs):
        return logs

    def predicted(self, logs, log_chosen):
        """Probabilities of the types of each row by the rows before it, in the order of the rows."""
        said = self.said(log_chosen)
        known = self.forward(logs, said) - said
        types = np.full((self.n_units, self.n_types), np.nan)
        types[self.rows] = np.exp(known - np.logaddexp.reduce(known, axis=1)[:, None])
        return types

    @staticmethod
    def of_rows(responsibilities):
        return np.nan_to_num(responsibilities)

    @staticmethod
    def frame(responsibilities, X):
        """Probabilities of the types by row."""
        return pd.DataFrame(responsibilities, index=getattr(X, "index", None))


class SwitchingByState(Switching):
    """The same with transitions by the state of the row that is left (Ke et al. 2025)."""

    def __init__(self, decisions, n_types, step=None):
        if decisions.n_states is None:
            raise ValueError(
                "switching must be False or True for this estimator, got 'state', which needs an "
                "IQLearnClassifier with transitions, whose X is one column of states."
            )
        super().__init__(decisions, n_types, step)
        self.n_groups = decisions.n_states

    @cached_property
    def groups(self):
        return np.ravel(self.decisions.X)[self.decisions.position[self.rows]]

    def attributes(self, logs, found):
        return super().attributes(logs, found) | {"transition_": self._parts(np.exp(logs))[1]}

    def n_free(self, logs):
        visited = len(np.unique(self.groups[self.before]))
        return (1 + visited * self.n_types) * (self.n_types - 1)


def _runs(time, lengths):
    """Number of the run of each row: rows of a trajectory, by trajectory and time, in stretches of ``RUN``."""
    starts = time % RUN == 0
    return np.cumsum(starts) - 1


def _sums(moves, groups, n_groups):
    """Sums of (n_rows, K, K) by group: (n_groups, K, K)."""
    k = moves.shape[1]
    columns = [np.bincount(groups, column, n_groups) for column in moves.reshape(-1, k * k).T]
    return np.stack(columns, axis=1).reshape(n_groups, k, k)


def _rows_of(matrices):
    return matrices.reshape(-1, matrices.shape[2])
