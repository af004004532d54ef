"""Counted moves as probabilities, shrunk towards a prior kernel.

    P(s' | s, a) = (n(s, a, s') + k P0(s' | s, a)) / (n(s, a) + k)

is the posterior mean where the rows of P have Dirichlet priors of mean P0 and weight k (in visits). With k = 0
it is the maximum likelihood. Of a pair that was never seen neither says anything but what was put in: there a
kernel that the caller has named stands in. All matrices are (S, S + 1), with the end of the episode as the last
column.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._model.moves import action_free, divide_rows, scale_rows
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn._numerics.checks import plain, real_array


@dataclass(frozen=True)
class Prior:
    """What the shares are shrunk towards.

    Parameters
    ----------
    weight : float
        Visits that it counts as.
    kernels : list of A CSR arrays of shape (S, S + 1), optional
        By default the kernel of each state whatever the action.
    """

    weight: float
    kernels: list | None = None


def check_prior(prior, n_states, labels):
    """The parameter ``prior``, a weight or a pair of a weight and a kernel.

    Parameters
    ----------
    prior : object
    n_states : tuple of int
        One for each column of the states.
    labels : ndarray of shape (A,)
    """
    weight, given = prior if isinstance(prior, tuple) and len(prior) == 2 else (prior, None)
    weight = float(real_array("prior", weight, ()))
    if weight < 0:
        raise ValueError(f"prior must be a weight >= 0, or a pair (weight, kernel), got the weight {weight}.")
    if given is None:
        return Prior(weight)
    if len(n_states) > 1:
        raise ValueError(
            f"prior must be a weight alone where states have several columns, got a kernel and {len(n_states)} "
            "columns: each is shrunk towards its own kernel whatever the action."
        )
    if getattr(given, "ndim", 3) == 2:
        given = dict.fromkeys(labels.tolist(), given)
    try:
        kernel, named = check_transitions(given)
    except ValueError as error:
        raise ValueError(f"prior must hold a kernel as transitions of IQLearnClassifier are: {error}") from error
    if kernel.n_states != n_states[0] or not np.array_equal(named, labels):
        raise ValueError(
            f"prior must hold a kernel of {n_states[0]} states and the actions {plain(labels)}, got one of "
            f"{kernel.n_states} states and the actions {plain(named)}."
        )
    return Prior(
        weight,
        [
            sp.csr_array(sp.hstack([sp.csr_array(matrix), sp.csr_array(ends[:, None])]))
            for matrix, ends in zip(kernel.matrices, kernel.ends.T, strict=True)
        ],
    )


def shrink(moves, prior, missing, *, self_loop):
    """The kernel of counted moves.

    Parameters
    ----------
    moves : list of A CSR arrays of shape (S, S + 1)
    prior : Prior
    missing : boolean ndarray of shape (S, A)
        Pairs without moves that need a stand-in; others without moves have rows of zeros.
    self_loop : bool
        Whether the stand-in is the state itself; else the prior kernel.

    Returns
    -------
    kernel : list of A CSR arrays of shape (S, S + 1)
    """
    towards = prior.kernels or [action_free(moves)] * len(moves)
    stay = sp.eye_array(*moves[0].shape, format="csr")
    kernel = []
    for matrix, mean, without in zip(moves, towards, missing.T, strict=True):
        visits = matrix.sum(axis=1)
        total = np.where(visits > 0, visits + prior.weight, 0.0)
        share = np.divide(prior.weight, total, where=visits > 0, out=np.zeros(len(visits)))
        stand_in = scale_rows(stay if self_loop else mean, 1.0 * without)
        kernel.append(sp.csr_array(divide_rows(matrix, total) + scale_rows(mean, share) + stand_in))
    return kernel
