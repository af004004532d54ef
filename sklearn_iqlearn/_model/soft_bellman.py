"""Soft values, policies and rewards of one another (Haarnoja et al. 2017; Rust 1987 for logit shocks).

With temperature sigma, discount gamma and transitions P,

    V(s) = sigma * log sum_a exp(Q(s, a) / sigma)      soft value
    pi(a | s) = exp((Q(s, a) - V(s)) / sigma)          softmax policy
    r(s, a) = Q(s, a) - gamma * (P V)(s, a)            inverse soft Bellman operator (Garg et al. 2021, eq. 6)

and Q is the fixed point of ``Q = r + gamma * P V(Q)``.
"""

from functools import reduce
from typing import Any

import numpy as np

from sklearn_iqlearn._model.continuation import continuation
from sklearn_iqlearn._model.endings import soonest_end
from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite

# Policy iteration always ends; at a low temperature it may take as many steps as paths are long.
MAX_ITER = 10_000
# Share of the error, and of a temperature, to which a step brings it for the next one to do with the same system:
# with a new one that leaves the square of the share, with the old one about the share again, without a factor.
SETTLED = 0.01
# Up to so many actions one column after the other is ten times as fast as NumPy's reduction, to the same bits.
FEW = 7
# The rounding of a sum of a few numbers, relative to the largest.
ROUNDING = 16 * np.finfo(float).eps
# Rounding of the values, in temperatures, from which on it decides what a policy does.
DECISIVE = 0.01
# A discount of which episodes that never end are seen to be long.
NEARLY_ONE = 1 - 1e-10


def soft_value(q, temperature):
    """Soft value: (S, A) -> (S,)."""
    best = _over_actions(np.maximum, q)
    return best + temperature * np.log(_over_actions(np.add, np.exp((q - best[:, None]) / temperature)))


def log_policy(q, temperature):
    """Log probabilities of the softmax policy: (S, A) -> (S, A).

    From differences of Q within a state, so that a high level of the values costs no digits.
    """
    z = (q - _over_actions(np.maximum, q)[:, None]) / temperature
    return z - np.log(_over_actions(np.add, np.exp(z)))[:, None]


def _over_actions(combine, table):
    """Combine the entries of each row: (S, A) -> (S,)."""
    return reduce(combine, table.T) if table.shape[1] <= FEW else combine.reduce(table, axis=1)


def inverse_bellman(q, value, transitions, discount):
    """The reward that makes ``q``, of soft value ``value``, optimal: (S, A)."""
    return q - discount * transitions.expected_next(value)


class NotSolved(ArithmeticError):
    """The Bellman equation was not solved within the iterations allowed."""


class NoFiniteValue(NotSolved):
    """At discount 1 the Bellman equation has no finite solution, or none that can be told from rounding."""


@np.errstate(over="ignore", invalid="ignore")  # what overflows is told below
def solve_soft_bellman(reward, transitions, discount, temperature, *, start=None, max_iter=MAX_ITER):
    """The soft action values of a reward, by soft policy iteration: Newton's method for the soft values.

    A value has the advantages, the error and the policy

        A(s, a) = r + gamma E[V(s') - V(s)] - (1 - gamma (1 - end(s, a))) V(s),
        F(s) = sigma log sum_a exp(A / sigma),      pi = exp((A - F) / sigma),

    and the next one is ``V + (I - gamma P_pi)^-1 F``. Advantages come from differences of values, so that a high
    level costs them no digits: a step takes away all but a small share of what rounding left in the one before.

    Where no state comes back (``Transitions.levels``) it is backward induction, at any discount.

    At discount 1 policies of positive probabilities have finite values where every state has a way to an end. From
    the first step on values are those of a policy, and rise: to the solution or, where there is none, for ever, as
    the policies leave a loop less and less.

    Parameters
    ----------
    reward : ndarray of shape (S, A)
        Minus infinity forbids a pair; every state needs one that is allowed.
    transitions : Transitions
    discount, temperature : float
    start : ndarray of shape (S, A), optional
        Action values near the solution.
    max_iter : int

    Returns
    -------
    q : ndarray of shape (S, A)
        Solved to the rounding of its values: the last step changed no state's advantages, in the mean under its
        policy, by more than ``16 eps R / L``, nor less than half as much as the step before did, or F was at most
        ``16 eps R``. ``R = max_s sum_a pi |r| + sigma log A`` and ``L = min 1 - gamma (1 - end)`` bound the values
        by ``R / L``; at discount 1 ``1 / L`` is the longest expected episode under the policy.

    Raises
    ------
    NotSolved
        Where that is not reached in ``max_iter`` steps, or values overflow.
    NoFiniteValue
        At discount 1, where a loop is worth more than its chance to end takes away.
    """
    if transitions.levels is not None:
        return _backward_induction(reward, transitions, discount, temperature)
    if start is not None:
        try:
            value = soft_value(start, temperature)
            return _policy_iteration(reward, transitions, discount, temperature, value, max_iter)
        except NoFiniteValue:  # the first policy may keep to a loop that the best one leaves
            pass
    value = _first_value(reward, transitions, discount, temperature)
    return _policy_iteration(reward, transitions, discount, temperature, value, max_iter)


def _policy_iteration(reward, transitions, discount, temperature, value, max_iter):
    """The action values, from those of the states."""
    bar = np.where(reward == -np.inf, -np.inf, 0.0)
    reward = np.where(reward == -np.inf, 0.0, reward)
    remains = 1 - discount + discount * transitions.ends
    least = max(remains.min(), 1 - discount)  # of approximate transitions ends may be a little below 0
    advantage, change, size = np.zeros_like(reward), np.inf, np.inf
    solve: Any = None
    share, reused = SETTLED, False
    for _ in range(max_iter):
        previous, last, before = advantage, change, size
        advantage = reward - remains * value[:, None] + discount * transitions.expected_change(value)
        error = soft_value(advantage + bar, temperature)
        if not np.isfinite(error).all():
            raise NotSolved("the Bellman equation was not solved: its values overflow.")
        policy, size = np.exp(log_policy(advantage + bar, temperature)), np.abs(error).max()
        change = _largest_mean(policy, advantage - previous)
        rounding = ROUNDING * (_largest_mean(policy, reward) + temperature * np.log(reward.shape[1]))
        rounding *= transitions.noise
        if discount == 1:
            step, steps = _undiscounted(policy, transitions, error, DECISIVE * temperature / rounding)
            least = 1 / steps
        if last / 2 <= change <= rounding / least or size <= rounding:
            return value[:, None] + advantage + bar
        if discount < 1:
            kept = solve is not None and size <= share * min(before, temperature)
            if not kept:
                # Where one kept has failed more is asked from then on: policy iteration it becomes, which ends.
                # One made where only rounding is left serves to the end.
                share = np.inf if change <= rounding / least else share * (SETTLED if reused else 1.0)
                solve = continuation(policy, transitions, discount)
            reused = kept
            step = solve(error)
        value = value + step
    raise NotSolved(
        f"the Bellman equation was not solved in {max_iter} steps of policy iteration: the last one changed a "
        f"state's action values by {change / temperature:.1e} temperatures, and its residual is "
        f"{size:.1e}."
    )


def _backward_induction(reward, transitions, discount, temperature):
    """The same where no state comes back: each level from those after it, at any discount."""
    q = np.empty_like(reward)

    def value_of(states, expected):
        q[states] = reward[states] + discount * expected
        return soft_value(q[states], temperature)

    if not np.isfinite(transitions.levels.backward(value_of)).all():
        raise NotSolved("the Bellman equation was not solved: its values overflow.")
    return q


def _first_value(reward, transitions, discount, temperature):
    """The value of the mean reward under a uniform policy that never ends: exact for a zero reward.

    At discount 1 that of a policy that heads for the end; of approximate transitions that of the decisions, as
    under others what they carry on may run away.
    """
    if transitions.log_policy is not None:
        known = np.where(reward > -np.inf, transitions.log_policy, -np.inf)
        logs = log_policy(known, 1.0)
        policy = np.exp(logs)
        earned = np.where(policy > 0, reward - temperature * logs, 0.0)
        return continuation(policy, transitions, discount)((policy * earned).sum(axis=1))
    if discount == 1:
        policy = soonest_end(transitions, reward > -np.inf)
        taken = policy > 0
        earned = np.where(taken, reward, 0.0) - temperature * np.log(
            policy, where=taken, out=np.zeros_like(policy)
        )
        return continuation(policy, transitions, discount)((policy * earned).sum(axis=1))
    level = reward[reward > -np.inf].mean() + temperature * np.log(reward.shape[1])
    return np.full(len(reward), level / (1 - discount))


def _undiscounted(policy, transitions, error, most):
    """The change of values that takes an error away, and the longest expected episode, of at most so many steps.

    More of them leave no digits that decide: either there is no solution, or none that can be told from none.
    """
    try:
        system = continuation(policy, transitions, 1.0)
        step, steps = system(np.column_stack([error, np.ones_like(error)])).T
        if steps.min() > 0 and steps.max() <= most:
            return step, steps.max()
    except NotPositiveDefinite:  # none of the policy's episodes seems to end
        pass
    longest = continuation(policy, transitions, NEARLY_ONE)(np.ones_like(error)).argmax()
    visits = continuation(policy, transitions, NEARLY_ONE, transposed=True)(
        1.0 * (np.arange(len(error)) == longest)
    )
    raise NoFiniteValue(
        "discount=1 leaves the soft Bellman equation without a finite solution: a loop that leads back to state "
        f"{visits.argmax()} is worth more, with the entropy of its choices, than its chance to end takes away. "
        "Lower its reward or the temperature, or use a discount below 1."
    )


def _largest_mean(policy, values):
    """Mean absolute value under the policy, in the state where it is largest."""
    return (policy * np.abs(values)).sum(axis=1).max()
