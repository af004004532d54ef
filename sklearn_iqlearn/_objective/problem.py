"""What a solver asks of the problem that it solves, as types.

A solver never sees what it solves. It gets a *problem*, which turns parameters (an array, or nested lists of
arrays) into points. mypy holds every form of Q against these types where ``_q_functions`` lists it.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self

import numpy as np

from sklearn_iqlearn._objective.objective import Objective

Parameters = Any


class Point(Protocol):
    """The loss at some parameters inside the domain."""

    @property
    def loss(self) -> float: ...


class NewtonPoint(Point, Protocol):
    """A point, and the way on from there."""

    @property
    def rounding(self) -> float:
        """Change of the loss below which it is rounding."""

    @property
    def gradient(self) -> np.ndarray: ...

    @property
    def gradient_rounding(self) -> float:
        """Size of a gradient that is rounding."""

    @property
    def policy(self) -> np.ndarray: ...

    def curvatures(self, damping: float = ...) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Curvatures (beta, d) to try for the Hessian: without damping the true ones first."""

    def newton_direction(self, damping: float = ...) -> tuple[np.ndarray, bool]:
        """A direction, and whether it is that of the curvatures tried first, undamped."""

    def reach(self, direction: np.ndarray) -> float:
        """The largest step to try along a direction."""

    def moves(self, direction: np.ndarray, step: float) -> Iterator[list[np.ndarray]]:
        """Parameters that a step may lead to, in groups to choose the best from; the first goes straight."""


class Problem(Protocol):
    """A form of Q bound to an objective."""

    @property
    def objective(self) -> Objective: ...

    @property
    def shapes(self) -> Any:
        """Shape of the parameters, in nested lists where they are several arrays."""

    @property
    def ridge(self) -> Any:
        """Weights of the squared parameters in the loss, of the structure of the parameters or one for all."""

    def start(self) -> Parameters:
        """Parameters whose reward is 0, or as near to that as the form allows."""

    def at(self, parameters: Parameters) -> Point | None:
        """The point there, or None outside the domain of the divergence."""

    def table(self, parameters: Parameters) -> np.ndarray:
        """Q as an array of shape (S, A)."""

    def centred(self, parameters: Parameters) -> tuple[Self, Parameters]:
        """The same problem and point in a representation that loses fewer digits."""


class NewtonProblem(Problem, Protocol):
    """A problem with second derivatives."""

    def at(self, parameters: Parameters) -> NewtonPoint | None: ...


class JaxPoint(Point, Protocol):
    """A point with the gradient that NumPy finds."""

    @property
    def gradient(self) -> Parameters: ...


class JaxProblem(Problem, Protocol):
    """A problem that JAX differentiates: its table is ``jax_table(parameters, inputs)``."""

    def at(self, parameters: Parameters) -> JaxPoint | None: ...

    @property
    def jax_table(self) -> Callable[[Any, Any], Any]: ...

    @property
    def inputs(self) -> np.ndarray | None: ...
