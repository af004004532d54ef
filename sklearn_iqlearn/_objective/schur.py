"""The Schur complement of Newton's system, ``L' (diag(k) + blockdiag(m_s c_s c_s')) L``, ``L = E - discount T``.

It couples all successors of a state, so that a state with very many (a random restart) would make it dense. The
rows of such states are kept apart, as a term of low rank on top of what stays sparse.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._numerics.linear_algebra import LowRankUpdate, weighted_gram

# Entries of the rows that go into one product, of as many actions as that is: small ones are not added singly.
STACKED = 2**21


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
    coupling = np.diag(c.sum(axis=1))
    system, indefinite = np.zeros_like(coupling), (k < 0).any()
    stacked = max(1, STACKED // coupling.size)
    for first in range(0, transitions.n_actions, stacked):
        blocks = transitions.blocks[first : first + stacked]
        chosen = [np.flatnonzero(k[:, first + a]) for a in range(len(blocks))]
        rows, done = np.empty((sum(map(len, chosen)), len(coupling))), 0
        for a, (block, states) in enumerate(zip(blocks, chosen, strict=True), start=first):
            _add_rows(coupling, block, -discount * c[:, a])
            part = rows[done : done + len(states)]
            _write_rows(part, block, states, discount, np.sqrt(np.abs(k[states, a])))
            done += len(states)
        system += rows.T @ rows
        if indefinite:
            against = rows[np.concatenate([k[states, first + a] < 0 for a, states in enumerate(chosen)])]
            system -= 2 * against.T @ against
    system += weighted_gram(coupling, m)
    system[np.diag_indices_from(system)] += _shift(np.diagonal(system))
    return system


def _add_rows(total, block, weights):
    """Add the rows of a block of ``Transitions`` times the weights of their states, (S,)."""
    states, matrix = block
    if sp.issparse(matrix):
        successors = np.diff(matrix.indptr)
        origin = np.repeat(np.arange(len(total)), successors)
        total[origin, matrix.indices] += matrix.data * np.repeat(weights, successors)
    else:
        total[states] += weights[states, None] * matrix


def _write_rows(part, block, states, discount, scale):
    """Write the rows of ``E - discount * P`` of some states, times a scale; scaled before they are made dense."""
    of_block, matrix = block
    if len(states) < matrix.shape[0]:
        matrix = matrix[states if isinstance(of_block, slice) else np.searchsorted(of_block, states)]
    if sp.issparse(matrix):
        scaled = matrix.data * np.repeat(-discount * scale, np.diff(matrix.indptr))
        sp.csr_array((scaled, matrix.indices, matrix.indptr), shape=matrix.shape).toarray(out=part)
    else:
        np.multiply(matrix, -discount * scale[:, None], out=part)
    part[np.arange(len(states)), states] += scale


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
