"""Which coefficients the decisions can tell.

A direction x of the coefficients is open where no choice of a visited state changes along it. The rows that tell
are the changes D (S, A, K) of the action values with each coefficient, less their mean in the state; with D'D
they are Fisher's information. Open directions are a matter of the whole space, not of single coefficients: of
one-hot features of the states one direction is open, the sum, and every contrast is known. So estimates stand for
all that fit as well by the one of least norm, and keep the directions beside it.

Norms are taken in units of the features' sizes, the largest absolute value of each: they do not depend on units.
"""

import numpy as np

from sklearn_iqlearn._model.transitions import ROW_SUM_TOLERANCE

# Eigenvalue of a matrix with a diagonal of 1 below which a direction is not seen.
RANK_TOLERANCE = 1e-10
# Change of an action value, by coefficients of length 1 of features of size 1, below which it is rounding.
ROUNDING = 1e-9
# Share of a coefficient in a direction of length 1 that is more than rounding.
TAKES_PART = 1e-5
# Distance from the span of features within which a reward is in it.
FREE = 1e-8
# Terms of a direction, and directions, that a text spells out.
SHOWN = 3


# One text for all fits, so that it is told once.
OPEN = (
    "The decisions leave directions of the reward's coefficients open: those in unidentified_ change no choice. "
    "Compare contrasts, which do not depend on them, or leave features out."
)


def sizes_of(features):
    """The largest absolute value of each feature, 1 where it is 0 everywhere: (..., K) -> (K,)."""
    sizes = largest(features)
    return np.where(sizes > 0, sizes, 1.0)


def largest(columns):
    """The largest absolute value of each: (..., K) -> (K,)."""
    # One after the other: three times as fast as NumPy's reduction over all but the last axis.
    return np.array([np.abs(columns[..., k]).max() for k in range(columns.shape[-1])])


def told_and_open(rows, tolerance=ROUNDING):
    """Directions that rows tell, and those that they leave open.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, K)
    tolerance : float
        Change along a direction of length 1, relative to the largest entry where that is above 1, that is none.

    Returns
    -------
    told : ndarray of shape (K - n, K)
        Orthogonal, and so long that the changes of the rows along them are orthonormal.
    left_open : ndarray of shape (n, K)
        Orthonormal.
    """
    triangle = np.linalg.qr(rows, mode="r")
    missing = rows.shape[1] - len(triangle)  # with fewer rows than columns directions would be lacking
    _, values, directions = np.linalg.svd(np.pad(triangle, ((0, missing), (0, 0))))
    told = values > tolerance * max(1.0, np.abs(rows).max(initial=0.0))
    return directions[told] / values[told, None], directions[~told]


def unmoved(rows, directions):
    """Those directions, of the span of some orthonormal ones (n, K), that change no row."""
    return told_and_open(rows @ directions.T)[1] @ directions


def rank(rows):
    """Of columns in any units: (n_rows, K) -> int."""
    return len(told_and_open(rows / sizes_of(rows))[0])


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


def describe(directions, names):
    """The directions in words, the first of their largest coefficients being 1."""
    texts = []
    for direction in directions[:SHOWN]:
        size = np.abs(direction)
        share = direction / direction[np.argmax(size > (1 - TAKES_PART) * size.max())]
        terms = [(c, name) for c, name in zip(share, names, strict=True) if abs(c) > TAKES_PART]
        text = " ".join(f"{c:+.3g} {name}" for c, name in terms[:SHOWN]).removeprefix("+")
        texts.append(text + (f" ... ({len(terms)} coefficients)" if len(terms) > SHOWN else ""))
    more = len(directions) - SHOWN
    return "; ".join(texts + ([f"{more} more directions"] if more > 0 else []))


def free_reward(features, transitions, discount):
    """Whether the reward of being in a state is free in every state, whatever the action: sentences, if it is.

    Policies then are what (P_a - P_0) W, for any function W of the state, and the features that differ between
    actions make of them: W = discount * V is reached at every discount, by another reward. Where no episode ends,
    a constant reward changes no policy, so that it need not be among the features.

    Parameters
    ----------
    features : ndarray of shape (S, A, K)
    transitions : Transitions
    discount : float

    Returns
    -------
    doubts : list of str
    """
    n_states, _, n_features = features.shape
    if not 1 < n_states <= n_features + 1 or discount == 0:
        return []
    exists = transitions.pairs
    endless = bool((transitions.row_sums[exists] > 1 - ROW_SUM_TOLERANCE).all())
    basis = np.column_stack([features[exists], np.full(exists.sum(), 1.0 * endless)])
    states = np.eye(n_states)[np.nonzero(exists)[0]]
    if np.abs(states - basis @ np.linalg.lstsq(basis, states)[0]).max() >= FREE:
        return []
    return [
        f"features leave the rewards of the {n_states} states free, each from the others, so that every "
        "discount above 0 fits equally well, with other coefficients: those found rest on "
        f"discount={discount!r}. Use fewer features than states, or take the discount from elsewhere."
    ]
