"""Rows as a fit reads them, each part when it is asked for: one that cannot be read raises the fit's error."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sklearn_iqlearn._estimator.classifier import IQLearnClassifier
from sklearn_iqlearn._estimator.first_step import is_estimated
from sklearn_iqlearn._estimator.reading import check_actions, check_states, read_rows, read_states, read_X_y
from sklearn_iqlearn._model.demonstrations import CUT_OFF, check_steps, check_weight, follow_rows, sorted_rows
from sklearn_iqlearn._model.doubtful_moves import Moves
from sklearn_iqlearn.exceptions import DataWarning


@dataclass(frozen=True, eq=False)
class Rows:
    """What was passed to ``check_demonstrations``, what tells the order of the rows in ``order``."""

    X: Any
    y: Any
    sample_weight: Any
    order: dict[str, Any]
    transitions: Any
    action_mask: Any

    @property
    def has_kernel(self):
        """Whether the moves are known without the rows."""
        return self.transitions is not None and not is_estimated(self.transitions)

    @property
    def has_order(self):
        """Whether anything tells what follows a row."""
        return self.order["trajectory"] is not None or self.order["next_X"] is not None

    @cached_property
    def estimator(self):
        return IQLearnClassifier(self.transitions, action_mask=self.action_mask)

    @cached_property
    def arrays(self):
        """X and y."""
        return read_X_y(self.estimator, self.X, self.y)

    @cached_property
    def weight(self):
        return check_weight(self.sample_weight, len(self.arrays[1]))

    @cached_property
    def numbers(self):
        """Positions in X of the rows with a weight: all others are in terms of these."""
        return np.flatnonzero(self.weight > 0)

    @cached_property
    def following(self):
        """What follows each row."""
        return follow_rows(self.weight > 0, **self.order)[0]

    @cached_property
    def sorted(self):
        """The rows by trajectory and time, as from ``sorted_rows``."""
        return sorted_rows(self.order["trajectory"], self.order["step"], self.weight > 0)

    @cached_property
    def lengths(self):
        """Rows of each trajectory."""
        first = np.flatnonzero(~np.append(False, self.sorted[1]))
        return np.diff(first, append=len(self.numbers))

    @cached_property
    def last(self):
        """Last row of each trajectory."""
        return self.sorted[0][np.cumsum(self.lengths) - 1]

    @cached_property
    def stops(self):
        """When each trajectory stops: the step of its last row, else its length."""
        step = self.order["step"]
        return self.lengths if step is None else check_steps(step, len(self.weight))[self.numbers[self.last]]

    @cached_property
    def cut_off(self):
        """Rows of which it is not known what follows: boolean."""
        return self.following == CUT_OFF

    @cached_property
    def reading(self):
        """The demonstrations as a fit sums them up, its attributes, and what it doubts."""
        values, y = self.arrays
        weight = self.weight
        read = read_rows if self.transitions is None else read_states
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", DataWarning)
            found, _, fitted = read(self.estimator, self.X, values, y, weight, np.zeros(len(y)), self.order)
        return found, fitted, [*found.doubts, *(str(warning.message) for warning in told)]

    @property
    def labels(self):
        """The actions."""
        return self.reading[1]["classes_"]

    @cached_property
    def counts(self):
        """Weighted visits, (S, A)."""
        return self.reading[0].counts

    @cached_property
    def exists(self):
        """Pairs that exist: boolean, (S, A)."""
        return self.reading[0].transitions.pairs

    @cached_property
    def moves(self):
        """The distinct moves between rows, where transitions are given."""
        kernel, (values, y) = self.reading[0].transitions, self.arrays
        states, actions = check_states(values, kernel.n_states), check_actions(y, self.labels)
        return Moves.of_rows(
            kernel, self.labels, states[self.numbers], actions[self.numbers], self.following, self.numbers
        )
