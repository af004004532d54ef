"""The reward of any row, from any classifier and any regressor."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.multiclass import check_classification_targets

from sklearn_iqlearn._estimator.fitted import remember_parameters
from sklearn_iqlearn._estimator.parameters import check_number, check_seed
from sklearn_iqlearn._estimator.reading import are_labels, names_and_width, read_y
from sklearn_iqlearn._estimator.row_functions import take
from sklearn_iqlearn._estimator.telling import tell
from sklearn_iqlearn._model.demonstrations import check_weight, follow_rows, number_ids
from sklearn_iqlearn._model.doubtful_steps import doubt_steps
from sklearn_iqlearn._model.moves import ENDED
from sklearn_iqlearn._numerics.checks import any_array, check_count, plain
from sklearn_iqlearn.exceptions import DataWarning, IdentificationWarning
from sklearn_iqlearn.rewards._fitted_rewards import FittedRewards, table_of
from sklearn_iqlearn.rewards._parts import DEFAULTS, check_parts, fit_parameters, part_of
from sklearn_iqlearn.rewards._policy_rows import PolicyRows

UNORDERED = (
    "Neither trajectory nor next_X tells what follows a row: each of them counts as an episode of one step, and "
    "discount plays no role. Pass trajectory, or discount=0 if that is meant."
)
FIRST_OF = (
    "action is None: the reward of {}, the first of the actions, is taken as known. Another choice gives another "
    "reward with the same policy: name the action."
)


class PolicyReward(FittedRewards):
    """The reward behind decisions, from any classifier, any regressor and one action whose reward is known.

    The classifier tells the policy. Where the reward r0 of one action a0 is known, the policy tells the soft
    value,

        V(x) = r0(x) - temperature * log policy(a0 | x) + discount * E[V(x') | x, a0],

    which is solved by fitted evaluation: the regressor, again and again, on the rows of that action. One more
    regression for each action, on its rows, gives

        r(x, a) = V(x) + temperature * log policy(a | x) - discount * E[V(x') | x, a].

    No transitions and no form of the reward are needed. In return rewards are as noisy as the logarithms of the
    probabilities that the classifier finds: where a form is known, a structural fit makes more of the same rows.

    Parameters
    ----------
    classifier : classifier with ``predict_proba``, optional
        Its probabilities should be good ones: compare their log-likelihood on trajectories held out. By default a
        ``HistGradientBoostingClassifier`` of trees with four leaves, without early stopping.
    regressor : regressor, optional
        By default a ``HistGradientBoostingRegressor`` alike. Those that are linear in their targets (ridge on
        splines, nearest neighbours, kernels) reach any ``tol``; trees split elsewhere in each round, and come as
        near as a few hundredths.
    discount : float in [0, 1], default=0.95
        1 needs ``terminal`` rows of the known action.
    action : element of ``classes_``, optional
        The action whose reward is known. Choose one that is taken now and then in all states that it leads to. By
        default the first of ``classes_``, with an IdentificationWarning: another choice gives another reward.
    reward : float or callable, default=0.0
        Its reward: a number, or a function of X, as ``fit`` and ``predict`` get it, that returns (n_rows,).
    temperature : float > 0, default=1.0
        Scale of the choice shocks, the unit of reward and value.
    cross_fit : int >= 2, optional
        Number of folds of trajectories (of rows where there are none). The policy and value that a row's next
        value is made of then come from models fitted without its trajectory: what an overfitted classifier
        believes of its own rows stays out of the last regressions. By default all rows serve for all.
    tol : float > 0, default=0.05
        The evaluation stops where the equation of V holds in the rows up to a root mean square of
        ``tol * temperature``. This is also how far the reward of ``action`` that the values imply is from the
        known one; a value itself may be ``1 / (1 - discount)`` times as far off.
    max_iter : int, default=30
        Most regressions of an evaluation.
    random_state : int, RandomState or None, default=None
        Seed of parts that have none.

    Attributes
    ----------
    classes_ : ndarray of shape (A,)
        The actions, sorted.
    action_ : element of ``classes_``
        The action whose reward is known.
    classifier_ : estimator
        Fitted to all rows.
    regressors_ : list of A estimators
        Of the next value, each fitted to the rows of an action in the order of ``classes_``; None for an action of
        which no row tells what follows.
    value_bounds_ : ndarray of shape (A, 2)
        The least and the largest next value in those rows, between which predictions are held.
    n_iter_ : int
        Regressions of the evaluation, with ``cross_fit`` of the longest.
    residual_ : float
        What ``tol`` bounds, in units of ``temperature``; with ``cross_fit`` the largest.
    converged_ : bool
        Whether it is at most ``tol``.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where X was a data frame.

    See Also
    --------
    sklearn_iqlearn.rewards.anchor : The same of a fit with ``transitions``, by linear algebra.

    Notes
    -----
    A frame stays one for the parts and for ``reward``. Rows that were cut off count for the policy alone. A
    probability of 0, as trees may give, is read as ``1 / (2 n)`` for n rows, and told.

    Without metadata routing the parts get ``sample_weight``, the last step of a pipeline too; with it, what they
    request of all parameters of ``fit``.

    References
    ----------
    Kang, Yoganarasimhan and Jain (2025). An empirical risk minimization approach for offline inverse RL and
    dynamic discrete choice model. arXiv 2502.14131. Hotz and Miller (1993). Conditional choice probabilities.
    Review of Economic Studies 60(3). Walker and Ni (2011). Anderson acceleration for fixed-point iterations. SIAM
    Journal on Numerical Analysis 49(4).

    Examples
    --------
    What a new engine costs is known, what keeping an old one costs is found, state by state.

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression, Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> from sklearn_iqlearn.rewards import PolicyReward
    >>> bus = make_bus_engine(400, n_bins=10, operating_cost=0.3, discount=0.9, random_state=0)
    >>> one_hot = OneHotEncoder(handle_unknown="ignore")
    >>> model = PolicyReward(
    ...     make_pipeline(one_hot, LogisticRegression(C=100)),
    ...     make_pipeline(one_hot, Ridge(1e-6)),
    ...     discount=bus.discount,
    ...     action=1,
    ...     reward=-3.0,
    ... ).fit(bus.data, bus.target, trajectory=bus.trajectory)
    >>> model.predict(bus.data[:1]).shape
    (1, 2)
    >>> found = model.predict(bus.data)
    >>> bool(np.abs(found - bus.reward[bus.data["state"]]).mean() < 0.1)
    True
    """

    def __init__(
        self,
        classifier=None,
        regressor=None,
        discount=0.95,
        action=None,
        reward=0.0,
        *,
        temperature=1.0,
        cross_fit=None,
        tol=0.05,
        max_iter=30,
        random_state=None,
    ):
        self.classifier = classifier
        self.regressor = regressor
        self.discount = discount
        self.action = action
        self.reward = reward
        self.temperature = temperature
        self.cross_fit = cross_fit
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None, *, trajectory=None, step=None, next_X=None, terminal=None):
        """Learn policy, value and reward from decisions.

        Parameters
        ----------
        X : array, sparse array or data frame of shape (n_rows, n_features)
            States, as the parts take them.
        y : array of shape (n_rows,)
            Actions: labels of any kind.
        sample_weight : array of shape (n_rows,), optional
            Non-negative weights; a row of weight 0 is left out, also as a next state.
        trajectory, step, next_X, terminal : optional
            What follows each row, as in ``IQLearnClassifier.fit``. With none of them each row is an episode of one
            step, which is told: rewards are then log-odds.

        Returns
        -------
        self : PolicyReward
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range, ``action`` is unknown, no row of it tells what follows, or its
            reward is not finite.

        Warns
        -----
        DataWarning
            If nothing tells the order of the rows, or it looks wrong; if an action has no row that tells what
            follows (its rewards are NaN); if the classifier gives probabilities of 0; if ``action`` is hardly ever
            taken where it leads to.
        IdentificationWarning
            If ``action`` is None.
        sklearn.exceptions.ConvergenceWarning
            If an evaluation stops at ``max_iter``.
        """
        self._check_parameters()
        X, y = table_of(X), read_y(X, y)
        check_classification_targets(y)
        weight = check_weight(sample_weight, len(y))
        kept = weight > 0
        order = {"trajectory": trajectory, "step": step, "next_X": next_X, "terminal": terminal}
        following = follow_rows(kept, **order)[0]
        doubts = doubt_steps(kept, following, trajectory, step)
        if trajectory is None and next_X is None and self.discount > 0:
            doubts.append(UNORDERED)
        if self.discount == 0:
            following[:] = ENDED  # whatever follows counts nothing
        labels = np.unique(y[kept])
        if len(labels) < 2:
            raise ValueError(f"y must hold two actions at least, got 1 class, {plain(labels[0])}.")
        parameters = fit_parameters(self, None if sample_weight is None else weight, order)
        chosen = np.flatnonzero(kept)
        rows = PolicyRows(
            self,
            take(X, chosen),
            y[kept],
            weight[kept],
            {
                name: {key: take(value, chosen) for key, value in given.items()}
                for name, given in parameters.items()
            },
            following,
            take(X if next_X is None else _next_table(X, next_X), chosen),
            labels,
            self._known_action(labels),
            check_seed(self.random_state).randint(2**31 - 1),
        )
        found = rows.solve(self._groups(trajectory, kept))
        fitted = {"classes_": labels, "action_": labels[rows.known], "_floor": rows.floor}
        for name, value in (names_and_width(X) | remember_parameters(self) | fitted | found).items():
            setattr(self, name, value)
        tell(doubts + rows.doubts, DataWarning, stacklevel=2)
        if self.action is None:
            tell([FIRST_OF.format(plain(self.action_))], IdentificationWarning, stacklevel=2)
        if not self.converged_:
            warnings.warn(
                f"PolicyReward did not converge: after {self.n_iter_} regressions the equation of the values "
                f"misses {self.residual_:.2g} times temperature, more than tol={self.tol}. A regressor that is "
                "linear in its targets settles; trees do with fewer or larger leaves, or with a larger tol.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def get_metadata_routing(self):
        """What this estimator and its parts request.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            Who asks for which metadata.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        return router.add(method_mapping=mapping, **{name: part_of(self, name) for name in DEFAULTS})

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        parts = [get_tags(part_of(self, name)).input_tags for name in DEFAULTS]
        tags.input_tags.sparse = all(part.sparse for part in parts)
        tags.input_tags.allow_nan = all(part.allow_nan for part in parts)
        tags.target_tags.required = True
        return tags

    def _check_parameters(self):
        for name in ("discount", "temperature"):
            check_number(name, getattr(self, name))
        check_number("tol", self.tol, like="temperature")
        check_count("max_iter", self.max_iter)
        if self.cross_fit is not None:
            check_count("cross_fit", self.cross_fit, least=2)
        check_parts(self)

    def _known_action(self, labels):
        """Position of the action whose reward is known."""
        if self.action is None:
            return 0
        action = any_array("action", self.action)
        if action.ndim or not are_labels(action[None], labels).all():
            raise ValueError(f"action must be one of {plain(labels)}, got {plain(self.action)}.")
        return int(np.flatnonzero(labels == self.action)[0])

    def _groups(self, trajectory, kept):
        """What belongs together in a fold: ids of the trajectories of rows, or their numbers."""
        n_rows = len(kept)
        groups = (np.arange(n_rows) if trajectory is None else number_ids(trajectory, "trajectory", n_rows))[kept]
        n_groups = len(np.unique(groups))
        if self.cross_fit is not None and self.cross_fit > n_groups:
            kind = "rows" if trajectory is None else "trajectories"
            raise ValueError(
                f"cross_fit must be at most the number of {kind}, {n_groups}, got {plain(self.cross_fit)}."
            )
        return groups


def _next_table(X, next_X):
    """Next states, which must look like the states."""
    next_X = table_of(next_X)
    if next_X.shape != X.shape:
        raise ValueError(f"next_X must have the shape of X, {X.shape}, got {next_X.shape}.")
    names = [list(getattr(table, "columns", ())) for table in (X, next_X)]
    if all(names) and names[0] != names[1]:
        raise ValueError(f"next_X must have the columns of X, {names[0]}, got {names[1]}.")
    return next_X
