"""Markov chains reduced to some of their states without a subtraction (Grassmann, Taksar and Heyman 1985).

Watched only while it is in the states R, the others B taken out, a chain with rates K (what stays in a state plays
no role) has there, if no state of B leads to another one of B, the rates

    K_RR + K_RB D^-1 K_BR,      D = diag(sums of the rows of K_B),

and its long-run visits v, those of R the same as before, satisfy ``v_B = v_R K_RB D^-1``. All terms are positive
and no pivot is a difference, so that every entry keeps its relative precision, however rare what it tells of
(O'Cinneide 1993).

States with few neighbours go first, many at a time, as long as the rates stay sparse; then one at a time, the
other rates told of a block of them at once. Where there are very many states and no rare event, all go at once by
a sparse factorisation, 50 times as fast on a grid, whose error is that of any linear system.
"""

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._numerics.linear_algebra import factor

# From this share of nonzeros on, or with so few states, dense algebra is the cheaper one.
DENSE_SHARE = 0.1
FEW = 64
# States whose share in all others' rates is one product.
BLOCK = 48
# From so many states on, with no rate below this one, a factorisation keeps enough digits.
MANY, RARE = 3000, 1e-8


def reduce_chain(rates, kept):
    """Take all states out but those that are kept.

    Parameters
    ----------
    rates : sparse array of shape (n, n)
        Non-negative. Every state leads to a kept one.
    kept : ndarray of shape (n,) of bool

    Returns
    -------
    reduced : sparse array of shape (k, k)
        Rates between the kept states, in their order.
    extend : callable
        ``extend(visits)`` makes of long-run visits of the kept states, (k,), those of all states, (n,).
    """
    states, stages = np.arange(len(kept)), []
    rates = _between(sp.csr_array(rates))
    take = _many_at_once
    if len(states) > MANY and kept.sum() <= FEW and rates.data.min(initial=1.0) > RARE:
        take = _all_at_once
    while (free := ~kept[states]).any():
        if len(states) <= FEW or rates.nnz > DENSE_SHARE * len(states) ** 2:
            take = _one_at_a_time
        rates, rest, spread = take(rates, free)
        stages.append((states[rest], states[~rest], spread))
        states = states[rest]

    def extend(visits):
        found = np.zeros(len(kept))
        found[states] = visits
        for rest, out, spread in reversed(stages):
            found[out] = spread(found[rest])
        return found

    return rates, extend


def _between(rates):
    """The rates without what stays."""
    rates = sp.csr_array(rates - sp.diags_array(rates.diagonal()))
    rates.eliminate_zeros()
    return rates


def _all_at_once(rates, free):
    """All free states, by a factorisation."""
    leaving = rates[free]
    system = sp.csc_array(sp.diags_array(leaving.sum(axis=1)) - leaving[:, free])
    into = np.maximum(factor(system.T)(rates[~free][:, free].toarray().T).T, 0.0)
    return (
        _between(sp.csr_array(rates[~free][:, ~free] + into @ leaving[:, ~free])),
        ~free,
        lambda visits: visits @ into,
    )


def _many_at_once(rates, free):
    """Free states that are no neighbours of one another, each with fewer neighbours than its own have."""
    linked = sp.csr_array(rates + rates.T)
    n_neighbours = np.diff(linked.indptr)
    order = np.empty(len(free), dtype=int)
    # Equal numbers in an order of no pattern, in which many states come before all of their neighbours.
    order[np.lexsort((np.random.default_rng(0).random(len(free)), n_neighbours, ~free))] = np.arange(len(free))
    linked.data = order[linked.indices]
    first = np.full(len(free), len(free))
    first[n_neighbours > 0] = np.minimum.reduceat(linked.data, linked.indptr[:-1][n_neighbours > 0])
    out = free & (order < first)
    leaving = rates[out]
    into = sp.csr_array(rates[~out][:, out] @ sp.diags_array(1 / leaving.sum(axis=1)))
    return _between(rates[~out][:, ~out] + into @ leaving[:, ~out]), ~out, lambda visits: visits @ into


def _one_at_a_time(rates, free):
    """All free states."""
    order = np.argsort(free, kind="stable")  # the kept ones first
    k = len(free) - free.sum()
    dense = rates.toarray()[np.ix_(order, order)]
    for stop in range(len(free), k, -BLOCK):
        start = max(k, stop - BLOCK)
        for last in range(stop - 1, start - 1, -1):
            dense[:last, last] /= dense[last, :last].sum()
            dense[start:last, :last] += dense[start:last, last, None] * dense[last, :last]
            dense[:start, start:last] += dense[:start, last, None] * dense[last, start:last]
        dense[:start, :start] += dense[:start, start:stop] @ dense[start:stop, :start]

    def spread(visits):
        found = np.append(visits, np.zeros(len(free) - k))
        for state in range(k, len(free)):
            found[state] = found[:state] @ dense[:state, state]
        return found[k:]

    return sp.csr_array(dense[:k, :k]), ~free, spread
