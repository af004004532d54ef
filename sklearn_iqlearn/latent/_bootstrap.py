"""The bootstrap of types over trajectories."""

import copy
import os
from collections.abc import Mapping

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from sklearn_iqlearn._estimator.parameters import check_seed
from sklearn_iqlearn._estimator.row_functions import take
from sklearn_iqlearn._estimator.telling import quiet
from sklearn_iqlearn._numerics.checks import check_count
from sklearn_iqlearn.inference._bootstrap import resampled, value
from sklearn_iqlearn.latent._predictions import check_types


def bootstrap(
    types,
    statistic,
    X,
    y,
    sample_weight=None,
    *,
    trajectory,
    step=None,
    n_resamples=200,
    n_jobs=None,
    random_state=None,
    verbose=0,
):
    """Bootstrap anything that fitted types can answer, over trajectories.

    Trajectories are drawn with replacement, each drawn one as a trajectory of its own. Every resample is fitted
    from the types of the data, so that types keep their names.

    Parameters
    ----------
    types : LatentTypes
        Fitted to the data, without further fit parameters.
    statistic : str, callable, or mapping of names to these
        A fitted attribute (``"weights_"``, ``"transition_"``), or a function of the fitted types that returns an
        array: ``lambda types: types.estimators_[0].coef_``.
    X, y, sample_weight : arrays of n_rows rows
        The data of the fit.
    trajectory, step : arrays of n_rows rows
        As in the fit.
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
    resampled : inference.Resampled, or dict of names to these
        With ``estimate``, ``samples``, ``standard_error`` and ``interval(confidence, kind)``.

    Raises
    ------
    ValueError
        If hardly a resample can be fitted.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If resamples could not be fitted, or did not converge; they are left out.

    References
    ----------
    Efron and Tibshirani (1993). An introduction to the bootstrap. Chapman and Hall, chapter 13.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier, LatentTypes, latent
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> bus = make_bus_engine(60, 60, discount=0.9, random_state=0)
    >>> one = IQLearnClassifier(bus.transitions, discount=0.9, q_type="structural", features=bus.features)
    >>> types = LatentTypes(one, n_types=1, random_state=0).fit(bus.data, bus.target, trajectory=bus.trajectory)
    >>> costs = latent.bootstrap(
    ...     types,
    ...     lambda types: types.estimators_[0].coef_,
    ...     bus.data,
    ...     bus.target,
    ...     trajectory=bus.trajectory,
    ...     n_resamples=10,
    ...     random_state=0,
    ... )
    >>> costs.samples.shape
    (10, 2)
    """
    check_types(types)
    check_is_fitted(types)
    check_count("n_resamples", n_resamples, least=2)
    rows = types._model(X, y, sample_weight, trajectory, step)[0].decisions
    statistics = statistic if isinstance(statistic, Mapping) else {"": statistic}
    estimates = {name: value(types, what) for name, what in statistics.items()}
    kept = np.flatnonzero(rows.weight > 0)
    members = pd.Series(kept).groupby(rows.number[kept]).indices
    rng, n = check_seed(random_state), len(rows.ids)
    draws = ([kept[members[one]] for one in np.sort(rng.randint(n, size=n))] for _ in range(n_resamples))
    with quiet():
        found = Parallel(n_jobs=n_jobs, verbose=verbose)(
            delayed(_refit)(types, X, y, rows.weight, step, drawn, statistics, os.getpid()) for drawn in draws
        )
    return resampled(found, estimates, n, statistic)


def _refit(types, X, y, weight, step, drawn, statistics, process):
    """The statistics of a fit to the rows of the trajectories drawn, None where there is none."""
    rows, ids = np.concatenate(drawn), np.repeat(np.arange(len(drawn)), [len(one) for one in drawn])
    step = None if step is None else np.asarray(step)[rows]
    model = copy.copy(types).set_params(verbose=0)
    with quiet(process):
        try:
            model._find(take(X, rows), np.asarray(y)[rows], weight[rows], ids, step, {}, start=types)
        except (ArithmeticError, ValueError):  # the resample lacks what the fit needs
            return None
        if not model.converged_:
            return None
        return {name: value(model, what) for name, what in statistics.items()}
