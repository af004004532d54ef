"""The estimator: validate, assemble, solve, expose."""

import copy
import warnings
from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_X_y

from sklearn_iqlearn._estimator.callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from sklearn_iqlearn._estimator.parameters import check_distribution, check_numbers, check_sizes, choose
from sklearn_iqlearn._estimator.policy import PolicyMixin
from sklearn_iqlearn._estimator.reading import names_and_width, read_rows, read_states
from sklearn_iqlearn._estimator.worlds import WorldsMixin
from sklearn_iqlearn._model.demonstrations import check_weight
from sklearn_iqlearn._model.soft_bellman import log_policy, soft_value, warn_ill_conditioned
from sklearn_iqlearn._numerics.threads import few_threads
from sklearn_iqlearn._objective.divergences import DIVERGENCES
from sklearn_iqlearn._objective.objective import VALUE_TERMS, Objective
from sklearn_iqlearn._q_functions import Q_FUNCTIONS
from sklearn_iqlearn._solvers.path import SOLVERS, follow_path, reach_domain


class IQLearnClassifier(WorldsMixin, PolicyMixin, CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Inverse soft-Q learning: the policy, value and reward behind logged decisions.

    Finds the soft action values Q whose softmax policy makes the observed actions likely, while the
    reward that this Q implies, ``r = Q - discount * E[V(next state)]``, stays small: maximum likelihood
    of the actions plus a penalty on the reward (IQ-Learn, [1]_). No environment is run and, but for
    ``q_type="structural"``, no dynamic programme is solved in an inner loop.

    States come in one of two ways. Where ``transitions`` are given, X is a column of state ids. Without
    them a row of X is the feature vector of its state, and ``fit`` is told which state follows which by
    ``trajectory`` or ``next_X``; told neither, it takes every row for an episode of one step.

    Parameters
    ----------
    transitions : array of shape (A, S, S), sequence of A matrices (S, S), or mapping, optional
        Probabilities of the next state, ``transitions[a][s, s']``: dense, SciPy sparse, or a mapping from
        action label to matrix. A row may sum to less than 1: with the rest of the probability the episode
        ends, with value 0. Never written to, and shared by clones.
    discount : float in [0, 1), default=0.95
        Weight of the next state's value.
    temperature : float > 0, default=1.0
        Scale of the choice shocks. It sets the unit of Q and of the reward: the policy depends on
        ``alpha / temperature`` alone.
    q_type : {"auto", "tabular", "linear", "neural", "structural"}, default="auto"
        Form of Q. "tabular": a free value for each state and action; without ``transitions`` the states
        are the distinct rows of X, and a row not among them gets the uniform policy. "linear": linear in
        the features, with coefficients for each action, or shared by the actions where ``features`` has
        three dimensions. "neural": a perceptron with tanh units, one output for each action. "structural":
        the solution of a reward linear in the features; with ``alpha=inf`` this is the maximum likelihood of
        [2]_, by a nested fixed point. "auto": tabular where transitions are given and features are not, else
        linear.
    features : array of shape (S, K) or (S, A, K), optional
        Features of the states of ``transitions``. Without them a network sees one-hot states. The reward is
        told in their terms too (``reward_coef_``), where those of shape (S, K) are paid whatever the action.
    divergence : {"chi2", "tv", "simple", "hellinger", "kl", "js"}, default="chi2"
        Shape of the reward penalty. "tv", also spelled "simple", bounds the reward by ``alpha``;
        "hellinger" bounds it below by ``-alpha`` and "js" by ``-alpha * log(2)``.
    alpha : float > 0 or inf, default=1.0
        Scale of the rewards that the penalty allows; larger is weaker regularisation, ``inf`` is none.
        The default gave nearly the best held-out likelihood on Rust's bus data; with features of many
        steps, larger values (50 on control tasks) do better.
    smoothing : float >= 0, default=1.0
        Pseudo-visits added in the penalty to every state-action pair whose continuation is known. With 0, a
        tabular Q for an action never taken in a visited state has no minimum: it runs to minus infinity.
    value_term : {"expert", "initial"}, default="expert"
        "expert" is the likelihood of the observed actions; "initial" is equation 9 of [1]_, the value of
        the initial states against the reward of the visited pairs.
    initial_distribution : array of shape (S,), optional
        Distribution of the first state of ``transitions``, used by ``value_term="initial"``. By default
        the states of the rows that start a ``trajectory``, or of all rows where no trajectory is given.
    C : float > 0 or inf, default=100.0
        Inverse of the ridge on coefficients and weights, but not intercepts: the objective gains
        ``sum(coef**2) / (2 * C * n)`` for decisions of total weight n, as in ``LogisticRegression``. It
        keeps Q finite where a hyperplane separates the actions. The coefficients of "structural" have none.
    fit_intercept : bool, default=True
        Whether a linear Q has a constant for each action.
    solver : {"auto", "newton", "lbfgs", "adam"}, default="auto"
        "newton" reaches the optimum to rounding; it needs a Hessian, which a network does not give. "lbfgs"
        and "adam" minimise the same objective with JAX's gradient, which "structural" does not give; "adam" needs
        the package optax. "auto" is
        "newton" where it can be, else "adam".
    max_iter : int, optional
        Most iterations (for "adam" epochs) in all; by default 200 for "newton", 20000 for "lbfgs", 2000
        for "adam".
    tol : float > 0, optional
        For "newton" (default 1e-8) and "lbfgs" (1e-6) the largest absolute component of the gradient at
        which the fit counts as converged; for "adam" (1e-5) the least fall of the objective that counts.
    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Units of each hidden layer of a network.
    learning_rate : float > 0, default=1e-3
        First step size of "adam", divided by 5 whenever the objective stops falling.
    batch_size : int or "auto", default="auto"
        State-action pairs in each step of "adam". "auto" is all of them up to 10000, else 1024.
    n_iter_no_change : int, default=10
        Epochs without a fall of ``tol`` after which "adam" shortens its steps, and in the end stops.
    warm_start : bool, default=False
        Whether to start from the last fit, on data with the same states and actions.
    random_state : int, RandomState or None, default=None
        Seed of a network's first weights and of batches; nothing else is random.
    verbose : int, default=0
        Print a line every so many iterations; 0 prints nothing.

    Attributes
    ----------
    classes_ : ndarray of shape (A,)
        All actions, sorted; with ``transitions`` also those that the data lack.
    states_ : ndarray of shape (S, n_features)
        The distinct rows of X, and of ``next_X``, sorted; only without ``transitions``.
    q_table_ : ndarray of shape (S, A)
        Soft action values.
    value_ : ndarray of shape (S,)
        Soft values, ``temperature * logsumexp(q_table_ / temperature)``.
    policy_ : ndarray of shape (S, A)
        Probability of each action.
    reward_ : ndarray of shape (S, A)
        The reward that makes the policy optimal: ``q_table_ - discount * E[value_]``. It is one of many
        rewards with this policy: the one that the penalty prefers, with "structural" the one of its form. NaN
        for pairs whose next state is unknown.
    coef_ : ndarray of shape (A, K) or (K,)
        Coefficients of a linear Q; with "structural" those of the reward.
    reward_coef_ : ndarray of shape (K,)
        Coefficients of the reward in ``features``, where those are given: with "structural" ``coef_``, else what
        ``rewards.project`` finds, computed when asked for (of a counterfactual, in its world). NaN, with a
        warning, where the decisions tell none.
    intercept_ : ndarray of shape (A,)
        Its constants.
    coefs_, intercepts_ : list of ndarray
        Weights and biases of the layers of a network.
    counts_ : ndarray of shape (S, A)
        Weighted visits in the training data.
    initial_distribution_ : ndarray of shape (S,)
        The parameter, or the shares of the states in which trajectories start.
    objective_ : float
        The objective at the solution; the penalty of "tv" is its barrier's.
    gradient_norm_ : float
        Largest absolute component of its gradient there.
    converged_ : bool
        Whether the solver reached ``tol`` before ``max_iter``, inside the divergence's domain.
    n_iter_ : int
        Iterations in all.
    loss_curve_ : list of float
        The objective along the iterations; "tv" goes through a series of barriers.
    state_coverage_, state_action_coverage_ : float
        Shares of the states, and of the state-action pairs, with a visit.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X was a data frame.

    Raises
    ------
    ValueError
        In ``fit``, for parameters or data out of their range; for ``alpha=inf`` with
        ``value_term="initial"``, which has no minimum; for a solver that the form of Q does not allow; and
        where no Q of its form keeps the reward within the bounds of ``divergence``.

    Notes
    -----
    The objective, its gradient and the structure of its Hessian are written out in the module
    ``sklearn_iqlearn._objective.objective``. The cost of an iteration depends on the states, the actions, the
    features and the nonzeros of the transitions, never on the number of rows.

    For two actions ``LogisticRegression`` penalises one coefficient vector, here each action has its own: the
    same fit needs half its ``C``.

    References
    ----------
    .. [1] Garg, Chakraborty, Cundy, Song and Ermon (2021). IQ-Learn: Inverse soft-Q learning for
       imitation. NeurIPS 34.
    .. [2] Rust (1987). Optimal replacement of GMC bus engines: an empirical model of Harold Zurcher.
       Econometrica 55(5), 999-1033.

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

    States as features: a trajectory of three steps and one of two.

    >>> X = [[0.1, 0.0], [0.4, 0.2], [0.9, 0.1], [0.2, 0.1], [0.8, 0.3]]
    >>> y = ["wait", "wait", "stop", "wait", "stop"]
    >>> ids = ["a", "a", "a", "b", "b"]
    >>> model = IQLearnClassifier(discount=0.9).fit(X, y, trajectory=ids)
    >>> model.predict([[0.0, 0.0], [1.0, 0.2]])
    array(['wait', 'stop'], dtype='<U4')
    """

    _doc_link_module = "sklearn_iqlearn"
    _doc_link_template = (
        "https://sklearn-iqlearn.readthedocs.io/en/stable/generated/{estimator_module}.{estimator_name}.html"
    )

    def __init__(
        self,
        transitions=None,
        *,
        discount=0.95,
        temperature=1.0,
        q_type="auto",
        features=None,
        divergence="chi2",
        alpha=1.0,
        smoothing=1.0,
        value_term="expert",
        initial_distribution=None,
        C=100.0,
        fit_intercept=True,
        solver="auto",
        max_iter=None,
        tol=None,
        hidden_layer_sizes=(64, 64),
        learning_rate=1e-3,
        batch_size="auto",
        n_iter_no_change=10,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.transitions = transitions
        self.discount = discount
        self.temperature = temperature
        self.q_type = q_type
        self.features = features
        self.divergence = divergence
        self.alpha = alpha
        self.smoothing = smoothing
        self.value_term = value_term
        self.initial_distribution = initial_distribution
        self.C = C
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_clone__(self):
        """Clone, sharing ``transitions`` and ``features``: they are never written to and may be large."""
        light = copy.copy(self)
        light.transitions = light.features = None
        clone = super(IQLearnClassifier, light).__sklearn_clone__()
        clone.transitions, clone.features = self.transitions, self.features
        return clone

    @with_callbacks
    def fit(self, X, y, sample_weight=None, *, trajectory=None, step=None, next_X=None, terminal=None):
        """Learn Q from decisions.

        Parameters
        ----------
        X : array or data frame of shape (n_rows, n_features)
            State features; or, where ``transitions`` are given, one column of state ids, 0 to S - 1.
        y : array of shape (n_rows,)
            Actions: labels of any kind; with ``transitions`` 0 to A - 1, or their labels.
        sample_weight : array of shape (n_rows,), optional
            Non-negative weights. A weight of 2 is the same as a row repeated, a weight of 0 as a row left
            out, also as a next state of others.
        trajectory : array of shape (n_rows,), optional
            Id of each row's trajectory. The next state of a row is the next row of its trajectory. With
            ``transitions`` it only tells which rows start a trajectory.
        step : array of shape (n_rows,), optional
            Integer time of each row within its trajectory: the next row is the one at step + 1, wherever
            it stands. Without it the rows of a trajectory must be contiguous and in order.
        next_X : array or data frame of shape (n_rows, n_features), optional
            Next state of each row, instead of ``trajectory``.
        terminal : boolean array of shape (n_rows,), optional
            Rows after which the episode ended, with value 0. A row with no next state that is not terminal
            was cut off: it counts in the likelihood, and takes no part in the penalty. With none of these
            parameters every row is an episode of one step, and ``discount`` plays no role.

        Returns
        -------
        self : IQLearnClassifier

        Raises
        ------
        ValueError
            If a parameter is out of its range or the data do not fit together.
        """
        order = {"trajectory": trajectory, "step": step, "next_X": next_X, "terminal": terminal}
        demonstrations, problem, fitted = self._assemble(X, y, sample_weight, order)
        solver = self._solver()
        with few_threads(problem.objective.transitions.n_states):
            start = self._start(problem, solver, fitted)
            for name in [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]:
                delattr(self, name)  # an earlier fit may have had another form
            tasks = FitTasks(self, X, y, {"sample_weight": sample_weight}, self._max_iter(solver))
            problem, solution = self._solve(problem, solver, start, tasks, fitted)
            for name, value in (self._outcome(problem, solution, demonstrations) | fitted).items():
                setattr(self, name, value)
        tasks.end()
        if not self.converged_:
            warnings.warn(
                f"IQLearnClassifier did not converge: {solution.message} after {self.n_iter_} iterations, "
                f"with a gradient norm of {self.gradient_norm_:.1e}, tol being {self._tol(solver):.1e}. Raise "
                "max_iter, use solver='newton' where q_type allows it, or strengthen the penalty (smaller "
                "alpha or C, smoothing > 0).",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _assemble(self, X, y, sample_weight, order):
        """The decisions summarised, the problem that they pose, and the fitted attributes that they decide."""
        self._check_parameters()
        values, y = check_X_y(X, y, estimator=self)
        check_classification_targets(y)
        weight = check_weight(sample_weight, len(y))
        read = read_rows if self.transitions is None else read_states
        demonstrations, features, fitted = read(self, X, values, y, weight, order)
        if self.initial_distribution is not None:
            n_states = demonstrations.transitions.n_states
            initial = check_distribution(self.initial_distribution, "initial_distribution", n_states)
            demonstrations = replace(demonstrations, initial_distribution=initial)
        problem = self._problem(demonstrations, features)
        return demonstrations, problem, fitted | names_and_width(X)

    def _check_parameters(self):
        check_numbers(self)
        check_sizes(self)
        solver = self._solver()
        gives = self._form().gives
        if solver.needs not in gives:
            raise ValueError(
                f"solver={self.solver!r} needs a {_NEEDS[solver.needs]}, which q_type={self.q_type!r} does not "
                f"give; use one of the solvers {[name for name in SOLVERS if SOLVERS[name].needs in gives]} or of "
                f"the q_types {[name for name in Q_FUNCTIONS if solver.needs in Q_FUNCTIONS[name].gives]}."
            )
        if np.isinf(self.alpha) and self.value_term == "initial" and self._form().needs_penalty:
            raise ValueError(
                "alpha must be finite with value_term='initial', whose objective has no minimum without the "
                "reward penalty for this form of Q, got inf."
            )

    def _form(self):
        """The class of the Q-function."""
        name = self.q_type
        if isinstance(name, str) and name == "auto":
            name = "linear" if self.transitions is None or self.features is not None else "tabular"
        return choose("q_type", name, Q_FUNCTIONS)

    def _solver(self):
        name = self.solver
        if isinstance(name, str) and name == "auto":
            name = "newton" if "hessian" in self._form().gives else "adam"
        return choose("solver", name, SOLVERS)

    def _tol(self, solver):
        return solver.tol if self.tol is None else self.tol

    def _problem(self, demonstrations, features):
        """The objective bound to the form of Q."""
        divergence = choose("divergence", self.divergence, DIVERGENCES)
        value_term = choose("value_term", self.value_term, VALUE_TERMS)
        transitions, n = demonstrations.transitions, demonstrations.counts.sum()
        # Episodes of one step have no future to discount.
        discount = 0.0 if transitions.never_continues() else float(self.discount)
        occupancy, value_weight, total = value_term(demonstrations, discount)
        alpha = float(self.alpha)
        with np.errstate(over="ignore"):
            penalty_weight = np.where(demonstrations.penalised, demonstrations.known + self.smoothing, 0.0) / total
        if not np.isfinite(penalty_weight).all() or not np.isfinite(1 / (self.C * n)):
            raise ValueError(
                f"sample_weight and C must not be vanishingly small, got a sum of {n} and C={self.C}."
            )
        if np.isinf(alpha):  # no reward is penalised, nor forbidden
            divergence, alpha, penalty_weight = DIVERGENCES["chi2"], 1.0, np.zeros_like(penalty_weight)
        objective = Objective(
            transitions=transitions,
            occupancy=occupancy,
            penalty_weight=penalty_weight,
            value_weight=value_weight,
            discount=discount,
            temperature=float(self.temperature),
            divergence=divergence,
            alpha=alpha,
            n=float(n),
        )
        rng = check_random_state(self.random_state)
        return self._form().create(objective, features, self, rng)

    def _max_iter(self, solver):
        return int(solver.max_iter if self.max_iter is None else self.max_iter)

    def _start(self, problem, solver, fitted):
        """Parameters to start from: with ``warm_start`` those of the last fit, if they belong to this problem."""
        if self.warm_start and _same_problem(self, fitted):
            try:
                last = problem.recall(self)
            except AttributeError:  # of another form
                last = None
            if _shapes(last) == problem.shapes and problem.at(last) is not None:
                return last
        start = problem.start()
        return reach_domain(problem, start) if solver.needs == "hessian" else start

    def _solve(self, problem, solver, start, tasks, fitted):
        """From the start, by way of the divergence's path, to the solution."""

        def report(problem, n_iter, loss, parameters):
            if self.verbose and n_iter % self.verbose == 0:
                print(f"iteration {n_iter:5d}  objective {loss:.12g}")
            attributes = problem.attributes(parameters) | {"q_table_": problem.table(parameters)}
            return tasks.iteration(fitted | attributes)

        options = {
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
            "n_iter_no_change": self.n_iter_no_change,
            "rng": check_random_state(self.random_state),
        }
        return follow_path(
            problem,
            solver,
            start,
            tol=self._tol(solver),
            max_iter=self._max_iter(solver),
            report=report,
            options={name: options[name] for name in solver.options},
        )

    def _outcome(self, problem, solution, demonstrations):
        """Fitted attributes."""
        objective = problem.objective
        table = problem.table(solution.parameters)
        q = table - objective.level
        value = soft_value(q, self.temperature)
        policy = np.exp(log_policy(q, self.temperature))
        reward = objective.reward(q, value)
        counts = demonstrations.counts
        warn_ill_conditioned(policy, objective.transitions, objective.discount, stacklevel=5)
        return problem.attributes(solution.parameters) | {
            "q_table_": table,
            "value_": value + objective.level,
            "policy_": policy,
            "reward_": np.where(demonstrations.penalised, reward, np.nan),
            "counts_": counts,
            "initial_distribution_": demonstrations.initial_distribution,
            "state_coverage_": float((counts > 0).any(axis=1).mean()),
            "state_action_coverage_": float((counts > 0).mean()),
            "objective_": solution.loss,
            "gradient_norm_": solution.gradient_norm,
            "converged_": solution.converged,
            "n_iter_": solution.n_iter,
            "loss_curve_": solution.loss_curve,
            "_reward_coef": problem.reward_coef(solution.parameters, stacklevel=5),
            "_n_fitted": None,
        }


_NEEDS = {"hessian": "Hessian", "jax": "gradient by JAX"}


def _same_problem(estimator, fitted):
    """Whether an earlier fit was of the same states and actions."""
    return all(
        np.array_equal(getattr(estimator, name, ()), fitted.get(name, ())) for name in ("classes_", "states_")
    )


def _shapes(parameters):
    """Shapes of the arrays of parameters, nested as they are."""
    if isinstance(parameters, list | tuple):
        return [_shapes(part) for part in parameters]
    return np.shape(parameters)
