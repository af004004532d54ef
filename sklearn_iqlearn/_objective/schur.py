"""The Schur complement of Newton's system, ``L' (diag(k) + blockdiag(m_s c_s c_s')) L``, ``L = E - discount T``.

It couples all successors of a state, so that a state with very many (a random restart) would make it dense. The
rows of such states are kept apart, as a term of low rank on top of what stays sparse.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._numerics.linear_algebra import LowRankUpdate, weighted_gram


class Coupling(NamedTuple):
    """``W = diag(k) + blockdiag(m_s c_s c_s')``, with k and c of shape (S, A) and m of shape (S,)."""

    k: np.ndarray
    c: np.ndarray
    m: np.ndarray

    def times(self, x):
        """``W x``: (S, A) -> (S, A)."""
        return self.k * x + (self.m * np.einsum("sa,sa->s", self.c, x))[:, None] * self.c


def schur_complement(transitions, discount, k, c, m):
    """Assemble it, dense or sparse, by what is cheaper to factor.

    Parameters
    ----------
    transitions : Transitions
    discount : float
    k, c : ndarray of shape (S, A)
    m : ndarray of shape (S,)

    Returns
    -------
    system : ndarray, sparse array or LowRankUpdate, of shape (S, S)
    """
    assemble = _dense if transitions.prefers_dense() else _sparse
    return assemble(transitions, discount, k, c, m)


def _dense(transitions, discount, k, c, m):
    n = transitions.n_states
    system, coupling = np.zeros((n, n)), np.zeros((n, n))
    for a, (states, matrix) in enumerate(transitions.dense_blocks()):
        rows = -discount * matrix
        rows[np.arange(len(rows)), np.arange(n)[states]] += 1
        system += weighted_gram(rows, k[states, a])
        coupling[states] += c[states, a, None] * rows
    system += weighted_gram(coupling, m)
    system[np.diag_indices(n)] += _shift(np.diagonal(system))
    return system


def _sparse(transitions, discount, k, c, m):
    identity = sp.eye_array(transitions.n_states, format="csr")
    all_rows = [identity - discount * sp.csr_array(matrix) for matrix in transitions.matrices]
    heavy = transitions.heavy_states() & ((k != 0).any(axis=1) | (c != 0).any(axis=1))
    light = np.flatnonzero(~heavy)
    light_rows = [rows[light] for rows in all_rows] if heavy.any() else all_rows
    system = sum(rows.T @ (sp.diags_array(k[light, a]) @ rows) for a, rows in enumerate(light_rows))
    coupling = sum(sp.diags_array(c[light, a]) @ rows for a, rows in enumerate(light_rows))
    system = system + coupling.T @ (sp.diags_array(m[light]) @ coupling)
    if not heavy.any():
        return system + sp.diags_array(_shift(system.diagonal()))
    dense_rows = [rows[heavy].toarray() for rows in all_rows]
    dense_coupling = sum(c[heavy, a, None] * rows for a, rows in enumerate(dense_rows))
    # Without the rows of heavy states their own diagonal may be empty: lent here, taken back in the update.
    lent = np.where(heavy, max(system.diagonal().mean(), np.finfo(float).tiny), 0.0)
    unit = np.zeros((heavy.sum(), len(heavy)))
    unit[np.arange(len(unit)), np.flatnonzero(heavy)] = 1
    return LowRankUpdate(
        base=system + sp.diags_array(lent + np.where(heavy, 0.0, _shift(system.diagonal()))),
        rows=np.concatenate([*dense_rows, dense_coupling, unit]),
        weights=np.concatenate([k[heavy].T.ravel(), m[heavy], -lent[heavy]]),
    )


def _shift(diagonal):
    """What to add to the diagonal: rounding's share, and 1 where no curvature tells the value of a state."""
    return np.where(diagonal == 0, 1.0, 1e-15 * np.abs(diagonal))
