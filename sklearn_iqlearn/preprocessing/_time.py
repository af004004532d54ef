"""A finite horizon as a decision problem whose states know the step.

With steps t = 0, ..., T - 1 and S states, the pair (t, s) is the state ``t * S + s``, and

    P_a[t * S + s, (t + 1) * S + s'] = Pr(s' | s, a) in step t:

no state is ever seen twice, and its soft values are those of backward induction.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._model.demonstrations import check_integers
from sklearn_iqlearn._model.tables import check_base, check_features
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn._numerics.checks import any_array, by_state, check_count, plain, real_array


@dataclass(frozen=True)
class FiniteHorizon:
    """A decision problem with a finite horizon, as ``with_time`` returns it.

    Attributes
    ----------
    transitions : list of A CSR arrays of shape (L * S, L * S), or a mapping from action to them
    features : ndarray of shape (L * S, K) or (L * S, A, K), or None
    action_mask : boolean ndarray of shape (L * S, A), or None
    base_reward : ndarray of shape (L * S, A), or None
    n_steps : int
        Steps T with a decision.
    n_states : int
        States S of one step.
    n_layers : int
        L, the steps, and with a terminal value what comes after them.
    """

    transitions: list | dict
    features: np.ndarray | None
    action_mask: np.ndarray | None
    base_reward: np.ndarray | None
    n_steps: int
    n_states: int
    n_layers: int

    def encode(self, state, step):
        """The id of a state in a step, ``step * n_states + state``.

        Parameters
        ----------
        state : int or array of int
            0 to ``n_states - 1``.
        step : int or array of int
            0 to ``n_layers - 1``. Shapes are broadcast.

        Returns
        -------
        ids : integer ndarray
            As in X, of which they are the one column: ``encode(state, step)[:, None]``.

        Raises
        ------
        ValueError
            If one is not an integer in its range.
        """
        return _within("step", step, self.n_layers) * self.n_states + _within("state", state, self.n_states)

    def decode(self, ids):
        """The state and the step of ids.

        Parameters
        ----------
        ids : int or array of int
            0 to ``n_layers * n_states - 1``.

        Returns
        -------
        state, step : integer ndarray

        Raises
        ------
        ValueError
            If one is not an integer in its range.
        """
        step, state = np.divmod(_within("ids", ids, self.n_layers * self.n_states), self.n_states)
        return state, step


def with_time(transitions, n_steps, *, features=None, action_mask=None, base_reward=None, terminal_value=None):
    """A finite horizon as states (step, state), for ``IQLearnClassifier``.

    Episodes end after the last step. What differs from step to step is a list of ``n_steps``, one for each; an
    array is for every step. The solvers see that no state is ever seen twice, and go backwards through the steps:
    at any discount, 1 included.

    Parameters
    ----------
    transitions : array of shape (A, S, S), sequence of A matrices (S, S), or mapping from action to matrix
        As for ``IQLearnClassifier``; or a list of n_steps of them. Where there is no terminal value, those of
        the last step are not used.
    n_steps : int
        Number of decisions T of an episode that does not end early.
    features : array of shape (S, K) or (S, A, K), or list of n_steps of them, optional
        Features of the reward, by default none.
    action_mask : boolean array of shape (S, A), or list of n_steps of them, optional
        Pairs that exist, by default all.
    base_reward : array of shape (S,) or (S, A), or list of n_steps of them, optional
        Known part of the reward.
    terminal_value : array of shape (S,), optional
        What a state is worth after the last step, not yet discounted. By default nothing is.

    Returns
    -------
    horizon : FiniteHorizon
        Its ``transitions``, ``features``, ``action_mask`` and ``base_reward`` are parameters of the classifier;
        ``encode(state, step)`` makes the ids that X holds, and ``decode(ids)`` reads them. Step by step, so that
        ``policy_.reshape(n_layers, S, A)[t]`` is the policy in step t.

    Raises
    ------
    ValueError
        If shapes do not agree, a list has not ``n_steps`` entries, or transitions are no probabilities.

    Notes
    -----
    A terminal value adds a layer of S states after the last step. They have the first action alone, features of 0
    and the value as their base reward, and end: so it is right at every discount, and stays so in a
    counterfactual with another one. To a structural reward it is exact; a table, as with every base reward, may
    deviate from it at the price of the penalty; a linear Q has its intercept alone to meet it.

    Examples
    --------
    >>> from sklearn_iqlearn.preprocessing import with_time
    >>> stay, move = [[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]
    >>> horizon = with_time([stay, move], n_steps=3, terminal_value=[0.0, 1.0])
    >>> horizon.transitions[1].shape
    (8, 8)
    >>> horizon.encode(state=[0, 1], step=[0, 2])
    array([0, 5])
    >>> horizon.decode([0, 5])
    (array([0, 1]), array([0, 2]))
    >>> horizon.action_mask[-2:]
    array([[ True, False],
           [ True, False]])
    """
    check_count("n_steps", n_steps)
    several = isinstance(transitions, list | tuple) and any(map(_is_kernel, transitions))
    kernels = _of_steps("transitions", transitions, n_steps, several)
    masks = _of_steps("action_mask", action_mask, n_steps, not _is_one(action_mask))
    one_world = not several and _is_one(action_mask)
    kernels = _each(check_transitions, kernels, masks, same=one_world)
    pair = _agreed(kernels)
    exist = [kernel.pairs for kernel, _ in kernels]

    def of_features(given, exists):
        return check_features(given, pair, exists)

    def of_rewards(given, exists):
        return check_base(by_state(given), pair[0], kernels[0][1], exists)

    tables = {
        "features": _tables("features", features, exist, of_features, one_world),
        "action_mask": None if action_mask is None else exist,
        "base_reward": _tables("base_reward", base_reward, exist, of_rewards, one_world),
    }
    n_layers = n_steps
    if terminal_value is not None:
        n_layers += 1
        tables = _and_after(tables, real_array("terminal_value", terminal_value, pair[:1]), pair, n_steps)
    moves = [kernel.matrices for kernel, _ in kernels[: n_layers - 1]]
    matrices = [_chain([matrices[a] for matrices in moves], pair[0]) for a in range(pair[1])]
    named = isinstance(transitions[0] if several else transitions, Mapping)
    return FiniteHorizon(
        transitions=dict(zip(kernels[0][1].tolist(), matrices, strict=True)) if named else matrices,
        **{name: layers and np.concatenate(layers) for name, layers in tables.items()},
        n_steps=n_steps,
        n_states=pair[0],
        n_layers=n_layers,
    )


def _is_kernel(given):
    """Whether it has the transitions of all actions, not of one."""
    if isinstance(given, list | tuple):
        return len(given) > 0 and (sp.issparse(given[0]) or np.ndim(given[0]) == 2)
    return isinstance(given, Mapping) or (not sp.issparse(given) and np.ndim(given) == 3)


def _is_one(given):
    """Whether a table is given for all steps, or none is."""
    return not isinstance(given, list | tuple)


def _of_steps(name, given, n_steps, several):
    """What is given for each of the steps: the same, or the entries of a list."""
    if not several:
        return [given] * n_steps
    if len(given) != n_steps:
        raise ValueError(
            f"{name} must be given once for all steps, as an array, or be a list of n_steps={n_steps} of them, "
            f"got a list of {len(given)}."
        )
    return list(given)


def _each(check, *parts, same):
    """What ``check`` makes of the parts of each step; where all steps are the same, of the first."""
    if same:
        return [check(*(part[0] for part in parts))] * len(parts[0])
    found = []
    for step, of_step in enumerate(zip(*parts, strict=True)):
        try:
            found.append(check(*of_step))
        except ValueError as error:
            raise ValueError(f"step {step}: {error}") from error
    return found


def _tables(name, given, exist, check, one_world):
    """Arrays of each step, checked, 0 for pairs that do not exist; None where none is given."""
    if given is None:
        return None
    of_steps = _of_steps(name, given, len(exist), not _is_one(given))
    found = _each(check, of_steps, exist, same=one_world and _is_one(given))
    shapes = {table.shape for table in found}
    if len(shapes) > 1:
        raise ValueError(f"{name} must have one shape in all steps, got {plain(sorted(shapes))}.")
    return found


def _agreed(kernels):
    """The number of states and of actions, which are the same in every step."""
    first, *others = [(kernel.n_states, labels.tolist()) for kernel, labels in kernels]
    for step, other in enumerate(others, start=1):
        if other != first:
            raise ValueError(
                f"transitions must have the same states and actions in every step, got {first[0]} states and "
                f"actions {plain(first[1])} in step 0, {other[0]} and {plain(other[1])} in step {step}."
            )
    return first[0], len(first[1])


def _and_after(tables, terminal_value, pair, n_steps):
    """The tables of all steps with a layer more: one action, features of 0, the value as its reward."""
    features, mask, base = tables.values()
    one_action = np.broadcast_to(np.arange(pair[1]) == 0, pair)
    value = np.broadcast_to(terminal_value[:, None], pair)
    return {
        "features": features and [*features, np.zeros_like(features[0])],
        "action_mask": [*(mask or [np.ones(pair, dtype=bool)] * n_steps), one_action],
        "base_reward": [*(base or [np.zeros(pair)] * n_steps), value],
    }


def _chain(moves, n_states):
    """One matrix of all moves, each from a step to the next; of the last step nothing is left but its end."""
    moves = [sp.csr_array(matrix) for matrix in moves]
    lengths = [np.diff(matrix.indptr) for matrix in moves]
    n = (len(moves) + 1) * n_states
    indptr = np.concatenate([[0], *lengths, np.zeros(n_states, dtype=int)]).cumsum()
    starts = n_states * np.arange(1, len(moves) + 1)
    data = np.concatenate([np.empty(0), *(matrix.data for matrix in moves)])
    targets = [start + matrix.indices.astype(np.int64) for start, matrix in zip(starts, moves, strict=True)]
    indices = np.concatenate([np.empty(0, dtype=np.int64), *targets])
    return sp.csr_array((data, indices, indptr), shape=(n, n))


def _within(name, values, size):
    """Integers from 0 to ``size - 1``."""
    found = check_integers(any_array(name, values), name)
    wrong = (found < 0) | (found >= size)
    if wrong.any():
        raise ValueError(f"{name} must be 0 to {size - 1}, got {plain(found[wrong][0])}.")
    return found
