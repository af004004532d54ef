"""Decisions of a policy in a world whose transitions are known, and how often it is where."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from sklearn_iqlearn._model.soft_bellman import continuation_system
from sklearn_iqlearn._model.transitions import ROW_SUM_TOLERANCE
from sklearn_iqlearn._numerics.linear_algebra import factor

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
    """Shares of the states among discounted visits: (S,), of sum 1."""
    system = continuation_system(policy, transitions, discount)
    visits = factor(system.T)(initial_distribution)
    return visits / visits.sum()


def long_run_shares(policy, transitions, initial_distribution):
    """Shares of the states among the visits of an endless run: (S,).

    Where episodes end, a new one starts. Where they do not, the states that are never left share what flows into
    their class, in the proportions of its stationary distribution.
    """
    mixed = sp.csr_array(transitions.mix(policy))
    mixed.eliminate_zeros()
    ends = np.maximum(1 - mixed.sum(axis=1), 0.0)
    ends[ends < ROW_SUM_TOLERANCE] = 0.0
    # One state more: the end of an episode, from which the next one starts.
    restart = sp.block_array([[mixed, ends[:, None]], [sp.csr_array(initial_distribution[None, :]), None]])
    restart = sp.csr_array(restart)
    n_states = len(policy)
    n_classes, label = connected_components(restart, connection="strong")
    leaves = np.zeros(n_classes, dtype=bool)
    origin, target = restart.nonzero()
    leaves[label[origin[label[origin] != label[target]]]] = True
    passing = np.flatnonzero(leaves[label])
    start = np.append(initial_distribution, 0.0)
    visits = np.zeros(n_states + 1)
    if passing.size:
        among = sp.eye_array(passing.size) - restart[passing][:, passing]
        visits[passing] = factor(sp.csc_array(among.T))(start[passing])
    inflow = start + restart.T @ visits
    shares = np.zeros(n_states + 1)
    for closed in np.flatnonzero(~leaves):
        members = np.flatnonzero(label == closed)
        entered = inflow[members].sum()
        if entered > 0:
            shares[members] = entered * _stationary(restart[members][:, members])
    return shares[:n_states] / shares[:n_states].sum()


def _stationary(kernel):
    """The stationary distribution of an irreducible chain."""
    n = kernel.shape[0]
    if n == 1:
        return np.ones(1)
    # The visits between two visits of one state, which must not be a rare one: a lazy chain finds one.
    shares = np.full(n, 1 / n)
    for _ in range(LAZY_STEPS):
        shares = (shares + kernel.T @ shares) / 2
    first = int(np.argmax(shares))
    others = np.delete(np.arange(n), first)
    among = sp.csc_array((sp.eye_array(n - 1) - kernel[others][:, others]).T)
    visits = np.empty(n)
    visits[first] = 1.0
    visits[others] = np.maximum(factor(among)(kernel[[first]].toarray()[0, others]), 0.0)
    return visits / visits.sum()
