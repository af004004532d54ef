"""A reward in terms of features, modulo shaping.

A potential psi changes a reward by the shaping term L psi = psi - gamma P psi, and no policy (Ng, Harada and
Russell 1999). So what a policy tells about the coefficients theta of a reward F theta is the least squares fit

    minimise over theta, psi:  sum N (r - F theta - L psi)^2.

L psi is removed from r and from the features first, by the normal equations L'NL, which are sparse where the
transitions are. They square the condition of L, which approaches 1 / (1 - gamma); repeated on the remainder, the
removal gets most of that back. What is left of F decides by its singular values which
directions of theta the data identify, and theta by least squares.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite, factor
from sklearn_iqlearn._objective.schur import schur_complement

# Removals of the shaping terms: each repairs the rounding of the one before; near discount 1 that takes a few.
SWEEPS = 5
# Weights to try, relative to the mean, of states without decisions: any potential fits them.
SLIVERS = (1e-8, 1e-6, 1e-4, 1e-2)
# Share of a feature's size, left when shaping and the other features are removed, below which it is rounding.
RANK_TOLERANCE = 1e-7


def reward_features(features, n_actions):
    """Features of the reward, (S, A, K): those of a state, (S, K), are the same for all its actions."""
    if features.ndim == 3:
        return features
    return np.broadcast_to(features[:, None, :], (len(features), n_actions, features.shape[1]))


@dataclass(frozen=True)
class Projection:
    """The result of ``project``.

    Attributes
    ----------
    coef : ndarray of shape (K,)
        Coefficients; 0 along the unidentified directions.
    potential : ndarray of shape (S,)
        psi.
    unidentified : ndarray of shape (n, K)
        Directions of the coefficients that change no policy, orthonormal in units of the features' sizes.
    explained : float
        Share of the reward's weighted sum of squares, shaping removed, that the features account for.
    """

    coef: np.ndarray
    potential: np.ndarray
    unidentified: np.ndarray
    explained: float


def project(reward, features, weights, transitions, discount, *, shaping=True):
    """Fit a reward by features, modulo shaping.

    Parameters
    ----------
    reward : ndarray of shape (S, A)
        Not read where the weight is 0.
    features : ndarray of shape (S, A, K)
    weights : ndarray of shape (S, A)
    transitions : Transitions
    discount : float
    shaping : bool
        False leaves psi at 0: direct regression.

    Returns
    -------
    projection : Projection
    """
    if not weights.any():
        raise ValueError("counts_ must have a visited pair whose reward is finite, got none.")
    reward = np.where(weights > 0, reward, 0.0)
    columns = np.concatenate([features, reward[..., None]], axis=2)
    sizes = _sizes(columns, weights)
    columns = columns / np.where(sizes > 0, sizes, 1.0)  # as the units differ, so would the rounding
    potentials = np.zeros((len(columns), columns.shape[2]))
    if shaping:
        columns, potentials = _remove_shaping(columns, weights, transitions, discount)
    rooted = columns.reshape(-1, columns.shape[2]) * np.sqrt(weights).reshape(-1, 1)
    # With fewer pairs than features the decomposition would lack directions.
    rooted = np.pad(rooted, ((0, max(0, rooted.shape[1] - len(rooted))), (0, 0)))
    design, target = rooted[:, :-1], rooted[:, -1]
    left, values, right = np.linalg.svd(design, full_matrices=False)
    rank = int(np.sum(values > RANK_TOLERANCE))
    scaled = right[:rank].T @ ((left[:, :rank].T @ target) / values[:rank])
    remainder = target - design @ scaled
    total = target @ target
    sizes, size = np.where(sizes > 0, sizes, 1.0)[:-1], sizes[-1]
    return Projection(
        coef=size * scaled / sizes,
        potential=size * (potentials[:, -1] - potentials[:, :-1] @ scaled),
        unidentified=right[rank:],
        explained=float(1 - remainder @ remainder / total) if total > RANK_TOLERANCE**2 else 1.0,
    )


def _sizes(columns, weights):
    return np.sqrt(np.einsum("sak,sa->k", columns**2, weights))


def _remove_shaping(columns, weights, transitions, discount):
    """The columns without their shaping terms, and the potentials of those."""
    # A constant potential is all but invisible to the normal equations near discount 1: removed by itself.
    level = 1 - discount * transitions.expected_next(np.ones(len(weights)))
    solve = _factor_normal_equations(weights, transitions, discount)
    potentials = np.zeros((len(columns), columns.shape[2]))
    for _ in range(SWEEPS):
        constant = np.einsum("sa,sa,sak->k", level, weights, columns) / np.sum(level**2 * weights)
        columns = columns - level[..., None] * constant
        weighted = columns * weights[..., None]
        change = solve(weighted.sum(axis=1) - discount * transitions.flow(weighted))
        potentials += change + constant
        columns = columns - change[:, None] + discount * transitions.expected_next(change)
    return columns, potentials


def _factor_normal_equations(weights, transitions, discount):
    """A solver of ``L'NL psi = b``; what states without decisions are lent, the sweeps take back."""
    none, empty = np.zeros_like(weights), ~weights.any(axis=1, keepdims=True)
    for sliver in SLIVERS:
        lent = np.where(empty, sliver * weights[weights > 0].mean(), 0.0)
        try:
            system = schur_complement(transitions, discount, weights + lent, none, none[:, 0])
            return factor(system, positive_definite=True)
        except NotPositiveDefinite:
            continue
    raise ValueError(
        f"discount={discount!r} is too near 1 for these decisions: the shaping terms of the reward cannot be told "
        "from rounding. Use a smaller discount."
    )
