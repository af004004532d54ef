"""Q linear in sparse features of the states: nothing of the size of the dense features, or of their Gram matrix.

With X (S, K) sparse and parameters B (K, A), Q = X B, the loss has the gradient X'G and the Hessian H of
``_objective`` between two products with X. Newton's direction D solves

    X' H(X D) + ridge D = -gradient

by conjugate gradients, so that an iteration costs the nonzeros of X and of the transitions, to a residual that
falls with the gradient (``tolerance_at``). Their preconditioner is the diagonal, as far as it has no part of other
states: (X^2)' (d + |beta| pi (1 - pi)) + ridge. It takes up the units of the columns. Their means, of which a
dense design is rid, cost some iterations; to subtract them would fill X.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg

from sklearn_iqlearn._numerics.krylov import conjugate_gradients
from sklearn_iqlearn._objective.backward import tolerance_at
from sklearn_iqlearn._q_functions.base import CoefficientForm
from sklearn_iqlearn._q_functions.linear import Linear, LinearPoint
from sklearn_iqlearn._q_functions.tabular import base_table

# Share of the largest diagonal lent to all, so that none is 0.
LENT = 1e-12
# Two shifts of squared singular values between which a determinant shows how many of these are 0.
SHIFTS = 1e-8, 1e-10


@dataclass(frozen=True)
class SparseLinear(Linear):
    """A ``Linear`` whose ``design``, (S, K), is a CSR array; its parameters have the shape (K, A)."""

    design: Any

    @classmethod
    def create(cls, objective, features, estimator, rng) -> CoefficientForm:
        n_actions, n_features = objective.occupancy.shape[1], features.shape[1]
        ridge = np.full((n_features, n_actions), 1 / (estimator.C * objective.n))
        if estimator.fit_intercept:
            features = sp.hstack([features, np.ones((features.shape[0], 1))], format="csr")
            ridge = np.concatenate([ridge, np.zeros((1, n_actions))])
        return cls(objective, features, ridge, np.zeros(n_features), bool(estimator.fit_intercept))

    @property
    def narrowest(self):
        return self.objective.occupancy.shape[1]

    @property
    def basis(self):
        """None: a covariance, which would want it, has the size of the squared parameters."""
        return None

    def start(self):
        if not self.objective.penalty_weight.any():
            return np.zeros_like(self.ridge)
        weight = self.objective.transitions.only(self.objective.penalty_weight + LENT)
        right = self.pull_back(weight * base_table(self.objective))

        def product(x):
            return self.pull_back(weight * self.table(x)) + LENT * x

        return self.solve(product, self.squares(weight) + LENT, right, tolerance=1e-6)

    def at(self, parameters):
        evaluation = self.objective.at(self.table(parameters))
        return None if evaluation is None else SparseLinearPoint(self, parameters, evaluation)

    def table(self, parameters):
        return self.design @ parameters

    def pull_back(self, table):
        return self.design.T @ table

    def _within_basis(self, parameters):
        """Where nothing is penalised, what the actions do not share."""
        if self.objective.penalty_weight.any():
            return parameters
        return parameters - parameters.mean(axis=1, keepdims=True)

    def squares(self, weight):
        """The diagonal of ``second_moment``: (S, A) -> (K, A)."""
        return self.design.power(2).T @ weight

    def solve(self, product, diagonal, right, tolerance):
        """``conjugate_gradients`` for parameters in their shape."""
        shape = self.ridge.shape
        diagonal = np.maximum(diagonal, LENT * diagonal.max())
        found, _ = conjugate_gradients(
            lambda x: product(x.reshape(shape)).ravel(), lambda r: r / diagonal.ravel(), right.ravel(), tolerance
        )
        return found.reshape(shape)

    @staticmethod
    def n_free(estimator):
        """The rank of what tells the actions apart in visited states."""
        visited = estimator.counts_.any(axis=1)
        rows, exists = estimator.states_[visited], estimator.q_table_[visited] > -np.inf
        if estimator.fit_intercept:
            rows = sp.hstack([rows, np.ones((rows.shape[0], 1))], format="csr")
        if exists.all():
            return (exists.shape[1] - 1) * sparse_rank(rows)
        states, actions = np.nonzero(exists)
        others = exists.argmax(axis=1)[states]
        blocks = [
            sp.diags_array(1.0 * (actions == a) - (others == a)) @ rows[states] for a in range(exists.shape[1])
        ]
        return sparse_rank(sp.hstack(blocks, format="csr"))


@dataclass(frozen=True)
class SparseLinearPoint(LinearPoint):
    """The loss of a linear Q of sparse features at one point."""

    problem: SparseLinear

    def _solve(self, beta, curvature):
        problem, policy, ridge = self.problem, self.evaluation.policy, self.problem.ridge

        def product(x):
            return (
                problem.pull_back(self.evaluation.hessian_product(beta, curvature, problem.table(x))) + ridge * x
            )

        diagonal = problem.squares(curvature + np.abs(beta)[:, None] * policy * (1 - policy)) + ridge
        found = problem.solve(product, diagonal, -self.gradient, tolerance_at(self.gradient))
        return problem._within_basis(found)


def sparse_rank(matrix):
    """The rank of a sparse matrix, its columns in any units, without its Gram matrices, which can be full.

    For M of unit columns, K of them, |det [[I, M], [M', -d I]]| = det(M'M + d I) falls like d^(K - rank) as d goes
    to 0. Singular values below about 1e-4 count as 0.
    """
    sizes = np.sqrt(matrix.power(2).sum(axis=0))
    matrix = sp.csr_array(matrix @ sp.diags_array(1 / np.where(sizes > 0, sizes, 1.0)))
    large, small = SHIFTS
    fall = (log_determinant(matrix, large) - log_determinant(matrix, small)) / np.log(large / small)
    return matrix.shape[1] - round(fall)


def log_determinant(matrix, shift):
    """``log det(M'M + shift I)``; the larger matrix is quasi-definite, and so has pivots in any order."""
    n_rows, n_columns = matrix.shape
    whole = sp.block_array([[sp.eye_array(n_rows), matrix], [matrix.T, -shift * sp.eye_array(n_columns)]])
    factor = scipy.sparse.linalg.splu(
        sp.csc_matrix(whole), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    return float(np.log(np.abs(factor.U.diagonal())).sum())
