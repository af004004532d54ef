"""Soft values, policies and rewards of one another (Haarnoja et al. 2017; Rust 1987 for logit shocks).

With temperature sigma, discount gamma and transitions P,

    V(s) = sigma * log sum_a exp(Q(s, a) / sigma)      soft value
    pi(a | s) = exp((Q(s, a) - V(s)) / sigma)          softmax policy
    r(s, a) = Q(s, a) - gamma * (P V)(s, a)            inverse soft Bellman operator (Garg et al. 2021, eq. 6)

and Q is the fixed point of ``Q = r + gamma * P V(Q)``.
"""

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._linear_algebra import factor


def soft_value(q, temperature):
    """Soft value: (S, A) -> (S,)."""
    best = q.max(axis=1)
    return best + temperature * np.log(np.exp((q - best[:, None]) / temperature).sum(axis=1))


def log_policy(q, temperature):
    """Log probabilities of the softmax policy: (S, A) -> (S, A)."""
    return (q - soft_value(q, temperature)[:, None]) / temperature


def inverse_bellman(q, value, transitions, discount):
    """The reward that makes ``q``, of soft value ``value``, optimal: (S, A)."""
    return q - discount * transitions.expected_next(value)


def continuation_system(policy, transitions, discount):
    """``I - discount * P_policy``, (S, S), dense or sparse as the transitions are."""
    mixed = transitions.mix(policy)
    identity = sp.eye_array(len(policy)) if sp.issparse(mixed) else np.eye(len(policy))
    return identity - discount * mixed


def solve_soft_bellman(reward, transitions, discount, temperature, *, tol=1e-14, max_iter=100):
    """The soft action values of a reward, by Newton-Kantorovich steps (soft policy iteration).

    Parameters
    ----------
    reward : ndarray of shape (S, A)
    transitions : Transitions
    discount, temperature : float
    tol : float
        Largest residual of the Bellman equation, relative to the size of Q. Rounding in the linear
        solve bounds what can be had; the iteration also ends where the residual stops falling.
    max_iter : int

    Returns
    -------
    q : ndarray of shape (S, A)
    """
    # The value of the mean reward under a uniform policy that never ends: exact for a zero reward.
    level = reward.mean() + temperature * np.log(reward.shape[1])
    q = reward + discount * transitions.expected_next(np.full(len(reward), level / (1 - discount)))
    previous = np.inf
    for _ in range(max_iter):
        value = soft_value(q, temperature)
        error = reward + discount * transitions.expected_next(value) - q
        size = np.abs(error).max()
        scale = 1 + np.abs(q).max()
        if size <= tol * scale or (size >= previous and size <= 1e-8 * scale):
            break
        previous = size
        policy = np.exp((q - value[:, None]) / temperature)
        solve = factor(continuation_system(policy, transitions, discount))
        q = q + error + discount * transitions.expected_next(solve((policy * error).sum(axis=1)))
    return q
