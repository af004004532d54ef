"""Which coefficients the data can tell."""

import warnings

import numpy as np

from sklearn_iqlearn._model.transitions import ROW_SUM_TOLERANCE

# Eigenvalue of a matrix with a diagonal of 1 below which a direction is not seen.
RANK_TOLERANCE = 1e-10
# Share of a coefficient in an unidentified direction of length 1 that is more than rounding.
TAKES_PART = 1e-5
# Distance from the span of features within which a reward is in it.
FREE = 1e-8
# Unidentified directions that a warning spells out.
SHOWN = 3


class IdentificationWarning(UserWarning):
    """Some coefficients change no policy, so that no decisions can tell them."""


def split(matrix):
    """Eigenvalues and vectors of a positive semidefinite matrix, its unknowns in units of their own.

    Returns
    -------
    values : ndarray of shape (n,)
    vectors : ndarray of shape (p, n)
        Of the directions that the matrix sees, in the matrix's units.
    unseen : ndarray of shape (p - n, p)
        The others, orthonormal, each unknown in its own unit.
    """
    diagonal = matrix.diagonal()
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(matrix * scale[:, None] * scale)
    seen = values > RANK_TOLERANCE * max(values.max(initial=0.0), 1.0)
    return values[seen], vectors[:, seen] * scale[:, None], vectors[:, ~seen].T


def take_part(directions):
    """Which coefficients take part in the directions: boolean, (K,)."""
    return (np.abs(directions) > TAKES_PART).any(axis=0)


def warn_free_reward(features, transitions, discount, stacklevel):
    """Warn where the reward of being in a state is free in every state, whatever the action.

    Policies then are what (P_a - P_0) W, for any function W of the state, and the features that differ between
    actions make of them: W = discount * V is reached at every discount, by another reward. Where no episode ends,
    a constant reward changes no policy, so that it need not be among the features.

    Parameters
    ----------
    features : ndarray of shape (S, A, K)
    transitions : Transitions
    discount : float
    stacklevel : int
        That of the caller's own warning.
    """
    n_states, n_actions, n_features = features.shape
    if not 1 < n_states <= n_features + 1 or discount == 0:
        return
    endless = bool((transitions.row_sums > 1 - ROW_SUM_TOLERANCE).all())
    basis = np.column_stack([features.reshape(-1, n_features), np.full(n_states * n_actions, 1.0 * endless)])
    states = np.repeat(np.eye(n_states), n_actions, axis=0)
    if np.abs(states - basis @ np.linalg.lstsq(basis, states)[0]).max() < FREE:
        warnings.warn(
            f"features leave the rewards of the {n_states} states free, each from the others, so that every "
            "discount above 0 fits equally well, with other coefficients: those found rest on "
            f"discount={discount!r}. Use fewer features than states, or take the discount from elsewhere.",
            IdentificationWarning,
            stacklevel=stacklevel + 1,
        )


def identified(coef, unidentified, stacklevel):
    """The coefficients, NaN with a warning where they are not identified.

    Parameters
    ----------
    coef : ndarray of shape (K,)
    unidentified : ndarray of shape (n, K)
    stacklevel : int
        That of the caller's own warning.
    """
    unknown = take_part(unidentified)
    if unknown.any():
        directions = [
            " ".join(f"{c:+.2g}*x{k}" for k, c in enumerate(direction) if abs(c) > TAKES_PART)
            for direction in unidentified[:SHOWN]
        ]
        more = len(unidentified) - SHOWN
        directions += [f"{more} more directions"] if more > 0 else []
        warnings.warn(
            "The decisions cannot tell the coefficients of the features "
            f"{', '.join(f'x{k}' for k in np.flatnonzero(unknown))}, which are NaN in reward_coef_. What changes "
            f"no policy (features in units of their size): {'; '.join(directions)}. Leave features out, or fix "
            "their coefficients yourself.",
            IdentificationWarning,
            stacklevel=stacklevel + 1,
        )
    return np.where(unknown, np.nan, coef)
