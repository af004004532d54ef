"""The coefficients of a fitted reward, by the ways of ``_coefficients``."""

import warnings
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Bunch

from sklearn_iqlearn._coefficients.form import explained, misfit
from sklearn_iqlearn._coefficients.identification import OPEN, sizes_of
from sklearn_iqlearn._coefficients.projection import project, reward_features
from sklearn_iqlearn._coefficients.pseudo_likelihood import pseudo_likelihood
from sklearn_iqlearn._estimator.fitted import as_fitted
from sklearn_iqlearn._estimator.parameters import choose
from sklearn_iqlearn._estimator.reading import check_base_reward
from sklearn_iqlearn._estimator.telling import tell
from sklearn_iqlearn._estimator.worlds import Worlds, fitted_transitions
from sklearn_iqlearn._model.soft_bellman import log_policy, soft_value
from sklearn_iqlearn._model.tables import check_features
from sklearn_iqlearn._numerics.checks import check_bool
from sklearn_iqlearn._numerics.threads import few_threads
from sklearn_iqlearn._objective.divergences import DIVERGENCES
from sklearn_iqlearn._objective.objective import Objective
from sklearn_iqlearn._q_functions.structural import Structural, loss_of
from sklearn_iqlearn._solvers.newton import newton
from sklearn_iqlearn.exceptions import IdentificationWarning


class FittedReward(Worlds):
    """A fit, and the coefficients of its reward."""

    @property
    def reward_coef_(self):
        """Coefficients of the reward in the features."""
        if self._unidentified is not None:
            return self.coef_
        found = self._projection("reward_coef_")
        tell([OPEN] * bool(len(found.unidentified)), IdentificationWarning, stacklevel=2)
        return found.coef

    @property
    def unidentified_(self):
        """Directions of these coefficients that the decisions leave open."""
        if self._unidentified is not None:
            return self._unidentified
        return self._projection("unidentified_").unidentified

    def _projection(self, name):
        if not hasattr(self, "q_table_") or as_fitted(self).features is None:
            raise AttributeError(f"{name} needs a fit with features.")
        try:
            return project_reward(self, stacklevel=4)
        except ValueError as error:
            raise AttributeError(f"{name}: {error}") from error


def project_reward(estimator, features=None, *, method="pseudo-likelihood", shaping=True, stacklevel=3):
    """What ``rewards.project`` finds."""
    check_bool("shaping", shaping)
    estimator = as_fitted(estimator)
    kernel = fitted_transitions(estimator)
    features = estimator.features if features is None else features
    if features is None:
        raise ValueError("features must be given, here or to the estimator, got None.")
    features = check_features(features, (kernel.n_states, kernel.n_actions), kernel.exists)
    features = reward_features(features, kernel.n_actions)
    known = check_base_reward(estimator.base_reward, kernel, estimator.classes_)
    by = choose("method", method, METHODS) if shaping else by_least_squares
    with few_threads(kernel.n_states):
        return by(estimator, features, known, kernel, shaping=shaping, stacklevel=stacklevel + 1)


def by_least_squares(estimator, features, known, kernel, *, shaping, stacklevel):
    """The fit of ``reward_`` over the visited pairs."""
    weights = np.where(np.isfinite(estimator.reward_), estimator.counts_, 0.0)
    found = project(estimator.reward_ - known, features, weights, kernel, estimator.discount, shaping=shaping)
    return Bunch(**vars(found))


def by_pseudo_likelihood(estimator, features, known, kernel, *, shaping, stacklevel):
    """The likelihood of the decisions, from the fitted policy."""
    counts = decisions(estimator)
    logs = log_policy(estimator.q_table_, estimator.temperature)
    settings = float(estimator.discount), float(estimator.temperature)
    found = pseudo_likelihood(features, counts, logs, kernel, *settings, base_reward=known)
    if not found.settled and np.isfinite(kernel.only(logs)).all():
        found = maximise_likelihood(found, features, known, counts, kernel, *settings)
    if not found.settled:
        warnings.warn(
            "The rounds of pseudo-likelihood did not settle: the coefficients are those of the last one. Leave "
            "features out, or fit q_type='structural'.",
            ConvergenceWarning,
            stacklevel=stacklevel,
        )
    n_told = features.shape[2] - len(found.unidentified)
    return Bunch(
        coef=found.coef,
        potential=estimator.value_ - found.value,
        explained=explained(counts, logs, found.log_policy),
        misfit=misfit(counts, found.log_policy, n_told),
        unidentified=found.unidentified,
    )


METHODS = MappingProxyType({"pseudo-likelihood": by_pseudo_likelihood, "least-squares": by_least_squares})


def decisions(estimator):
    """Weighted decisions, (S, A). In a world that nobody lived in its policy decides, in the states visited."""
    if estimator._n_fitted is None:
        return estimator.counts_
    return estimator.counts_.sum(axis=1, keepdims=True) * estimator.policy_


def maximise_likelihood(found, features, known, counts, kernel, discount, temperature):
    """What the rounds would settle to, by Newton's method on the likelihood itself."""
    shares, sizes = counts / counts.sum(), sizes_of(features)
    objective = Objective(
        transitions=kernel,
        occupancy=shares,
        penalty_weight=np.zeros_like(shares),
        value_weight=shares.sum(axis=1) - discount * kernel.flow(shares),
        discount=discount,
        temperature=temperature,
        divergence=DIVERGENCES["chi2"],
        alpha=1.0,
        n=float(counts.sum()),
        base_reward=known,
    )
    problem = Structural(objective, features / sizes, sizes)
    start = min(found.coef * sizes, problem.start(), key=lambda trial: loss_of(problem.at(trial)))
    solution = newton(problem, start, tol=1e-8, max_iter=200)
    parameters, unidentified, _ = problem.identified(solution.parameters)
    table = problem.table(parameters)
    return replace(
        found,
        coef=parameters / sizes,
        unidentified=unidentified,
        log_policy=log_policy(table, temperature),
        value=soft_value(table, temperature),
        settled=solution.converged,
    )
