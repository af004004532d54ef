"""The IQ-Learn objective on a table of soft action values, with its derivatives.

Notation (shapes): Q (S, A) with soft value V (S,) and softmax policy pi (S, A) at temperature sigma;
transitions P, stacked as T (S*A, S); rho (S, A) the shares of the visits and rho_S (S,) their row sums;
w (S, A) the weights of the reward penalty, (N + smoothing) / n for counts N of total n; p0 (S,) the
initial distribution; h (S, A) the part of the reward that is known; Pi the (S, S*A) matrix with pi in it. E
repeats a state's row for its actions.

Objective
    r = Q - gamma T V                                                (Garg et al. 2021, eq. 6)
    J = -sum rho r + sum v V + sum w g_alpha(r - h)

    value_term="expert":   v = rho_S - gamma T' rho, and J = -sigma * mean log pi + penalty,
                           since -rho (r + gamma T V) + rho_S V = -rho (Q - V) = -sigma rho log pi
    value_term="initial":  v = (1 - gamma) p0                        (Garg et al. 2021, eq. 9)

Sums are over the pairs that exist. A table has a finite value for the others too, 0 where it is free to choose:
their pi, rho and w are 0, and with these all derivatives.

Q is given as q + E V0, for fixed values V0 of reward r0 = (E - gamma T) V0. Near discount 1 values are large
(sigma log(A) / (1 - gamma) for a reward of 0), each set of states that is never left at a level of its own, while
rewards and advantages are small: kept apart,

    r = r0 + q - gamma T V(q),        V(Q) = V0 + V(q),

neither costs the other its digits.

Gradient. With u = dJ/dr = w g_alpha'(r - h) - rho and b = v - gamma T' u, the total derivative in V,

    dJ/dQ = u + Pi' b.

Hessian. A direction x changes V by z = Pi x, r by x - gamma T z, and pi by pi (x - E z) / sigma:

    x' H x = sum w g_alpha''(r - h) (x - gamma T z)^2 + sum_s b_s / sigma * Var_pi(x_s).

It is positive semidefinite where b >= 0; b clipped at 0 gives a curvature that always is.

Newton's direction solves H x = -G. Write x = E z + y: z moves the values and y, with Pi y = 0, the
advantages. With d = w g_alpha''(r - h), beta = b / sigma and L = E - gamma T, minimise

    sum d (L z + y)^2 / 2 + sum beta pi y^2 / 2 + G' (E z + y)    subject to  Pi y = 0.

Given z, every state's y is "diagonal plus one constraint", with e = d + beta pi and 1/m = sum_a pi^2 / e:

    y = (m_s t pi - G - d L z) / e,    t = sum_a (pi / e) (G + d L z),

and what is left is one S-by-S system, a Schur complement that is sparse where P is:

    L' W L z = -E' G + L' (d / e) (G - pi m_s sum_a (pi / e) G),
    W = diag(d beta pi / e) + blockdiag(m_s c_s c_s'),    c = pi d / e.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from sklearn_iqlearn._model.continuation import continuation
from sklearn_iqlearn._model.soft_bellman import inverse_bellman, log_policy, soft_value
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite
from sklearn_iqlearn._objective.backward import solve_by_sweeps, tolerance_at
from sklearn_iqlearn._objective.divergences import Divergence
from sklearn_iqlearn._objective.schur import Coupling
from sklearn_iqlearn._objective.schur_system import SchurSystem

# Share of the way to the edge of the domain that the linearised reward may go in one step.
FRACTION_TO_EDGE = 0.9
# Least curvature of the penalty, as a share of weight / alpha, where the true Hessian is of no use.
LEAST_CURVATURE = 1e-3
# Shares of what is negative in the curvature of advantages to try.
SHARES = (1.0, 7 / 8, 3 / 4, 1 / 2)
# Relative rounding of a sum of a few terms.
ROUNDING = 4 * np.finfo(float).eps


@dataclass(frozen=True)
class Objective:
    """The data and settings of J; see the module's docstring for the symbols.

    Parameters
    ----------
    transitions : Transitions
    occupancy : ndarray of shape (S, A)
        rho, the weight of the rewards.
    penalty_weight : ndarray of shape (S, A)
        w; zero everywhere switches the penalty off.
    value_weight : ndarray of shape (S,)
        v.
    discount, temperature, alpha : float
    divergence : Divergence
    n : float
        Total weight of the decisions.
    base_reward : ndarray of shape (S, A), or 0
        h.
    centre_value : ndarray of shape (S,), or 0
        V0, added to every table of action values.
    centre_reward : ndarray of shape (S, A), or 0
        r0.
    """

    transitions: Transitions
    occupancy: np.ndarray
    penalty_weight: np.ndarray
    value_weight: np.ndarray
    discount: float
    temperature: float
    divergence: Divergence
    alpha: float
    n: float = 1.0
    base_reward: np.ndarray | float = 0.0
    centre_value: np.ndarray | float = 0.0
    centre_reward: np.ndarray | float = 0.0

    def about(self, value):
        """The same objective for tables given less ``value`` too."""
        reward = inverse_bellman(value[:, None], value, self.transitions, self.discount)
        return replace(self, centre_value=self.centre_value + value, centre_reward=self.centre_reward + reward)

    def whole(self, q):
        """The table ``q + V0``, minus infinity for pairs that do not exist."""
        return q + np.reshape(self.centre_value, (-1, 1)) + self.transitions.bar

    def soft_value(self, q):
        """The soft value of a table: (S, A) -> (S,)."""
        return soft_value(q + self.transitions.bar, self.temperature)

    def policy(self, q):
        """The policy of a table: (S, A) -> (S, A)."""
        return np.exp(log_policy(q + self.transitions.bar, self.temperature))

    @cached_property
    def centre_loss(self):
        """What V0 adds to ``v V``."""
        return float(np.sum(self.value_weight * self.centre_value))

    @cached_property
    def is_likelihood(self):
        """Whether the value part is -sum rho (Q - V), which knows no V0."""
        flow = self.discount * self.transitions.flow(self.occupancy)
        return np.array_equal(self.value_weight, self.occupancy.sum(axis=1) - flow)

    def value_part(self, q, value, reward):
        """J without the penalty."""
        if self.is_likelihood:
            return np.sum(self.occupancy * (value[:, None] - q))
        return self.value_weight @ value + self.centre_loss - np.sum(self.occupancy * reward)

    def reward(self, q, value):
        """The reward of the table ``q + V0``, where ``value`` is the soft value of ``q``."""
        return self.centre_reward + inverse_bellman(q, value, self.transitions, self.discount)

    def reward_of(self, q):
        """The reward of the table ``q + V0``."""
        return self.reward(q, self.soft_value(q))

    def scaled(self, reward):
        """What the penalty sees of a reward, in units of alpha: 0 where it takes no part."""
        return np.where(self.penalty_weight > 0, (reward - self.base_reward) / self.alpha, 0.0)

    def at(self, q):
        """J at the table ``q + V0``, or None outside the domain of the divergence."""
        q = self.transitions.only(q)
        value = self.soft_value(q)
        return self.evaluate(q, value, self.reward(q, value))

    def evaluate(self, q, value, reward):
        """J at the table ``q + V0`` whose soft value and reward are known."""
        u = self.scaled(reward)
        if not (u.min() > self.divergence.lower and u.max() < self.divergence.upper):
            return None
        with np.errstate(over="ignore"):
            penalty = self.alpha * np.sum(self.penalty_weight * self.divergence.g(u))
            loss = float(penalty + self.value_part(q, value, reward))
        return Evaluation(self, q, value, reward, loss) if np.isfinite(loss) else None


class Evaluation:
    """J at one table, with what its derivatives share; ``q`` and ``value`` are without V0."""

    def __init__(self, objective, q, value, reward, loss):
        self.objective, self.q, self.value, self.reward, self.loss = objective, q, value, reward, loss
        # The reward is a difference of values, and inherits their rounding.
        self.rounding = ROUNDING * (objective.temperature + abs(loss) + np.abs(q).max())
        self.policy = objective.policy(q)
        scaled = objective.scaled(reward)
        self.pull = objective.penalty_weight * objective.divergence.dg(scaled) - objective.occupancy
        self.curvature = objective.penalty_weight * objective.divergence.d2g(scaled) / objective.alpha
        self.pressure = objective.value_weight - objective.discount * objective.transitions.flow(self.pull)
        self.gradient = self.pull + self.policy * self.pressure[:, None]

    @property
    def gradient_rounding(self):
        """Change of the gradient that is rounding: what the curvature makes of that of the reward.

        The edge of a domain is where it counts: a share 1 - u of 1e-9 has 7 digits.
        """
        return float(ROUNDING * np.max(self.curvature * (np.abs(self.reward) + np.abs(self.q))))

    def reward_change(self, direction):
        """First-order change of the reward along a direction of Q, J = I - gamma T Pi: (S, A) -> (S, A)."""
        change = (self.policy * direction).sum(axis=1)
        return direction - self.objective.discount * self.objective.transitions.expected_next(change)

    def reach(self, direction):
        """The step, at most 1, that keeps the linearised reward well inside the divergence's domain."""
        return self.reach_of(self.reward_change(direction)) if self.objective.divergence.bounded else 1.0

    def reach_of(self, change):
        """The step, at most 1, whose share of a change of the reward stays well inside the domain."""
        divergence, alpha = self.objective.divergence, self.objective.alpha
        edge = alpha * np.where(change > 0, divergence.upper, divergence.lower)
        moving = (change != 0) & (self.objective.penalty_weight > 0)
        steps = (edge - self.reward + self.objective.base_reward)[moving] / change[moving]
        return min(1.0, FRACTION_TO_EDGE * steps.min(initial=np.inf))

    def moves(self, direction, step):
        """Tables that a step may lead to, in groups to choose the best from: straight on, or as far in the reward.

        Near a bound the two are always compared; a straight step ends nearer to it.
        """
        straight = self.q + step * direction
        if not self.objective.divergence.bounded:
            yield [straight]
        yield [straight, self.moved_reward(direction, step)]

    def moved_reward(self, direction, step):
        """The table whose reward has moved by a step of its linearisation, to third order.

        The reward is a concave function of Q, so a straight step ends below the reward that its
        linearisation promises, and may cross a bound or a steep penalty by that difference alone. One
        chord step towards Q = r + gamma T V(Q) takes it away to first order.
        """
        objective = self.objective
        q = self.q + step * direction
        wanted = self.reward + step * self.reward_change(direction)
        error = wanted - objective.reward_of(q)
        try:
            change = self._solve_continuation((self.policy * error).sum(axis=1))
        except NotPositiveDefinite:  # at discount 1 the policy may all but keep to a loop
            return q
        moved = q + error + objective.discount * objective.transitions.expected_next(change)
        return objective.transitions.only(moved)

    @cached_property
    def _solve_continuation(self):
        objective = self.objective
        return continuation(self.policy, objective.transitions, objective.discount)

    def newton_direction(self, damping=0.0):
        """Newton's direction from the structure of the Hessian, and whether of the curvatures tried first."""
        return first_descent(self, self._solve, damping)

    def curvatures(self, damping=0.0):
        """Curvatures (beta, d) to try for a Hessian: without damping, the true ones first.

        Then those with ever less of what is negative in beta. Where the true Hessian is not positive definite the
        iterates are near a saddle. The more of it is left, the longer the steps that lead away: with none of it a
        saddle of little curvature takes hundreds.

        The last always gives a positive semidefinite one: beta clipped at 0, and the curvature of the
        penalty, which some divergences let vanish for large rewards, at no less than a share of its usual
        size. Damping adds to beta, which keeps policies from changing much; values, in which the objective
        is nearly quadratic, stay free.
        """
        beta = self.pressure / self.objective.temperature
        if not damping:
            negative = np.flatnonzero(beta < 0)
            most = self._convex_share(beta, negative)
            for share in SHARES if len(negative) else SHARES[:1]:
                kept = beta.copy()
                kept[negative] *= np.minimum(share, most)
                yield kept, self.curvature
        least = LEAST_CURVATURE * min(1.0, damping or 1.0) * self.objective.penalty_weight / self.objective.alpha
        yield np.maximum(beta, 0) + damping * self.stiffness, np.maximum(self.curvature, least)

    @property
    def stiffness(self):
        """Weight of each state over the temperature, the size of beta: (S,)."""
        weight = self.objective.penalty_weight + self.objective.occupancy
        return weight.sum(axis=1) / self.objective.temperature

    def _convex_share(self, beta, states):
        """Of the beta of some states the largest share with which diag(e) is positive definite on the advantages.

        That is where no e is negative, or one alone and 1/m too.
        """
        share_of, pi = np.zeros(len(states)), self.policy[states]
        for share in reversed(SHARES):
            e = self.curvature[states] + share * beta[states, None] * pi
            e = np.where(self.objective.transitions.pairs[states], e, 1.0)
            with np.errstate(divide="ignore", invalid="ignore"):
                negative = np.sum(pi**2 / e, axis=1) < 0
            n_negative = (e < 0).sum(axis=1)
            convex = (e != 0).all(axis=1) & ((n_negative == 0) | (n_negative == 1) & negative)
            share_of[convex] = share
        return share_of

    def _solve(self, beta, d):
        """Solve H x = -gradient with the Schur complement of the module's docstring."""
        transitions, discount = self.objective.transitions, self.objective.discount
        pi, gradient = self.policy, self.gradient
        e, coupling = self._coupling(beta, d)
        m = coupling.m

        projected = (d / e) * (gradient - pi * (m * (pi * gradient / e).sum(axis=1))[:, None])
        right = -gradient.sum(axis=1) + projected.sum(axis=1) - discount * transitions.flow(projected)
        if transitions.levels is None:
            z = SchurSystem(transitions, discount, coupling).solve(right, tolerance_at(gradient))
        else:
            near = self._coupling(np.maximum(beta, 0), d)[1]
            z = solve_by_sweeps(transitions.levels, discount, coupling, near, right, tolerance_at(gradient))

        changed = gradient + d * (z[:, None] - discount * transitions.expected_next(z))
        t = m * (pi * changed / e).sum(axis=1)
        return transitions.only(z[:, None] + (pi * t[:, None] - changed) / e)

    def hessian_product(self, beta, d, direction):
        """``H x`` for a direction of Q and curvatures, as the docstring has it: (S, A) -> (S, A)."""
        objective, change = self.objective, (self.policy * direction).sum(axis=1, keepdims=True)
        bent = d * self.reward_change(direction)
        pull = beta[:, None] * self.policy * (direction - change)
        return bent + pull - objective.discount * self.policy * objective.transitions.flow(bent)[:, None]

    def _coupling(self, beta, d):
        """The diagonal e, and W."""
        pi = self.policy
        e = d + beta[:, None] * pi
        e = np.where(e != 0, e, 1.0)  # a pair without weight or visits, or that does not exist: nothing moves it
        return e, Coupling(k=d * beta[:, None] * pi / e, c=pi * d / e, m=1 / (pi**2 / e).sum(axis=1))


@np.errstate(over="ignore", divide="ignore", invalid="ignore")  # a direction that overflows does not descend
def first_descent(point, solve, damping):
    """The first Newton direction that descends, over the ``curvatures`` of a point.

    Parameters
    ----------
    point : with ``curvatures(damping)`` and ``gradient``
    solve : callable
        ``solve(beta, d)`` is the direction, or raises NotPositiveDefinite.
    damping : float

    Returns
    -------
    direction : ndarray
        Steepest descent where rounding leaves none.
    is_newton : bool
        Whether it is that of the curvatures tried first, undamped.
    """
    for tried, (beta, curvature) in enumerate(point.curvatures(damping)):
        try:
            direction = solve(beta, curvature)
        except NotPositiveDefinite:
            continue
        if -np.inf < np.sum(direction * point.gradient) < 0:
            return direction, damping == 0 and tried == 0
    return -point.gradient, False


def expert_term(demonstrations, discount):
    """Weights (reward, value) and total of the likelihood of the observed actions."""
    total = demonstrations.counts.sum()
    rho = (demonstrations.counts + demonstrations.pseudo_counts) / total
    return rho, rho.sum(axis=1) - discount * demonstrations.transitions.flow(rho), total


def initial_term(demonstrations, discount):
    """Weights (reward, value) and total of Garg et al. (2021), equation 9.

    It has a reward for the decisions whose continuation is known, and needs one at least. The pseudo-counts, whose
    continuation is not, add their likelihood.
    """
    total = demonstrations.known.sum()
    if total == 0:
        raise ValueError(
            "value_term='initial' needs rows whose next state is known or whose episode ended, got none: pass "
            "terminal, or take value_term='expert'."
        )
    likelihood = demonstrations.pseudo_counts / total + np.zeros_like(demonstrations.known)
    value_weight = (1 - discount) * demonstrations.initial_distribution + likelihood.sum(axis=1)
    return demonstrations.known / total + likelihood, value_weight, total


VALUE_TERMS = MappingProxyType({"expert": expert_term, "initial": initial_term})
