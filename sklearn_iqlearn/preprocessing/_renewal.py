"""Transitions of a state that grows until an action renews it."""

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._numerics.checks import any_array, check_bool, check_count


def renewal_transitions(increments, n_states, *, sparse=False):
    """Transitions of a state that grows by random increments until an action sets it back to 0.

    Action 0 goes on from the present state, action 1 first returns to state 0; then either adds an
    increment, drawn with the observed frequencies. What would pass the last state stays there. This is
    the law of motion of Rust (1987, section 4): mileage bins and engine replacement.

    Parameters
    ----------
    increments : array of non-negative integers, of shape (n_observations,)
        Observed increments, in states.
    n_states : int
        Number of states S.
    sparse : bool, default=False
        Whether to return two CSR arrays instead of one dense array.

    Returns
    -------
    transitions : ndarray of shape (2, S, S), or list of two CSR arrays of shape (S, S)
        To pass as ``transitions`` of ``IQLearnClassifier``.

    Raises
    ------
    ValueError
        If there is no increment, one is negative or not an integer, or most pass all states, as miles do.

    Examples
    --------
    >>> from sklearn_iqlearn.preprocessing import renewal_transitions
    >>> renewal_transitions([0, 1, 1, 1], n_states=3)
    array([[[0.25, 0.75, 0.  ],
            [0.  , 0.25, 0.75],
            [0.  , 0.  , 1.  ]],
    <BLANKLINE>
           [[0.25, 0.75, 0.  ],
            [0.25, 0.75, 0.  ],
            [0.25, 0.75, 0.  ]]])
    """
    increments = any_array("increments", increments)
    check_count("n_states", n_states)
    check_bool("sparse", sparse)
    if increments.ndim != 1 or increments.size == 0 or not np.issubdtype(increments.dtype, np.integer):
        raise ValueError(
            f"increments must be a non-empty array of integers, got {increments.dtype}, shape {increments.shape}."
        )
    if increments.min() < 0:
        raise ValueError(f"increments must be non-negative, got {increments.min()}.")
    if np.median(increments) >= n_states > 1:  # any state would be left for the last one: another unit
        raise ValueError(
            f"increments must be in states, here of {n_states}, got a median of {np.median(increments):g}."
        )
    shares = np.bincount(increments) / increments.size
    size, probability = np.flatnonzero(shares), shares[shares > 0]
    origin = np.repeat(np.arange(n_states), len(size))
    matrices = [
        sp.coo_array(
            (
                np.tile(probability, n_states),
                (origin, np.minimum(start + np.tile(size, n_states), n_states - 1)),
            ),
            shape=(n_states, n_states),
        ).tocsr()
        for start in (origin, np.zeros_like(origin))
    ]
    return matrices if sparse else np.stack([matrix.toarray() for matrix in matrices])
