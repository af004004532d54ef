"""The bootstrap over trajectories."""

import copy
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from scipy.special import ndtri
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn._estimator.parameters import check_confidence, check_seed, choose
from sklearn_iqlearn._estimator.telling import quiet
from sklearn_iqlearn._model.demonstrations import check_weight, number_ids
from sklearn_iqlearn._numerics.checks import check_count, is_count, plain
from sklearn_iqlearn.exceptions import IdentificationWarning
from sklearn_iqlearn.inference._covariance import find_fit, order_of_rows, same_data


@dataclass(frozen=True)
class Resampled:
    """A statistic and its values in resampled data.

    Parameters
    ----------
    estimate : ndarray
        In the data themselves.
    samples : ndarray of shape (n_resamples, ...)
        In the resamples whose fit converged, each of the shape of the estimate.
    n_trajectories : int
        Trajectories that were resampled.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_iqlearn.inference import Resampled
    >>> cost = Resampled(np.array([3.0]), np.array([[2.0], [3.0], [4.0]]), n_trajectories=50)
    >>> cost.standard_error
    array([1.])
    """

    estimate: np.ndarray
    samples: np.ndarray
    n_trajectories: int

    @property
    def standard_error(self):
        """Standard deviation over the resamples: the shape of the estimate."""
        return self._varying.std(axis=0, ddof=1)

    @property
    def _varying(self):
        """The samples, 0 where the estimate is infinite, as of pairs that do not exist, and so does not vary."""
        return np.where(np.isinf(self.estimate), 0.0, self.samples)

    def interval(self, confidence=0.95, kind="percentile"):
        """Confidence interval of each entry.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            Share of the intervals that cover the truth.
        kind : {"percentile", "normal"}, default="percentile"
            "percentile": quantiles of the resamples. "normal": the estimate and its standard error.

        Returns
        -------
        low, high : ndarray of the shape of the estimate
            Ends of the intervals.
        """
        check_confidence(confidence)
        return choose("kind", kind, INTERVALS)(self, confidence)

    def _percentile(self, confidence):
        low, high = np.quantile(self._varying, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
        level = np.where(np.isinf(self.estimate), self.estimate, 0.0)
        return low + level, high + level

    def _normal(self, confidence):
        return normal_interval(self.estimate, self.standard_error, confidence)


def normal_interval(estimate, standard_error, confidence):
    """Interval of a normal distribution: a pair of arrays."""
    reach = ndtri((1 + confidence) / 2) * standard_error
    return estimate - reach, estimate + reach


INTERVALS = {"percentile": Resampled._percentile, "normal": Resampled._normal}


def bootstrap(
    estimator,
    statistic,
    X,
    y,
    sample_weight=None,
    *,
    trajectory,
    step=None,
    next_X=None,
    terminal=None,
    n_resamples=200,
    n_jobs=None,
    random_state=None,
    verbose=0,
):
    """Bootstrap anything that a fit can answer, over trajectories.

    Trajectories are drawn with replacement, each as a whole, so that the dependence within them counts. Every
    resample is fitted again; with ``transitions``, started from the fit of the data. Transitions that are given
    count as known; those that a fit estimates (``preprocessing.TransitionEstimator``) are estimated again, so that
    their uncertainty is in the result.

    Parameters
    ----------
    estimator : IQLearnClassifier, or a Pipeline or search that ends in one
        Fitted to the data; not a counterfactual or anchored one, which belongs into the statistic. The steps of a
        pipeline before it stay as they were fitted.
    statistic : str, callable, or mapping of names to these
        A fitted attribute (``"policy_"``, ``"reward_coef_"``), or a function of the fitted estimator that
        returns an array: ``lambda model: model.counterfactual(discount=0.9).policy_``. Without ``transitions`` the
        states differ between resamples, and with them the shapes of attributes: take a function of chosen states,
        ``lambda model: model.predict_proba(states)``.
    X, y, sample_weight : arrays of n_rows rows
        The data of the fit.
    trajectory : array of shape (n_rows,)
        Id of each row's trajectory, as in ``fit``.
    step, next_X, terminal : arrays of n_rows rows
        As in ``fit``.
    n_resamples : int, default=200
        At least 2.
    n_jobs : int, optional
        Processes, as in joblib.
    random_state : int, RandomState or None, default=None
        Seed of what is drawn, or the generator that draws it.
    verbose : int, default=0
        Progress, as in ``joblib.Parallel``.

    Returns
    -------
    resampled : Resampled, or dict of names to these
        With ``estimate``, ``samples``, ``standard_error`` and ``interval(confidence, kind)``.

    Raises
    ------
    ValueError
        If there are fewer than two trajectories, the data are not those of the fit, hardly a resample can be
        fitted, or the statistic changes its shape. Errors of the statistic itself are passed on.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If resamples could not be fitted, or did not converge; they are left out.
    IdentificationWarning
        If a statistic is NaN in some resamples, as coefficients are of which a resample leaves more directions
        open than the data; so are its standard error and interval.

    References
    ----------
    Efron and Tibshirani (1993). An introduction to the bootstrap. Chapman and Hall, chapter 13.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier, inference
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> bus = make_bus_engine(n_trajectories=100, random_state=0)
    >>> model = IQLearnClassifier(bus.transitions, discount=bus.discount, alpha=100).fit(bus.data, bus.target)
    >>> policy = inference.bootstrap(
    ...     model, "policy_", bus.data, bus.target, trajectory=bus.trajectory, n_resamples=20, random_state=0
    ... )
    >>> low, high = policy.interval()
    >>> bool(low[10, 1] < bus.policy[10, 1] < high[10, 1])
    True
    """
    estimator, seen = find_fit(estimator)
    X, next_X = seen.data(X), seen.next_data(next_X)
    check_count("n_resamples", n_resamples, least=2)
    check_count("verbose", verbose, least=0)
    if n_jobs is not None and (not is_count(n_jobs, least=-np.inf) or n_jobs == 0):
        raise ValueError(f"n_jobs must be None or an integer other than 0, got {plain(n_jobs)}.")
    order = order_of_rows(trajectory, step, next_X, terminal)
    same_data(estimator, X, y, sample_weight, order)
    n_rows = len(y)
    weight = check_weight(sample_weight, n_rows)
    ids = number_ids(trajectory, "trajectory", n_rows)
    members = np.unique(ids[weight > 0])
    n_trajectories = len(members)
    if n_trajectories < 2:
        raise ValueError(f"trajectory must tell at least 2 trajectories to resample, got {n_trajectories}.")
    statistics = statistic if isinstance(statistic, Mapping) else {"": statistic}
    estimates = {name: value(estimator, what) for name, what in statistics.items()}
    n_open = {name: _n_open(estimator, what) for name, what in statistics.items()}
    place = np.searchsorted(members, ids).clip(max=n_trajectories - 1)  # rows without weight may be anywhere
    shares = np.full(n_trajectories, 1 / n_trajectories)
    rng = check_seed(random_state)
    draws = (rng.multinomial(n_trajectories, shares) for _ in range(n_resamples))
    with quiet():
        found = Parallel(n_jobs=n_jobs, verbose=verbose)(
            delayed(_refit)(estimator, X, y, weight * times[place], order, statistics, n_open, os.getpid())
            for times in draws
        )
    return resampled(found, estimates, n_trajectories, statistic)


def resampled(found, estimates, n_trajectories, statistic):
    """What a bootstrap returns.

    Parameters
    ----------
    found : list of dicts of statistics, None for a resample whose fit did not converge
    estimates : dict
        The statistics of the data.
    n_trajectories : int
    statistic : as for ``bootstrap``
    """
    n_resamples, converged = len(found), [values for values in found if values is not None]
    if len(converged) < max(2, n_resamples / 2):
        raise ValueError(
            f"n_resamples: only {len(converged)} of {n_resamples} fits of resamples converged; there are too few "
            f"trajectories ({n_trajectories}), or the penalty is too weak."
        )
    if len(converged) < n_resamples:
        warnings.warn(
            f"{n_resamples - len(converged)} of {n_resamples} fits of resamples did not converge: left out.",
            ConvergenceWarning,
            stacklevel=3,
        )
    result = {
        name: Resampled(estimate, _stack([values[name] for values in converged], estimate), n_trajectories)
        for name, estimate in estimates.items()
    }
    for name, values in result.items():
        lost = np.isnan(values.samples[:, ~np.isnan(estimates[name])]).any(axis=1).sum()
        if lost:
            warnings.warn(
                f"statistic {name or statistic!r} has NaN in {lost} of {len(converged)} resamples, which do not "
                "identify it, and so in its standard error and interval.",
                IdentificationWarning,
                stacklevel=3,
            )
    return result if isinstance(statistic, Mapping) else result[""]


def _stack(values, estimate):
    """The values of one statistic in all resamples."""
    shapes = {value.shape for value in values} | {estimate.shape}
    if len(shapes) > 1:
        raise ValueError(
            f"statistic must have one shape in every resample, got {sorted(shapes)}. Without transitions the "
            "states differ: use a function of chosen states."
        )
    return np.stack(values)


def value(model, what):
    if isinstance(what, str):
        value = getattr(model, what, None)
        if value is None:
            raise ValueError(f"statistic must be an attribute of the fitted estimator, got {plain(what)}.")
    elif callable(what):
        value = what(model)
        if value is None:
            raise ValueError("statistic must return a number or an array, got None: is its return missing?")
    else:
        raise ValueError(
            f"statistic must be a fitted attribute, a function, or a mapping to these, got {plain(what)}."
        )
    return np.asarray(value, dtype=np.float64)


def _n_open(model, what):
    """Directions of the coefficients that a statistic is which the data leave open."""
    of_reward = what == "reward_coef_" or (what == "coef_" and model._unidentified is not None)
    return len(model.unidentified_) if of_reward else 0


def _refit(estimator, X, y, weight, order, statistics, n_open, parent):
    """The statistics of a fit to one resample, None where there is none or it did not converge."""
    model = copy.copy(estimator).set_params(warm_start=True, verbose=0)
    with quiet(parent):
        try:
            model.fit(X, y, sample_weight=weight, **order)
        except (ArithmeticError, ValueError):  # the resample lacks what the fit needs
            return None
        if not model.converged_:
            return None
        return {
            name: value(model, what) * (1.0 if _n_open(model, what) <= n_open[name] else np.nan)
            for name, what in statistics.items()
        }
