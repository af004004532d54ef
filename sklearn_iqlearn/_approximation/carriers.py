"""What carries the continuation of an action from the rows that have it to all states.

Two ways fit the weights w of functions phi to rows with next values V(x'):

- ``Averaging``, of functions that are non-negative and add up to 1: ``w_j = sum_i phi_j V(x'_i) / sum_i phi_j``.
  Never an expansion, whatever the data (Gordon 1995; Ormoneit and Sen 2002).
- ``Projection``, of any functions, the first of them constant: least squares, ``sum_i phi_i (V(x'_i) - phi_i' w) =
  0`` (linear temporal differences; Adusumilli and Eckardt 2019, arXiv 1912.09509).

Rows that ended have a next value of 0; those that were cut off take no part.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

# Ridge of a projection, in units of its functions' spread in the rows: of functions that depend on each other, or
# are more than the rows, it takes the smallest weights.
RIDGE = 1e-6
# Spread of a function, in units of its mean, up to which it is a further constant, of weight 0.
CONSTANT = 1e-10


@dataclass(frozen=True)
class Carrier(ABC):
    """One action's functions and moves.

    Parameters
    ----------
    functions : ndarray or CSR array of shape (S, J)
        phi of the states, 0 in those where the action does not exist.
    moves : CSR array of shape (S, S)
        N, weighted rows from state to state.
    known : ndarray of shape (S,)
        Weighted rows of each state that have a next state or ended.
    """

    functions: Any
    moves: sp.csr_array
    known: np.ndarray

    way: ClassVar[str]
    contracts: ClassVar[bool]

    @property
    def size(self):
        return self.functions.shape[1]

    @property
    @abstractmethod
    def inverse(self):
        """B, from sums over the rows to weights: ``w = B Phi' N V``, (J, J)."""

    @property
    def empty(self):
        """Functions for which something stands in, as they have no rows of their own: boolean, (J,)."""
        return np.zeros(self.size, dtype=bool)

    @cached_property
    def reached(self):
        """The states that rows lead to: integer ndarray of shape (R,)."""
        return np.unique(self.moves.indices)

    @cached_property
    def spread(self):
        """The columns of ``B Phi' N`` of those states, the others being 0: (J, R)."""
        return self.inverse @ (self.moves[:, self.reached].T @ self.functions).T

    def weights(self, value):
        """``w`` for values: (S, ...) -> (J, ...)."""
        return self.spread @ value[self.reached]

    @abstractmethod
    def change(self, states, value, weights, pull):
        """The change of ``pull' w`` with one more row, which leads from a state to a value.

        Parameters
        ----------
        states : integer ndarray of shape (n,)
        value : ndarray of shape (n,)
        weights, pull : ndarray of shape (J,)

        Returns
        -------
        change : ndarray of shape (n,)
        """


class Averaging(Carrier):
    """Weighted means of next values.

    A function without rows has those of its neighbours, the functions that are positive in a state with it; where
    they have none either, of theirs, and at last all rows of the action.
    """

    way, contracts = "averaging", True

    @cached_property
    def empty(self):
        return self.functions.T @ self.known <= 0

    @cached_property
    def inverse(self):
        mass = self.functions.T @ self.known
        shares = _neighbours(self.functions, mass) if self.empty.any() else sp.eye_array(self.size).tocsr()
        return sp.csr_array(sp.diags_array(1 / (shares @ mass)) @ shares)

    def change(self, states, value, weights, pull):
        functions = self.functions[states]
        return (functions @ (self.inverse.T @ pull)) * value - functions @ (self.inverse.T @ (pull * weights))


class Projection(Carrier):
    """Least squares on functions, the first of which is constant."""

    way, contracts = "projection", False

    @cached_property
    def inverse(self):
        total = self.known.sum()
        mean = self.known @ self.functions / total
        least, mean[0] = CONSTANT * np.abs(mean), 0.0
        centred = self.functions - mean  # before they are squared, which takes the digits of functions far from 0
        spread = np.sqrt(self.known @ centred**2 / total)  # the constant's own is 1
        units = np.where(spread > least, spread, np.inf)
        standard, scale = centred / units, np.eye(self.size)
        scale[0] -= mean
        scale /= units
        ridge = RIDGE * np.ones(self.size)
        ridge[0] = 0.0
        gram = standard.T @ (standard * self.known[:, None]) / total
        return scale @ np.linalg.solve(gram + np.diag(ridge), scale.T) / total

    def change(self, states, value, weights, pull):
        functions = self.functions[states]
        return (functions @ (self.inverse.T @ pull)) * (value - functions @ weights)


def _neighbours(functions, mass):
    """Of each function the functions with rows that stand for it, itself where it has some: (J, J)."""
    overlap = sp.csr_array(functions.T @ functions)
    shares = sp.diags_array(1.0 * (mass > 0)).tocsr()
    while (empty := shares.sum(axis=1) <= 0).any():
        near = sp.csr_array(sp.diags_array(1.0 * empty) @ overlap @ shares)
        if not near.nnz:
            near = sp.csr_array(np.outer(1.0 * empty, mass > 0))
        shares = sp.csr_array(shares + near)
    return shares
