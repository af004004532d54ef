"""Rows of decisions on their way to a reward: the policy, values of next states, and their expectations."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold

from sklearn_iqlearn._estimator.row_functions import take
from sklearn_iqlearn._model.moves import CUT_OFF
from sklearn_iqlearn._numerics.checks import plain, real_array
from sklearn_iqlearn.rewards._fitted_evaluation import NextValue, evaluate
from sklearn_iqlearn.rewards._parts import fitter, part_of

# A known action less likely than RARE in more than SHARE of the states that it leads to tells little of values.
RARE, SHARE = 0.01, 0.01


def known_reward(reward, X):
    """The reward of the known action in rows: (n_rows,)."""
    n_rows = X.shape[0]
    if callable(reward):
        return real_array("reward, a function of X,", reward(X), (n_rows,))
    return np.full(n_rows, real_array("reward", reward, ()))


def log_policy(classifier, X, labels, floor):
    """Logarithms of the probabilities, (n_rows, A), and in how many rows one is 0: it is read as ``floor``."""
    found = np.zeros((X.shape[0], len(labels)))
    found[:, np.searchsorted(labels, classifier.classes_)] = classifier.predict_proba(X)
    zero = found <= 0
    found[zero] = floor
    return np.log(found / found.sum(axis=1, keepdims=True)), int(zero.any(axis=1).sum())


@dataclass
class PolicyRows:
    """The rows with a weight.

    Parameters
    ----------
    settings : PolicyReward
    X : rows
    y : ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,)
    parameters : dict
        As from ``fit_parameters``.
    following : integer ndarray of shape (n_rows,)
        Position of the next state in ``after``, ``ENDED`` or ``CUT_OFF``.
    after : rows
    labels : ndarray of shape (A,)
    known : int
        Position of the action whose reward is known.
    seed : int
    """

    settings: Any
    X: Any
    y: np.ndarray
    weight: np.ndarray
    parameters: dict
    following: np.ndarray
    after: Any
    labels: np.ndarray
    known: int
    seed: int
    doubts: list = field(default_factory=list)

    def solve(self, groups):
        """The fitted attributes, with folds of groups of rows where there is cross-fitting."""
        everything = np.arange(len(self.y))
        folds = self.settings.cross_fit
        splits = (
            [(everything, everything)] if folds is None else GroupKFold(folds).split(everything, groups=groups)
        )
        next_values, evaluations, zeros = np.zeros(len(self.y)), [], 0
        for train, test in splits:
            classifier = self._fit("classifier", train)(self.y[train])
            evaluation = self._evaluate(classifier, train)
            moved = test[self.following[test] >= 0]
            after = self._next(moved)
            if len(moved):
                earned, logs, zero = self._earned(classifier, after)
                next_values[moved] = earned + self.settings.discount * evaluation.next_value(after)
                zeros += zero
                if folds is None:
                    self._doubt_overlap(logs[self.y[moved] == self.labels[self.known], self.known])
            evaluations.append(evaluation)
        if zeros:
            self.doubts.append(
                f"classifier gives a probability of 0 in {zeros} of {(self.following >= 0).sum()} next states, "
                f"read as {self.floor:.2g}. A reward needs their logarithm: smooth them by larger leaves, or "
                "calibrate them."
            )
        if folds is not None:
            classifier = self._fit("classifier", everything)(self.y)
        continuations = [self._expect(action, next_values) for action in self.labels]
        residual = max(evaluation.residual for evaluation in evaluations) / self.settings.temperature
        return {
            "classifier_": classifier,
            "regressors_": [found and found.regressor for found in continuations],
            "value_bounds_": np.array([found.bounds if found else (np.nan, np.nan) for found in continuations]),
            "n_iter_": max(evaluation.n_iter for evaluation in evaluations),
            "residual_": residual,
            "converged_": bool(residual <= self.settings.tol),
        }

    @property
    def floor(self):
        """What a probability of 0 is read as: half a row of all."""
        return 0.5 / len(self.y)

    def _fit(self, name, rows):
        return fitter(part_of(self.settings, name), self.seed, self.X, self.parameters[name], rows)

    def _next(self, moved):
        return take(self.after, self.following[moved])

    def _earned(self, classifier, X):
        """What a value is besides its continuation, the policy, and the number of zeros in it."""
        logs, zeros = log_policy(classifier, X, self.labels, self.floor)
        earned = known_reward(self.settings.reward, X) - self.settings.temperature * logs[:, self.known]
        return earned, logs, zeros

    def _known_rows(self, rows, action):
        """Those of the rows with an action that tell what follows."""
        return rows[(self.y[rows] == action) & (self.following[rows] != CUT_OFF)]

    def _evaluate(self, classifier, rows):
        """The value of the known action, from some of the rows."""
        settings, action = self.settings, self.labels[self.known]
        rows = self._known_rows(rows, action)
        if not len(rows):
            where = " outside some fold" if settings.cross_fit else ""
            raise ValueError(
                f"action must have a row that tells what follows, got {plain(action)} without any{where}: all are "
                "cut off."
            )
        moved = self.following[rows] >= 0
        if settings.discount == 1 and moved.all():
            raise ValueError(
                f"discount=1 needs terminal rows of action {plain(action)}, whose reward is known, got none."
            )
        after = self._next(rows[moved])
        earned = self._earned(classifier, after)[0] if moved.any() else np.zeros(0)
        return evaluate(
            self._fit("regressor", rows),
            earned,
            moved,
            after,
            self.weight[rows],
            discount=settings.discount,
            tol=settings.tol * settings.temperature,
            max_iter=settings.max_iter,
        )

    def _expect(self, action, next_values):
        """The expected next value of an action, from all its rows; None where none tells what follows."""
        rows = self._known_rows(np.arange(len(self.y)), action)
        if len(rows):
            return NextValue.fit(self._fit("regressor", rows), next_values[rows])
        self.doubts.append(
            f"action {plain(action)} has {(self.y == action).sum()} rows, none of which tells what follows: its "
            "rewards are NaN. Leave the action out, or pass terminal where episodes end."
        )
        return None

    def _doubt_overlap(self, logs):
        """Doubt values in states where the known action is hardly ever taken, of the states that it leads to."""
        rare = (logs < np.log(RARE)).sum()
        if rare > SHARE * len(logs):
            self.doubts.append(
                f"action {plain(self.labels[self.known])}, whose reward is known, leads in {rare} of {len(logs)} "
                f"rows to states in which its probability is below {RARE}, in one to {np.exp(logs.min()):.1g}: "
                "their values rest on the logarithm of what the classifier hardly ever sees. Know the reward of "
                "an action that is taken now and then wherever it leads."
            )
