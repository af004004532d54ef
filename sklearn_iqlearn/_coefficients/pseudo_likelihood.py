"""Coefficients of a reward from a policy: nested pseudo-likelihood.

Under a policy pi, the values of a reward h + F theta, h being known, are linear in theta (Hotz and Miller 1993):
with

    M = (I - gamma P_pi)^-1 [ sum_a pi F , sum_a pi (h - sigma log pi) ]     (S, K + 1)
    H = F + gamma P M[:, :K],    g = h + gamma P M[:, K]

the actions of a decision maker who will follow pi from the next step on are worth H theta + g. So

    theta maximises sum N log softmax((H theta + g) / sigma),

a concave logit; its policy takes pi's place, and so on until it settles (Aguirregabiria and Mira 2002). The policy
that settles solves the soft-Bellman equation of h + F theta. Values do not change to first order with the policy
that is best for them, so that H is then the derivative of Q and theta a stationary point of the likelihood itself,
that of the nested fixed point (Rust 1987), whatever policy the rounds started from.

Everything is in units: features of size 1, rewards in temperatures. A constant is added to the values near
discount 1, as large as 1 / (1 - gamma), and the same for all actions: it is taken out before it costs the others
their digits.

Of all theta with the same logit each round takes the one of least norm. The logit is solved in those directions
that the visited states tell, orthonormal in their action values: Newton's method needs a handful of steps.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_iqlearn._coefficients.identification import ROUNDING, largest, sizes_of, told_and_open
from sklearn_iqlearn._model.continuation import continuation
from sklearn_iqlearn._model.soft_bellman import log_policy
from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite, weighted_gram

# Rounds shrink the error about twentyfold each; what has not settled after so many goes in circles.
MOST_ROUNDS = 30
# Change of a probability in a round after which the next one would change nothing to speak of.
SETTLED = 1e-9
# Steps of the logit: where decisions are separable, each makes the improbable e times less probable.
MOST_STEPS = 100
# Predicted fall of the mean log-likelihood after which Newton's last step has squared the error away.
LAST_FALL = 1e-13
# Information of one decision on a direction of length 1 of features of size 1 that is more than none.
TOLD = 1e-11


@dataclass(frozen=True)
class PseudoLikelihood:
    """The result of ``pseudo_likelihood``.

    Attributes
    ----------
    coef : ndarray of shape (K,)
        Of least norm where directions are open.
    unidentified : ndarray of shape (n, K)
        Open directions, orthonormal in units of the features' sizes.
    log_policy : ndarray of shape (S, A)
        Of the reward ``features @ coef``.
    value : ndarray of shape (S,)
        Its soft value.
    settled : bool
        Whether the policy did.
    """

    coef: np.ndarray
    unidentified: np.ndarray
    log_policy: np.ndarray
    value: np.ndarray
    settled: bool


def pseudo_likelihood(
    features,
    counts,
    log_probabilities,
    transitions,
    discount,
    temperature,
    *,
    base_reward=0.0,
    most_rounds=None,
):
    """Fit the coefficients of a reward, from a policy.

    Parameters
    ----------
    features : ndarray of shape (S, A, K)
    counts : ndarray of shape (S, A)
        Weighted visits.
    log_probabilities : ndarray of shape (S, A)
        Of the policy to start from; minus infinity where an action does not exist.
    transitions : Transitions
    discount, temperature : float
    base_reward : ndarray of shape (S, A), or 0
        The part of the reward that is known.
    most_rounds : int, optional

    Returns
    -------
    found : PseudoLikelihood
    """
    sizes = sizes_of(features)
    features, exists = features / sizes, log_probabilities > -np.inf
    visited = counts.any(axis=1)
    known = np.where(exists, base_reward / temperature, 0.0)
    settled, policy = False, np.exp(log_probabilities)
    for done in range(most_rounds or MOST_ROUNDS):
        surprise = np.where(exists, -log_probabilities, 0.0)
        parts = np.concatenate([features, (known + surprise)[..., None]], axis=2)
        try:
            advantage, value = advantages(parts, policy, transitions, discount)
        except NotPositiveDefinite as error:
            if done:
                break
            raise ValueError(
                f"discount must be less than 1 for this policy, got {discount!r}: it hardly ever ends an episode, "
                "so that what rewards are worth to it cannot be told from rounding."
            ) from error
        slope, offset = advantage[..., :-1], np.where(exists, advantage[..., -1] - surprise, -np.inf)
        told, _ = told_and_open(slope[exists & visited[:, None]])
        rows = slope[visited] @ told.T
        theta = told.T @ logit(rows, offset[visited], counts[visited])
        log_probabilities = log_policy(slope @ theta + offset, 1.0)
        change = np.abs(np.exp(log_probabilities) - policy).max()
        policy = np.exp(log_probabilities)
        if change <= SETTLED:
            settled = True
            break
    weight = policy * counts.sum(axis=1, keepdims=True) / counts.sum()
    return PseudoLikelihood(
        coef=theta * temperature / sizes,
        unidentified=open_directions(slope, weight) / sizes,
        log_policy=log_probabilities,
        value=temperature * (value @ np.append(theta, 1.0)),
        settled=settled,
    )


def open_directions(slope, weight):
    """Directions on which decisions with these weights (S, A) bring no information: (n, K)."""
    return told_and_open((slope * np.sqrt(weight)[..., None])[weight > 0], np.sqrt(TOLD))[1]


def advantages(parts, policy, transitions, discount):
    """What parts of a reward are worth under a policy.

    Parameters
    ----------
    parts : ndarray of shape (S, A, K)
    policy : ndarray of shape (S, A)
    transitions : Transitions
    discount : float

    Returns
    -------
    advantage : ndarray of shape (S, A, K)
        Action values less their mean in the state; 0 for a part that differs between actions by rounding only.
    value : ndarray of shape (S, K)
    """
    solve = continuation(policy, transitions, discount)
    level = solve(_mean(policy, parts)).mean(axis=0)
    certain = 1 - discount * transitions.row_sums
    size = largest(parts)
    parts = parts - certain[..., None] * level
    value = solve(_mean(policy, parts))
    worth = parts + discount * transitions.expected_next(value)
    advantage = worth - _mean(policy, worth)[:, None]
    rounding = largest(advantage) <= ROUNDING * np.maximum(size, largest(worth))
    return np.where(rounding, 0.0, advantage), value + level


def _mean(policy, parts):
    return np.einsum("sa,sak->sk", policy, parts)


def logit(rows, offset, counts):
    """Maximise ``sum counts * log softmax(rows @ x + offset)`` by Newton's method.

    Parameters
    ----------
    rows : ndarray of shape (S, A, n)
        Orthonormal columns, so that no direction is without effect.
    offset, counts : ndarray of shape (S, A)

    Returns
    -------
    x : ndarray of shape (n,)
        Where the decisions are separable, far enough out that nothing is left to gain.
    """
    shares = counts / counts.sum()
    visits, taken = shares.sum(axis=1, keepdims=True), shares > 0

    def at(x):
        logs = log_policy(rows @ x + offset, 1.0)
        return logs, -(shares[taken] @ logs[taken])

    x = np.zeros(rows.shape[2])
    logs, loss = at(x)
    for _ in range(MOST_STEPS):
        policy = np.exp(logs)
        spread = rows - _mean(policy, rows)[:, None]
        information = weighted_gram(spread.reshape(counts.size, len(x)), (visits * policy).ravel())
        gradient = np.einsum("sa,sak->k", visits * policy - shares, rows)
        # Directions without any information left are not stepped along.
        step = -np.linalg.pinv(information, rcond=1e-13, hermitian=True) @ gradient
        fall = -(gradient @ step)
        size = 1.0
        while fall > 0 and (trial := at(x + size * step))[1] > loss - 1e-4 * size * fall + 1e-15 * (1 + loss):
            size /= 2
            if size < 1e-10:
                return x
        if fall <= 0:
            break
        x, (logs, loss) = x + size * step, trial
        if fall <= LAST_FALL:
            break
    return x
