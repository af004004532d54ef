"""Newton's change of the values: ways to solve in the Schur complement ``B = L'W L``, ``L = E - gamma T``.

A product with a vector of values is one with the transitions and one with their transpose, B never being formed:

    g = E z - gamma T z,    B z = E'W g - gamma T'W g.

Conjugate gradients need no more, and as preconditioner one of two. Where moves mix, the diagonal of B; with
M = sum_a diag(c_a) P_a and C = sum_a c_a,

    diag B = sum_a k_a (1 - 2 gamma diag P_a) + gamma^2 sum_a (P_a * P_a)' k_a
             + m C (C - 2 gamma diag M) + gamma^2 (M * M)' m.

Constants, which B all but loses near discount 1, are deflated (``_numerics.krylov``), so that conjugate gradients
see the condition of the moves alone: 10 to 40 iterations, whatever the number of states. Where B is better
factored (``_model.ways``), the factor of an earlier step, on the way to the same optimum: 3 to 10 iterations, so
that a fit of many states needs one factor or two.

Each system is solved as far as serves Newton's method: to a residual that falls with the square root of the
gradient (``backward.tolerance_at``), so that its convergence stays superlinear.
"""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from sklearn_iqlearn._model.levels import stays
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn._numerics.krylov import Deflation, by_columns, conjugate_gradients
from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite, factor
from sklearn_iqlearn._objective.schur import Coupling, schur_complement


@dataclass(frozen=True)
class SchurSystem:
    """B, in the notation of the module's docstring.

    Parameters
    ----------
    transitions : Transitions
    discount : float
    coupling : Coupling
        W.
    """

    transitions: Transitions
    discount: float
    coupling: Coupling

    def solve(self, right, tolerance):
        """Solve ``B z = right``, by the way that suits the transitions.

        Parameters
        ----------
        right : ndarray of shape (S,) or (S, k)
        tolerance : float
            Residual of iterations, in the norm of their preconditioner, relative to that of the right-hand side.

        Returns
        -------
        z : ndarray of shape (S,) or (S, k)

        Raises
        ------
        NotPositiveDefinite
            Where the system is seen not to be.
        """

        def corrected(factored, patience):
            return by_columns(partial(self._corrected, factored, tolerance, patience), right)

        def iterated(patience):
            return by_columns(partial(self._iterated, tolerance, patience), right)

        return self.transitions.ways.coupling.solve(iterated, corrected, lambda: self._factored, right)

    @cached_property
    def _factored(self):
        return factor(schur_complement(self.transitions, self.discount, *self.coupling), positive_definite=True)

    def _corrected(self, factored, tolerance, patience, right):
        told = np.where(np.isinf(self.diagonal), 0.0, right)  # else rounding, along which there is no curvature
        return conjugate_gradients(self.product, factored, told, tolerance, patience=patience)[0]

    def _iterated(self, tolerance, patience, right):
        deflation, diagonal = self._deflation, self.diagonal

        def precondition(residual):
            return deflation.project_transposed(residual / diagonal)

        y, _ = conjugate_gradients(
            self.product, precondition, deflation.project(right), tolerance, patience=patience
        )
        return deflation.complete(y, right)

    def product(self, z):
        """``B z``: (S,) -> (S,)."""
        return self._pulled_back(z[:, None] - self.discount * self.transitions.expected_next(z))

    @cached_property
    def _deflation(self):
        image = self._pulled_back(1 - self.discount + self.discount * self.transitions.ends)
        return Deflation(self.transitions.components, image, image)

    def _pulled_back(self, gap):
        pull = self.coupling.times(gap)
        return pull.sum(axis=1) - self.discount * self.transitions.flow(pull)

    @cached_property
    def diagonal(self):
        """Of B, infinite where no curvature tells the value of a state, which so stays where it is: (S,)."""
        (k, c, m), discount = self.coupling, self.discount
        mixed, total = self.transitions.mix(c), c.sum(axis=1)
        diagonal = k.sum(axis=1) + m * total * (total - 2 * discount * mixed.diagonal())
        diagonal += discount**2 * ((mixed**2).T @ m)
        for a, (states, matrix) in enumerate(self.transitions.blocks):
            diagonal[states] -= 2 * discount * k[states, a] * stays(states, matrix)
            diagonal += discount**2 * ((matrix**2).T @ k[states, a])
        if (diagonal < 0).any():
            raise NotPositiveDefinite
        return np.where(diagonal > 0, diagonal, np.inf)
