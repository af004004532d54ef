"""What decides a fit: the parameters, and what they choose."""

import copy
import warnings

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from sklearn_iqlearn._estimator.parameters import check_numbers, check_sizes, choose
from sklearn_iqlearn._estimator.presentation import present
from sklearn_iqlearn._numerics.checks import plain
from sklearn_iqlearn._q_functions import JAX_FORMS, NEWTON_FORMS, Q_FUNCTIONS, SPARSE_FORMS
from sklearn_iqlearn._q_functions.structural import Structural
from sklearn_iqlearn._site import Documented
from sklearn_iqlearn._solvers.path import SOLVERS
from sklearn_iqlearn._version import __version__

# What a solver may need of a form of Q, in words, and the forms that give it.
GIVES: dict[str, tuple[str, dict]] = {"hessian": ("Hessian", NEWTON_FORMS), "jax": ("gradient by JAX", JAX_FORMS)}
# Parameters with an entry for each state.
SHARED = ("transitions", "features", "action_mask", "base_reward")


class Settings(Documented, BaseEstimator):
    """The parameters of ``IQLearnClassifier``, which documents them."""

    def __init__(
        self,
        transitions=None,
        *,
        discount=0.95,
        temperature=1.0,
        q_type="auto",
        features=None,
        basis=None,
        action_mask=None,
        base_reward=None,
        classes=None,
        divergence="chi2",
        alpha="auto",
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
        early_stopping=False,
        validation_fraction=0.1,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.transitions = transitions
        self.discount = discount
        self.temperature = temperature
        self.q_type = q_type
        self.features = features
        self.basis = basis
        self.action_mask = action_mask
        self.base_reward = base_reward
        self.classes = classes
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
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_clone__(self):
        """Clone, sharing what may be large: it is never written to."""
        light = copy.copy(self)
        shared = [name for name in SHARED if not hasattr(getattr(self, name), "get_params")]
        for name in shared:
            setattr(light, name, None)
        clone = super(Settings, light).__sklearn_clone__()
        for name in shared:
            setattr(clone, name, getattr(self, name))
        return clone

    def __copy__(self):
        """A shallow copy: without the way through the state to be stored, which asks for the parameters twice."""
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._takes_sparse_rows()
        return tags

    def __repr__(self, N_CHAR_MAX=700):
        """What the estimator was told, arrays by their shape."""
        return present(self)

    def __getstate__(self):
        """The state to store and the version that wrote it; of a fit's parameters those that changed since."""
        state = super().__getstate__() | {"_version": __version__}
        if "_fit_parameters" in state:
            now = self.get_params(deep=False)
            changed = {name: value for name, value in state["_fit_parameters"].items() if value is not now[name]}
            state["_fit_parameters"] = changed
        return state

    def __setstate__(self, state):
        """Take up a stored state; one of another version may mean something else."""
        stored = state.get("_version", "0.1.0")
        if stored != __version__:
            warnings.warn(
                f"This {type(self).__name__} was stored by sklearn_iqlearn {stored} and is read by {__version__}: "
                "its attributes may not mean the same. Fit it again, or read it with the version that stored it.",
                UserWarning,
                stacklevel=2,
            )
        super().__setstate__({name: value for name, value in state.items() if name != "_version"})
        if "_fit_parameters" in state:
            self._fit_parameters = self.get_params(deep=False) | state["_fit_parameters"]

    def _check_parameters(self):
        check_numbers(self)
        check_sizes(self)
        if self.basis is not None and (self.transitions is not None or self._form() is not Structural):
            raise ValueError(
                "basis must be None but for q_type='structural' without transitions, where it carries the "
                f"continuation, got {plain(self.basis)} with q_type={self.q_type!r}."
            )
        solver = self._solver()
        need, forms = GIVES[solver.needs]
        if not self._form_gives(solver.needs):
            solvers = [name for name in SOLVERS if self._form_gives(SOLVERS[name].needs)]
            raise ValueError(
                f"solver={self.solver!r} needs a {need}, which q_type={self.q_type!r} does not give; use one "
                f"of the solvers {solvers} or of the q_types {list(forms)}."
            )
        if self.early_stopping and "validate" not in solver.options:
            raise ValueError(
                f"early_stopping=True needs solver='adam', got solver={self.solver!r} with q_type={self.q_type!r}."
            )
        if self.alpha == np.inf and self.value_term == "initial" and self._form().needs_penalty:
            raise ValueError(
                "alpha must be finite with value_term='initial', whose objective has no minimum without the "
                "reward penalty for this form of Q, got inf."
            )
        if self.discount == 1 and self.value_term == "initial":
            raise ValueError(
                "discount must be less than 1 with value_term='initial', in which the first states weigh "
                f"1 - discount, got {plain(self.discount)}: take value_term='expert'."
            )

    def _form(self):
        """The class of the Q-function."""
        plain = self.transitions is not None and self.features is None
        return choose("q_type", self.q_type, Q_FUNCTIONS, auto="tabular" if plain else "linear")

    def _form_for(self, rows):
        """The class of the Q-function for rows of features, dense or sparse."""
        return SPARSE_FORMS[self._form()] if sp.issparse(rows) else self._form()

    def _takes_sparse_rows(self):
        linear = self.q_type == "auto" or Q_FUNCTIONS.get(self.q_type) in SPARSE_FORMS
        return self.transitions is None and linear and self.solver in ("auto", "newton")

    def _form_gives(self, need):
        return self._form() in GIVES[need][1].values()

    def _solver(self):
        return choose("solver", self.solver, SOLVERS, auto="newton" if self._form_gives("hessian") else "adam")

    def _tol(self, solver):
        return solver.tol if self.tol is None else self.tol

    def _max_iter(self, solver):
        return int(solver.max_iter if self.max_iter is None else self.max_iter)
