"""How precisely types are known: covariances from the marginal likelihood, and regression tables."""

import warnings

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from sklearn_iqlearn._coefficients.identification import split, take_part
from sklearn_iqlearn._estimator.parameters import check_confidence, choose
from sklearn_iqlearn._model.demonstrations import check_weight
from sklearn_iqlearn._numerics.threads import few_threads
from sklearn_iqlearn.exceptions import IdentificationWarning
from sklearn_iqlearn.inference._bootstrap import normal_interval
from sklearn_iqlearn.inference._covariance import OTHER_DATA, coefficient_names
from sklearn_iqlearn.inference._summary import regression_table
from sklearn_iqlearn.latent._marginal import Marginal
from sklearn_iqlearn.latent._predictions import check_types
from sklearn_iqlearn.latent._switching import Switching, SwitchingByState

# Largest score per decision of a fit whose data these are.
AT_REST = 1e-6


def covariance(types, X, y, sample_weight=None, *, kind="clustered", feature_names=None, trajectory, step=None):
    """Covariance of all parameters of fitted types, from the marginal likelihood.

    That the types are not seen is in it: the information is that of the decisions alone, the negative derivative
    of the exact score.

    Parameters
    ----------
    types : LatentTypes
        Fitted, of an ``IQLearnClassifier`` with ``transitions`` and coefficients ("structural" or "linear") that
        nothing penalises: ``alpha=inf``, and for a linear Q ``C=inf``. ``switching`` False or True.
    X, y, sample_weight : arrays of n_rows rows
        The data of the fit.
    kind : {"clustered", "observed", "opg"}, default="clustered"
        "clustered": the sandwich by trajectory, right also where the model is not. "observed": the inverse
        information. "opg": that of the outer product of the scores of the trajectories.
    feature_names : sequence of str, optional
        Names of the features; by default x0, x1, ...
    trajectory, step : arrays of n_rows rows
        As in the fit.

    Returns
    -------
    covariance : DataFrame
        Of the coefficients of each type, and of the weights or the initial and transition probabilities; NaN where
        the data do not tell them, as of a type that is empty.

    Raises
    ------
    ValueError
        If the fit allows none, or the data are not its own.

    Warns
    -----
    IdentificationWarning
        If a covariance is NaN.

    References
    ----------
    Louis (1982). Finding the observed information matrix when using the EM algorithm. Journal of the Royal
    Statistical Society B 44(2), 226-233.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_iqlearn import IQLearnClassifier, LatentTypes, latent
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> a, b = (make_bus_engine(60, 60, replacement_cost=cost, discount=0.9, random_state=0) for cost in (1, 5))
    >>> X, y = np.vstack([a.data, b.data]), np.append(a.target, b.target)
    >>> bus = np.append(a.trajectory, 60 + b.trajectory)
    >>> one = IQLearnClassifier(a.transitions, discount=0.9, q_type="structural", features=a.features)
    >>> types = LatentTypes(one, n_init=2, random_state=0).fit(X, y, trajectory=bus)
    >>> spread = latent.covariance(types, X, y, trajectory=bus, feature_names=a.feature_names)
    >>> list(spread.columns)[3:5]
    ['replacement_cost (type 1)', 'weight (type 0)']
    """
    return _told(types, X, y, sample_weight, kind, feature_names, trajectory, step)[1]


def summary(
    types,
    X,
    y,
    sample_weight=None,
    *,
    covariance="clustered",
    confidence=0.95,
    feature_names=None,
    trajectory,
    step=None,
):
    """A regression table of fitted types.

    Parameters
    ----------
    types : LatentTypes
        Fitted, as for the function ``covariance``.
    X, y, sample_weight : arrays of n_rows rows
        The data of the fit.
    covariance : {"clustered", "observed", "opg"}, default="clustered"
        The ``kind`` of the function ``covariance``.
    confidence : float in (0, 1), default=0.95
        Share of the intervals that cover the truth.
    feature_names : sequence of str, optional
        Names of the features; by default x0, x1, ...
    trajectory, step : arrays of n_rows rows
        As in the fit.

    Returns
    -------
    table : Summary
        As from ``inference.summary``, with a row for each coefficient of each type and each share. z and p are
        about a value of 0, which is at the edge of what a share can be.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier, LatentTypes, latent
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> bus = make_bus_engine(60, 60, discount=0.9, random_state=0)
    >>> one = IQLearnClassifier(bus.transitions, discount=0.9, q_type="structural", features=bus.features)
    >>> types = LatentTypes(one, n_types=1, random_state=0).fit(bus.data, bus.target, trajectory=bus.trajectory)
    >>> table = latent.summary(
    ...     types, bus.data, bus.target, trajectory=bus.trajectory, feature_names=bus.feature_names
    ... )
    >>> list(table.index)
    ['operating_cost (type 0)', 'replacement_cost (type 0)', 'weight (type 0)']
    """
    check_confidence(confidence)
    estimate, spread = _told(types, X, y, sample_weight, covariance, feature_names, trajectory, step)
    error = np.sqrt(np.diagonal(spread))
    table = regression_table(
        list(spread.index), estimate, error, normal_interval(estimate, error, confidence), confidence
    )
    data, order = (X, y, sample_weight), {"trajectory": trajectory, "step": step}
    weight = check_weight(sample_weight, len(y)).sum()
    table.attrs = {
        "Types": len(types.estimators_),
        "Log-likelihood": types.log_likelihood_,
        "AIC": types.aic(*data, **order),
        "BIC": types.bic(*data, **order),
        "Converged": types.converged_,
        "Observations": int(weight) if weight.is_integer() else weight,
        "Trajectories": len(types.log_likelihood(*data, **order)),
        "Covariance": covariance,
    }
    return table


def _told(types, X, y, sample_weight, kind, feature_names, trajectory, step):
    """What ``summary`` tells, and its covariance."""
    check_types(types)
    check_is_fitted(types)
    choose("kind", kind, KINDS)
    if (
        not types._paired
        or issubclass(types._chain, SwitchingByState)
        or not hasattr(types.estimators_[0], "coef_")
    ):
        raise ValueError(
            "covariance needs types of an IQLearnClassifier with transitions and q_type 'structural' or 'linear', "
            "and switching False or True: use latent.bootstrap."
        )
    if not types.converged_:
        raise ValueError("covariance needs a fit that converged, got converged_=False.")
    chain, model = types._model(X, y, sample_weight, trajectory, step)
    if abs(model.found.total - types.log_likelihood_) > 1e-8 * abs(model.found.total):
        raise ValueError(OTHER_DATA)
    with few_threads(len(types.estimators_[0].value_)):
        marginal = Marginal(chain, model)
        if marginal.penalised:
            raise ValueError(
                "covariance needs types that nothing penalises, alpha=inf and for a linear Q C=inf: use "
                "latent.bootstrap."
            )
        scores = marginal.at(marginal.solution)[1]
        if np.abs(scores.sum(axis=0)).max() > AT_REST * chain.decisions.weight.sum() + types.tol:
            raise ValueError(OTHER_DATA)
        spread, missing = KINDS[kind](marginal.information(scores), scores)
    estimate, derivative = marginal.told()
    spread = derivative @ spread @ derivative.T
    unknown = (derivative != 0)[:, missing].any(axis=1)
    spread[unknown] = spread[:, unknown] = np.nan
    names = pd.Index(_names(types, feature_names))
    if unknown.any():
        warnings.warn(
            f"The data do not identify these, which have a covariance of NaN: {', '.join(names[unknown])}.",
            IdentificationWarning,
            stacklevel=3,
        )
    return estimate, pd.DataFrame(spread, index=names, columns=names)


def _inverse(matrix):
    """The inverse on the directions that a matrix sees, and which parameters take part in others."""
    values, vectors, unseen = split(matrix)
    return (vectors / values) @ vectors.T, take_part(unseen)


def _clustered(information, scores):
    bread, missing = _inverse(information)
    spread = scores @ bread
    return spread.T @ spread, missing


KINDS = {
    "clustered": _clustered,
    "observed": lambda information, scores: _inverse(information),
    "opg": lambda information, scores: _inverse(scores.T @ scores),
}


def _names(types, feature_names):
    numbers = range(len(types.estimators_))
    names = [
        f"{name} (type {k})" for k in numbers for name in coefficient_names(types.estimators_[k], feature_names)
    ]
    if issubclass(types._chain, Switching):
        names += [f"initial (type {k})" for k in numbers]
        return names + [f"transition (type {j} to {k})" for j in numbers for k in numbers]
    return names + [f"weight (type {k})" for k in numbers]
