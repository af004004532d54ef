"""Types that a trajectory keeps (Heckman and Singer 1984).

With log-probabilities ``l_ik`` of trajectory i under type k and weights ``w_k`` the likelihood is
``sum_i log sum_k w_k exp(l_ik)``, and the type of a trajectory is k with probability ``w_k exp(l_ik)`` over the
sum.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.special import logsumexp

# A probability of 0, for logarithms.
TINY = 1e-300
# Share of the units that a start divides among the types, and the weight of all others.
SEEDS, REST = 0.4, 0.05


@dataclass(frozen=True)
class Expectation:
    """What an E-step finds.

    Parameters
    ----------
    log_likelihood : ndarray of shape (n_trajectories,)
    responsibilities : ndarray of shape (n_units, n_types)
        Probability of each type of a trajectory, or of a row.
    weight : ndarray of shape (n_decisions, n_types)
        Weight of each decision in the fit of each type.
    counts : ndarray
        Expected counts of what the parameters ``logs`` of the types are the log-shares of.
    """

    log_likelihood: np.ndarray
    responsibilities: np.ndarray
    weight: np.ndarray
    counts: np.ndarray

    @property
    def total(self):
        return float(self.log_likelihood.sum())


class Mixture:
    """A trajectory has one type. Its parameters ``logs`` are the logarithms of the weights, (n_types,)."""

    def __init__(self, decisions, n_types, step=None):
        self.decisions, self.n_types = decisions, n_types
        kept = decisions.weight > 0
        cells = (decisions.number[kept], decisions.position[kept])
        shape = (len(decisions.ids), decisions.n_decisions)
        self.visits = sp.coo_array((decisions.weight[kept], cells), shape=shape).tocsr()
        self.left = self.visits.T.tocsr()

    @property
    def n_units(self):
        return len(self.decisions.ids)

    def expect(self, logs, log_chosen):
        joint = self.visits @ log_chosen + logs
        total = logsumexp(joint, axis=1)
        responsibilities = np.exp(joint - total[:, None])
        counts = responsibilities.sum(axis=0)
        return Expectation(total, responsibilities, self.left @ responsibilities, counts)

    def maximise(self, counts):
        return np.log(np.maximum(counts / counts.sum(), TINY))

    def start(self):
        return np.full(self.n_types, -np.log(self.n_types))

    def seeds(self, rng):
        """Weights of the decisions to start from: each type has some trajectories of its own."""
        return self.left @ seed(self.n_units, self.n_types, rng)

    def by_trajectory(self, logs, log_chosen):
        """The counts of each trajectory, (n_trajectories, n_types), and its visits under each type."""
        found = self.expect(logs, log_chosen)
        return found.responsibilities, [self.visits * column[:, None] for column in found.responsibilities.T]

    @staticmethod
    def ordered(logs, order):
        return logs[order]

    @staticmethod
    def as_chain(logs):
        """The parameters of a chain whose types never change."""
        with np.errstate(divide="ignore"):
            return np.vstack([logs[None], np.log(np.eye(len(logs)))])

    @staticmethod
    def attributes(logs, found):
        return {"weights_": np.exp(logs)}

    @staticmethod
    def n_free(logs):
        return len(logs) - 1

    def of_rows(self, responsibilities):
        """Probabilities of the types of each row, 0 where it has no weight."""
        return responsibilities[self.decisions.number] * (self.decisions.weight > 0)[:, None]

    def frame(self, responsibilities, X):
        """Probabilities of the types by trajectory."""
        return pd.DataFrame(responsibilities, index=self.decisions.ids)


def seed(n_units, n_types, rng):
    """Random weights of units, (n_units, n_types), in which the types differ."""
    weights = np.full((n_units, n_types), REST)
    own = max(1, int(SEEDS * n_units / n_types))
    drawn = rng.permutation(n_units)
    for k in range(n_types):
        weights[drawn[k * own : (k + 1) * own], k] = 1.0
    return weights
