"""A reward in terms of features, modulo shaping: least squares.

A potential psi changes a reward by the shaping term L psi = psi - gamma P psi, and no policy (Ng, Harada and
Russell 1999). So what the reward of the visited pairs tells about the coefficients theta of a reward F theta is

    minimise over theta, psi:  sum N (r - F theta - L psi)^2.

The potentials of visited states are removed from all the columns first, by the normal equations L'NL, which are
sparse where the transitions are. They square the condition of L, which approaches 1 / (1 - gamma); repeated on the
remainder, the removal gets most of that back. States without a visit have a potential too, where visited pairs
lead to them, and no equation of their own: theirs are columns beside the features'.

What is left of the columns decides which directions of theta are told. That is a matter of which pairs were
visited, not how often, and so asked of weights of 1.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._coefficients.identification import ROUNDING, sizes_of, told_and_open
from sklearn_iqlearn._model.continuation import continuation
from sklearn_iqlearn._model.endings import steps_to_end
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite
from sklearn_iqlearn._objective.schur import Coupling
from sklearn_iqlearn._objective.schur_system import SchurSystem

# Residual of the removal of shaping terms by iterations: each removal takes away that much of what is left.
TIGHT = 1e-10
# Removals of the shaping terms: each repairs the rounding of the one before; near discount 1 that takes some.
SWEEPS = 10
# Rounding that is left of the potentials, times 1 - gamma. A column of a potential can be near that order itself:
# missed, it makes the data tell more than they do; a column of a feature, missed, less.
ROUNDING_LEFT = 1e-15


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
        Coefficients; of least norm where directions are open.
    potential : ndarray of shape (S,)
        psi.
    unidentified : ndarray of shape (n, K)
        Open directions, orthonormal in units of the features' sizes.
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
    pairs = weights > 0
    if not pairs.any():
        raise ValueError("counts_ must have a visited pair whose reward is finite, got none.")
    visited = pairs.any(axis=1)
    sizes, size = sizes_of(features), np.abs(reward[pairs]).max() or 1.0
    features, reward = features[visited] / sizes, np.where(pairs, reward, 0.0)[visited, :, None] / size
    ahead = np.flatnonzero(~visited & (transitions.flow(1.0 * pairs) > 0)) if shaping else np.empty(0, dtype=int)
    pairs, weights = pairs[visited], weights[visited] / weights.max()
    inner = Transitions([matrix[visited][:, visited] for matrix in transitions.matrices])
    to_ahead = [_dense(matrix[visited][:, ahead]) for matrix in transitions.matrices]
    others = -discount * np.stack(to_ahead, axis=1)
    reach = sizes_of(others)

    def rows_of(columns, weights):
        """What shaping leaves of the visited pairs' columns, and the potentials that it takes."""
        none = np.zeros((len(columns), columns.shape[2]))
        left, potentials = _remove_shaping(columns, weights, inner, discount) if shaping else (columns, none)
        return left[pairs] * np.sqrt(weights[pairs])[:, None], potentials

    decay = 1 - discount
    if discount == 1:
        decay = _decay(pairs, inner) if shaping else 1.0
    m, rounding = len(ahead), ROUNDING_LEFT / decay
    rows, _ = rows_of(np.concatenate([others / reach, features], axis=2), 1.0 * pairs)
    told_ahead = told_and_open(rows[:, :m], max(ROUNDING / 100, rounding))[0]
    spanned = rows[:, :m] @ told_ahead.T
    told, left_open = told_and_open(
        rows[:, m:] - spanned @ (spanned.T @ rows[:, m:]), max(ROUNDING, 10 * rounding)
    )

    n = len(told_ahead)
    columns = [others / reach @ told_ahead.T, features @ told.T, reward]
    rows, potentials = rows_of(np.concatenate(columns, axis=2), weights)
    design, target = rows[:, :-1], rows[:, -1]
    found, residual = _least_squares(design, target)
    total = _least_squares(design[:, :n], target)[1]
    potential = np.zeros(len(visited))
    potential[visited] = potentials @ np.append(-found, 1.0)
    potential[ahead] = told_ahead.T @ found[:n] / reach
    return Projection(
        coef=size * (told.T @ found[n:]) / sizes,
        potential=size * potential,
        unidentified=left_open / sizes,
        explained=1 - residual / total if total > ROUNDING**2 * len(target) else 1.0,
    )


def _decay(pairs, transitions):
    """What stands for 1 - gamma at discount 1: 1 / the most steps expected until random visited pairs are left."""
    if np.isinf(steps_to_end(transitions, pairs)).any():
        raise ValueError(
            "discount must be less than 1 for method='least-squares' where visited pairs lead neither to an end "
            "nor to a state without visits, got 1: take method='pseudo-likelihood'."
        )
    policy = pairs / pairs.sum(axis=1, keepdims=True)
    return 1 / continuation(policy, transitions, 1.0)(np.ones(len(pairs))).max()


def _dense(matrix):
    return matrix.toarray() if sp.issparse(matrix) else matrix


def _least_squares(design, target):
    """Coefficients and the sum of squares that they leave."""
    found = np.linalg.lstsq(design, target, rcond=None)[0]
    return found, float(np.sum((target - design @ found) ** 2))


def _remove_shaping(columns, weights, transitions, discount):
    """The columns without their shaping terms, and the potentials of those."""
    # A constant potential is all but invisible to the normal equations near discount 1: removed by itself.
    level = 1 - discount * transitions.expected_next(np.ones(len(weights)))
    none = np.zeros_like(weights)
    system = SchurSystem(transitions, discount, Coupling(weights, none, none[:, 0]))
    potentials = np.zeros((len(columns), columns.shape[2]))
    for _ in range(SWEEPS):
        constant = np.einsum("sa,sa,sak->k", level, weights, columns) / np.sum(level**2 * weights)
        columns = columns - level[..., None] * constant
        weighted = columns * weights[..., None]
        change = _solve(system, weighted.sum(axis=1) - discount * transitions.flow(weighted))
        potentials += change + constant
        columns = columns - change[:, None] + discount * transitions.expected_next(change)
    return columns, potentials


def _solve(system, right):
    try:
        return system.solve(right, TIGHT)
    except NotPositiveDefinite as error:
        raise ValueError(
            f"discount={system.discount!r} is too near 1 for these decisions: the shaping terms of the reward "
            "cannot be told from rounding. Use a smaller discount."
        ) from error
