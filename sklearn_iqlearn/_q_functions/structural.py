"""A reward linear in features, whose Q is its soft-Bellman solution (Rust 1987: nested fixed point).

With r = h + F theta, F (S*A, K) and h the part of the reward that is known, the objective of ``_objective`` is

    J(theta) = -sum rho r + sum v V(r) + sum w g_alpha(F theta),

V(r) the soft value of the best policy. With ``alpha=inf`` and ``value_term="expert"`` it is maximum likelihood;
with ``"initial"`` its gradient is that of maximum entropy inverse reinforcement learning (Ziebart 2010).

Gradient. The soft value changes with the reward by dV/dr = (I - gamma P_pi)^-1 Pi. With the adjoint m,

    (I - gamma P_pi)' m = v,    u = w g_alpha'(F theta) - rho,    dJ/dtheta = F' (u + Pi' m).

Hessian. A direction x of theta changes the reward by F x, the values by z = dV/dr F x, Q by y = F x + gamma T z:

    x' H x = sum w g_alpha''(F theta) (F x)^2 + sum_s m_s / sigma * Var_pi(y_s).

It is positive semidefinite where m >= 0. Fisher's scoring has the visits rho_S in the place of m, which is its
mean where the policy is right, and always is. J and theta are both in units of reward: the gradient has none.

What a fit returns. J starts no higher than at a reward of 0 or at the last fit, and falls from there. Where it has
converged, the gradient is below tol at a minimum: a local one, as J is not convex in general, but most often the
only one. Where decisions are separated (``_coefficients.separation``) it has not: the likelihood has no maximum,
and the coefficients are where what is never chosen was all but ruled out.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sklearn_iqlearn._coefficients.identification import OPEN, free_reward, sizes_of, told_and_open, unmoved
from sklearn_iqlearn._coefficients.projection import reward_features
from sklearn_iqlearn._coefficients.pseudo_likelihood import (
    MOST_ROUNDS,
    advantages,
    open_directions,
    pseudo_likelihood,
)
from sklearn_iqlearn._coefficients.separation import separation
from sklearn_iqlearn._model.continuation import continuation
from sklearn_iqlearn._model.soft_bellman import (
    MAX_ITER,
    ROUNDING,
    NotSolved,
    solve_soft_bellman,
)
from sklearn_iqlearn._numerics.linear_algebra import solve_scaled, weighted_gram
from sklearn_iqlearn._objective.objective import Evaluation, Objective, first_descent
from sklearn_iqlearn._q_functions.base import CoefficientForm

# Rounds of pseudo-likelihood to start from: each costs a fraction of a step of Newton's method.
START_ROUNDS = 3
# Steps of policy iteration after which a trial of new coefficients, started from the last, is given up.
MOST_STEPS = 50
# Share of the decisions that are still expected of actions that are all but ruled out.
RULED_OUT = 1e-6
# Share of the rewards by which a sum of them can be below 0 by rounding.
BELOW_ZERO = 1e-6


@dataclass(frozen=True)
class Structural:
    """A problem of ``_q_functions`` whose parameters are the reward's coefficients, (K,), times their units.

    Parameters
    ----------
    objective : Objective
    features : ndarray of shape (S, A, K)
        Of size 1 each, so that the gradient does not depend on their units.
    units : ndarray of shape (K,)
        By which the given features were divided.
    latest : list
        The parameters solved for last and their table.
    foreseen : list
        A table near that of the parameters to be solved for next.
    slopes : list
        The parameters for which the sensitivities were asked last, and these.
    """

    objective: Objective
    features: np.ndarray
    units: np.ndarray
    latest: list = field(default_factory=list, init=False, compare=False)
    foreseen: list = field(default_factory=list, init=False, compare=False)
    slopes: list = field(default_factory=list, init=False, compare=False)

    ridge = 0.0
    basis = None
    needs_stand_in = False
    needs_penalty = False  # matching the visits is a convex problem

    @classmethod
    def create(cls, objective, features, estimator, rng) -> CoefficientForm:
        if features is None:
            raise ValueError(
                "features must be given for q_type='structural', whose reward is linear in them, got None."
            )
        units = sizes_of(features)
        return cls(objective, reward_features(features / units, objective.occupancy.shape[1]), units)

    @property
    def shapes(self):
        return self.units.shape

    @property
    def size(self):
        return self.units.size

    @property
    def narrowest(self):
        return self.objective.transitions.n_states

    def start(self):
        """Coefficients of 0 or, where it is better, a few rounds of pseudo-likelihood from a policy of the
        decisions.

        At discount 1 neither need have finite values. The more rounds the nearer to a policy that has.
        """
        objective, zero = self.objective, np.zeros_like(self.units)
        counts = objective.occupancy * objective.n
        policy = objective.transitions.first_policy(counts)
        settings = objective.transitions, objective.discount, objective.temperature
        for most_rounds in (START_ROUNDS, MOST_ROUNDS):
            options = {"base_reward": objective.base_reward, "most_rounds": most_rounds}
            found = pseudo_likelihood(self.features, counts, policy, *settings, **options)
            loss = loss_of(self.at(zero))
            self.foreseen[:] = [found.value[:, None] + objective.temperature * found.log_policy]
            better = loss_of(self.at(found.coef)) < loss
            for trial in (found.coef, zero) if better else (zero, found.coef):
                if self._has_values(trial):
                    return trial
        raise ValueError(
            f"discount must be less than 1 for these features, got {objective.discount!r}: neither coefficients "
            "of 0 nor those that the decisions suggest give the soft Bellman equation a finite solution. Add a "
            "feature that is a cost of every step, or give that cost as base_reward."
        )

    def _has_values(self, parameters):
        """Whether the soft-Bellman equation of these coefficients is solved."""
        try:
            self.table(parameters, max_iter=MOST_STEPS)
        except NotSolved:
            return False
        return True

    def at(self, parameters):
        try:
            table = self.table(parameters, max_iter=MOST_STEPS)
        except NotSolved:  # too far away
            return None
        value, free = self.objective.soft_value(table), self.objective.transitions.only(table)
        evaluation = self.objective.evaluate(free, value, self._reward(parameters))
        if evaluation is None:
            return None
        self._check_bounded(evaluation)
        return StructuralPoint(self, parameters, table, evaluation)

    def _reward(self, parameters):
        return self.objective.base_reward + self.features @ parameters

    def _check_bounded(self, evaluation):
        """Raise a ValueError where the objective, its penalty switched off, falls below what it can be.

        Of a policy whose average features are those of the visits it is the discounted entropy at least, and the
        difference of their average known rewards.
        """
        objective = self.objective
        size = objective.temperature + np.abs(evaluation.reward).max()
        least = -BELOW_ZERO * size - np.ptp(objective.transitions.only(np.asarray(objective.base_reward)))
        if evaluation.loss < least and not objective.penalty_weight.any():
            raise ValueError(
                "alpha must be finite with value_term='initial' for these decisions, got inf: no policy from the "
                "initial distribution has the average features of the visited pairs, so that the objective has no "
                "minimum. Episodes that end or are cut off can be the reason, or rows that start no trajectory "
                "but are taken for starts: pass trajectory or initial_distribution, or take value_term='expert'."
            )

    def table(self, parameters, max_iter=MAX_ITER):
        known, start = self.latest or (None, None)
        if known is None or not np.array_equal(known, parameters):
            objective, start = self.objective, self.foreseen.pop() if self.foreseen else start
            if objective.transitions.log_policy is not None:  # projections may have other solutions, far away
                start = None
            table = solve_soft_bellman(
                self._reward(parameters) + objective.transitions.bar,
                objective.transitions,
                objective.discount,
                objective.temperature,
                start=start,
                max_iter=max_iter,
            )
            self.latest[:] = parameters, table
        return self.latest[1]

    def sensitivities(self, parameters, policy):
        """Change of Q with each coefficient, less that of V, (S, A, K), and that of V, (S, K)."""
        if not self.slopes or not np.array_equal(self.slopes[0], parameters):
            settings = self.objective.transitions, self.objective.discount
            self.slopes[:] = parameters, advantages(self.features, policy, *settings)
        return self.slopes[1]

    def centred(self, parameters):
        return self, parameters

    def attributes(self, parameters):
        return {"coef_": parameters / self.units}

    def identified(self, parameters):
        """The parameters of least norm among those as likely, and the directions that the decisions leave open.

        Open is where Fisher's information vanishes; also where it does because a coefficient runs to infinity.
        """
        objective = self.objective
        policy = objective.policy(self.table(parameters))
        slope, visits = self.sensitivities(parameters, policy)[0], objective.occupancy.sum(axis=1, keepdims=True)
        silent = told_and_open(slope[objective.transitions.pairs & (visits > 0)])[1]
        silent = unmoved(self.features[objective.penalty_weight > 0], silent)  # the penalty may have chosen
        least, point = parameters - silent.T @ (silent @ parameters), self.at(parameters)
        if loss_of(self.at(least)) <= point.loss + point.rounding:
            parameters = least
        left_open = open_directions(slope, visits * policy)
        doubts = [OPEN] * bool(len(left_open))
        doubts += free_reward(self.features, objective.transitions, objective.discount)
        return parameters, left_open / self.units, doubts

    def separation(self, parameters):
        """The direction of the coefficients along which the decisions become ever more likely, or None.

        None also where that is still to come: where the actions that lose are not yet all but ruled out.
        """
        point, objective = self.at(parameters), self.objective
        visits, change = objective.occupancy.sum(axis=1, keepdims=True), point.advantage_sensitivity
        scaled = change / sizes_of(change[visits[:, 0] > 0])
        information = weighted_gram(*flat(scaled, visits * point.evaluation.policy))
        # Actions ruled out carry no information. A lead of 1 takes a direction of length 1 / (2 sqrt(K)) at least.
        if np.linalg.eigvalsh(information)[0] > 4 * len(parameters) * RULED_OUT:
            return None
        held = self.features[objective.penalty_weight > 0]
        found = separation(change, objective.occupancy > 0, objective.transitions.pairs, held)
        if found is None:
            return None
        # Changes are 0 on average under the policy: what decisions gain is what losers are still expected to take.
        lead = np.sum(objective.occupancy * (change @ found.direction))
        return found if lead < RULED_OUT else None

    def recall(self, estimator):
        """The last coefficients, a new start where a reward of 0 is better, or None: those of other features.

        The last table is a start for theirs, and no more: transitions, known rewards and discount may be others.
        """
        if estimator.coef_.shape != self.shapes:
            return None
        last, loss = estimator.coef_ * self.units, loss_of(self.at(np.zeros_like(self.units)))
        if estimator.q_table_.shape == self.objective.occupancy.shape:
            self.foreseen[:] = [estimator.q_table_]
        return last if loss_of(self.at(last)) < loss else self.start()

    @staticmethod
    def n_free(estimator):
        return len(estimator.coef_) - len(estimator.unidentified_)


def loss_of(point):
    return np.inf if point is None else point.loss


def flat(columns, weight):
    """(S, A, K) and (S, A) -> (S * A, K) and (S * A,)."""
    return columns.reshape(-1, columns.shape[2]), weight.ravel()


@dataclass(frozen=True)
class StructuralPoint:
    """The loss of a structural Q at one point."""

    problem: Structural
    parameters: np.ndarray
    table: np.ndarray
    evaluation: Evaluation

    @property
    def loss(self):
        return self.evaluation.loss

    @property
    def rounding(self):
        return self.evaluation.rounding

    @cached_property
    def pressure(self):
        """The adjoint m."""
        objective, policy = self.problem.objective, self.evaluation.policy
        solve = continuation(policy, objective.transitions, objective.discount, transposed=True)
        return solve(objective.value_weight)

    @cached_property
    def gradient(self):
        pull = self.evaluation.pull + self.evaluation.policy * self.pressure[:, None]
        gradient = np.einsum("sak,sa->k", self.problem.features, pull)
        noise = self.problem.objective.transitions.noise
        if noise == 1:
            return gradient
        # Of projections rounding leaves so much more of a gradient that no step could make it smaller.
        terms = np.einsum("sak,sa->k", np.abs(self.problem.features), np.abs(pull))
        return np.where(np.abs(gradient) <= ROUNDING * noise * terms, 0.0, gradient)

    @cached_property
    def sensitivities(self):
        return self.problem.sensitivities(self.parameters, self.evaluation.policy)

    @property
    def advantage_sensitivity(self):
        return self.sensitivities[0]

    @property
    def reward_sensitivity(self):
        return self.problem.features

    @property
    def gradient_rounding(self):
        return 0.0

    @property
    def policy(self):
        return self.evaluation.policy

    def newton_direction(self, damping=0.0):
        return first_descent(self, self._solve, damping)

    def _solve(self, beta, curvature):
        return solve_scaled(self.hessian(beta, curvature), -self.gradient)

    def curvatures(self, damping=0.0):
        """Curvatures (beta, d) to try: without damping the true ones, then Fisher's, which are never negative."""
        objective, evaluation = self.problem.objective, self.evaluation
        if not damping:
            yield self.pressure / objective.temperature, evaluation.curvature
        fisher = objective.occupancy.sum(axis=1) / objective.temperature
        yield fisher + damping * evaluation.stiffness, evaluation.curvature

    def hessian(self, beta, curvature):
        hessian = weighted_gram(*flat(self.advantage_sensitivity, beta[:, None] * self.evaluation.policy))
        return hessian + weighted_gram(*flat(self.problem.features, curvature))

    def reach(self, direction):
        """The step, at most 1, that keeps the reward well inside the divergence's domain."""
        return self.evaluation.reach_of(self.problem.features @ direction)

    def moves(self, direction, step):
        # To first order the values there are known: policy iteration has less left to do than from the last table.
        self.problem.foreseen[:] = [self.table + step * (self.sensitivities[1] @ direction)[:, None]]
        yield [self.parameters + step * direction]
