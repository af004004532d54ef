"""A data frame that prints like a regression table."""

import warnings

import numpy as np
import pandas as pd
from scipy.special import ndtr

from sklearn_iqlearn._coefficients.identification import describe
from sklearn_iqlearn._estimator.parameters import check_confidence, choose
from sklearn_iqlearn.exceptions import IdentificationWarning
from sklearn_iqlearn.inference._bootstrap import Resampled, normal_interval
from sklearn_iqlearn.inference._covariance import (
    coefficient_names,
    coefficients,
    contrast_table,
    find_fit,
    name_features,
)
from sklearn_iqlearn.inference._covariance import covariance as analytic_covariance
from sklearn_iqlearn.inference._information import COVARIANCES

# Facts that print with four decimals, and those that print as sentences below the table.
ROUNDED = ("Log-likelihood", "AIC", "BIC")
SENTENCES = ("Intervals", "Not identified")


class Summary(pd.DataFrame):
    """Coefficients with their uncertainty, one row each; facts about the fit are in ``attrs``."""

    def __repr__(self):
        """The facts in two columns, the table, and what is to be known of it."""
        told = {name: f"{value:.4f}" if name in ROUNDED else value for name, value in self.attrs.items()}
        notes = [f"{name}: {told.pop(name)}" for name in SENTENCES if name in told]
        facts = [f"{name}: {value}" for name, value in told.items()]
        half = (len(facts) + 1) // 2
        width = max(map(len, facts[:half]), default=0) + 4
        right = facts[half:] + [""] * (2 * half - len(facts))
        header = [f"{one:<{width}}{other}".rstrip() for one, other in zip(facts[:half], right, strict=True)]
        table = pd.DataFrame(self).rename_axis(None).to_string(float_format="{:.4f}".format)
        rule = "-" * max(map(len, [*header, *table.splitlines()]))
        return "\n".join([*header, rule, table, *[rule][: len(notes)], *notes])

    def _repr_html_(self):
        facts = pd.DataFrame({"": pd.Series(self.attrs)}).to_html(header=False)
        return facts + pd.DataFrame(self).to_html(float_format="{:.4f}".format)


def summary(
    estimator,
    X,
    y,
    sample_weight=None,
    *,
    covariance="auto",
    contrasts=None,
    confidence=0.95,
    feature_names=None,
    trajectory=None,
    step=None,
    next_X=None,
    terminal=None,
):
    """A regression table of a fit.

    With ``alpha=inf`` the coefficients and intercepts of a linear Q are deviations from the mean over the actions.

    Parameters
    ----------
    estimator : IQLearnClassifier, or a Pipeline or search that ends in one
        Fitted.
    X, y, sample_weight : arrays of n_rows rows
        The data of the fit.
    covariance : str or Resampled, default="auto"
        Where the uncertainty comes from: a ``kind`` of the function ``covariance``; or the result of ``bootstrap``
        for ``"reward_coef_"`` or ``"coef_"``, the way for a tabular or neural Q.
    contrasts : array of shape (m, p), mapping or DataFrame, optional
        Weighted sums of the coefficients to be told instead of these, as for the function ``covariance``.
    confidence : float in (0, 1), default=0.95
        Share of the intervals that cover the truth.
    feature_names : sequence of str, optional
        Names of the features; by default those of X, after the steps of a pipeline, or x0, x1, ...
    trajectory, step, next_X, terminal : arrays of n_rows rows
        As in the fit.

    Returns
    -------
    table : Summary
        A DataFrame with a row for each coefficient: coefficient, standard error, z, p (of a coefficient of 0, two-
        sided) and the interval. It prints, and holds in ``attrs``, the log-likelihood, AIC, BIC, the number of
        observations and trajectories, the shares of states and pairs with a visit, and whether the fit converged.
        Of a penalised estimate it says under "Intervals" what these are about; under "Not identified" it describes
        the directions that the data leave open.

    Raises
    ------
    ValueError
        As ``covariance``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_iqlearn import IQLearnClassifier, inference
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> bus = make_bus_engine(random_state=0)
    >>> model = IQLearnClassifier(
    ...     bus.transitions, discount=bus.discount, q_type="structural", features=bus.features, alpha=np.inf
    ... ).fit(bus.data, bus.target)
    >>> inference.summary(
    ...     model, bus.data, bus.target, trajectory=bus.trajectory, feature_names=bus.feature_names
    ... ).attrs["Observations"]
    50000
    """
    estimator, seen = find_fit(estimator)
    X, next_X, feature_names = seen.data(X), seen.next_data(next_X), seen.feature_names(feature_names)
    check_confidence(confidence)
    if not isinstance(covariance, Resampled):
        choose("covariance", covariance, COVARIANCES, auto="observed")
    order = {"trajectory": trajectory, "step": step, "next_X": next_X, "terminal": terminal}
    of_reward = False
    if isinstance(covariance, Resampled):
        of_reward, names = _origin(estimator, covariance.estimate.ravel(), feature_names)
        origin, n_trajectories = f"bootstrap of {len(covariance.samples)}", covariance.n_trajectories
        if contrasts is not None:
            weights = contrast_table(contrasts, names)
            names, samples = list(weights.index), covariance.samples.reshape(len(covariance.samples), -1)
            estimate = weights.to_numpy() @ covariance.estimate.ravel()
            covariance = Resampled(estimate, samples @ weights.to_numpy().T, n_trajectories)
        estimate, spread = covariance.estimate.ravel(), covariance.standard_error.ravel()
        low, high = covariance.interval(confidence)
        interval = low.ravel(), high.ravel()
    else:
        options = {"kind": covariance, "contrasts": contrasts, "feature_names": feature_names}
        matrix = analytic_covariance(estimator, X, y, sample_weight, **options, **order)
        origin, n_trajectories = matrix.attrs["kind"], _n_trajectories(trajectory, sample_weight)
        weights = contrast_table(contrasts, coefficient_names(estimator, feature_names)).to_numpy()
        estimate = weights @ np.concatenate([np.ravel(value) for value in coefficients(estimator).values()])
        spread, names = np.sqrt(np.diagonal(matrix)), list(matrix.index)
        interval = normal_interval(estimate, spread, confidence)
    table = regression_table(names, estimate, spread, interval, confidence)
    log_likelihood, total = estimator._log_likelihood(X, y, sample_weight)
    table.attrs = {
        "Q": estimator._form().__name__.lower(),
        "Discount": estimator.discount,
        "Log-likelihood": log_likelihood,
        "AIC": float(estimator.aic(X, y, sample_weight)),
        "BIC": float(estimator.bic(X, y, sample_weight)),
        "Converged": estimator.converged_,
        "Observations": int(total) if total.is_integer() else total,
        "Trajectories": n_trajectories,
        "States visited": f"{estimator.state_coverage_:.1%}",
        "Pairs visited": f"{estimator.state_action_coverage_:.1%}",
        "Penalty": _penalty(estimator) or "none",
        "Covariance": origin,
    }
    if _penalty(estimator) and not of_reward:  # that a table's reward_coef_ does not see
        table.attrs["Intervals"] = (
            "spread of the penalised estimate around its own mean, which is not the truth; the bias of the "
            f"penalty ({_penalty(estimator)}) is not in them."
        )
    structural = estimator._unidentified is not None
    left_open = estimator.unidentified_ if of_reward or structural else np.empty((0, 0))
    if len(left_open):
        names = name_features(estimator, left_open.shape[1], feature_names)
        table.attrs["Not identified"] = (
            f"{describe(left_open, names)}. Along these the coefficients are a choice, the penalty's or else the "
            "least norm's; identified contrasts do not depend on it."
        )
    return table


def _penalty(estimator):
    """What shrinks the estimate, in words; empty where nothing does."""
    found = [] if np.isinf(estimator.alpha_) else [f"{estimator.divergence}, alpha={estimator.alpha_:g}"]
    ridged = any(hasattr(estimator, name) for name in ("intercept_", "intercepts_"))
    return ", ".join(found + [f"C={estimator.C:g}"] * (ridged and bool(np.isfinite(estimator.C))))


def _n_trajectories(trajectory, sample_weight):
    """Trajectories with a weight."""
    if trajectory is None:
        return "not told"
    ids = np.asarray(trajectory)
    return len(np.unique(ids if sample_weight is None else ids[np.asarray(sample_weight) > 0]))


def _origin(estimator, estimate, feature_names):
    """Of a bootstrapped estimate: whether it is the ``reward_coef_`` of a form without such, and the names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IdentificationWarning)  # told when the bootstrap asked for it
        known = {name: getattr(estimator, name, np.empty(0)).ravel() for name in ("reward_coef_", "coef_")}
    if np.array_equal(known["reward_coef_"], estimate):
        return estimator._unidentified is None, name_features(estimator, estimate.size, feature_names)
    if np.array_equal(known["coef_"], estimate):
        return False, coefficient_names(estimator, feature_names)[: estimate.size]
    raise ValueError(
        f"covariance must be the bootstrap of the fit's reward_coef_ or coef_, got one of {estimate.tolist()}."
    )


def regression_table(names, estimate, standard_error, interval, confidence):
    """Coefficient, standard error, z, p and interval, a row for each name."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = estimate / standard_error
    tail = 100 * (1 - confidence) / 2
    return Summary(
        {
            "coefficient": estimate,
            "standard error": standard_error,
            "z": z,
            "p": 2 * ndtr(-np.abs(z)),
            f"{tail:g}%": interval[0],
            f"{100 - tail:g}%": interval[1],
        },
        index=pd.Index(names, name="parameter"),
    )
