"""What fitted types answer."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_iqlearn._estimator.reading import check_actions, read_y
from sklearn_iqlearn._model.demonstrations import check_weight
from sklearn_iqlearn._site import Documented
from sklearn_iqlearn.latent._decisions import Decisions, n_free
from sklearn_iqlearn.latent._em import resume
from sklearn_iqlearn.latent._switching import Switching


def check_types(types):
    """Refuse what is no LatentTypes, such as the fit of one type."""
    if not isinstance(types, FittedTypes):
        raise TypeError(f"types must be a LatentTypes, got {type(types).__name__}: inference is for a single fit.")


class FittedTypes(Documented, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Types found, and their predictions and scores."""

    estimators_: list
    weights_: np.ndarray
    classes_: np.ndarray
    # Set by fit: the types' own parameters, and how rows are read.
    _logs: np.ndarray
    _chain: type
    _paired: bool

    def predict_proba(self, X):
        """Probability of each action of a decision maker of whom nothing is known: the mixture of the policies.

        With ``switching`` that of a decision at any time: types have their shares of all decisions.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.

        Returns
        -------
        probabilities : ndarray of shape (n_rows, A)
            A column for each of ``classes_``; a row sums to 1.
        """
        check_is_fitted(self)
        return self._mix(X, self.weights_)

    def predict_log_proba(self, X):
        """Logarithm of ``predict_proba``.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.

        Returns
        -------
        log_probabilities : ndarray of shape (n_rows, A)
            A column for each of ``classes_``.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X):
        """The most probable action by ``predict_proba``; ties go to the first of ``classes_``.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.

        Returns
        -------
        actions : ndarray of shape (n_rows,)
            Labels of actions.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_next_proba(self, X, y, sample_weight=None, *, trajectory, step=None):
        """Probability of each action by what the trajectory has shown before.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.
        y : array of shape (n_rows,)
            Actions. That of a row counts for the later rows of its trajectory.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.
        trajectory : array of shape (n_rows,)
            Id of each row's trajectory.
        step : array of shape (n_rows,), optional
            Integer time; without it the rows of a trajectory must be contiguous and in order.

        Returns
        -------
        probabilities : ndarray of shape (n_rows, A)
            NaN for rows without weight.
        """
        chain, model = self._model(X, y, sample_weight, trajectory, step)
        of_time = type(chain) if isinstance(chain, Switching) else Switching
        as_chain = of_time(chain.decisions, len(self.estimators_), step)
        return self._mix(X, as_chain.predicted(chain.as_chain(model.logs), model.log_chosen))

    def predict_types_proba(self, X, y, sample_weight=None, *, trajectory, step=None):
        """Probability of each type by all that a trajectory shows.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.
        y : array of shape (n_rows,)
            The action of each row.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.
        trajectory : array of shape (n_rows,)
            Id of each row's trajectory.
        step : array of shape (n_rows,), optional
            Integer time, as in ``fit``.

        Returns
        -------
        responsibilities : DataFrame of shape (n_trajectories, n_types) or, with ``switching``, (n_rows, n_types)
            A row sums to 1.
        """
        chain, model = self._model(X, y, sample_weight, trajectory, step)
        return chain.frame(model.found.responsibilities, X)

    def predict_types(self, X, y, sample_weight=None, *, trajectory, step=None):
        """The most probable type of each trajectory or, with ``switching``, of each row.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.
        y : array of shape (n_rows,)
            The action of each row.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.
        trajectory : array of shape (n_rows,)
            Id of each row's trajectory.
        step : array of shape (n_rows,), optional
            Integer time, as in ``fit``.

        Returns
        -------
        types : Series of shape (n_trajectories,) or (n_rows,)
            Positions in ``estimators_``; -1 for rows without weight.
        """
        table = self.predict_types_proba(X, y, sample_weight, trajectory=trajectory, step=step)
        types = table.fillna(-1.0).to_numpy().argmax(axis=1)
        return pd.Series(np.where(table.isna().any(axis=1), -1, types), index=table.index, name="type")

    def log_likelihood(self, X, y, sample_weight=None, *, trajectory, step=None):
        """Log-likelihood of the decisions of each trajectory, over its types.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.
        y : array of shape (n_rows,)
            The action of each row.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.
        trajectory : array of shape (n_rows,)
            Id of each row's trajectory.
        step : array of shape (n_rows,), optional
            Integer time, as in ``fit``.

        Returns
        -------
        log_likelihoods : Series of shape (n_trajectories,)
            Indexed by the sorted ids of the trajectories that have a weight.
        """
        chain, model = self._model(X, y, sample_weight, trajectory, step)
        return pd.Series(model.found.log_likelihood, index=chain.decisions.ids, name="log-likelihood")

    def score(self, X, y, sample_weight=None, *, trajectory=None, step=None):
        """Mean log-likelihood per decision: at most 0, higher is better.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.
        y : array of shape (n_rows,)
            The action of each row.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.
        trajectory : array of shape (n_rows,), optional
            Id of each row's trajectory. Without it each row is that of a decision maker of whom nothing else is
            known, as in ``predict_proba``.
        step : array of shape (n_rows,), optional
            Integer time, as in ``fit``.

        Returns
        -------
        score : float
            Mean over the weight of the rows.
        """
        check_is_fitted(self)
        if trajectory is not None:
            told = self.log_likelihood(X, y, sample_weight, trajectory=trajectory, step=step)
            return float(told.sum() / check_weight(sample_weight, len(y)).sum())
        log_probabilities = self.predict_log_proba(X)
        actions = check_actions(read_y(log_probabilities, y), self.classes_)
        weight = check_weight(sample_weight, len(actions))
        chosen = log_probabilities[np.arange(len(actions)), actions]
        return float(weight @ np.where(weight > 0, chosen, 0.0) / weight.sum())

    def aic(self, X, y, sample_weight=None, *, trajectory, step=None):
        """Akaike's information criterion, lower is better.

        It counts the free parameters of the types' policies, as ``IQLearnClassifier.aic`` does or by the
        coefficients of a linear classifier, and their weights or transitions.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.
        y : array of shape (n_rows,)
            The action of each row.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.
        trajectory : array of shape (n_rows,)
            Id of each row's trajectory.
        step : array of shape (n_rows,), optional
            Integer time, as in ``fit``.

        Returns
        -------
        aic : float
            The criterion.

        Raises
        ------
        ValueError
            If the parameters of the estimator cannot be counted, as those of trees.
        """
        return self._criterion(X, y, sample_weight, trajectory, step, lambda n: 2.0)

    def bic(self, X, y, sample_weight=None, *, trajectory, step=None):
        """Schwarz's information criterion, lower is better; parameters as for ``aic``, size in decisions.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.
        y : array of shape (n_rows,)
            The action of each row.
        sample_weight : array of shape (n_rows,), optional
            Weight of each row, by default 1.
        trajectory : array of shape (n_rows,)
            Id of each row's trajectory.
        step : array of shape (n_rows,), optional
            Integer time, as in ``fit``.

        Returns
        -------
        bic : float
            The criterion.

        Raises
        ------
        ValueError
            If the parameters of the estimator cannot be counted, as those of trees.
        """
        return self._criterion(X, y, sample_weight, trajectory, step, np.log)

    def _criterion(self, X, y, sample_weight, trajectory, step, price):
        chain, model = self._model(X, y, sample_weight, trajectory, step)
        free = chain.n_free(model.logs) + sum(map(n_free, self.estimators_))
        return float(price(chain.decisions.weight.sum()) * free - 2 * model.found.total)

    def _mix(self, X, shares):
        """The policies, weighted by shares (n_types,) or (n_rows, n_types)."""
        policies = np.stack([estimator.predict_proba(X) for estimator in self.estimators_], axis=2)
        return np.einsum("nak,nk->na", policies, np.broadcast_to(shares, (len(policies), policies.shape[2])))

    def _model(self, X, y, sample_weight, trajectory, step):
        """The chain of some rows, and the E-step of the fit on them."""
        check_is_fitted(self)
        decisions = Decisions.of_rows(X, y, self.classes_, sample_weight, trajectory)
        if self._paired:
            decisions = decisions.paired(self.estimators_[0])
        chain = self._chain(decisions, len(self.estimators_), step)
        return chain, resume(chain, self.estimators_, self._logs)
