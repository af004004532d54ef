"""Analytic covariances of fits with few parameters."""

import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_iqlearn._coefficients.identification import IdentificationWarning
from sklearn_iqlearn._estimator.fitted import as_fitted
from sklearn_iqlearn._estimator.fitting import assemble
from sklearn_iqlearn._estimator.parameters import choose
from sklearn_iqlearn._estimator.reading import check_actions, check_states, read_X, read_y
from sklearn_iqlearn._model.demonstrations import check_weight, number_ids
from sklearn_iqlearn._numerics.checks import any_array, plain
from sklearn_iqlearn._numerics.threads import few_threads
from sklearn_iqlearn._q_functions import COEFFICIENT_FORMS
from sklearn_iqlearn._q_functions.tabular import find_rows
from sklearn_iqlearn.inference._information import COVARIANCES, Information

OTHER_DATA = "X, y, sample_weight and the order of the rows must be those of the fit, got others."


def order_of_rows(trajectory, step, next_X, terminal):
    """What to tell ``fit`` of the order of the rows; where ``next_X`` does, a trajectory only groups them."""
    if next_X is not None:
        return {"trajectory": None, "step": None, "next_X": next_X, "terminal": terminal}
    return {"trajectory": trajectory, "step": step, "next_X": None, "terminal": terminal}


def covariance(
    estimator,
    X,
    y,
    sample_weight=None,
    *,
    kind="auto",
    feature_names=None,
    trajectory=None,
    step=None,
    next_X=None,
    terminal=None,
):
    """Covariance of the coefficients of a structural or linear fit.

    The transitions count as known. Where the reward is penalised (finite ``alpha``) or the coefficients are
    (``C``), the spread of the sandwiches is that of the estimate around its own mean, which is not the truth.

    With ``alpha=inf`` a linear Q may add the same to all actions: the coefficients and intercepts of each action
    are then deviations from the mean over the actions.

    Parameters
    ----------
    estimator : IQLearnClassifier
        Fitted, with ``value_term="expert"``.
    X, y, sample_weight
        The data of the fit. A weight counts as that many decisions.
    kind : {"auto", "observed", "opg", "sandwich", "clustered"}, default="auto"
        "observed": inverse of the Hessian of the negative log-likelihood. "opg": inverse of the outer product of
        the scores, as in Rust (1987). Both are right only where nothing is penalised. "sandwich": right also with
        a penalty, or where the model is wrong. "clustered": the sandwich with the decisions of a ``trajectory``
        dependent; it needs many. "auto": clustered where ``trajectory`` is given, however few there are, else
        observed where neither reward nor coefficients are penalised, else the sandwich.
    feature_names : sequence of str, optional
        Names of the features; by default those of X, or x0, x1, ...
    trajectory, step, next_X, terminal
        As in the fit.

    Returns
    -------
    covariance : DataFrame of shape (p, p)
        Rows and columns are the coefficients, and intercepts of a linear Q; NaN where the data identify none. Its
        ``attrs["kind"]`` tells the kind.

    Raises
    ------
    ValueError
        If the form of Q or the value term allow no analytic covariance, the fit did not converge, the data are not
        those of the fit, or "clustered" has not more trajectories than coefficients.

    Warns
    -----
    IdentificationWarning
        If the data do not identify a coefficient.

    References
    ----------
    White (1982). Maximum likelihood estimation of misspecified models. Econometrica 50(1).
    Berndt, Hall, Hall and Hausman (1974). Estimation and inference in nonlinear structural models. Annals of
    Economic and Social Measurement 3(4).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_iqlearn import IQLearnClassifier, inference
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> bus = make_bus_engine(random_state=0)
    >>> model = IQLearnClassifier(
    ...     bus.transitions, discount=bus.discount, q_type="structural", features=bus.features, alpha=np.inf
    ... ).fit(bus.data, bus.target)
    >>> spread = inference.covariance(model, bus.data, bus.target, feature_names=bus.feature_names)
    >>> np.sqrt(np.diag(spread)).round(4)
    array([0.0005, 0.0338])
    """
    estimator = check_fit(estimator)
    choose("kind", kind, {"auto": None, **COVARIANCES})
    form = estimator._form()
    if estimator.value_term != "expert" or form not in COEFFICIENT_FORMS.values():
        raise ValueError(
            "covariance needs q_type 'structural' or 'linear' and value_term='expert', the likelihood, got "
            f"{form.__name__.lower()!r} and {estimator.value_term!r}: use bootstrap."
        )
    if not estimator.converged_:
        raise ValueError("covariance needs a fit that converged, got converged_=False.")
    order = order_of_rows(trajectory, step, next_X, terminal)
    demonstrations, problem = same_data(estimator, X, y, sample_weight, order)
    parameters = problem.recall(estimator)
    clusters = None
    if trajectory is not None:
        clusters = _visits(estimator, X, y, sample_weight, trajectory)
    elif kind == "clustered":
        raise ValueError("trajectory must be given for kind='clustered', got None.")
    if kind == "auto":
        penalised = problem.objective.penalty_weight.any() or np.any(problem.ridge)
        kind = "clustered" if trajectory is not None else "sandwich" if penalised else "observed"
    with few_threads(demonstrations.transitions.n_states):
        point = problem.at(parameters)
        if point is None or np.abs(point.gradient).max() > 1e-6 + 10 * estimator.gradient_norm_:
            raise ValueError(OTHER_DATA)
        spread, missing = COVARIANCES[kind](Information.at(point, demonstrations, clusters))
    mapping = _mapping(estimator, problem, parameters)
    spread = mapping @ spread @ mapping.T
    names = coefficient_names(estimator, feature_names)
    unknown = (mapping != 0)[:, missing].any(axis=1)
    if estimator._reward_coef is not None:  # what only the penalty tells has no error of the data
        unknown |= np.isnan(estimator._reward_coef)
    spread[unknown] = spread[:, unknown] = np.nan
    if unknown.any():
        warnings.warn(
            "Coefficients that the data do not identify, with a covariance of NaN: "
            f"{', '.join(np.array(names)[unknown])}.",
            IdentificationWarning,
            stacklevel=2,
        )
    table = pd.DataFrame(spread, index=names, columns=names)
    table.attrs["kind"] = kind
    return table


def check_fit(estimator):
    """The estimator as it was fitted, or an error unless that was to data."""
    estimator = as_fitted(estimator)
    if not hasattr(estimator, "converged_"):
        raise ValueError(
            "estimator must be a fit to data, got a counterfactual or anchored one: use inference on the fit, "
            "bootstrap with statistic=lambda fit: fit.counterfactual(...)."
        )
    return estimator


def same_data(estimator, X, y, sample_weight, order):
    """The demonstrations and the problem of a fit, from its data again."""
    demonstrations, problem, _ = assemble(estimator, X, y, sample_weight, order)
    counts, known = demonstrations.counts, estimator.counts_
    if counts.shape != known.shape or not np.allclose(counts, known):
        raise ValueError(OTHER_DATA)
    return demonstrations, problem


def coefficients(estimator):
    """The coefficients of a fit by attribute, in the order of the table."""
    names = ("coef_", "intercept_") if estimator.fit_intercept else ("coef_",)
    return {name: getattr(estimator, name) for name in names if hasattr(estimator, name)}


def _mapping(estimator, problem, parameters):
    """The matrix from the parameters of a problem to the fitted coefficients, both flat."""
    names = coefficients(estimator)

    def flat(vector):
        attributes = problem.attributes(vector.reshape(parameters.shape))
        return np.concatenate([np.ravel(attributes[name]) for name in names])

    return np.stack([flat(unit) for unit in np.eye(parameters.size)], axis=1)


def _visits(estimator, X, y, sample_weight, trajectory):
    """Weighted visits of each trajectory to each pair: sparse, (n_trajectories, S * A)."""
    values = read_X(estimator, X)
    if estimator.transitions is None:
        states = find_rows(estimator.states_, values.astype(np.float64))
    else:
        states = check_states(values, len(estimator.counts_))
    actions = check_actions(read_y(values, y), estimator.classes_)
    weight = check_weight(sample_weight, len(actions))
    ids = number_ids(trajectory, "trajectory", len(actions))
    kept = weight > 0
    shape = (ids.max() + 1, estimator.counts_.size)
    pairs = states * estimator.counts_.shape[1] + actions
    return sp.coo_array((weight[kept], (ids[kept], pairs[kept])), shape=shape).tocsr()


def coefficient_names(estimator, feature_names):
    """Names of the coefficients in the order of ``coefficients``."""
    found = coefficients(estimator)
    coef = found.pop("coef_")
    names = name_features(estimator, coef.shape[-1], feature_names)
    actions = [str(action) for action in estimator.classes_]
    slopes = names if coef.ndim == 1 else [f"{name} ({action})" for action in actions for name in names]
    return slopes + [f"intercept ({action})" for _ in found for action in actions]


def name_features(estimator, n_features, feature_names):
    if feature_names is None:
        known = estimator.transitions is None and hasattr(estimator, "feature_names_in_")
        feature_names = estimator.feature_names_in_ if known else [f"x{k}" for k in range(n_features)]
    names = any_array("feature_names", feature_names)
    if names.shape != (n_features,):
        raise ValueError(f"feature_names must have {n_features} names, got {plain(feature_names)}.")
    return [str(name) for name in names.tolist()]
