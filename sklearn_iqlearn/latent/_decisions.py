"""The decisions of a fit, and how a type's estimator is fitted to its share of them.

An E-step and an M-step need rows only through *decisions*: a state, an action, and how probable each type makes
the action. Where transitions are given these are the distinct pairs of state and action, so that neither step
grows with the rows; of any other classifier every row is one.
"""

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from sklearn_iqlearn._estimator.classifier import IQLearnClassifier
from sklearn_iqlearn._estimator.first_step import is_estimated
from sklearn_iqlearn._estimator.reading import check_actions, check_states, read_X, read_y
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._model.demonstrations import check_weight, distinct_ids

# A decision that a type calls impossible counts as this, so that likelihoods stay finite.
LEAST = -750.0
# Share of the decisions below which a type is empty: its estimator stays as it is.
EMPTY = 1e-10


@dataclass(frozen=True)
class Decisions:
    """Rows as decisions of trajectories.

    Parameters
    ----------
    X, y
        State and action of each distinct decision, to fit and predict with.
    chosen : integer ndarray of shape (n_decisions,)
        Column of the action among the classes.
    position : integer ndarray of shape (n_rows,)
        The decision of each row.
    weight : ndarray of shape (n_rows,)
    ids : Index of shape (n_trajectories,)
        Sorted ids of the trajectories that have a weight.
    number : integer ndarray of shape (n_rows,)
        The trajectory of each row among them; anything where the weight is 0.
    options : dict
        What else a fit is told.
    n_states : int, optional
        Where X is a column of states.
    """

    X: Any
    y: Any
    chosen: np.ndarray
    position: np.ndarray
    weight: np.ndarray
    ids: pd.Index
    number: np.ndarray
    options: dict
    n_states: int | None = None

    @classmethod
    def of_rows(cls, X, y, classes, sample_weight, trajectory, options=None):
        """Every row a decision."""
        actions = check_actions(read_y(X, y), classes)
        n_rows = len(actions)
        weight = check_weight(sample_weight, n_rows)
        ids, number = distinct_ids(trajectory, "trajectory", n_rows)
        seen = np.unique(number[weight > 0])
        return cls(
            X=X,
            y=y,
            chosen=actions,
            position=np.arange(n_rows),
            weight=weight,
            ids=pd.Index(ids[seen], name="trajectory"),
            number=np.searchsorted(seen, number).clip(max=len(seen) - 1),
            options=options or {},
        )

    def paired(self, fitted):
        """The distinct pairs of state and action as decisions, of an estimator with transitions."""
        values = read_X(fitted, self.X)
        n_states, n_actions = fitted.q_table_.shape
        pairs = check_states(values, n_states) * n_actions + self.chosen
        distinct, position = np.unique(pairs, return_inverse=True)
        states, chosen = np.divmod(distinct, n_actions)
        names = getattr(fitted, "feature_names_in_", None)
        return replace(
            self,
            X=pd.DataFrame(states[:, None], columns=names) if names is not None else states[:, None],
            y=fitted.classes_[chosen],
            chosen=chosen,
            position=position,
            options={},
            n_states=n_states,
        )

    @property
    def n_rows(self):
        return len(self.position)

    @property
    def n_decisions(self):
        return len(self.chosen)

    def log_chosen(self, estimators):
        """Log-probability of each decision under each type: (n_decisions, n_types)."""
        rows = np.arange(self.n_decisions)
        with np.errstate(divide="ignore"):  # a forest may call an action impossible
            logs = [estimator.predict_log_proba(self.X)[rows, self.chosen] for estimator in estimators]
        return np.maximum(np.stack(logs, axis=1), LEAST)

    def gather(self, of_rows):
        """Sums over the rows of each decision: (n_rows, n_types) -> (n_decisions, n_types)."""
        columns = [np.bincount(self.position, column, self.n_decisions) for column in of_rows.T]
        return np.stack(columns, axis=1)

    def refit(self, estimators, weights):
        """Estimators fitted to the decisions with the weights of their types, (n_decisions, n_types)."""
        empty = EMPTY * weights.sum()
        return [
            fit_weighted(warm(estimator), self.X, self.y, weight, self.options)
            if weight.sum() > empty
            else estimator
            for estimator, weight in zip(estimators, weights.T, strict=True)
        ]


def counts_suffice(estimator, options):
    """Whether a fit depends on the rows only through the weight of each state and action."""
    return (
        isinstance(estimator, IQLearnClassifier)
        and estimator.transitions is not None
        and not is_estimated(estimator.transitions)
        and estimator.value_term == "expert"
        and not estimator.early_stopping
        and not set(options) - {"trajectory", "step"}
    )


def warm(estimator):
    """A copy to fit that starts from its coefficients, where it can: that of trees would only add to them."""
    if isinstance(estimator, Pipeline) and estimator.steps:
        name, last = estimator.steps[-1]
        return clone(estimator).set_params(**{name: warm(last)})
    linear = hasattr(estimator, "coef_") or isinstance(estimator, IQLearnClassifier)
    if linear and "warm_start" in estimator.get_params(deep=False):
        return copy.copy(estimator).set_params(warm_start=True)
    return clone(estimator)


def cool(estimator, given):
    """Set what ``warm`` has set to what was given."""
    if isinstance(estimator, Pipeline) and estimator.steps:
        cool(estimator.steps[-1][1], given.steps[-1][1])
    elif hasattr(given, "warm_start"):
        estimator.set_params(warm_start=given.warm_start)


def fit_weighted(estimator, X, y, weight, options):
    """Fit an estimator, or a pipeline's last step, with weights."""
    return estimator.fit(X, y, **{weight_name(estimator): weight}, **options)


def weight_name(estimator):
    """The fit parameter for the weights, or a TypeError if there is none."""
    if isinstance(estimator, Pipeline) and estimator.steps:
        name, last = estimator.steps[-1]
        return f"{name}__{weight_name(last)}"
    if not has_fit_parameter(estimator, "sample_weight") or not hasattr(estimator, "predict_log_proba"):
        raise TypeError(
            "estimator must be a classifier with predict_log_proba whose fit takes sample_weight, got "
            f"{type(estimator).__name__}."
        )
    return "sample_weight"


def n_free(estimator):
    """Free parameters of a fit, or a ValueError where they cannot be counted."""
    try:
        return unwrap(estimator).model._n_free()
    except TypeError:
        last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if not hasattr(last, "coef_"):
        raise ValueError(
            "aic and bic count the coefficients of an IQLearnClassifier or a linear classifier, got "
            f"{type(last).__name__}: compare held-out log-likelihoods."
        )
    sizes = [np.atleast_2d(last.coef_), np.reshape(last.intercept_, (-1, 1))]
    # A sum over the classes is free, where each has coefficients of its own.
    each = 1 if len(sizes[0]) == 1 else 1 - 1 / len(last.classes_)
    return round(each * sum(part.size for part in sizes if np.any(part)))
