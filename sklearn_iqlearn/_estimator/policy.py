"""What a fitted policy answers about rows of states."""

import copy

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import ClassifierMixin

from sklearn_iqlearn._estimator.approximated import q_of_rows
from sklearn_iqlearn._estimator.fitted import as_fitted
from sklearn_iqlearn._estimator.reading import check_actions, check_states, read_X, read_y
from sklearn_iqlearn._estimator.row_functions import exists_in, refuse_excluded
from sklearn_iqlearn._estimator.settings import Settings
from sklearn_iqlearn._model.demonstrations import check_ids, check_weight
from sklearn_iqlearn._model.soft_bellman import log_policy
from sklearn_iqlearn._model.tables import check_mask
from sklearn_iqlearn._numerics.checks import by_state, plain
from sklearn_iqlearn._q_functions.structural import Structural

# Fitted attributes with an entry for each of the states, which without transitions are rows.
OF_THE_ROWS = ("states_", "q_table_", "value_", "policy_", "reward_", "counts_", "initial_distribution_")
# Temperatures below the best value at which an action has probability 0 in double precision.
IMPOSSIBLE = 750.0


class FittedPolicy(ClassifierMixin, Settings):
    """A fit, and its predictions and scores."""

    # What the data decide, set by reading them (``fitting.assemble``); without transitions also states_.
    classes_: np.ndarray
    states_: np.ndarray
    n_features_in_: int
    feature_names_in_: np.ndarray
    alpha_: float
    # What is found, set at the end of a fit (``fitting.outcome``), of a form of Q also its own coefficients.
    q_table_: np.ndarray
    value_: np.ndarray
    policy_: np.ndarray
    reward_: np.ndarray
    counts_: np.ndarray
    initial_distribution_: np.ndarray
    coef_: np.ndarray
    # Free parameters of a world's fit, and open directions of a form of Q whose coefficients are the reward's.
    _n_fitted: int | None = None
    _unidentified: np.ndarray | None = None

    def q_values(self, X):
        """Soft action values of states.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.

        Returns
        -------
        q : ndarray of shape (n_rows, A)
            Columns in the order of ``classes_``; minus infinity where an action does not exist.
        """
        model = as_fitted(self)
        rows = read_X(model, X)
        if model.transitions is not None:
            return model.q_table_[check_states(rows, len(model.q_table_))]
        with np.errstate(over="ignore", invalid="ignore"):
            q = model._q_of_rows(X, rows.astype(np.float64, copy=False))
        beyond = ~np.isfinite(q).all(axis=1)
        if beyond.any():
            raise ValueError(
                f"X must have values from which this fit makes a finite Q, got {plain(_first(rows, beyond))}."
            )
        return q if model.action_mask is None else np.where(self._exists(X), q, -np.inf)

    def _q_of_rows(self, X, rows):
        """Q of rows, given as X and as numbers, finite for actions that do not exist too."""
        form = self._form_for(rows)
        return q_of_rows(self, X) if form is Structural else form.values(self, rows)

    def decision_function(self, X):
        """Soft action values; for two actions, those of the second less those of the first.

        Finite, as metrics and calibration want it: an action that does not exist has the best value less so many
        temperatures that its probability is 0.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.

        Returns
        -------
        scores : ndarray of shape (n_rows, A), or (n_rows,) for two actions
            An action's soft value, in the order of ``classes_``.
        """
        q = self.q_values(X)
        least = q.max(axis=1, keepdims=True) - IMPOSSIBLE * as_fitted(self).temperature
        q = np.where(q > -np.inf, q, least)
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
            A column for each of ``classes_``; a row sums to 1.
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X):
        """Logarithm of the policy, finite however small the probability of an action that exists.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.

        Returns
        -------
        log_probabilities : ndarray of shape (n_rows, A)
            A column for each of ``classes_``.
        """
        with np.errstate(over="ignore"):
            return log_policy(self.q_values(X), as_fitted(self).temperature)

    def score(self, X, y, sample_weight=None):
        """Mean log-likelihood per decision: at most 0, higher is better.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.
        y : array of shape (n_rows,)
            The action of each row.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.

        Returns
        -------
        score : float
            Mean over the weight of the rows.
        """
        log_likelihood, total = self._log_likelihood(X, y, sample_weight)
        return log_likelihood / total

    def log_likelihood(self, X, y, sample_weight=None, *, trajectory):
        """Log-likelihood of the decisions of each trajectory.

        What a test of one model against another needs where the decisions of a trajectory depend on each other, as
        do mixtures of kinds of decision makers.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.
        y : array of shape (n_rows,)
            The action of each row.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.
        trajectory : array of shape (n_rows,)
            Id of each row's trajectory.

        Returns
        -------
        log_likelihoods : Series of shape (n_trajectories,)
            Indexed by the sorted ids. It adds up to ``score`` times the total weight.

        Examples
        --------
        >>> from sklearn_iqlearn import IQLearnClassifier
        >>> model = IQLearnClassifier([[[1.0]], [[1.0]]]).fit([[0], [0]], [0, 1])
        >>> model.log_likelihood([[0], [0], [0]], [0, 1, 0], trajectory=["b", "a", "b"]).round(3)
        trajectory
        a   -0.693
        b   -1.386
        Name: log-likelihood, dtype: float64
        """
        chosen, weight = self._chosen(X, y, sample_weight)
        ids = pd.Index(check_ids(trajectory, "trajectory", len(chosen)), name="trajectory")
        return pd.Series(weight * chosen, index=ids, name="log-likelihood").groupby(level=0).sum()

    def aic(self, X, y, sample_weight=None):
        """Akaike's information criterion on decisions, lower is better.

        It counts the free parameters of the policy: A - 1 for each visited state of a table, where A actions
        exist, A - 1 for each feature and constant of a linear Q (one for each shared feature), all weights of a
        network, the coefficients of a structural reward. What adds nothing does not count: a collinear feature, a
        direction of ``unidentified_``, or what only actions tell that do not exist. A counterfactual has those of
        its fit.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            States, as in ``fit``.
        y : array of shape (n_rows,)
            The action of each row.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.

        Returns
        -------
        aic : float
            The criterion.
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
            The action of each row.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.

        Returns
        -------
        bic : float
            The criterion.
        """
        log_likelihood, total = self._log_likelihood(X, y, sample_weight)
        return np.log(total) * self._n_free() - 2 * log_likelihood

    def without_rows(self):
        """A copy that predicts, without the rows that it was fitted to.

        Without ``transitions`` a fit keeps the distinct rows of X, and tables with a row for each. A linear or
        neural Q needs none of them to predict. The copy lacks them: it is small, and can be handed on where the
        data must not. Its coefficients are still those of the data.

        With ``transitions`` a fit keeps counts of states and actions and, for ``partial_fit``, the ids and first
        rows of its trajectories. The copy lacks the latter, and cannot go on.

        Returns
        -------
        model : IQLearnClassifier
            With ``predict``, ``predict_proba``, ``q_values``, ``score`` and what builds on them.

        Raises
        ------
        ValueError
            Where the rows are the model: a table without transitions, and costs without them.

        Examples
        --------
        >>> from sklearn_iqlearn import IQLearnClassifier
        >>> model = IQLearnClassifier().fit([[0.0], [1.0], [2.0]], ["wait", "wait", "stop"])
        >>> hasattr(model, "states_"), hasattr(model.without_rows(), "states_")
        (True, False)
        """
        given = as_fitted(self).transitions is not None
        if not given and not (hasattr(self, "coef_") or hasattr(self, "coefs_")):
            raise ValueError(
                "without_rows needs transitions, or a linear or neural Q: a table without transitions consists of "
                "its rows."
            )
        light = copy.copy(self)
        if given:
            light._tally = None
            return light
        light._n_fitted = self._n_free()
        for name in OF_THE_ROWS:
            if hasattr(light, name):
                delattr(light, name)
        return light

    def _n_free(self):
        """Free parameters of the fit that the policy comes from."""
        model = as_fitted(self)
        if model._n_fitted is not None:
            return model._n_fitted
        return model._form_for(getattr(model, "states_", None)).n_free(model)

    def _log_likelihood(self, X, y, sample_weight):
        """Weighted log-likelihood and total weight of decisions."""
        chosen, weight = self._chosen(X, y, sample_weight)
        return float(weight @ chosen), float(weight.sum())

    def _chosen(self, X, y, sample_weight):
        """Log-probability and weight of each decision: (n_rows,) each."""
        log_probabilities = self.predict_log_proba(X)
        actions = check_actions(read_y(log_probabilities, y), self.classes_)
        weight = check_weight(sample_weight, len(actions))
        if as_fitted(self).action_mask is not None:
            refuse_excluded(self._exists(X), actions, weight, self.classes_)
        chosen = log_probabilities[np.arange(len(actions)), actions]
        return np.where(weight > 0, chosen, 0.0), weight

    def _exists(self, X):
        """Which actions exist in rows of states, of a fit with an action mask: boolean, (n_rows, A)."""
        model = as_fitted(self)
        if model.transitions is None:
            return exists_in(model.action_mask, X, model.classes_)
        exists = check_mask(by_state(model.action_mask), len(model.q_table_), model.classes_)
        return exists[check_states(read_X(model, X), len(exists))]


def _first(rows, which):
    """The first of some rows, dense."""
    row = rows[[int(np.argmax(which))]]
    return (row.toarray() if sp.issparse(row) else row)[0]
