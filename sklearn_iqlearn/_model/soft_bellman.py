"""Soft values, policies and rewards of one another (Haarnoja et al. 2017; Rust 1987 for logit shocks).

With temperature sigma, discount gamma and transitions P,

    V(s) = sigma * log sum_a exp(Q(s, a) / sigma)      soft value
    pi(a | s) = exp((Q(s, a) - V(s)) / sigma)          softmax policy
    r(s, a) = Q(s, a) - gamma * (P V)(s, a)            inverse soft Bellman operator (Garg et al. 2021, eq. 6)

and Q is the fixed point of ``Q = r + gamma * P V(Q)``.
"""

import warnings
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sklearn_iqlearn._numerics.linear_algebra import factor

# Policy iteration always ends; at a low temperature it may take as many steps as paths are long.
MAX_ITER = 10_000
# Condition number from which on a solution keeps less than about 6 digits.
ILL_CONDITIONED = 1e10


def soft_value(q, temperature):
    """Soft value: (S, A) -> (S,)."""
    best = q.max(axis=1)
    return best + temperature * np.log(np.exp((q - best[:, None]) / temperature).sum(axis=1))


def log_policy(q, temperature):
    """Log probabilities of the softmax policy: (S, A) -> (S, A).

    From differences of Q within a state, so that a high level of the values costs no digits.
    """
    z = (q - q.max(axis=1, keepdims=True)) / temperature
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def inverse_bellman(q, value, transitions, discount):
    """The reward that makes ``q``, of soft value ``value``, optimal: (S, A)."""
    return q - discount * transitions.expected_next(value)


def continuation_system(policy, transitions, discount):
    """``I - discount * P_policy``, (S, S), dense or sparse as the transitions are."""
    mixed = transitions.mix(policy)
    identity = sp.eye_array(len(policy)) if sp.issparse(mixed) else np.eye(len(policy))
    return identity - discount * mixed


def warn_ill_conditioned(policy, transitions, discount, stacklevel):
    """Warn where ``I - discount * P_policy`` is ill-conditioned in the maximum norm.

    The inverse has no negative entry, so that its norm is what it makes of a vector of ones.
    """
    if (1 + discount) / (1 - discount) < ILL_CONDITIONED:  # the worst case
        return
    system = continuation_system(policy, transitions, discount)
    condition = abs(system).sum(axis=1).max() * np.abs(factor(system)(np.ones(len(policy)))).max()
    if condition > ILL_CONDITIONED:
        warnings.warn(
            f"discount={discount!r} is so near 1 that values are ill-conditioned: the condition number of their "
            f"linear system is about {condition:.1e}, which leaves about {max(0, 15.7 - np.log10(condition)):.0f} "
            "digits. Use a smaller discount, or transitions whose episodes end.",
            scipy.linalg.LinAlgWarning,
            stacklevel=stacklevel,
        )


class NotSolved(ArithmeticError):
    """The Bellman equation was not solved within the iterations allowed."""


def solve_soft_bellman(reward, transitions, discount, temperature, *, start=None, tol=1e-14, max_iter=MAX_ITER):
    """The soft action values of a reward, by Newton-Kantorovich steps (soft policy iteration).

    Parameters
    ----------
    reward : ndarray of shape (S, A)
        Minus infinity forbids a pair; every state needs one that is allowed.
    transitions : Transitions
    discount, temperature : float
    start : ndarray of shape (S, A), optional
        Action values near the solution.
    tol : float
        Largest residual of the Bellman equation, relative to the size of Q. Rounding in the linear
        solve bounds what can be had; the iteration also ends where the residual stops falling.
    max_iter : int

    Returns
    -------
    q : ndarray of shape (S, A)

    Raises
    ------
    NotSolved
        After ``max_iter``.
    """
    bar = np.where(reward == -np.inf, -np.inf, 0.0)
    reward = np.where(reward == -np.inf, 0.0, reward)
    q = start
    if start is None:
        # The value of the mean reward under a uniform policy that never ends: exact for a zero reward.
        level = reward.mean() + temperature * np.log(reward.shape[1])
        q = reward + discount * transitions.expected_next(np.full(len(reward), level / (1 - discount)))
    previous = np.inf
    solve: Any = None
    for _ in range(max_iter):
        value = soft_value(q + bar, temperature)
        error = reward + discount * transitions.expected_next(value) - q
        size = np.abs(error).max()
        scale = temperature + np.abs(q).max()
        settled = size <= tol * scale or (size >= previous and size <= 1e-8 * scale)
        if settled and solve is None:
            break
        previous = size
        policy = np.exp(log_policy(q + bar, temperature))
        if not settled:
            solve = factor(continuation_system(policy, transitions, discount))
        # The last step, with the system of the one before, ends what 1 / (1 - discount) makes of the residual.
        q = q + error + discount * transitions.expected_next(solve((policy * error).sum(axis=1)))
        if settled:
            break
    else:
        raise NotSolved(
            f"the Bellman equation was not solved in {max_iter} iterations, its residual is {size:.1e}."
        )
    return q + bar
