"""Decisions of a policy in a world whose transitions are known, and how often it is where."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from sklearn_iqlearn._model.continuation import continuation
from sklearn_iqlearn._model.transitions import ROW_SUM_TOLERANCE
from sklearn_iqlearn._numerics.elimination import reduce_chain

# The least chance that counts: products of several lesser ones would underflow.
NEVER = 1e-60
# A discount with which an episode is as good as an endless run of states that all lead to one another.
ENDLESS = 1 - 2.0**-43
# Steps that find a state which is not rare.
LAZY_STEPS = 200


def simulate(policy, transitions, initial_distribution, n_trajectories, n_steps, rng):
    """Draw trajectories.

    Parameters
    ----------
    policy : ndarray of shape (S, A)
    transitions : Transitions
    initial_distribution : ndarray of shape (S,)
    n_trajectories, n_steps : int
        A trajectory is shorter where its episode ends.
    rng : numpy.random.RandomState

    Returns
    -------
    columns : dict of ndarray
        ``trajectory``, ``step``, ``state``, ``action`` and ``terminal``, sorted by the first two.
    """
    kernels = [sp.csr_array(matrix) for matrix in transitions.matrices]
    cumulated = [np.concatenate([[0.0], np.cumsum(kernel.data)]) for kernel in kernels]
    choices = np.cumsum(policy, axis=1)
    trajectory = np.arange(n_trajectories)
    state = rng.choice(len(policy), size=n_trajectories, p=initial_distribution)
    steps = []
    for step in range(n_steps):
        drawn = rng.uniform(size=len(state))[:, None] * choices[state, -1:]
        action = (choices[state] <= drawn).sum(axis=1)
        following = np.empty_like(state)
        for a, (kernel, total) in enumerate(zip(kernels, cumulated, strict=True)):
            taken = action == a
            following[taken] = _next_states(kernel, total, state[taken], rng)
        ended = following < 0
        steps.append((trajectory, np.full(len(state), step), state, action, ended))
        trajectory, state = trajectory[~ended], following[~ended]
        if not state.size:
            break
    columns = [np.concatenate(column) for column in zip(*steps, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    names = ("trajectory", "step", "state", "action", "terminal")
    return {name: column[order] for name, column in zip(names, columns, strict=True)}


def _next_states(kernel, total, state, rng):
    """A draw from the rows of a CSR kernel, whose entries add up to ``total``; -1 where the episode ends."""
    start, stop = kernel.indptr[state], kernel.indptr[state + 1]
    mass = total[stop] - total[start]
    # Rows that sum to 1 but for rounding do not end.
    drawn = rng.uniform(size=len(state)) * np.where(mass > 1 - ROW_SUM_TOLERANCE, mass, 1.0)
    goes = drawn < mass
    place = np.searchsorted(total, total[start[goes]] + drawn[goes], side="right") - 1
    following = np.full(len(state), -1)
    following[goes] = kernel.indices[np.clip(place, start[goes], stop[goes] - 1)]
    return following


def discounted_shares(policy, transitions, discount, initial_distribution):
    """Shares of the states among discounted visits: (S,), of sum 1.

    They are those of an endless run whose episodes end with an additional chance ``1 - discount`` in each step.
    """
    if transitions.levels is not None or transitions.ways.values.iterates:
        return _episode_shares(policy, transitions, discount, initial_distribution)
    ends = 1 - discount + discount * (policy * transitions.ends).sum(axis=1)
    return _shares(discount * sp.csr_array(transitions.mix(policy)), ends, initial_distribution)


def long_run_shares(policy, transitions, initial_distribution):
    """Shares of the states among the visits of an endless run: (S,).

    Where episodes end, a new one starts. Where they do not, the states that are never left share what flows into
    their class, in the proportions of its stationary distribution. A chance below ``NEVER`` is none.
    """
    if transitions.levels is not None:
        return _episode_shares(policy, transitions, 1.0, initial_distribution)
    ends, mixed = np.where(transitions.ends > ROW_SUM_TOLERANCE, transitions.ends, 0.0), transitions.mix(policy)
    if transitions.ways.values.iterates and connected_components(mixed, connection="strong")[0] == 1:
        return _episode_shares(policy, transitions, ENDLESS, initial_distribution)
    return _shares(sp.csr_array(mixed), (policy * ends).sum(axis=1), initial_distribution)


def _episode_shares(policy, transitions, discount, initial_distribution):
    """Shares of one episode, where no state comes back exact and else to the precision of the largest."""
    visits = continuation(policy, transitions, discount, transposed=True)(initial_distribution)
    visits = np.maximum(visits, 0.0)
    return visits / visits.sum()


def _shares(kernel, ends, initial_distribution):
    """Shares of the states in the long run: each entry to the relative precision of the chances, however rare.

    ``shares = kernel' shares + (ends @ shares) * initial_distribution`` where the start comes back.
    """
    # One state more: the end of an episode, from which the next one starts.
    run = sp.csr_array(sp.block_array([[kernel, ends[:, None]], [initial_distribution[None, :], None]]))
    run.data[run.data < NEVER] = 0.0
    run.eliminate_zeros()
    n_classes, label = connected_components(run, connection="strong")
    origin, target = run.nonzero()
    left = np.zeros(n_classes, dtype=bool)
    left[label[origin[label[origin] != label[target]]]] = True
    # Watched are the start and a state of each class that is never left, not a rare one: a lazy chain finds one.
    likely = np.full(run.shape[0], 1.0)
    for _ in range(LAZY_STEPS):
        likely = (likely + run.T @ likely) / 2
    order = np.argsort(-likely)
    start = len(ends)
    kept = np.zeros(start + 1, dtype=bool)
    kept[order[np.unique(label[order], return_index=True)[1][~left]]] = True
    if left[label[start]]:
        kept[start] = True
    among, extend = reduce_chain(run, kept)
    visits = extend((~left[label[kept]]).astype(float))
    totals = np.bincount(label, visits, minlength=n_classes)
    if left[label[start]]:
        entered = np.zeros(n_classes)
        entered[label[kept]] = among[[-1]].toarray()[0]
    else:
        entered = np.arange(n_classes) == label[start]
    shares = visits * (entered / np.where(totals > 0, totals, 1.0))[label]
    return shares[:start] / shares[:start].sum()
