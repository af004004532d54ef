"""Analytic covariances of fits with few parameters."""

import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_iqlearn._approximation.kernel import ApproximateTransitions
from sklearn_iqlearn._coefficients.identification import TAKES_PART, told_and_open, unmoved
from sklearn_iqlearn._estimator.fitted import as_told
from sklearn_iqlearn._estimator.fitting import assemble
from sklearn_iqlearn._estimator.named_features import NamedFeatures
from sklearn_iqlearn._estimator.parameters import choose
from sklearn_iqlearn._estimator.reading import check_actions, check_states, read_X, read_y
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._model.demonstrations import check_weight, number_ids
from sklearn_iqlearn._numerics.checks import any_array, plain
from sklearn_iqlearn._numerics.threads import few_threads
from sklearn_iqlearn._q_functions import COEFFICIENT_FORMS
from sklearn_iqlearn._q_functions.tabular import find_rows
from sklearn_iqlearn.exceptions import IdentificationWarning
from sklearn_iqlearn.inference._first_steps import influences
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
    contrasts=None,
    feature_names=None,
    trajectory=None,
    step=None,
    next_X=None,
    terminal=None,
):
    """Covariance of the coefficients of a structural or linear fit.

    Transitions that are given count as known; where a fit has estimated its own, use ``bootstrap``. Of a
    structural fit without transitions the error of the continuation is in the result, by the influence of each row
    on it; the functions that carry it count as given. Where the reward is
    penalised (finite ``alpha``) or the coefficients are (``C``), the spread of the sandwiches is that of the
    estimate around its own mean, which is not the truth.

    With ``alpha=inf`` a linear Q may add the same to all actions: the coefficients and intercepts of each action
    are then deviations from the mean over the actions. Likewise the coefficients of a structural reward whose
    ``unidentified_`` has directions are those of least norm: of one-hot features of the states, deviations from
    their mean. What no direction touches, and every identified contrast, does not depend on that choice.

    Parameters
    ----------
    estimator : IQLearnClassifier, or a Pipeline or search that ends in one
        Fitted, with ``value_term="expert"``.
    X, y, sample_weight : arrays of n_rows rows
        The data of the fit. A weight counts as that many decisions.
    kind : {"auto", "observed", "opg", "sandwich", "clustered"}, default="auto"
        "observed": inverse of the Hessian of the negative log-likelihood. "opg": inverse of the outer product of
        the scores, as in Rust (1987). Both are right only where nothing is penalised. "sandwich": right also with
        a penalty, or where the model is wrong. "clustered": the sandwich with the decisions of a ``trajectory``
        dependent; it needs many. "auto": clustered where ``trajectory`` is given, however few there are, else
        observed where neither reward nor coefficients are penalised, else the sandwich.
    contrasts : array of shape (m, p), mapping of names to p weights, or DataFrame, optional
        Weighted sums of the coefficients, a row each, whose covariance is wanted instead of theirs: [1, -1, 0] is
        a difference. A frame names the contrasts in its index and coefficients in its columns; what it lacks
        weighs 0.
    feature_names : sequence of str, optional
        Names of the features; by default those of X, after the steps of a pipeline, or x0, x1, ...
    trajectory, step, next_X, terminal : arrays of n_rows rows
        As in the fit.

    Returns
    -------
    covariance : DataFrame of shape (p, p)
        Rows and columns are the coefficients, and intercepts of a linear Q, or the contrasts; NaN where the data
        tell nothing of a coefficient, or leave a contrast open. Its ``attrs["kind"]`` tells the kind.

    Raises
    ------
    ValueError
        If the form of Q or the value term allow no analytic covariance, the fit did not converge, the data are not
        those of the fit, "clustered" has not more trajectories than coefficients, or a contrast has not a finite
        weight for each coefficient.

    Warns
    -----
    IdentificationWarning
        If a covariance is NaN.

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

    What a replacement costs more than keeping an engine of bin 60 for a month:

    >>> more = inference.covariance(model, bus.data, bus.target, contrasts={"more": [-60.0, 1.0]})
    >>> np.sqrt(more).round(4)
            more
    more  0.0229
    """
    estimator, seen = find_fit(estimator)
    X, next_X, feature_names = seen.data(X), seen.next_data(next_X), seen.feature_names(feature_names)
    choose("kind", kind, {"auto": None, **COVARIANCES})
    form = estimator._form()
    if estimator.value_term != "expert" or form not in COEFFICIENT_FORMS.values():
        raise ValueError(
            "covariance needs q_type 'structural' or 'linear' and value_term='expert', the likelihood, got "
            f"{form.__name__.lower()!r} and {estimator.value_term!r}: use bootstrap."
        )
    if sp.issparse(getattr(estimator, "states_", None)):
        raise ValueError(
            "covariance needs dense X, as its size is that of the squared coefficients, got a fit of sparse rows: "
            "use bootstrap, or fit to X.toarray()."
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
    penalised = problem.objective.penalty_weight.any() or np.any(problem.ridge)
    two_steps = isinstance(problem.objective.transitions, ApproximateTransitions)
    if kind == "auto":
        kind = "clustered" if trajectory is not None else "sandwich" if penalised or two_steps else "observed"
    if two_steps and kind not in ("clustered", "sandwich"):
        raise ValueError(
            "kind must be 'auto', 'clustered' or 'sandwich' for a structural fit without transitions, whose "
            f"continuation is estimated too, got {kind!r}."
        )
    mapping, basis = mapping_of(estimator, problem, parameters), problem.basis
    left_open = np.empty((0, parameters.size))
    if estimator._unidentified is not None:
        left_open = np.linalg.solve(mapping, estimator._unidentified.T).T
        # Where neither decisions nor penalty choose, the parameters are of least norm, and do not vary.
        held = problem.features[problem.objective.penalty_weight > 0]
        basis = told_and_open(unmoved(held, left_open))[1].T
    with few_threads(problem.narrowest):
        point = problem.at(parameters)
        if point is None or np.abs(point.gradient).max() > 1e-6 + 10 * estimator.gradient_norm_:
            raise ValueError(OTHER_DATA)
        information = Information.at(point, demonstrations, clusters, basis)
        if two_steps:
            kept = check_weight(sample_weight, len(np.asarray(y))) > 0
            ids = number_ids(trajectory, "trajectory", len(kept))[kept] if kind == "clustered" else None
            spread, missing = information.around(influences(problem, parameters, information.scores, ids))
        else:
            spread, missing = COVARIANCES[kind](information)
    table = contrast_table(contrasts, coefficient_names(estimator, feature_names))
    rows, names = table.to_numpy() @ mapping, table.index
    spread = rows @ spread @ rows.T
    told = rows - (rows @ left_open.T) @ left_open
    unknown = (rows != 0)[:, missing].any(axis=1)
    # A coefficient has the error of its choice among those as likely, unless nothing of it is told.
    gap = told if contrasts is None else rows - told
    size, least = np.linalg.norm(gap, axis=1), TAKES_PART * np.linalg.norm(rows, axis=1)
    unknown |= (size <= least) if contrasts is None else (size > least)
    spread[unknown] = spread[:, unknown] = np.nan
    if unknown.any():
        warnings.warn(
            f"The data do not identify these, which have a covariance of NaN: {', '.join(names[unknown])}.",
            IdentificationWarning,
            stacklevel=2,
        )
    table = pd.DataFrame(spread, index=names, columns=names)
    table.attrs["kind"] = kind
    return table


def contrast_table(contrasts, names):
    """Weights of the coefficients, a row for each contrast; without contrasts, for each coefficient."""
    if contrasts is None:
        return pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    if isinstance(contrasts, pd.DataFrame) and set(contrasts.columns) <= set(names):
        table = contrasts.reindex(columns=names, fill_value=0.0)
    else:
        labels = list(contrasts) if isinstance(contrasts, Mapping) else None
        rows = list(contrasts.values()) if isinstance(contrasts, Mapping) else contrasts
        try:
            rows = np.atleast_2d(np.asarray(rows, dtype=np.float64))
            table = pd.DataFrame(rows, index=labels, columns=names)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"contrasts must have a weight for each of the {len(names)} coefficients {names}, got "
                f"{contrasts!r}."
            ) from error
    if not np.isfinite(table.to_numpy(dtype=np.float64)).all():
        raise ValueError(f"contrasts must have finite weights, got {table.to_numpy().tolist()}.")
    return table.set_axis(table.index.astype(str)).astype(np.float64)


def find_fit(estimator):
    """The classifier as it was fitted, or an error unless that was to data; and what came before it."""
    seen = unwrap(estimator)
    if not hasattr(seen.model, "converged_"):
        raise ValueError(
            "estimator must be a fit to data, got a counterfactual or anchored one: use inference on the fit, "
            "bootstrap with statistic=lambda fit: fit.counterfactual(...)."
        )
    return as_told(seen.model), seen


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


def mapping_of(estimator, problem, parameters):
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
    if feature_names is None and isinstance(estimator.features, Mapping):
        feature_names = NamedFeatures.of(estimator.features, estimator.classes_).names
    elif feature_names is None:
        known = estimator.transitions is None and estimator.features is None
        columns = [f"x{k}" for k in range(n_features)]
        feature_names = getattr(estimator, "feature_names_in_", columns) if known else columns
    names = any_array("feature_names", feature_names)
    if names.shape != (n_features,):
        raise ValueError(f"feature_names must have {n_features} names, got {plain(feature_names)}.")
    return [str(name) for name in names.tolist()]
