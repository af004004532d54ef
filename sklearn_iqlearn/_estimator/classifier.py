"""The estimator: what it is told, and ``fit``."""

from sklearn_iqlearn._estimator.callbacks import with_callbacks
from sklearn_iqlearn._estimator.learning import Learner


class IQLearnClassifier(Learner):
    """Inverse soft-Q learning: the policy, value and reward behind logged decisions.

    Finds the soft action values Q whose softmax policy makes the observed actions likely, while the
    reward that this Q implies, ``r = Q - discount * E[V(next state)]``, stays small: maximum likelihood
    of the actions plus a penalty on the reward (IQ-Learn, Garg et al. 2021). No environment is run and, but for
    ``q_type="structural"``, no dynamic programme is solved in an inner loop.

    States come in one of two ways. Where ``transitions`` are given, X is a column of state ids. Without
    them a row of X, dense or sparse, is the feature vector of its state, and ``fit`` is told which state
    follows which by ``trajectory`` or ``next_X``; told neither, it takes every row for an episode of one step.

    Parameters
    ----------
    transitions : array of shape (A, S, S), sequence of A matrices (S, S), mapping or estimator, optional
        Probabilities of the next state, ``transitions[a][s, s']``: dense, SciPy sparse, or a mapping from
        action label to matrix (arrays with a dimension of actions then have the labels sorted, as ``classes_``).
        A row may sum to less than 1: with the rest of the probability the episode ends, with value 0. Never
        written to, and shared by clones. A ``preprocessing.TransitionEstimator``, or "estimate" for one with its
        defaults, in their place estimates them from the rows of each fit.
    discount : float in [0, 1], default=0.95
        Weight of the next state's value. 1 is for episodes that end: from every state there must be a way to an
        end, and an absorbing state has rows of zeros. Without ``transitions`` the ends are ``terminal`` rows. What
        followed a row that was cut off is unknown: a table needs other rows that lead from its state to an end.
    temperature : float > 0, default=1.0
        Scale of the choice shocks. It sets the unit of Q and of the reward: the policy depends on
        ``alpha / temperature`` alone.
    q_type : {"auto", "tabular", "linear", "neural", "structural"}, default="auto"
        Form of Q. "tabular": a free value for each state and action; without ``transitions`` the states
        are the distinct rows of X, and a row not among them gets the uniform policy. "linear": linear in
        the features, with coefficients for each action, or shared by the actions where ``features`` has
        three dimensions. "neural": a perceptron with tanh units, one output for each action. "structural":
        the solution of a reward linear in the features; with ``alpha=inf`` this is the maximum likelihood of
        Rust (1987), by a nested fixed point; without ``transitions`` what follows is approximated by functions of
        the state, ``basis``, and nothing else is: with ``discount=0`` it is the conditional logit. "auto": tabular
        where transitions are given and features are not, else linear.
    features : array of shape (S, K) or (S, A, K), mapping or callable, optional
        Features of the states of ``transitions``. Without them a network sees one-hot states. The reward is
        told in their terms too (``reward_coef_``), where those of shape (S, K) are paid whatever the action.
        "structural" without ``transitions`` takes a function of X, as ``fit`` and ``predict`` get it, that returns
        (n_rows, A, K); or a mapping from each action to what its reward is made of, a list of columns of X, each
        with a coefficient of its own, or a mapping from the names of coefficients to columns. A column is named,
        or numbered where X is no frame; "1" is a constant, and a minus before a name a cost:
        ``{"keep": {"cost": "-mileage"}, "replace": {"price": "-1"}}``. A name in several actions is one
        coefficient; an action with an empty list has a reward of 0.
    basis : transformer, mapping from action to transformer, or None, default=None
        Functions of the state that carry the continuation of a "structural" fit without ``transitions``, with
        weights for each action; cloned, and fitted to the distinct states. Those that are non-negative with rows
        of one sum (``preprocessing.Hats``, bins, one-hot leaves) are averaged, which never runs away; of others,
        beside a constant, it is a projection (``preprocessing.Splines``), for which averages are put, with a
        warning, where it runs away. None chooses for each action by the residual of Bellman's equation in
        trajectories held out: hats in up to two columns that matter or, of several columns, additive splines or
        polynomials where those are better (``continuation_`` tells). ``docs/guide/without_transitions.md`` has the
        measurements.
    action_mask : boolean array of shape (S, A), or callable, optional
        Which actions exist in a state; by default all. Columns are in the order of ``classes_``, or those of a
        data frame are named by the actions. Without ``transitions`` a function of X, as ``fit`` and ``predict``
        get it, that returns (n_rows, A). A pair that does not exist has probability 0, Q and reward are minus
        infinity there, and it is no part of penalty, parameters or coverage; what ``transitions``, ``features``
        and ``base_reward`` hold for it is not read. A state may be left one action. A row of zeros in
        ``transitions`` is something else: an action that ends the episode.
    base_reward : array of shape (S,) or (S, A), or callable, optional
        The part of the reward that is known, by default 0; without ``transitions`` a function of X to (n_rows,) or
        (n_rows, A). With "structural" the reward is ``base_reward + features @ coef_``, so that a coefficient can
        be held at a value. In every other form the penalty measures ``reward_ - base_reward``: with a small
        ``alpha`` the policy is that of ``base_reward``, and deviates from it where many decisions ask for it.
    classes : array of shape (A,), optional
        The actions, where the data may lack some; by default those of y. An action that was never taken counts in
        the likelihood as half a decision in all, spread over the states like the visits, so that its probability
        is about 1 / (2 n); a table bounds it by the penalty instead. With ``transitions``, which tell the
        actions, only these.
    divergence : {"chi2", "tv", "simple", "hellinger", "kl", "js"}, default="chi2"
        Shape of the reward penalty. "tv", also spelled "simple", bounds the reward by ``alpha``;
        "hellinger" bounds it below by ``-alpha`` and "js" by ``-alpha * log(2)``.
    alpha : "auto", or float > 0 or inf, default="auto"
        Scale of the rewards that the penalty allows; larger is weaker regularisation, ``inf`` is none. "auto" is
        ``inf`` with "structural", ``temperature`` for a table over known ``transitions``, and else
        ``temperature * max(1, n / (2 * P))`` for decisions of total weight n and P parameters of Q for each action
        (states of a table, features and constant of a linear Q, a network's weights / A): a penalty that does not
        gain weight as decisions do. ``docs/explanation/default_alpha.md`` has the measurements. With
        ``value_term="initial"``, which may need a penalty, a structural fit follows the last rule too.
    smoothing : float >= 0, default=1.0
        Pseudo-visits added in the penalty to every state-action pair whose continuation is known. With 0, a
        tabular Q for an action never taken in a visited state has no minimum: it runs to minus infinity.
    value_term : {"expert", "initial"}, default="expert"
        "expert" is the likelihood of the observed actions; "initial" is equation 9 of Garg et al. (2021), the
        value of the initial states against the reward of the visited pairs.
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
        and "adam" minimise the same objective with JAX's gradient, which "structural" does not give. "auto" is
        "newton" where it can be, else "adam".
    max_iter : int, optional
        Most iterations (for "adam" epochs) in all; by default 400 for "newton", 20000 for "lbfgs", 2000
        for "adam".
    tol : float > 0, optional
        For "newton" (default 1e-8) and "lbfgs" (1e-6) the largest absolute component of the gradient at
        which the fit counts as converged; for "adam" (1e-5) the least fall of the objective, or rise of the
        held-out score, that counts.
    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Units of each hidden layer of a network.
    learning_rate : float > 0, default=1e-3
        First step size of "adam". Where the objective stops falling it is divided by 5, three times in all, and
        then the round begins anew, until a whole round brings less than ``tol``.
    batch_size : int or "auto", default="auto"
        State-action pairs in each step of "adam". "auto" is all of them up to 10000, else 1024. After the rounds
        of batches come rounds over all pairs. A table always takes all.
    n_iter_no_change : int, default=10
        Epochs without a fall of ``tol`` after which "adam" shortens its steps, and in the end stops.
    early_stopping : bool, default=False
        Whether "adam" holds out decisions, stops where ``n_iter_no_change`` epochs have not raised their mean
        log-likelihood by ``tol``, and returns to the best epoch. What is held out takes no other part in the fit;
        a row of weight 2 and a row twice are then not the same, unless ``trajectory`` tells what belongs together.
        The other solvers minimise to the end, and refuse it.
    validation_fraction : float in (0, 1), default=0.1
        Share of the trajectories that ``early_stopping`` holds out, whole; of the rows where there is no
        ``trajectory``.
    warm_start : bool, default=False
        Whether to start from the last fit, on data with the same states and actions.
    random_state : int, RandomState or None, default=None
        Seed of a network's first weights, of batches and of what is held out; nothing else is random.
    verbose : int, default=0
        Print a line every so many iterations; 0 prints nothing.

    Attributes
    ----------
    classes_ : ndarray of shape (A,)
        All actions, sorted; with ``transitions`` or ``classes`` also those that the data lack.
    transitions_ : EstimatedTransitions
        What was estimated, as ``preprocessing.estimate_transitions`` returns it; only where ``transitions`` asks.
    states_ : ndarray or CSR array of shape (S, n_features)
        The distinct rows of X, and of ``next_X``, in an order that depends on them alone: sorted, or of sparse X a
        CSR array in an order of its own. Only without ``transitions``.
    q_table_ : ndarray of shape (S, A)
        Soft action values; minus infinity for pairs that do not exist.
    value_ : ndarray of shape (S,)
        Soft values, ``temperature * logsumexp(q_table_ / temperature)``.
    policy_ : ndarray of shape (S, A)
        Probability of each action.
    reward_ : ndarray of shape (S, A)
        The reward that makes the policy optimal: ``q_table_ - discount * E[value_]``. It is one of many
        rewards with this policy: the one that the penalty prefers, with "structural" the one of its form. NaN
        for pairs whose next state is unknown, minus infinity for those that do not exist.
    coef_ : ndarray of shape (A, K) or (K,)
        Coefficients of a linear Q; with "structural" those of the reward.
    basis_ : dict
        The fitted transformer of each action; only of "structural" without ``transitions``, like the next three.
    continuation_ : DataFrame
        A row for each action: the way, "averaging" or "projection", the number of functions, the weight of the
        rows whose continuation is known, and the mean squared residual in rows held out, where functions were
        chosen.
    continuation_weights_ : list of A ndarrays
        The weights of the functions: what they add up to in a state is its discounted expected next value.
    spectral_radius_ : float
        Of what goes on from function to function under the policy, times ``discount``: below 1.
    reward_coef_ : ndarray of shape (K,)
        Coefficients of the reward in ``features``, where those are given: with "structural" ``coef_``, else what
        ``rewards.project`` finds, computed when asked for (of a counterfactual, in its world). Where
        ``unidentified_`` has directions, with a warning, those of least norm.
    unidentified_ : ndarray of shape (n, K)
        Directions of these coefficients that the decisions leave open: a multiple of a row, added to
        ``reward_coef_``, changes no choice in a visited state. Orthonormal in units of the features' largest
        absolute values. There are none, n = 0, where everything is identified.
    intercept_ : ndarray of shape (A,)
        Its constants.
    coefs_, intercepts_ : list of ndarray
        Weights and biases of the layers of a network.
    alpha_ : float
        The parameter ``alpha``, or the number that "auto" stood for.
    counts_ : ndarray of shape (S, A)
        Weighted visits in the training data, without those held out.
    initial_distribution_ : ndarray of shape (S,)
        The parameter, or the shares of the states in which trajectories start.
    objective_ : float
        The objective at the solution, infinite outside the divergence's domain; the penalty of "tv" is its
        barrier's.
    gradient_norm_ : float
        Largest absolute component of its gradient there.
    converged_ : bool
        Whether the solver reached ``tol`` before ``max_iter``, inside the divergence's domain; with "newton" also
        whether the policy has settled, to 1e-7; with ``early_stopping`` whether the held-out score stopped rising
        before. With "structural"
        False where the likelihood has no maximum, as for an action that was never taken: a warning says which
        coefficients run away.
    n_iter_ : int
        Iterations in all.
    linear_solver_ : str or None
        How linear systems in as many unknowns as states were solved: "dense", "sparse factor", "conjugate
        gradients", "GMRES" (where only values are asked for, as in a "structural" fit) or "sweeps"; None where
        there were none.
        ``docs/explanation/large.md`` tells which way is taken when.
    loss_curve_ : list of float
        The objective along the iterations; "tv" goes through a series of barriers. "lbfgs" and "adam" may cross
        the edge of a divergence's domain on their way: beyond, a quadratic continues its penalty.
    validation_scores_ : list of float
        Mean log-likelihood of the decisions held out, before the first epoch and after each; only with
        ``early_stopping``.
    best_validation_score_ : float
        That of the fit.
    state_coverage_, state_action_coverage_ : float
        Shares of the states, and of the state-action pairs that exist, with a visit.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where X was a data frame.

    Raises
    ------
    ValueError
        In ``fit``, for parameters or data out of their range; for ``alpha=inf`` with
        ``value_term="initial"``, which has no minimum (with "structural" only where no policy has the average
        features of the visited pairs); for a solver that the form of Q does not allow; and
        where no Q of its form keeps the reward within the bounds of ``divergence``.

    Notes
    -----
    The objective, its gradient and the structure of its Hessian are written out in the module
    ``sklearn_iqlearn._objective.objective``. The cost of an iteration depends on the states, the actions, the
    features and the nonzeros of the transitions, never on the number of rows.

    What has a row for each state (``features``, ``action_mask``, ``base_reward``, ``initial_distribution``,
    tables of ``counterfactual``) may be a pandas object: its rows then go by the index, where that holds all the
    state ids in whatever order, and columns by the names of the actions.

    A fit answers with the parameters that it was made with, and so do its worlds and ``inference``: what
    ``set_params`` changes later counts from the next fit on.

    For two actions ``LogisticRegression`` penalises one coefficient vector, here each action has its own: the
    same fit needs half its ``C``.

    References
    ----------
    Garg, Chakraborty, Cundy, Song and Ermon (2021). IQ-Learn: Inverse soft-Q learning for
    imitation. NeurIPS 34.

    Rust (1987). Optimal replacement of GMC bus engines: an empirical model of Harold Zurcher.
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

    @with_callbacks
    def fit(self, X, y, sample_weight=None, *, trajectory=None, step=None, next_X=None, terminal=None):
        """Learn Q from decisions.

        Parameters
        ----------
        X : array, sparse array or data frame of shape (n_rows, n_features)
            State features; or, where ``transitions`` are given, one column of state ids, 0 to S - 1. Sparse
            features, as ``OneHotEncoder`` gives, are for a linear Q by "newton", and never made dense.
        y : array of shape (n_rows,)
            Actions: labels of any kind; with ``transitions`` 0 to A - 1, or their labels.
        sample_weight : array of shape (n_rows,), optional
            Non-negative weights. A weight of 2 is the same as a row repeated, a weight of 0 as a row left
            out, also as a next state of others: there its trajectory is cut off, with ``step`` or without.
        trajectory : array of shape (n_rows,), optional
            Id of each row's trajectory. The next state of a row is the next row of its trajectory. With
            ``transitions`` it only tells which rows start a trajectory, and whether the transitions fit the moves.
        step : array of shape (n_rows,), optional
            Integer time of each row within its trajectory: the next row is the one at step + 1, wherever
            it stands. Without it the rows of a trajectory must be contiguous and in order. Dates and
            durations are refused, as only their owner knows which one comes next: number them, months by
            ``pd.PeriodIndex(step, freq="M").astype("int64")``.
        next_X : array, sparse array or data frame of shape (n_rows, n_features), optional
            Next state of each row, instead of ``trajectory``; read in the form that X has, dense or sparse.
        terminal : boolean array of shape (n_rows,), optional
            Rows after which the episode ended, with value 0. A row with no next state that is not terminal
            was cut off: it counts in the likelihood, and takes no part in the penalty. With none of these
            parameters every row is an episode of one step, and ``discount`` plays no role but in the weight of
            ``value_term="initial"``.

        Returns
        -------
        self : IQLearnClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range or the data do not fit together: as where ``action_mask`` excludes
            the action of a row, which the message names.

        Warns
        -----
        DataWarning
            If the rows look unlike what they are said to be: many moves that ``transitions`` call impossible, or
            that fit them better read otherwise; endings in ``transitions`` that look like rows without data, or
            like rounding; steps that leave hardly any row a next one.
        IdentificationWarning
            For "structural", if the decisions cannot tell coefficients, or the reward of each state is free.
        sklearn.exceptions.ConvergenceWarning
            If the fit did not converge.
        """
        order = {"trajectory": trajectory, "step": step, "next_X": next_X, "terminal": terminal}
        return self._learn(X, y, sample_weight, order)
