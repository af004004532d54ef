"""What a fitted policy and value tell about rows: the reward of each action."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sklearn_iqlearn._estimator.fitted import as_fitted
from sklearn_iqlearn._site import Documented
from sklearn_iqlearn.rewards._fitted_evaluation import NextValue
from sklearn_iqlearn.rewards._policy_rows import known_reward, log_policy


class FittedRewards(Documented, BaseEstimator):
    """A classifier and regressors, fitted by ``PolicyReward``, and their predictions."""

    def predict(self, X):
        """The reward of each action.

        Parameters
        ----------
        X : as for ``fit``
            Rows, as in ``fit``.

        Returns
        -------
        reward : ndarray of shape (n_rows, A)
            In the order of ``classes_``; NaN for an action of which no row told what follows.
        """
        model, X = self._as_fitted(X)
        logs = model._log_policy(X)
        expected = np.column_stack([model._expected(X, a) for a in range(len(model.classes_))])
        value = model._value(X, logs, expected)
        return value[:, None] + model.temperature * logs - model.discount * expected

    def predict_proba(self, X):
        """The policy.

        Parameters
        ----------
        X : as for ``fit``
            Rows, as in ``fit``.

        Returns
        -------
        probability : ndarray of shape (n_rows, A)
            In the order of ``classes_``.
        """
        model, X = self._as_fitted(X)
        return np.exp(model._log_policy(X))

    def value(self, X):
        """The soft value.

        Parameters
        ----------
        X : as for ``fit``
            Rows, as in ``fit``.

        Returns
        -------
        value : ndarray of shape (n_rows,)
            Soft value of each row.
        """
        model, X = self._as_fitted(X)
        expected = np.full((X.shape[0], len(model.classes_)), np.nan)
        expected[:, model._known] = model._expected(X, model._known)
        return model._value(X, model._log_policy(X), expected)

    def _as_fitted(self, X):
        """The estimator with the parameters of its fit, and X checked to be like that of the fit."""
        model, X = as_fitted(self), table_of(X)
        validate_data(model, X, reset=False, skip_check_array=True)
        return model, X

    @property
    def _known(self):
        return int(np.flatnonzero(self.classes_ == self.action_)[0])

    def _log_policy(self, X):
        return log_policy(self.classifier_, X, self.classes_, self._floor)[0]

    def _expected(self, X, a):
        """The expected next value of the action at a position, NaN where no row told."""
        if self.regressors_[a] is None:
            return np.full(X.shape[0], np.nan)
        return NextValue(self.regressors_[a], tuple(self.value_bounds_[a]))(X)

    def _value(self, X, logs, expected):
        known = self._known
        earned = known_reward(self.reward, X) - self.temperature * logs[:, known]
        return earned + self.discount * expected[:, known]


def table_of(X):
    """X as it is, a list as an array: a table with rows and columns."""
    X = X if hasattr(X, "shape") else np.asarray(X)
    if len(X.shape) != 2:
        raise ValueError(
            f"X must be a table, got shape {X.shape}. Reshape your data, a single feature by X.reshape(-1, 1)."
        )
    if 0 in X.shape:
        raise ValueError(
            f"X must have rows and columns, got {X.shape[1]} feature(s) (shape={X.shape}) while a minimum of 1 is "
            "required."
        )
    return X
