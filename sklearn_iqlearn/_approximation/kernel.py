"""Transitions seen through functions of the state: a kernel of low rank.

Where states are rows of features, where an action leads is known of its rows alone. What it is worth there is
carried to the other states by functions phi of the state, with weights for each action that are linear in the
values (``carriers``):

    E[V(x') | x, a] = phi_a(x)' w_a,        w_a = M_a V,        M_a = B_a Phi_a' N_a,        (J_a, S).

So it is a kernel, ``P_a = Phi_a M_a``, and whatever is solved in transitions is solved in these:
pseudo-likelihood, the nested fixed point, its derivatives, counterfactuals. Its linear systems have the size of
the functions:

    V = b + gamma P_pi V:      c = M b + gamma C c,            V = b + gamma sum_a pi_a Phi_a c_a
    m = v + gamma P_pi' m:     e = Phi' pi v + gamma C' e,     m = v + gamma sum_a M_a' e_a

with ``C_ab = M_a diag(pi_b) Phi_b``, the moves between functions. Of averages C and P are stochastic, so that all
of it is a contraction (Gordon 1995). Of projections the spectral radius of gamma C tells whether values are the
sum of what follows: from 1 on they are not (Tsitsiklis and Van Roy 1997). With a function for each distinct state
it is the empirical kernel.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._model.transitions import ROUNDING, Transitions
from sklearn_iqlearn._numerics.linear_algebra import factor

# Spectral radius of gamma C from which on values are no sum of what follows.
RUNS_AWAY = 1.0


class Rows(NamedTuple):
    """Rows of decisions, their states by position.

    Attributes
    ----------
    states, actions : integer ndarray of shape (n_rows,)
    successors : integer ndarray of shape (n_rows,)
        Next state, ``ENDED`` or ``CUT_OFF``.
    weight : ndarray of shape (n_rows,)
    """

    states: np.ndarray
    actions: np.ndarray
    successors: np.ndarray
    weight: np.ndarray


class ApproximateTransitions(Transitions):
    """A kernel of low rank.

    Parameters
    ----------
    carriers : sequence of A Carriers
    rows : Rows
        Which they were fitted to.
    exists : boolean ndarray of shape (S, A), optional
        Pairs that exist, by default all.
    guess : ndarray of shape (S, A), optional
        Log probabilities of a policy near that of the decisions.
    """

    levels = None

    def __init__(self, carriers, rows, exists=None, guess=None):
        self.carriers = tuple(carriers)
        self.guess = guess
        self.contracts = all(carrier.contracts for carrier in self.carriers)
        # Far from the guess projections may run away, or have other solutions.
        self.log_policy = None if self.contracts else guess
        self.rows = rows
        self.n_actions = len(self.carriers)
        self.n_states = self.carriers[0].functions.shape[0]
        self.exists = None if exists is None or exists.all() else exists

    def guessing(self, log_policy):
        """The same, with another guess."""
        return ApproximateTransitions(self.carriers, self.rows, self.exists, log_policy)

    def weights(self, value):
        """The weights of each action's functions, (J_a,), for values (S,)."""
        return [carrier.weights(value) for carrier in self.carriers]

    def carried(self, value, policy, discount):
        return {
            "continuation_weights_": [discount * weight for weight in self.weights(value)],
            "spectral_radius_": discount * self.spectral_radius(policy),
        }

    def doubts(self, carried):
        if self.contracts or carried["spectral_radius_"] < RUNS_AWAY:
            return []
        return [
            "basis runs away under the fitted policy: the spectral radius of what its projection carries on is "
            f"{carried['spectral_radius_']:.4f}, so that values are not the sum of what follows. Use fewer "
            "functions, a lower discount, or an averaging basis, preprocessing.Hats."
        ]

    def first_policy(self, counts):
        """That of the choice of functions: states are hardly visited twice, so that frequencies tell nothing."""
        return self.guess

    def expected_next(self, value):
        return np.stack([carrier.functions @ carrier.weights(value) for carrier in self.carriers], axis=1)

    def expected_change(self, value):
        change = value - value.mean()  # a level that all have cancels
        return self.expected_next(change) - self.row_sums * change[:, None]

    @cached_property
    def noise(self):
        """What functions and weights of both signs make of the rounding of values; of averages 1."""
        if self.contracts:
            return 1.0
        sizes = [abs(carrier.functions) @ abs(carrier.spread).sum(axis=1) for carrier in self.carriers]
        return max(1.0, float(np.max(sizes)))

    @cached_property
    def ends(self):
        """Probability that a step ends the episode; of projections it may be a little below 0: (S, A)."""
        ends = 1 - self.row_sums
        return np.where(self.pairs & (np.abs(ends) > ROUNDING), ends, 0.0)

    def flow(self, weights):
        flows = np.zeros((self.n_states, *weights.shape[2:]))
        for a, carrier in enumerate(self.carriers):
            flows[carrier.reached] += carrier.spread.T @ (carrier.functions.T @ weights[:, a])
        return flows

    def between(self, weights):
        """``C``, with weights (S, A) in the place of a policy: square, of size J_1 + ... + J_A."""
        blocks = [
            [
                one.spread @ _times(weights[one.reached, b], other.functions[one.reached])
                for b, other in enumerate(self.carriers)
            ]
            for one in self.carriers
        ]
        if all(sp.issparse(block) for row in blocks for block in row):
            return sp.csr_array(sp.block_array(blocks))
        return np.block([[block.toarray() if sp.issparse(block) else block for block in row] for row in blocks])

    def shortcut(self, weights, transposed):
        between = self.between(weights)
        identity = sp.eye_array(between.shape[0]) if sp.issparse(between) else np.eye(len(between))
        solve = factor(identity - (between.T if transposed else between))
        ends = np.cumsum([carrier.size for carrier in self.carriers])[:-1]

        def solved(parts):
            return zip(self.carriers, weights.T, np.split(solve(np.concatenate(parts)), ends), strict=True)

        def values(right):
            found = right.copy()
            for carrier, taken, weight in solved([carrier.weights(right) for carrier in self.carriers]):
                found += _times(taken, carrier.functions @ weight)
            return found

        def visits(right):
            found, starts = right.copy(), zip(self.carriers, weights.T, strict=True)
            for carrier, _, flow in solved(
                [carrier.functions.T @ _times(taken, right) for carrier, taken in starts]
            ):
                found[carrier.reached] += carrier.spread.T @ flow
            return found

        return visits if transposed else values

    def runs_away(self, policy, discount):
        """Whether a projection does, under a policy (S, A)."""
        return not self.contracts and discount * self.spectral_radius(policy) >= RUNS_AWAY

    def spectral_radius(self, policy):
        """Largest absolute eigenvalue of ``C`` under a policy, (S, A): of averages at most 1."""
        between = self.between(policy)
        return float(np.abs(np.linalg.eigvals(between.toarray() if sp.issparse(between) else between)).max())


def _times(weights, rows):
    """Weights (n,) times rows (n, ...), in the form of the rows."""
    if sp.issparse(rows):
        return sp.csr_array(sp.diags_array(weights) @ rows)
    return (rows.T * weights).T
