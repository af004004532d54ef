"""Q linear in features of the states, or of the pairs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sklearn_iqlearn._coefficients.identification import rank
from sklearn_iqlearn._numerics.blocks import blocks
from sklearn_iqlearn._numerics.linear_algebra import factor, solve_scaled, weighted_gram
from sklearn_iqlearn._objective.objective import Evaluation, Objective, first_descent
from sklearn_iqlearn._q_functions.base import CoefficientForm
from sklearn_iqlearn._q_functions.tabular import base_table


def linear_table(parameters, inputs):
    return inputs @ parameters


@dataclass(frozen=True)
class Linear:
    """Q linear in features, ``table = design @ parameters``.

    Parameters
    ----------
    objective : Objective
    design : ndarray of shape (S, K) or (S, A, K)
        Features, with a constant (or one per action) as the last where there is an intercept. Parameters
        have the shape (K, A) with a column for each action, or (K,), shared by the actions.
    ridge : ndarray of the shape of the parameters
        Weight of each squared parameter in the loss, ``sum(ridge * parameters**2) / 2``.
    offset : ndarray of shape (K,) or (A, K)
        What was subtracted from the features in ``design``.
    intercept : bool
        Whether the last features are constants.
    """

    objective: Objective
    design: np.ndarray
    ridge: np.ndarray
    offset: np.ndarray
    intercept: bool

    needs_stand_in = False
    needs_penalty = True
    jax_table = staticmethod(linear_table)

    @classmethod
    def create(cls, objective, features, estimator, rng) -> CoefficientForm:
        if features is None:
            raise ValueError("features must be given for q_type='linear' with transitions, got None.")
        n_actions = objective.occupancy.shape[1]
        shape = (features.shape[1], n_actions) if features.ndim == 2 else (features.shape[2],)
        ridge = np.full(shape, 1 / (estimator.C * objective.n))
        offset = np.zeros(features.shape[1:])
        if estimator.fit_intercept:
            # The constants take up the means of the features, which so cannot spoil the conditioning.
            offset = features.mean(axis=0, dtype=np.float64)
            if features.ndim == 3 and not objective.penalty_weight.any():
                offset -= offset.mean(axis=0)  # no more than tells the actions apart
            offset = offset.astype(features.dtype)
            features = features - offset
            constant = np.ones((1, 1)) if features.ndim == 2 else np.eye(n_actions)
            constant = np.broadcast_to(constant, (*features.shape[:-1], constant.shape[-1]))
            features = np.concatenate([features, constant.astype(features.dtype)], axis=-1)
            ridge = np.concatenate([ridge, np.zeros((constant.shape[-1], *shape[1:]))])
        return cls(objective, features, ridge, offset, bool(estimator.fit_intercept))

    @property
    def inputs(self):
        return self.design

    @property
    def shared(self):
        """Whether the actions share their coefficients."""
        return self.design.ndim == 3

    @property
    def shapes(self):
        return self.ridge.shape

    @property
    def size(self):
        return self.ridge.size

    @property
    def narrowest(self):
        """The states where the start factors dense transitions, else the coefficients."""
        transitions = self.objective.transitions
        sparse = all(sp.issparse(matrix) for matrix in transitions.matrices)
        return min(transitions.n_states, self.ridge.size) if sparse else transitions.n_states

    def start(self):
        """The least squares fit of the Q of the known reward, in the pairs that count; 0 without a penalty.

        A likelihood alone knows no values, whose levels differ where the actions that exist do.
        """
        if self.basis is not None:
            return np.zeros_like(self.ridge)
        target, weight = (
            base_table(self.objective),
            self.objective.transitions.only(self.objective.penalty_weight + 1e-12),
        )
        moment = self.second_moment(weight)
        moment[np.diag_indices_from(moment)] += 1e-10 * (1 + moment.diagonal())
        return factor(moment)(self.pull_back(weight * target).ravel()).reshape(self.ridge.shape)

    def at(self, parameters):
        evaluation = self.objective.at(self.table(parameters))
        return None if evaluation is None else LinearPoint(self, parameters, evaluation)

    def table(self, parameters):
        q = np.empty(self.objective.occupancy.shape)
        for rows in blocks(len(q)):
            q[rows] = linear_table(parameters, self.design[rows])
        return q

    def centred(self, parameters):
        return self, parameters

    def _within_basis(self, parameters):
        """Of parameters with the same policy those in the span of ``basis``, which Newton's steps then keep to."""
        if self.basis is None:
            return parameters
        return (self.basis @ (self.basis.T @ parameters.ravel())).reshape(parameters.shape)

    def pull_back(self, table):
        """The transpose of ``table``: a gradient in Q becomes one in the parameters."""
        axes = 2 if self.shared else 1
        parts = (np.tensordot(self.design[rows], table[rows], (range(axes),) * 2) for rows in blocks(len(table)))
        return sum(parts, start=np.zeros(self.ridge.shape))

    def second_moment(self, weight):
        """``sum weight * phi phi'`` over the pairs: (S, A) -> (p, p)."""
        moment = np.zeros(self.ridge.shape * 2)
        for rows in blocks(len(weight)):
            design = self.design[rows]
            if self.shared:
                moment += weighted_gram(design.reshape(-1, design.shape[2]), weight[rows].ravel())
                continue
            for a in range(weight.shape[1]):
                moment[:, a, :, a] += weighted_gram(design, weight[rows, a])
        return moment.reshape(self.ridge.size, self.ridge.size)

    def mean_features(self, policy, states=slice(None)):
        """``sum_a pi(a | s) phi(s, a)`` of some states, for a policy (S, A): (n, p)."""
        policy, design = policy[states], self.design[states]
        if self.shared:
            return np.einsum("sa,sak->sk", policy, design)
        mean = np.empty((*design.shape, policy.shape[1]))
        for a in range(policy.shape[1]):  # a loop within NumPy as short as there are actions takes twice the time
            np.multiply(design, policy[:, [a]], out=mean[:, :, a])
        return mean.reshape(len(design), self.ridge.size)

    @cached_property
    def basis(self):
        if self.objective.penalty_weight.any():
            return None
        n_actions = self.objective.occupancy.shape[1]
        between = scipy.linalg.helmert(n_actions).T
        if not self.shared:
            return np.kron(np.eye(len(self.ridge)), between)
        n_slopes = self.ridge.size - n_actions * self.intercept
        return scipy.linalg.block_diag(np.eye(n_slopes), *[between] * self.intercept)

    def reward_features(self, policy, action, states):
        """``phi(s, a) - discount * E[mean features of the next state]`` for one action: (n, p)."""
        objective = self.objective
        chances, following = objective.transitions.matrices[action][states], np.arange(len(policy))
        if sp.issparse(chances):  # the states that follow, which are few where those are
            following, place = np.unique(chances.indices, return_inverse=True)
            shape = (len(states), len(following))
            chances = sp.csr_array((chances.data, place.reshape(-1), chances.indptr), shape=shape)
        rows = -objective.discount * (chances @ self.mean_features(policy, following))
        if self.shared:
            return rows + self.design[states, action]
        rows = rows.reshape(len(states), *self.ridge.shape)
        rows[:, :, action] += self.design[states]
        return rows.reshape(len(states), -1)

    def attributes(self, parameters):
        n_actions = self.objective.occupancy.shape[1]
        n_constants = self.intercept * (n_actions if self.shared else 1)
        n = len(parameters) - n_constants
        coef = parameters[:n].T
        constants = parameters[n:].reshape(-1, n_actions)[0] if n_constants else np.zeros(n_actions)
        return {"coef_": coef, "intercept_": constants - self.offset @ coef.T}

    def identified(self, parameters):
        return parameters, None, []

    def separation(self, parameters):
        return None

    def recall(self, estimator):
        coef, constants = estimator.coef_, estimator.intercept_ + self.offset @ estimator.coef_.T
        parameters = coef.T
        if self.intercept:
            parameters = np.concatenate([coef.T, constants if coef.ndim == 1 else constants[None]])
        return self._within_basis(parameters)

    @staticmethod
    def values(estimator, X):
        return X @ estimator.coef_.T + estimator.intercept_

    @staticmethod
    def n_free(estimator):
        """The rank of what tells the actions apart in visited states."""
        visited, n_actions = estimator.counts_.any(axis=1), estimator.counts_.shape[1]
        given = estimator.states_ if estimator.transitions is None else estimator.features
        features, intercept = np.asarray(given, dtype=np.float64)[visited], int(estimator.fit_intercept)
        exists = estimator.q_table_[visited] > -np.inf
        if features.ndim == 2:
            features = np.hstack([features, np.ones((len(features), intercept))])
            if exists.all():
                return (n_actions - 1) * rank(features)
        parts = (_differences(features[rows], exists[rows], intercept) for rows in blocks(len(features)))
        told = [np.linalg.qr(part, mode="r") for part in parts]
        return rank(np.concatenate(told))


def _differences(features, exists, intercept):
    """Of the actions that exist in a state, the features of each less those of the first: (n, p).

    Features of shape (n_states, K), with a constant, are those of each action's own coefficients.
    """
    n_states, n_actions = exists.shape
    if features.ndim == 2:
        design = np.einsum("sk,ab->sakb", features, np.eye(n_actions)).reshape(n_states, n_actions, -1)
    else:
        constants = np.eye(n_actions, n_actions * intercept)
        design = np.concatenate([features, np.broadcast_to(constants, (n_states, *constants.shape))], axis=2)
    first = np.take_along_axis(design, exists.argmax(axis=1)[:, None, None], axis=1)
    return (np.where(exists[..., None], design, first) - first)[exists]


@dataclass(frozen=True)
class LinearPoint:
    """The loss of a linear Q at one point."""

    problem: Linear
    parameters: np.ndarray
    evaluation: Evaluation

    @property
    def loss(self):
        return self.evaluation.loss + float(np.sum(self.problem.ridge * self.parameters**2) / 2)

    @property
    def rounding(self):
        return self.evaluation.rounding

    @property
    def gradient(self):
        return self.problem.pull_back(self.evaluation.gradient) + self.problem.ridge * self.parameters

    @property
    def gradient_rounding(self):
        return 0.0

    @property
    def policy(self):
        return self.evaluation.policy

    def newton_direction(self, damping=0.0):
        """Newton's direction of the Hessian Phi' H Phi, and whether H has the curvatures tried first."""
        return first_descent(self, self._solve, damping)

    def _solve(self, beta, curvature):
        hessian, gradient, basis = self.hessian(beta, curvature), self.gradient.ravel(), self.problem.basis
        if basis is None:
            direction = solve_scaled(hessian, -gradient)
        else:
            direction = basis @ solve_scaled(basis.T @ hessian @ basis, -basis.T @ gradient)
        return direction.reshape(self.parameters.shape)

    def curvatures(self, damping=0.0):
        return self.evaluation.curvatures(damping)

    def hessian(self, beta, curvature):
        problem, policy = self.problem, self.evaluation.policy
        hessian = problem.second_moment(beta[:, None] * policy)
        for rows in blocks(len(policy)):
            hessian -= weighted_gram(problem.mean_features(policy, rows), beta[rows])
        for action in range(policy.shape[1]):
            curved = np.flatnonzero(curvature[:, action])
            for states in (curved[rows] for rows in blocks(len(curved))):
                features = problem.reward_features(policy, action, states)
                hessian += weighted_gram(features, curvature[states, action])
        hessian[np.diag_indices_from(hessian)] += problem.ridge.ravel()
        return hessian

    @property
    def pressure(self):
        return self.evaluation.pressure

    @property
    def advantage_sensitivity(self):
        """Change of Q with each parameter, less its mean under the policy: (S, A, p)."""
        return self._q_sensitivity - self.problem.mean_features(self.evaluation.policy)[:, None]

    @property
    def reward_sensitivity(self):
        """Change of the reward with each parameter: (S, A, p)."""
        objective, mean = self.problem.objective, self.problem.mean_features(self.evaluation.policy)
        return self._q_sensitivity - objective.discount * objective.transitions.expected_next(mean)

    @property
    def _q_sensitivity(self):
        design, n_actions = self.problem.design, self.evaluation.policy.shape[1]
        if self.problem.shared:
            return design
        return np.einsum("sk,ab->sakb", design, np.eye(n_actions)).reshape(len(design), n_actions, -1)

    def reach(self, direction):
        return self.evaluation.reach(self.problem.table(direction))

    def moves(self, direction, step):
        yield [self.parameters + step * direction]
