"""Which way linear systems in transitions are solved: by a factor, or by iterations.

The two complete each other. Where the graph of the moves is nearly planar (a chain, a grid) a factor stays sparse,
and iterations are many, as news travels a state at a time. Where it mixes (random, social, high-dimensional
moves) a factor fills, and iterations are few.

What a factor costs is bounded by an envelope: in an order in which row i of the links between states begins b_i
before the diagonal, the elimination of ``I - gamma P`` takes at most ``2 sum b_i^2`` operations, and that of a
Schur complement, which couples all states that a state leads to and so reaches twice as far, ``4 sum b_i^2``. The
order is the given one or the reverse of Cuthill and McKee's (1969). States that very many lead to, or that lead to
very many, are left out: a factor has them in a border. So chains and narrow bands are known to be cheap. A wide
envelope need not fill (a grid's is ten times its factor), so that there iterations are tried, as many as cost no
more than the factor, and given up as soon as their rate tells that they will not do.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, reverse_cuthill_mckee

from sklearn_iqlearn._numerics.krylov import WARM, TooSlow

# Operations up to which a factor is never in question: about 0.01 s.
CHEAP = 5e7
# How much faster the operations of a factor are than those of an iteration, which waits for memory.
SPEED = 20.0
# From so many states on a factor costs much more than a product or a solution with an earlier one; iterations with
# that, from which on it is too far off.
MANY, FEW = 10_000, 12
# Systems that one factor serves, which iterations have to solve one by one: the steps of a fit.
SERVED = 5
# Operations of an iteration with each entry of the transitions, and with each pair.
OF_ENTRY, OF_PAIR = 4, 20


class Way:
    """How one kind of system is solved. ``name`` says which way was taken last, None before the first system.

    Parameters
    ----------
    factor, iterations : str
        What the ways are called.
    operations : float
        What a factor costs.
    iteration : float
        What an iteration costs, in the same units.
    keeps : bool
        Whether the last factor is kept, to correct what it solves in systems near its own.
    """

    def __init__(self, factor, iterations, operations, iteration, keeps=False):
        self.factor, self.iterations = factor, iterations
        self.name: str | None = None
        self.patience = operations / (SPEED * iteration) if operations > CHEAP else 0.0
        if keeps:
            self.patience /= SERVED
        self.keeps, self._kept = keeps, None

    @property
    def iterates(self):
        """Whether iterations are still thought, or known, to be cheaper than a factor."""
        return self.patience >= WARM

    def solve(self, iterate, correct, factorise, right):
        """Solve a system.

        Parameters
        ----------
        iterate : callable
            ``iterate(patience)`` is the solution, or raises TooSlow: then, and ever after, there is a factor.
        correct : callable
            ``correct(solve, patience)`` is the solution, with what solves by an earlier factor as preconditioner,
            or raises TooSlow: then there is a new one.
        factorise : callable
            ``factorise()`` factors, and gives a function that solves.
        right : ndarray of shape (n,) or (n, k)
            What that function is given.
        """
        if self.iterates:
            self.name = self.iterations
            try:
                return iterate(self.patience)
            except TooSlow:
                self.patience = 0.0
        self.name = self.factor
        if self._kept is not None:
            try:
                return correct(self._kept, FEW)
            except TooSlow:
                self._kept = None  # before there is another one: both may not fit into memory
        solve = factorise()
        if self.keeps:
            self._kept = solve
        return solve(right)


@dataclass(frozen=True)
class Ways:
    """The ways of both kinds of system.

    Attributes
    ----------
    coupling : Way
        Of Newton's Schur complement.
    values : Way
        Of ``I - gamma P``, its transpose, and several right-hand sides.
    """

    coupling: Way
    values: Way

    @property
    def taken(self):
        """The way of the costlier kind of those that occurred, or None."""
        return self.coupling.name or self.values.name


def find_ways(transitions):
    """Predict what the ways cost, by the envelope or, for a dense factor, by the number of states.

    Parameters
    ----------
    transitions : Transitions

    Returns
    -------
    ways : Ways
    """
    n, n_actions = transitions.n_states, transitions.n_actions
    sparse = [sp.issparse(matrix) for _, matrix in transitions.blocks]
    entries = sum(matrix.nnz if sp.issparse(matrix) else matrix.size for _, matrix in transitions.blocks)
    dense, wide = transitions.prefers_dense(), envelope(transitions.links) if all(sparse) else 0.0
    mixed_entries = transitions.links.nnz if all(sparse) else n**2
    return Ways(
        Way(
            "dense" if dense else "sparse factor",
            "conjugate gradients",
            (n_actions + 1.0) * n**3 if dense else 4 * wide,
            OF_ENTRY * entries + OF_PAIR * n * n_actions,
            keeps=n > MANY,
        ),
        Way(
            "sparse factor" if all(sparse) else "dense",
            "GMRES",
            2 * wide if all(sparse) else 2 / 3 * n**3,
            OF_ENTRY * mixed_entries + OF_PAIR * n,
        ),
    )


def envelope(links):
    """``sum b_i^2`` of links between states, the narrower of the orders given and found.

    Parameters
    ----------
    links : sparse array of shape (n, n)

    Returns
    -------
    squares : float
    """
    n = links.shape[0]
    links = sp.coo_array(links)
    degree = np.bincount(links.row, minlength=n) + np.bincount(links.col, minlength=n)
    light = degree <= max(64.0, 10 * np.sqrt(n))
    kept = light[links.row] & light[links.col]
    row, column = links.row[kept], links.col[kept]
    given = _squares(row, column, n)
    if given <= CHEAP / 4:
        return given
    both = sp.csr_matrix((np.ones(2 * len(row)), (np.append(row, column), np.append(column, row))), shape=(n, n))
    place = np.empty(n, dtype=np.int64)
    place[reverse_cuthill_mckee(both, symmetric_mode=True)] = np.arange(n)
    return min(given, _squares(place[row], place[column], n))


def _squares(row, column, n):
    first = np.arange(n)
    np.minimum.at(first, np.maximum(row, column), np.minimum(row, column))
    return float(np.sum((np.arange(n) - first).astype(float) ** 2))


def components(links):
    """The connected set of each state, whatever the direction: integers from 0, (n,)."""
    return connected_components(links, directed=True, connection="weak")[1]
