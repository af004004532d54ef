"""Transitions from rows of decisions."""

import warnings
from dataclasses import dataclass

import numpy as np

from sklearn_iqlearn._model.demonstrations import check_integers
from sklearn_iqlearn._model.moves import CUT_OFF
from sklearn_iqlearn._numerics.checks import any_array, plain
from sklearn_iqlearn.exceptions import DataWarning
from sklearn_iqlearn.preprocessing._columns import UNSEEN, estimate_kernel
from sklearn_iqlearn.preprocessing._observed import read_rows
from sklearn_iqlearn.preprocessing._shrinkage import check_prior


@dataclass(frozen=True, repr=False)
class EstimatedTransitions:
    """Transitions estimated from rows, as ``estimate_transitions`` returns them.

    Attributes
    ----------
    transitions : list of A CSR arrays of shape (S, S), or a mapping from action to them
    counts : ndarray of shape (S, A)
        Weighted rows of each pair that have a next state or ended.
    ended : ndarray of shape (S, A)
        Probability that the episode ends: what the rows of ``transitions`` lack to 1.
    unseen : boolean ndarray of shape (S, A)
        Pairs for which something stands in, as ``unseen`` names it.
    action_mask : boolean ndarray of shape (S, A), or None
        Pairs that exist, where a mask is given or with ``unseen="mask"``.
    n_cut_off : float
        Weighted rows that tell nothing: without a next row, and not terminal.
    n_states : tuple of int
        States of each column.
    """

    transitions: list | dict
    counts: np.ndarray
    ended: np.ndarray
    unseen: np.ndarray
    action_mask: np.ndarray | None
    n_cut_off: float
    n_states: tuple

    @property
    def n_unseen(self):
        """Number of pairs for which something stands in."""
        return int(self.unseen.sum())

    @property
    def never_left(self):
        """States all of whose pairs are unseen: integer ndarray."""
        return np.flatnonzero(self.unseen.all(axis=1))

    def encode(self, states):
        """The ids of states in several columns, counted like the rows of a C array: the last column runs fastest.

        Parameters
        ----------
        states : integer array of shape (n_rows, n_columns)

        Returns
        -------
        ids : integer ndarray of shape (n_rows, 1)
            To pass as ``X`` of ``IQLearnClassifier``; ``np.unravel_index(ids, n_states)`` goes back.

        Raises
        ------
        ValueError
            If there are other columns than ``n_states`` has entries, or an id is not below its entry.
        """
        found = any_array("states", states)
        if found.ndim != 2 or found.shape[1] != len(self.n_states):
            raise ValueError(f"states must have {len(self.n_states)} columns, got shape {found.shape}.")
        columns = tuple(check_integers(column, "states") for column in found.T)
        try:
            return np.ravel_multi_index(columns, self.n_states)[:, None]
        except ValueError as error:
            raise ValueError(f"states must be >= 0 and below n_states, {self.n_states}: {error}.") from error

    def __repr__(self):
        n_states, n_actions = self.counts.shape
        return (
            f"EstimatedTransitions({n_states} states, {n_actions} actions, {self.n_unseen} of {self.counts.size} "
            f"pairs unseen, {self.n_cut_off:g} rows cut off)"
        )


def estimate_transitions(
    states,
    actions,
    *,
    trajectory=None,
    step=None,
    next_state=None,
    terminal=None,
    sample_weight=None,
    n_states=None,
    n_actions=None,
    action_mask=None,
    prior=0.0,
    unseen="error",
):
    """Transitions of integer states, from rows of decisions.

    The share of the moves that were seen, ``P(s' | s, a) = n(s, a, s') / n(s, a)``, the maximum likelihood, or
    that shrunk towards a prior kernel. An episode that ended is a move to the end: rows of the kernel lack its
    share to 1.

    Parameters
    ----------
    states : integer array of shape (n_rows,) or (n_rows, n_columns)
        State of each decision, 0 to S - 1. With several columns a state is a row of them, each 0 to its
        ``n_states[j]`` - 1, and **the columns are taken to move independently** given the action: the next
        ``x_j`` depends on ``x_j`` and the action alone. Each has a kernel of its own, and theirs is the product,
        which needs far fewer rows than one over all combinations. The end of an episode is an event of the whole
        state: its share is that of the pair, which starts from one visit at the rate of its action.
    actions : array of shape (n_rows,)
        Integers or labels.
    trajectory : array of shape (n_rows,), optional
        Id of the trajectory of each row. What follows a row is the next of its trajectory.
    step : integer array of shape (n_rows,), optional
        Time of each row: what follows is the row of the same trajectory at ``step + 1``, in whatever order rows
        are. Without it the rows of a trajectory are contiguous and in order. A row without a next one, that is not
        terminal, was cut off and tells nothing.
    next_state : integer array of the shape of states, optional
        What followed each row, in place of ``trajectory``: for counts of moves, with ``sample_weight``. Where it
        is missing (NaN, None) and the row is not terminal, the row was cut off.
    terminal : boolean array of shape (n_rows,), optional
        Rows after which the episode ended, whatever ``next_state`` says. By default none.
    sample_weight : array of shape (n_rows,), optional
        Visits that a row counts as, of any size; by default 1. Rows of weight 0 are left out.
    n_states : int, or tuple of int for several columns, optional
        By default one more than the largest id in ``states`` and ``next_state``.
    n_actions : int, optional
        Where given, actions are 0 to ``n_actions - 1``. By default the actions are the distinct labels, sorted, as
        ``IQLearnClassifier`` sorts its ``classes_``.
    action_mask : boolean array of shape (S, A), optional
        Pairs that exist, by default all. Nothing is asked of the others, whose rows are zeros.
    prior : float, or tuple (float, kernel), default=0.0
        Visits k that the prior kernel counts as: ``(n(s, a, s') + k P0(s' | s, a)) / (n(s, a) + k)``. P0 is what
        follows the state whatever the action, or the kernel given: an (S, S) matrix, or in a form of
        ``transitions``. Towards the former, k near 0.3 predicts moves best, yet makes actions look alike, so
        that a fit explains choices by larger rewards: on grids of 25 cells with 5,000 decisions the median of the
        largest error of a coefficient was 0.40 with k = 0, 0.68 with 0.3 and 1.23 with 1, where the expected
        log-likelihood of a new move rose by 0.016. So by default there is none.
    unseen : {"error", "prior", "self-loop", "mask"}, default="error"
        What becomes of pairs of which no row has a known continuation: never a row of zeros in silence.

        - "error": a ValueError tells how many, and which is the first. The default, as the others are assumptions
          about the world.
        - "prior": the prior kernel. A state that was never left has none but a given one, and stays where it is.
        - "self-loop": the state itself.
        - "mask": pairs never taken do not exist, see ``action_mask``. One that was taken, in rows cut off alone,
          does exist, and has the prior kernel.

        With several columns, of the pairs of each: those that no row leaves for a next state, unless their action
        always ends the episode.

    Returns
    -------
    estimated : EstimatedTransitions
        ``transitions``, a list of A CSR arrays of shape (S, S), or a mapping from label to them unless labels
        are 0 to A - 1; ``action_mask``, boolean (S, A) where one is given or with ``unseen="mask"``, else None:
        the parameters of ``IQLearnClassifier`` of these names. Of the rows: ``counts`` (S, A), weighted, with
        known continuation; ``ended`` (S, A), the probability that an episode ends; ``unseen`` (S, A), with
        ``n_unseen`` and the states ``never_left``; ``n_cut_off``; ``n_states``, a tuple. ``encode(states)`` makes
        one column of ids of several, ``X`` for the fit.

    Raises
    ------
    ValueError
        If pairs are unseen and ``unseen`` is "error", or all rows are cut off; if "mask" leaves a state no action,
        or ``action_mask`` excludes a decision;
        if ids are not integers or out of range, or neither or both of ``trajectory`` and ``next_state`` are given.

    Warns
    -----
    DataWarning
        If hardly any row has a next one at ``step + 1``.

    References
    ----------
    Rust (1987), section 4: the law of motion estimated first and apart. MacKay and Peto (1995), A hierarchical
    Dirichlet language model: shares shrunk towards a common mean. Boutilier, Dean and Hanks (1999),
    Decision-theoretic planning: states as columns that move independently.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.preprocessing import estimate_transitions
    >>> state, action = [0, 1, 1, 0, 1, 0], ["go", "go", "stay", "go", "go", "stay"]
    >>> order = {"trajectory": [0, 0, 0, 1, 1, 1], "terminal": [0, 0, 1, 0, 0, 0]}
    >>> found = estimate_transitions(state, action, **order, unseen="self-loop")
    >>> found
    EstimatedTransitions(2 states, 2 actions, 1 of 4 pairs unseen, 1 rows cut off)
    >>> {label: matrix.toarray().tolist() for label, matrix in found.transitions.items()}
    {'go': [[0.0, 1.0], [0.5, 0.5]], 'stay': [[1.0, 0.0], [0.0, 0.0]]}
    >>> found.ended
    array([[0., 0.],
           [0., 1.]])
    >>> model = IQLearnClassifier(found.transitions, action_mask=found.action_mask)
    >>> model.fit([[s] for s in state], action).classes_
    array(['go', 'stay'], dtype='<U4')

    Two columns, of which the first moves with the action and the second does not care:

    >>> states = [[0, 0], [1, 1], [0, 0], [0, 1], [1, 0], [0, 1]]
    >>> found = estimate_transitions(states, [1, 1, 0, 1, 0, 1], trajectory=[0] * 6, unseen="prior")
    >>> found.n_states, found.transitions[1].shape, found.encode([[1, 0], [1, 1]]).ravel()
    ((2, 2), (4, 4), array([2, 3]))
    """
    if not isinstance(unseen, str) or unseen not in UNSEEN:
        raise ValueError(f"unseen must be one of {list(UNSEEN)}, got {plain(unseen)}.")
    rows = read_rows(
        states,
        actions,
        trajectory=trajectory,
        step=step,
        next_state=next_state,
        terminal=terminal,
        sample_weight=sample_weight,
        n_states=n_states,
        n_actions=n_actions,
    )
    for doubt in rows.doubts:
        warnings.warn(doubt, DataWarning, stacklevel=2)
    mask = rows.check_mask(action_mask)
    kernel = estimate_kernel(rows, check_prior(prior, rows.n_states, rows.labels), unseen, mask)
    known = rows.successors[:, 0] != CUT_OFF
    ids = np.array_equal(rows.labels, np.arange(len(rows.labels)))
    return EstimatedTransitions(
        transitions=kernel.matrices if ids else dict(zip(rows.labels.tolist(), kernel.matrices, strict=True)),
        counts=rows.counts(known),
        ended=kernel.ended,
        unseen=kernel.unseen,
        action_mask=kernel.exists if unseen == "mask" or action_mask is not None else None,
        n_cut_off=float(rows.weight[~known].sum()),
        n_states=rows.n_states,
    )
