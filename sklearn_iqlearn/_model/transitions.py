"""The transition kernel: what the next state is worth, and where the visits flow."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._model.levels import find_levels
from sklearn_iqlearn._model.tables import check_mask
from sklearn_iqlearn._model.ways import components, find_ways
from sklearn_iqlearn._numerics.checks import by_state, is_real, plain, real_array

# Probabilities stored in single precision sum to 1 within this.
ROW_SUM_TOLERANCE = 1e-6
# Probabilities computed in double precision sum to 1 within this.
ROUNDING = 8 * np.finfo(float).eps
# Below this share of nonzeros a dense matrix is cheaper to use in sparse form.
SPARSE_SHARE = 0.05
# Up to this many states, dense algebra costs less than the bookkeeping of sparse algebra.
SMALL = 256


class Transitions:
    """Transition probabilities ``P[a][s, s']``, one (S, S) matrix per action, dense or CSR.

    A row that sums to less than 1 ends the episode with the remaining probability. The matrices are
    never written to.

    Parameters
    ----------
    given : sequence of n_actions arrays or CSR arrays of shape (n_states, n_states)
        A dense one has only the rows of the states where its action exists.
    exists : boolean ndarray of shape (n_states, n_actions), optional
        Pairs that exist, by default all. What tells of the others here is 0. As an attribute None where all do.
    """

    # Log probabilities of a policy to begin with, (S, A), where any will not do.
    log_policy: Any = None

    def __init__(self, given, exists=None):
        self.n_actions = len(given)
        self.n_states = given[0].shape[1]
        self.exists = None if exists is None or exists.all() else exists
        every = [slice(None)] * self.n_actions if self.exists is None else map(np.flatnonzero, self.exists.T)
        # Of each action the states whose rows are in a matrix, an index, and the matrix.
        self.blocks: list[tuple[Any, Any]] = [
            (slice(None) if sp.issparse(matrix) else states, matrix)
            for states, matrix in zip(every, given, strict=True)
        ]

    @cached_property
    def pairs(self):
        """Pairs that exist: boolean, (S, A)."""
        return np.ones((self.n_states, self.n_actions), dtype=bool) if self.exists is None else self.exists

    @cached_property
    def bar(self):
        """What keeps a policy from pairs that do not exist: minus infinity, else 0; (S, A), or one 0 for all."""
        return 0.0 if self.exists is None else np.where(self.exists, 0.0, -np.inf)

    def only(self, table, other=0.0):
        """A table (S, A) with another value for pairs that do not exist."""
        return table if self.exists is None else np.where(self.exists, table, other)

    @cached_property
    def matrices(self):
        """The (S, S) matrices, with rows of zeros for pairs that do not exist."""
        return tuple(
            matrix if sp.issparse(matrix) or self.exists is None else _spread_rows(matrix, self.exists[:, a])
            for a, (_, matrix) in enumerate(self.blocks)
        )

    def _spread(self, of_block, shape=()):
        """What ``of_block(states, matrix)`` finds for each action, as (S, A, ...)."""
        table = np.zeros((self.n_states, self.n_actions, *shape))
        for a, (states, matrix) in enumerate(self.blocks):
            table[states, a] = of_block(states, matrix)
        return table

    def expected_next(self, value):
        """Expected next value: (S, ...) -> (S, A, ...), zero where the episode ends."""
        return self._spread(lambda states, matrix: matrix @ value, value.shape[1:])

    def expected_change(self, value):
        """Expected ``V(s') - V(s)`` of a step that does not end the episode: (S,) -> (S, A).

        Where the values have a high level its rounding is that of their differences, not that of the level.
        """
        return self._spread(lambda states, matrix: _changes(matrix, value[states], value).sum(axis=1))

    @cached_property
    def ends(self):
        """Probability that a step ends the episode, 0 where a row sums to 1 but for rounding: (S, A)."""
        ends = 1 - self._spread(lambda states, matrix: matrix.sum(axis=1))
        return np.where(ends > ROUNDING, ends, 0.0)

    def flow(self, weights):
        """Weight that the pairs send to each next state: (S, A, ...) -> (S, ...), the transpose of the above."""
        return sum(matrix.T @ weights[states, a] for a, (states, matrix) in enumerate(self.blocks))

    def mix(self, weights):
        """The (S, S) matrix ``sum_a diag(weights[:, a]) P[a]``; with a policy, its state transitions."""
        if all(sp.issparse(matrix) for _, matrix in self.blocks):
            entries = sum(places @ weights[:, a] for a, places in enumerate(self._places))
            return sp.csr_array((entries, self.links.indices, self.links.indptr), shape=self.links.shape)
        mixed = np.zeros((self.n_states, self.n_states))
        for a, (states, matrix) in enumerate(self.blocks):
            if sp.issparse(matrix):
                mixed += (sp.diags_array(weights[:, a]) @ matrix).toarray()
            else:
                mixed[states] += weights[states, a, None] * matrix
        return mixed

    @cached_property
    def row_sums(self):
        """Probability of each pair that the episode goes on: (S, A)."""
        return self.expected_next(np.ones(self.n_states))

    @cached_property
    def links(self):
        """Which states lead to which, by any action: a sparse array of shape (S, S), positive there."""
        links = sum(_pattern(sp.csr_array(matrix)) for matrix in self.matrices)
        links.sum_duplicates()  # in the order of its columns, whatever that of the matrices
        return links

    @cached_property
    def _places(self):
        """Of each action, what puts its entries, times weights of their states, where ``links`` has them."""
        known = _numbers(self.links)
        places = [np.searchsorted(known, _numbers(matrix)) for _, matrix in self.blocks]
        return [
            sp.csc_array(
                (matrix.data, place.astype(matrix.indptr.dtype), matrix.indptr), (len(known), self.n_states)
            )
            for place, (_, matrix) in zip(places, self.blocks, strict=True)
        ]

    @cached_property
    def n_successors(self):
        """Number of states that each state can lead to, and itself: (S,)."""
        return np.diff(self.links.indptr).astype(float) + 1

    @cached_property
    def components(self):
        """The set of each state, of sets that no move connects: integers from 0, (S,)."""
        return components(self.links)

    @cached_property
    def ways(self):
        """Which way systems in these transitions are solved."""
        return find_ways(self)

    @cached_property
    def levels(self):
        """The ``Levels`` of transitions in which no state comes back, else None."""
        return find_levels(self)

    @property
    def linear_solver(self):
        """How systems in as many unknowns as states were solved last; None where there were none."""
        known = vars(self)  # what was not asked for was not needed
        if "ways" in known:
            return self.ways.taken
        return None if known.get("levels") is None else "sweeps"

    @property
    def noise(self):
        """Rounding of an expected value, in units of that of the values."""
        return 1.0

    def first_policy(self, counts):
        """Log probabilities to start from, (S, A): smoothed frequencies of decisions (S, A)."""
        smoothed = self.only(counts + 0.5)
        with np.errstate(divide="ignore"):
            return np.log(smoothed / smoothed.sum(axis=1, keepdims=True))

    def carried(self, value, policy, discount):
        """Fitted attributes that tell what carries values to states not among these: of known transitions none."""
        return {}

    def doubts(self, carried):
        """What looks wrong in them: sentences."""
        return []

    def shortcut(self, weights, transposed):
        """What solves in ``I - sum_a diag(weights[:, a]) P_a``, or its transpose, without a factor of it, or None.

        Parameters
        ----------
        weights : ndarray of shape (S, A)
            Of a policy, times a discount.
        transposed : bool
        """
        if self.levels is None:
            return None
        return partial(self.levels.visits if transposed else self.levels.values, weights)

    def heavy_states(self):
        """States with so many successors that coupling them all is no sparse matter: (S,)."""
        return self.n_successors > max(64.0, 10 * np.sqrt(self.n_states))

    def prefers_dense(self):
        """Whether matrices that couple all successors of a state are better stored dense.

        Such a matrix (the Schur complement of Newton's method) has at most the sum over states of the
        squared number of successors as its nonzeros, the few heavy states left aside.
        """
        if self.n_states <= SMALL or not all(sp.issparse(matrix) for _, matrix in self.blocks):
            return True
        heavy = self.heavy_states()
        rank = heavy.sum() * (self.n_actions + 2)
        return np.sum(self.n_successors[~heavy] ** 2) > 0.3 * self.n_states**2 or rank > 0.1 * self.n_states


def _changes(matrix, origin, value):
    """``P(s, s') (V(s') - V(s))``, in the form of the matrix; ``origin`` holds the V(s) of its rows."""
    if not sp.issparse(matrix):
        return matrix * (value - origin[:, None])
    change = value[matrix.indices] - np.repeat(origin, np.diff(matrix.indptr))
    return sp.csr_array((matrix.data * change, matrix.indices, matrix.indptr), shape=matrix.shape)


def _pattern(matrix):
    """A CSR array with ones for its entries."""
    return sp.csr_array((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)


def _numbers(matrix):
    """Where the entries of a CSR array are, as positions among all of its rows."""
    n_rows, n_columns = matrix.shape
    return np.repeat(np.arange(n_rows) * n_columns, np.diff(matrix.indptr)) + matrix.indices


def _only(matrix, rows):
    """A CSR array with only some of its rows, a boolean array, and no entries in the others."""
    kept = np.repeat(rows, np.diff(matrix.indptr))
    indptr = np.concatenate([[0], np.cumsum(np.diff(matrix.indptr) * rows)])
    return sp.csr_array((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)


def _spread_rows(matrix, rows):
    """A matrix of some rows, a boolean array, with zeros for the others, in its own form."""
    if not sp.issparse(matrix):
        whole = np.zeros((len(rows), matrix.shape[1]))
        whole[rows] = matrix
        return whole
    length = np.zeros(len(rows), dtype=matrix.indptr.dtype)
    length[rows] = np.diff(matrix.indptr)
    indptr = np.concatenate([[0], np.cumsum(length)])
    return sp.csr_array((matrix.data, matrix.indices, indptr), shape=(len(rows), matrix.shape[1]))


def check_transitions(transitions, action_mask=None):
    """Validate the estimator's ``transitions`` and ``action_mask``.

    Parameters
    ----------
    transitions : array of shape (A, S, S), sequence of A (S, S) matrices, or mapping label -> matrix
    action_mask : boolean array of shape (S, A), or data frame whose columns are the labels, optional
        Rows of pairs that do not exist may hold anything.

    Returns
    -------
    kernel : Transitions
    labels : ndarray of shape (A,)
        The sorted action labels; 0 to A - 1 unless a mapping names them.
    """
    if isinstance(transitions, Mapping):
        labels = _check_labels(list(transitions))
        by_label = {np.asarray(label).item(): matrix for label, matrix in transitions.items()}
        matrices: list = [by_label[label] for label in labels.tolist()]
    else:
        if not isinstance(transitions, Sequence) or isinstance(transitions, str):
            transitions = _check_tensor(transitions)
        matrices, labels = list(transitions), np.arange(len(transitions))
    if not matrices:
        raise ValueError("transitions must hold at least one action's matrix, got none.")
    matrices = [
        matrix if sp.issparse(matrix) else real_array(f"transitions of action {label}", matrix, finite=False)
        for matrix, label in zip(matrices, labels, strict=True)
    ]
    _check_shapes([matrix.shape for matrix in matrices])
    n_states = matrices[0].shape[0] if matrices[0].ndim else 0
    exists = None if action_mask is None else check_mask(by_state(action_mask), n_states, labels)
    kernel = [
        _check_matrix(matrix, label, n_states, None if exists is None or exists.all() else exists[:, a])
        for a, (matrix, label) in enumerate(zip(matrices, labels, strict=True))
    ]
    return Transitions(kernel, exists), labels


def _check_labels(found):
    """The labels of a mapping, sorted: all strings, or all numbers."""
    named = all(isinstance(label, str) for label in found)
    if not named and not all(is_real(label) and label == label for label in found):
        raise ValueError(f"transitions: labels must be of one kind, strings or numbers, got {plain(found)}.")
    return np.unique(np.asarray(found))


def _check_tensor(transitions):
    tensor = real_array("transitions", transitions, finite=False)
    if tensor.ndim != 3:
        raise ValueError(
            "transitions must be an array of shape (n_actions, n_states, n_states), a sequence of matrices "
            f"or a mapping from action to matrix, got {type(transitions).__name__} of shape {tensor.shape}."
        )
    return tensor


def _check_shapes(shapes):
    """Name the order of the axes where all matrices have the shape of another one."""
    shape = (len(shapes), *shapes[0])
    if len(set(shapes)) > 1 or len(shape) != 3 or shape[1] == shape[2]:
        return
    hint = ""
    if shape[0] == shape[2]:
        hint = " This looks like (n_states, n_actions, n_states): pass transitions.transpose(1, 0, 2)."
    elif shape[0] == shape[1]:
        hint = " This looks like (n_states, n_states, n_actions): pass transitions.transpose(2, 0, 1)."
    raise ValueError(f"transitions must have shape (n_actions, n_states, n_states), got {shape}.{hint}")


def _check_matrix(matrix, label, n_states, exists=None):
    """One action's matrix as a float64 array or CSR array, shared with the caller where it can be.

    Where only some rows exist, a boolean array, an array has those alone, a CSR array no entries in the others.
    """
    name = f"transitions of action {label}"
    if sp.issparse(matrix):
        if matrix.dtype.kind not in "biuf":
            raise ValueError(f"{name} must be real numbers, got {matrix.dtype}.")
        matrix = sp.csr_array(matrix, dtype=np.float64)
        if not matrix.has_canonical_format:  # products would sort it in place
            matrix = matrix.copy()
            matrix.sum_duplicates()
        if not matrix.data.all():  # an entry is a link between states
            matrix = matrix.copy()
            matrix.eliminate_zeros()
    if matrix.shape != (n_states, n_states) or n_states == 0:
        wanted = f"shape ({n_states}, {n_states})" if n_states else "shape (S, S), with a state at least"
        raise ValueError(f"{name} must have {wanted}, got {matrix.shape}.")
    states = np.arange(n_states)
    if exists is not None and sp.issparse(matrix):
        matrix = _only(matrix, exists)
    elif exists is not None:
        matrix, states = matrix[exists], states[exists]
    values = matrix.data if sp.issparse(matrix) else matrix
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite, got {values[~np.isfinite(values)][0]}.")
    if (values < 0).any():
        raise ValueError(f"{name} must be non-negative, got {values.min()}.")
    totals = matrix.sum(axis=1)
    highest = totals.max(initial=0.0)
    if highest > 1 + ROW_SUM_TOLERANCE:
        state = states[np.argmax(totals)]
        raise ValueError(f"{name}, state {state}, must sum to at most 1, got {highest:.6g}.")
    if highest > 1 + ROUNDING:  # rounded to single precision: times a discount, it may reach 1
        divisor = np.where(totals > 1 + ROUNDING, totals, 1.0)
        matrix = (
            sp.csr_array(sp.diags_array(1 / divisor) @ matrix)
            if sp.issparse(matrix)
            else matrix / divisor[:, None]
        )
    if sp.issparse(matrix) or n_states <= SMALL or np.count_nonzero(matrix) >= SPARSE_SHARE * matrix.size:
        return matrix
    rows = sp.csr_array(matrix)
    return rows if exists is None else _spread_rows(rows, exists)
