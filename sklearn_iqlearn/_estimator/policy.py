"""What a fitted policy answers about rows of states."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_iqlearn._estimator.reading import check_actions, check_states
from sklearn_iqlearn._estimator.settings import Settings
from sklearn_iqlearn._model.demonstrations import check_weight
from sklearn_iqlearn._model.soft_bellman import log_policy


class FittedPolicy(ClassifierMixin, Settings):
    """A fit, and its predictions and scores."""

    # What the data decide, set by reading them (``fitting.assemble``); without transitions also states_.
    classes_: np.ndarray
    states_: np.ndarray
    n_features_in_: int
    feature_names_in_: np.ndarray
    # What is found, set at the end of a fit (``fitting.outcome``), of a form of Q also its own coefficients.
    q_table_: np.ndarray
    value_: np.ndarray
    policy_: np.ndarray
    reward_: np.ndarray
    counts_: np.ndarray
    initial_distribution_: np.ndarray
    # Free parameters of a world's fit, and coefficients of the reward, where the form of Q has them.
    _n_fitted: int | None = None
    _reward_coef: np.ndarray | None = None

    def q_values(self, X):
        """Soft action values of states.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.

        Returns
        -------
        q : ndarray of shape (n_rows, A)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        if hasattr(self, "states_"):
            return self._form().values(self, X.astype(np.float64))
        return self.q_table_[check_states(X, len(self.q_table_))]

    def decision_function(self, X):
        """Soft action values; for two actions, those of the second less those of the first.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.

        Returns
        -------
        scores : ndarray of shape (n_rows, A), or (n_rows,) for two actions
        """
        q = self.q_values(X)
        return q[:, 1] - q[:, 0] if q.shape[1] == 2 else q

    def predict(self, X):
        """The most probable action in each state; ties go to the first of ``classes_``.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.

        Returns
        -------
        actions : ndarray of shape (n_rows,)
            Elements of ``classes_``.
        """
        best = self.q_values(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X):
        """The policy: probability of each action in each state.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.

        Returns
        -------
        probabilities : ndarray of shape (n_rows, A)
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X):
        """Logarithm of the policy, finite however small the probability.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.

        Returns
        -------
        log_probabilities : ndarray of shape (n_rows, A)
        """
        return log_policy(self.q_values(X), self.temperature)

    def score(self, X, y, sample_weight=None):
        """Mean log-likelihood per decision: at most 0, higher is better.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.
        y : array of shape (n_rows,)
        sample_weight : array of shape (n_rows,), optional

        Returns
        -------
        score : float
        """
        log_likelihood, total = self._log_likelihood(X, y, sample_weight)
        return log_likelihood / total

    def aic(self, X, y, sample_weight=None):
        """Akaike's information criterion on decisions, lower is better.

        It counts the free parameters of the policy: A - 1 for each visited state of a table, A - 1 for each
        feature and constant of a linear Q (one for each shared feature), all weights of a network, the
        coefficients of a structural reward. A counterfactual has those of its fit.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.
        y : array of shape (n_rows,)
        sample_weight : array of shape (n_rows,), optional

        Returns
        -------
        aic : float
        """
        log_likelihood, _ = self._log_likelihood(X, y, sample_weight)
        return 2.0 * self._n_free() - 2 * log_likelihood

    def bic(self, X, y, sample_weight=None):
        """Schwarz's information criterion on decisions, lower is better; parameters as for ``aic``.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.
        y : array of shape (n_rows,)
        sample_weight : array of shape (n_rows,), optional

        Returns
        -------
        bic : float
        """
        log_likelihood, total = self._log_likelihood(X, y, sample_weight)
        return np.log(total) * self._n_free() - 2 * log_likelihood

    def _n_free(self):
        """Free parameters of the fit that the policy comes from."""
        return self._form().n_free(self) if self._n_fitted is None else self._n_fitted

    def _log_likelihood(self, X, y, sample_weight):
        """Weighted log-likelihood and total weight of decisions."""
        log_probabilities = self.predict_log_proba(X)
        actions = check_actions(column_or_1d(y), self.classes_)
        check_consistent_length(log_probabilities, actions)
        weight = check_weight(sample_weight, len(actions))
        chosen = log_probabilities[np.arange(len(actions)), actions]
        return float(weight @ chosen), float(weight.sum())
