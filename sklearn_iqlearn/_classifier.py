"""The estimator: validate, assemble, solve, expose."""

import copy
import warnings
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_X_y, validate_data

from sklearn_iqlearn._demonstrations import check_integers, check_weight, start_rows, summarise
from sklearn_iqlearn._divergences import DIVERGENCES
from sklearn_iqlearn._newton import newton
from sklearn_iqlearn._objective import Objective
from sklearn_iqlearn._parameters import check_distribution, check_numbers, choose
from sklearn_iqlearn._soft_bellman import log_policy, soft_value, solve_soft_bellman
from sklearn_iqlearn._transitions import check_transitions

# Stages on the way to a divergence (TV's barrier) are solved only as far as helps the next one.
STAGE_TOL = 1e-3


def _expert(occupancy, initial_distribution, transitions, discount):
    return occupancy.sum(axis=1) - discount * transitions.flow(occupancy)


def _initial(occupancy, initial_distribution, transitions, discount):
    return (1 - discount) * initial_distribution


def _lbfgs(problem, start, **options):
    from sklearn_iqlearn._first_order import lbfgs  # JAX is loaded only where it is used

    return lbfgs(problem, start, **options)


VALUE_TERMS = MappingProxyType({"expert": _expert, "initial": _initial})
SOLVERS = MappingProxyType({"auto": (newton, 200), "newton": (newton, 200), "lbfgs": (_lbfgs, 20_000)})
Q_TYPES = MappingProxyType({"auto": "tabular", "tabular": "tabular"})


class IQLearnClassifier(ClassifierMixin, BaseEstimator):
    """Inverse soft-Q learning: the policy, value and reward behind logged decisions.

    Finds the soft action values Q whose softmax policy makes the observed actions likely, while the
    reward that this Q implies, ``r = Q - discount * E[V(next state)]``, stays small: maximum likelihood
    of the actions plus a penalty on the reward (IQ-Learn, [1]_). No environment is run and no dynamic
    programme is solved in an inner loop.

    Parameters
    ----------
    transitions : array of shape (A, S, S), sequence of A matrices (S, S), or mapping
        Probabilities of the next state, ``transitions[a][s, s']``: dense, SciPy sparse, or a mapping from
        action label to matrix. A row may sum to less than 1: with the rest of the probability the episode
        ends, with value 0. Never written to, and shared by clones.
    discount : float in [0, 1), default=0.95
        Weight of the next state's value.
    temperature : float > 0, default=1.0
        Scale of the choice shocks. It sets the unit of Q and of the reward: the policy depends on
        ``alpha / temperature`` alone.
    q_type : {"auto", "tabular"}, default="auto"
        Form of Q. "tabular" is a free value for each state and action.
    divergence : {"chi2", "tv", "simple", "hellinger", "kl", "js"}, default="chi2"
        Shape of the reward penalty. "tv", also spelled "simple", bounds the reward by ``alpha``;
        "hellinger" bounds it below by ``-alpha`` and "js" by ``-alpha * log(2)``.
    alpha : float > 0 or inf, default=1.0
        Scale of the rewards that the penalty allows; larger is weaker regularisation, ``inf`` is none.
        The default gave nearly the best held-out likelihood on Rust's bus data.
    smoothing : float >= 0, default=1.0
        Pseudo-visits added to every state-action pair in the penalty. With 0, a Q for an action never
        taken in a visited state has no minimum: it runs to minus infinity.
    value_term : {"expert", "initial"}, default="expert"
        "expert" is the likelihood of the observed actions; "initial" is equation 9 of [1]_, the value of
        the initial states against the reward of the visited pairs.
    initial_distribution : array of shape (S,), optional
        Distribution of the first state, used by ``value_term="initial"``. By default the states of the
        rows that start a ``trajectory``, or of all rows where no trajectory is given.
    solver : {"auto", "newton", "lbfgs"}, default="auto"
        "auto" is "newton", which reaches the optimum to rounding. "lbfgs" minimises the same objective
        with JAX's gradient: an independent check, slow where ``discount`` is near 1.
    max_iter : int, optional
        Most iterations in all; by default 200 for Newton's method and 20000 for L-BFGS.
    tol : float > 0, default=1e-8
        Largest absolute component of the gradient at which the fit counts as converged.
    verbose : int, default=0
        Print a line every so many iterations; 0 prints nothing.

    Attributes
    ----------
    classes_ : ndarray of shape (A,)
        All actions, sorted, also those that the data lack.
    q_table_ : ndarray of shape (S, A)
        Soft action values.
    value_ : ndarray of shape (S,)
        Soft values, ``temperature * logsumexp(q_table_ / temperature)``.
    policy_ : ndarray of shape (S, A)
        Probability of each action.
    reward_ : ndarray of shape (S, A)
        The reward that makes the policy optimal: ``q_table_ - discount * E[value_]``. It is one of many
        rewards with this policy, the one that the penalty prefers.
    counts_ : ndarray of shape (S, A)
        Weighted visits in the training data.
    objective_ : float
        The objective at the solution; the penalty of "tv" is its barrier's.
    gradient_norm_ : float
        Largest absolute component of its gradient there.
    converged_ : bool
        Whether ``gradient_norm_`` is at most ``tol``.
    n_iter_ : int
        Iterations in all.
    loss_curve_ : list of float
        The objective along the iterations; "tv" goes through a series of barriers.
    state_coverage_, state_action_coverage_ : float
        Shares of the states, and of the state-action pairs, with a visit.
    n_features_in_ : int
        1, the column of state ids.
    feature_names_in_ : ndarray of shape (1,)
        Its name, where X was a data frame.

    Raises
    ------
    ValueError
        In ``fit``, for parameters or data out of their range, and for ``alpha=inf`` with
        ``value_term="initial"``, which has no minimum.

    Notes
    -----
    The objective, its gradient and the structure of its Hessian are written out in the module
    ``sklearn_iqlearn._objective``. The cost of an iteration depends on the states, the actions and the
    nonzeros of the transitions, never on the number of rows.

    References
    ----------
    .. [1] Garg, Chakraborty, Cundy, Song and Ermon (2021). IQ-Learn: Inverse soft-Q learning for
       imitation. NeurIPS 34.

    Examples
    --------
    Two states; action 0 stays, action 1 goes to the other state.

    >>> import numpy as np
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> transitions = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    >>> X = [[0], [0], [0], [1], [1], [1]]
    >>> y = [1, 1, 0, 0, 0, 0]
    >>> model = IQLearnClassifier(transitions, discount=0.9).fit(X, y)
    >>> model.predict([[0], [1]])
    array([1, 0])
    >>> model.converged_
    True
    """

    def __init__(
        self,
        transitions=None,
        *,
        discount=0.95,
        temperature=1.0,
        q_type="auto",
        divergence="chi2",
        alpha=1.0,
        smoothing=1.0,
        value_term="expert",
        initial_distribution=None,
        solver="auto",
        max_iter=None,
        tol=1e-8,
        verbose=0,
    ):
        self.transitions = transitions
        self.discount = discount
        self.temperature = temperature
        self.q_type = q_type
        self.divergence = divergence
        self.alpha = alpha
        self.smoothing = smoothing
        self.value_term = value_term
        self.initial_distribution = initial_distribution
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose

    def __sklearn_clone__(self):
        """Clone, sharing ``transitions``: they are never written to and may be large."""
        light = copy.copy(self)
        light.transitions = None
        clone = super(IQLearnClassifier, light).__sklearn_clone__()
        clone.transitions = self.transitions
        return clone

    def fit(self, X, y, sample_weight=None, *, trajectory=None, step=None):
        """Learn Q from decisions.

        Parameters
        ----------
        X : array or data frame of shape (n_rows, 1)
            State ids, 0 to S - 1.
        y : array of shape (n_rows,)
            Actions: 0 to A - 1, or the labels of ``transitions``.
        sample_weight : array of shape (n_rows,), optional
            Non-negative weights; a weight of 2 is the same as a row repeated.
        trajectory : array of shape (n_rows,), optional
            Id of each row's trajectory; tells which rows start one.
        step : array of shape (n_rows,), optional
            Integer time of each row within its trajectory. Without it the rows of a trajectory must be
            contiguous and in order.

        Returns
        -------
        self : IQLearnClassifier
        """
        check_numbers(self)
        if self.transitions is None:
            raise ValueError("transitions must be given: an (A, S, S) array, A matrices or a mapping; got None.")
        transitions, labels = check_transitions(self.transitions)
        states, y = check_X_y(X, y, estimator=self)
        check_classification_targets(y)
        demonstrations = summarise(
            _check_states(states, transitions.n_states),
            _check_actions(y, labels),
            check_weight(sample_weight, len(y)),
            start_rows(trajectory, step, len(y)),
            (transitions.n_states, transitions.n_actions),
        )
        objective, solution = self._solve(self._objective(demonstrations, transitions))
        validate_data(
            self, X, skip_check_array=True
        )  # records names and number of features, now that all went well
        self.classes_ = labels
        self._expose(objective, solution, demonstrations)
        return self

    def _objective(self, demonstrations, transitions):
        choose("q_type", self.q_type, Q_TYPES)
        value_term = choose("value_term", self.value_term, VALUE_TERMS)
        divergence = choose("divergence", self.divergence, DIVERGENCES)
        initial = demonstrations.initial_distribution
        if self.initial_distribution is not None:
            initial = check_distribution(self.initial_distribution, "initial_distribution", transitions.n_states)
        counts = demonstrations.counts
        occupancy = counts / counts.sum()
        penalty_weight = (counts + self.smoothing) / counts.sum()
        alpha = float(self.alpha)
        if np.isinf(alpha):
            if self.value_term == "initial":
                raise ValueError(
                    "alpha must be finite with value_term='initial', whose objective has no minimum "
                    "without the reward penalty, got inf."
                )
            # No reward is penalised, nor forbidden.
            divergence, alpha, penalty_weight = DIVERGENCES["chi2"], 1.0, np.zeros_like(counts)
        return Objective(
            transitions=transitions,
            occupancy=occupancy,
            penalty_weight=penalty_weight,
            value_weight=value_term(occupancy, initial, transitions, self.discount),
            discount=float(self.discount),
            temperature=float(self.temperature),
            divergence=divergence,
            alpha=alpha,
        )

    def _solve(self, objective):
        """Follow the divergence's path from the Q of a zero reward, which is inside every domain."""
        solver, max_iter = choose("solver", self.solver, SOLVERS)
        max_iter = max_iter if self.max_iter is None else int(self.max_iter)
        path = objective.divergence.path()
        zero = np.zeros_like(objective.occupancy)
        q = solve_soft_bellman(zero, objective.transitions, objective.discount, objective.temperature)
        curve: list[float] = []
        for divergence in path:
            last = divergence is path[-1]
            level = q.mean()
            objective = replace(objective, divergence=divergence, level=level)
            result = solver(
                objective,
                q - level,
                tol=self.tol if last else max(STAGE_TOL, self.tol),
                max_iter=max_iter - len(curve),
                report=self._report,
            )
            q = result.parameters + level
            curve += result.loss_curve[1 - last :]
        return objective, replace(result, n_iter=len(curve) - 1, loss_curve=curve)

    def _report(self, n_iter, loss, gradient_norm):
        if self.verbose and n_iter % self.verbose == 0:
            print(f"iteration {n_iter:5d}  objective {loss:.12g}  gradient {gradient_norm:.2e}")

    def _expose(self, objective, solution, demonstrations):
        q = solution.parameters
        value = soft_value(q, self.temperature)
        self.q_table_ = q + objective.level
        self.value_ = value + objective.level
        self.policy_ = np.exp(log_policy(q, self.temperature))
        self.reward_ = objective.reward(q, value)
        self.counts_ = demonstrations.counts
        self.state_action_coverage_ = float((self.counts_ > 0).mean())
        self.state_coverage_ = float((self.counts_ > 0).any(axis=1).mean())
        self.objective_ = solution.loss
        self.gradient_norm_ = solution.gradient_norm
        self.converged_ = solution.converged
        self.n_iter_ = solution.n_iter
        self.loss_curve_ = solution.loss_curve
        if not self.converged_:
            warnings.warn(
                f"IQLearnClassifier did not converge: {solution.message} after {self.n_iter_} iterations, "
                f"with a gradient norm of {self.gradient_norm_:.1e} where tol is {self.tol:.1e}. Raise max_iter, "
                "use solver='newton', or strengthen the penalty (smaller alpha, smoothing > 0).",
                ConvergenceWarning,
                stacklevel=3,
            )

    def q_values(self, X):
        """Soft action values of states.

        Parameters
        ----------
        X : array of shape (n_rows, 1)

        Returns
        -------
        q : ndarray of shape (n_rows, A)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        return self.q_table_[_check_states(X, len(self.q_table_))]

    def decision_function(self, X):
        """Soft action values; for two actions, those of the second less those of the first.

        Parameters
        ----------
        X : array of shape (n_rows, 1)

        Returns
        -------
        scores : ndarray of shape (n_rows, A), or (n_rows,) for two actions
        """
        q = self.q_values(X)
        return q[:, 1] - q[:, 0] if q.shape[1] == 2 else q

    def predict(self, X):
        """The most probable action in each state; ties go to the first of ``classes_``.

        Parameters
        ----------
        X : array of shape (n_rows, 1)

        Returns
        -------
        actions : ndarray of shape (n_rows,)
        """
        best = self.q_values(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X):
        """The policy: probability of each action in each state.

        Parameters
        ----------
        X : array of shape (n_rows, 1)

        Returns
        -------
        probabilities : ndarray of shape (n_rows, A)
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X):
        """Logarithm of the policy, finite however small the probability.

        Parameters
        ----------
        X : array of shape (n_rows, 1)

        Returns
        -------
        log_probabilities : ndarray of shape (n_rows, A)
        """
        return log_policy(self.q_values(X), self.temperature)

    def score(self, X, y, sample_weight=None):
        """Mean log-likelihood per decision: at most 0, higher is better.

        Parameters
        ----------
        X : array of shape (n_rows, 1)
        y : array of shape (n_rows,)
        sample_weight : array of shape (n_rows,), optional

        Returns
        -------
        score : float
        """
        log_likelihood, total = self._log_likelihood(X, y, sample_weight)
        return log_likelihood / total

    def aic(self, X, y, sample_weight=None):
        """Akaike's information criterion on decisions, lower is better.

        The parameters counted are the free probabilities: A - 1 for each state that the training data
        visit.

        Parameters
        ----------
        X : array of shape (n_rows, 1)
        y : array of shape (n_rows,)
        sample_weight : array of shape (n_rows,), optional

        Returns
        -------
        aic : float
        """
        log_likelihood, _ = self._log_likelihood(X, y, sample_weight)
        return 2.0 * self._n_free() - 2 * log_likelihood

    def bic(self, X, y, sample_weight=None):
        """Schwarz's information criterion on decisions, lower is better; parameters as for ``aic``.

        Parameters
        ----------
        X : array of shape (n_rows, 1)
        y : array of shape (n_rows,)
        sample_weight : array of shape (n_rows,), optional

        Returns
        -------
        bic : float
        """
        log_likelihood, total = self._log_likelihood(X, y, sample_weight)
        return np.log(total) * self._n_free() - 2 * log_likelihood

    def _log_likelihood(self, X, y, sample_weight):
        """Weighted log-likelihood and total weight of decisions."""
        log_probabilities = self.predict_log_proba(X)
        actions = _check_actions(column_or_1d(y), self.classes_)
        check_consistent_length(log_probabilities, actions)
        weight = check_weight(sample_weight, len(actions))
        chosen = log_probabilities[np.arange(len(actions)), actions]
        return float(weight @ chosen), float(weight.sum())

    def _n_free(self):
        visited = int((self.counts_ > 0).any(axis=1).sum())
        return visited * (len(self.classes_) - 1)


def _check_states(X, n_states):
    """The one column of X as state ids."""
    if X.shape[1] != 1:
        raise ValueError(f"X must have one column, of state ids, where transitions are given; got {X.shape[1]}.")
    states = check_integers(X[:, 0], "X: state ids")
    if states.min() < 0 or states.max() >= n_states:
        worst = states[(states < 0) | (states >= n_states)][0]
        raise ValueError(f"X: state ids must be 0 to {n_states - 1}, as in transitions, got {worst}.")
    return states


def _check_actions(y, labels):
    """Positions of the actions y among the sorted labels."""
    known = np.isin(y, labels)
    if not known.all():
        raise ValueError(f"y must hold actions of {labels.tolist()}, got {np.asarray(y)[~known][0]!r}.")
    return np.searchsorted(labels, y)
