"""Kinds of decision makers: what they are told, and ``fit``."""

import os
import warnings

import numpy as np
import sklearn
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import has_fit_parameter

from sklearn_iqlearn._estimator.parameters import check_number, check_seed
from sklearn_iqlearn._estimator.telling import quiet, tell
from sklearn_iqlearn._numerics.checks import check_count, plain
from sklearn_iqlearn.exceptions import DataWarning, IdentificationWarning
from sklearn_iqlearn.latent._decisions import Decisions, cool, counts_suffice, fit_weighted, weight_name
from sklearn_iqlearn.latent._doubts import doubt_gaps, doubt_lengths, doubt_types
from sklearn_iqlearn.latent._em import Solution, begin, climb, resume
from sklearn_iqlearn.latent._mixture import Mixture
from sklearn_iqlearn.latent._predictions import FittedTypes
from sklearn_iqlearn.latent._switching import Switching, SwitchingByState

CHAINS: dict[bool | str, type[Mixture] | type[Switching]] = {
    False: Mixture,
    True: Switching,
    "state": SwitchingByState,
}
# Digits to which shares are equal, for the order of the types.
DIGITS = 6
OF_THE_DATA = ("classes_", "n_features_in_", "feature_names_in_")


class LatentTypes(FittedTypes):
    """Kinds of decision makers: each type has a fit of its own, and who has which type is found too.

    A mixture over trajectories (Heckman and Singer 1984, Arcidiacono and Miller 2011), fitted by maximum
    likelihood: EM, whose M-step is a fit of each type's estimator with the probabilities of the type as weights,
    accelerated. Any classifier will do that has ``predict_log_proba`` and takes ``sample_weight``:
    ``IQLearnClassifier`` in every form, a pipeline that ends in one, or ``LogisticRegression``, which makes it a
    latent-class logit.

    Parameters
    ----------
    estimator : classifier
        Of one type; it is cloned. Where it is penalised the fit is that of each type with its own penalty, and the
        log-likelihood is not quite at its maximum.
    n_types : int, default=2
        1 is the estimator itself.
    switching : {False, True, "state"}, default=False
        False: a trajectory has one type. True: the type changes along the trajectory, as a hidden Markov chain.
        "state": with transition probabilities for each state of an ``IQLearnClassifier`` with ``transitions``:
        those by which the row of that state is left (Ke et al. 2025).
    n_init : int, default=10
        Random starts. The likelihood has local maxima; ``log_likelihoods_`` shows whether the best was found
        twice.
    max_iter : int, default=500
        Most iterations of each start: an E-step and an M-step.
    tol : float > 0, default=1e-8
        An iteration that moves the log-probabilities of the decisions by less, in root mean square, is the last.
        Fits that stop earlier themselves, by a ``tol`` of their own, are no more precise than that.
    random_state : int, RandomState or None, default=None
        Seed of the starts.
    n_jobs : int, optional
        Processes for the starts, as in joblib.
    verbose : int, default=0
        Print a line every so many iterations; 0 prints nothing.

    Attributes
    ----------
    estimators_ : list of classifiers
        Of the types, by falling ``weights_``; types of equal weight (to 1e-6) by rising log-probability of the
        first decision of which they differ.
    weights_ : ndarray of shape (n_types,)
        Share of the trajectories that are of each type; with ``switching`` its share of the decisions.
    initial_ : ndarray of shape (n_types,)
        Shares of the types in the first rows; only with ``switching``.
    transition_ : ndarray of shape (n_types, n_types), or (S, n_types, n_types) with "state"
        Probability of the next row's type (column) by that of a row; only with ``switching``. Of states that no
        row leaves those of all states together.
    responsibilities_ : DataFrame of shape (n_trajectories, n_types), or (n_rows, n_types) with ``switching``
        Probability of each type of a trajectory, by its id, or of a row.
    log_likelihood_ : float
        Of the decisions, over the types.
    log_likelihoods_ : ndarray of shape (n_init,)
        Where each start ended.
    log_likelihood_curve_ : list of float
        Along the iterations of the best start. It never falls where the estimator's fits are maxima of an
        unpenalised likelihood.
    converged_ : bool
        Whether the best start reached ``tol``.
    n_iter_ : int
        Its iterations.
    classes_ : ndarray of shape (A,)
        The actions.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where X was a data frame.

    See Also
    --------
    sklearn_iqlearn.latent.select_types : How many types there are.
    sklearn_iqlearn.latent.covariance : Standard errors.

    Notes
    -----
    Where the estimator is an ``IQLearnClassifier`` with ``transitions``, an iteration costs the pairs of state and
    action that each trajectory visits, and a fit to the distinct pairs for each type, which starts from its last.

    A weight of 2 is a row repeated in its trajectory, a weight of 0 a row left out.

    References
    ----------
    Heckman and Singer (1984). A method for minimizing the impact of distributional assumptions in
    econometric models for duration data. Econometrica 52(2), 271-320.

    Arcidiacono and Miller (2011). Conditional choice probability estimation of dynamic discrete choice
    models with unobserved heterogeneity. Econometrica 79(6), 1823-1867.

    Ke, Wu, Wang, Markowitz and Wu (2025). Inverse reinforcement learning with switching rewards and history
    dependency for characterizing animal behaviors. ICML.

    Examples
    --------
    Buses of two depots, of which one cares for its engines more:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_iqlearn import IQLearnClassifier, LatentTypes
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> worlds = [
    ...     make_bus_engine(100, 100, operating_cost=cost, replacement_cost=price, random_state=0)
    ...     for cost, price in [(0.01, 3.0), (0.03, 6.0)]
    ... ]
    >>> rows = pd.concat([world.frame for world in worlds], keys=["a", "b"]).reset_index(level=0, names="depot")
    >>> bus = rows["depot"] + rows["trajectory"].astype(str)
    >>> one = IQLearnClassifier(
    ...     worlds[0].transitions, discount=0.9999, q_type="structural", features=worlds[0].features
    ... )
    >>> model = LatentTypes(one, n_init=2, random_state=0)
    >>> model.fit(rows[["state"]], rows["action"], trajectory=bus, step=rows["step"]).converged_
    True
    >>> np.sort([type_.coef_[1] for type_ in model.estimators_]).round(1)
    array([3., 6.])
    """

    def __init__(
        self,
        estimator,
        n_types=2,
        *,
        switching=False,
        n_init=10,
        max_iter=500,
        tol=1e-8,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.n_types = n_types
        self.switching = switching
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.classifier_tags = inner.classifier_tags
        return tags

    def get_metadata_routing(self):
        """What the parts ask for, as scikit-learn's metadata routing wants it.

        Returns
        -------
        routing : MetadataRouter
            Who asks for which metadata.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def fit(self, X, y, sample_weight=None, *, trajectory, step=None, **fit_params):
        """Find the types.

        Parameters
        ----------
        X : array, sparse array or data frame of shape (n_rows, n_features)
            States, as the estimator wants them.
        y : array of shape (n_rows,)
            Actions.
        sample_weight : array of shape (n_rows,), optional
            Non-negative weights of the rows.
        trajectory : array of shape (n_rows,)
            Id of each row's decision maker. An estimator whose ``fit`` takes a trajectory gets it too.
        step : array of shape (n_rows,), optional
            Integer time of each row within its trajectory. With ``switching`` the chain of types goes by it;
            without it the rows of a trajectory must be contiguous and in order.
        **fit_params
            For the estimator's ``fit``; with metadata routing what it has requested.

        Returns
        -------
        self : LatentTypes
            The fitted estimator.

        Raises
        ------
        TypeError
            If the estimator has no ``predict_log_proba``, or does not take weights.
        ValueError
            If a parameter is out of its range, or there are fewer trajectories (with ``switching`` rows) than
            types.

        Warns
        -----
        DataWarning
            What the estimator tells of the data; if all trajectories have one row, or the chain passes over times.
        IdentificationWarning
            If a type is empty or two act alike, and what the estimators tell.
        sklearn.exceptions.ConvergenceWarning
            If the best start, or the fit of a type, did not converge.
        """
        return self._find(X, y, sample_weight, trajectory, step, fit_params)

    def _find(self, X, y, sample_weight, trajectory, step, fit_params, start=None):
        """Fit, from the types of another fit if ``start`` is one, in their order."""
        self._check_parameters()
        options = self._options(trajectory, step, fit_params)
        several = (ConvergenceWarning, IdentificationWarning) if self.n_types > 1 else ()
        with quiet(kinds=several):  # one fit for all: the data are looked at, and the types start from it
            pooled = fit_weighted(clone(self.estimator), X, y, sample_weight, options)
        rows = Decisions.of_rows(X, y, pooled.classes_, sample_weight, trajectory, options)
        paired = counts_suffice(self.estimator, options)
        chain = CHAINS[self.switching](rows.paired(pooled) if paired else rows, self.n_types, step)
        self._check_size(chain)
        tell(doubt_lengths(chain) + doubt_gaps(chain), DataWarning, stacklevel=3)
        if self.n_types == 1:
            only = resume(chain, [pooled], chain.start())
            solutions = [Solution(only, True, [only.found.total])]
        else:
            solutions = self._climb(chain, pooled, start)
        best = max(solutions, key=lambda solution: solution.model.found.total)
        model = best.model if self.n_types == 1 else self._finished(chain, best.model, rows, sort=start is None)
        for name in [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]:
            delattr(self, name)  # an earlier fit may have had others
        known = {name: getattr(pooled, name) for name in OF_THE_DATA if hasattr(pooled, name)}
        for name, value in (known | chain.attributes(model.logs, model.found)).items():
            setattr(self, name, value)
        self.estimators_, self._logs = model.estimators, model.logs
        self._chain, self._paired = type(chain), paired
        self.responsibilities_ = chain.frame(model.found.responsibilities, X)
        self.log_likelihood_ = model.found.total
        self.log_likelihoods_ = np.array([solution.model.found.total for solution in solutions])
        self.log_likelihood_curve_ = best.curve
        self.converged_, self.n_iter_ = best.converged, best.n_iter
        tell(doubt_types(model.log_chosen, model.found, self.weights_), IdentificationWarning, stacklevel=3)
        if not self.converged_:
            warnings.warn(
                f"LatentTypes did not converge in {self.n_iter_} iterations: raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _check_parameters(self):
        for name in ("n_types", "n_init", "max_iter"):
            check_count(name, getattr(self, name))
        check_number("tol", self.tol)
        check_count("verbose", self.verbose, least=0)
        weight_name(self.estimator)
        if not isinstance(self.switching, bool | str) or self.switching not in CHAINS:
            raise ValueError(f"switching must be one of {list(CHAINS)}, got {plain(self.switching)}.")

    def _check_size(self, chain):
        if chain.n_units < self.n_types:
            what = "rows" if isinstance(chain, Switching) else "trajectories"
            raise ValueError(
                f"n_types must be at most the number of {what}, {chain.n_units}, got {plain(self.n_types)} "
                f"(n_samples={len(chain.decisions.weight)})."
            )

    def _options(self, trajectory, step, fit_params):
        """What the estimator is told beside X, y and weights."""
        order = {name: ids for name, ids in {"trajectory": trajectory, "step": step}.items() if ids is not None}
        if sklearn.get_config()["enable_metadata_routing"]:
            return dict(process_routing(self, "fit", **order, **fit_params).estimator.fit)
        return {name: ids for name, ids in order.items() if has_fit_parameter(self.estimator, name)} | fit_params

    def _climb(self, chain, pooled, start):
        """Where each start ends."""
        limits = {"max_iter": self.max_iter, "tol": self.tol, "verbose": self.verbose}
        if start is not None:
            with quiet():
                return [climb(chain, resume(chain, start.estimators_, start._logs), **limits)]
        rng = check_seed(self.random_state)
        seeds = rng.randint(np.iinfo(np.int32).max, size=self.n_init)
        with quiet():
            return Parallel(n_jobs=self.n_jobs)(
                delayed(_start)(chain, pooled, seed, limits, os.getpid()) for seed in seeds
            )

    def _finished(self, chain, model, rows, *, sort):
        """The types in their order, fitted to the rows themselves, with the parameters that they were given."""
        order = list(range(self.n_types))
        if sort:
            order = _order(chain.attributes(model.logs, model.found)["weights_"], model.log_chosen)
        estimators, logs = [model.estimators[k] for k in order], chain.ordered(model.logs, order)
        shares = chain.of_rows(model.found.responsibilities[:, order]) * rows.weight[:, None]
        with quiet(kinds=(DataWarning,)):
            estimators = rows.refit(estimators, shares)
        for estimator in estimators:
            cool(estimator, self.estimator)
        return resume(chain, estimators, logs)


def _start(chain, pooled, seed, limits, process):
    with quiet(process):
        return climb(chain, begin(chain, pooled, np.random.RandomState(seed)), **limits)


def _order(weights, log_chosen):
    """By falling weight, and where weights are equal by what the types say of the decisions."""

    def key(k):
        return -round(float(weights[k]), DIGITS), np.round(log_chosen[:, k], DIGITS).tolist()

    return sorted(range(len(weights)), key=key)
