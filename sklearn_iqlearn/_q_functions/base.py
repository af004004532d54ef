"""What the estimator, and inference, ask of a form of Q, as types.

A form is a class whose instances are a problem for the solvers (``_objective.problem``). To add one, write a class
whose ``create`` returns one of these types, and list it in ``_q_functions``: mypy names what it lacks.
"""

from typing import Any, Protocol

import numpy as np

from sklearn_iqlearn._coefficients.separation import Separation
from sklearn_iqlearn._objective.objective import Evaluation, Objective
from sklearn_iqlearn._objective.problem import JaxProblem, NewtonPoint, NewtonProblem, Parameters, Problem


class Form(Problem, Protocol):
    """A form of Q, as the estimator sees it."""

    @property
    def needs_penalty(self) -> bool:
        """Whether equation 9 of Garg et al. (2021) has no minimum without a penalty."""

    @property
    def narrowest(self) -> int:
        """Smallest dimension of the largest dense products, which decides on BLAS threads."""

    @property
    def size(self) -> int:
        """Number of parameters."""

    @property
    def needs_stand_in(self) -> bool:
        """Whether nothing but the penalty bounds the Q of a pair without a known next state."""

    @classmethod
    def create(
        cls, objective: Objective, features: np.ndarray | None, estimator: Any, rng: np.random.RandomState
    ) -> "Form":
        """The problem of an estimator. In a class, name the type it claims: mypy tells which members it lacks."""

    def attributes(self, parameters: Parameters) -> dict[str, Any]:
        """Fitted attributes of this form alone."""

    def identified(self, parameters: Parameters) -> tuple[Parameters, np.ndarray | None, list[str]]:
        """The parameters that stand for all as likely; of a form of the reward, open directions, and doubts."""

    def separation(self, parameters: Parameters) -> Separation | None:
        """The way in which the likelihood rises for ever, of a form that knows it."""

    def recall(self, estimator: Any) -> Parameters:
        """The parameters of a fitted estimator."""

    @staticmethod
    def n_free(estimator: Any) -> int:
        """Free parameters of the policy."""


class RowForm(Form, Protocol):
    """A form of Q that answers for rows of features."""

    @staticmethod
    def values(estimator: Any, X: np.ndarray) -> np.ndarray:
        """Q of rows, of a fit without transitions, finite for actions that do not exist too: (n_rows, A)."""


class InformativePoint(NewtonPoint, Protocol):
    """A point of a form with coefficients, with what their covariance needs."""

    @property
    def problem(self) -> "CoefficientForm": ...

    @property
    def evaluation(self) -> Evaluation: ...

    def hessian(self, beta: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """The Hessian of the loss for a curvature: (p, p)."""

    @property
    def pressure(self) -> np.ndarray:
        """Total derivative of the loss in the values: (S,)."""

    @property
    def advantage_sensitivity(self) -> np.ndarray:
        """Change of Q with each parameter, less its mean under the policy: (S, A, p)."""

    @property
    def reward_sensitivity(self) -> np.ndarray:
        """Change of the reward with each parameter: (S, A, p)."""


class NewtonForm(Form, NewtonProblem, Protocol):
    """A form of Q that Newton's method solves."""


class CoefficientForm(NewtonForm, Protocol):
    """A form of Q with coefficients, whose covariance can be told."""

    @property
    def basis(self) -> np.ndarray | None:
        """Orthonormal, (p, q), of what the data tell where they do not tell what all actions share; else None."""

    def at(self, parameters: Parameters) -> InformativePoint | None: ...


class JaxForm(Form, JaxProblem, Protocol):
    """A form of Q that first-order solvers solve."""
