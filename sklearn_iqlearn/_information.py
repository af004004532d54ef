"""How precisely the data determine the parameters of a fit.

The fit minimises n J / sigma, the negative log-likelihood plus penalties. It is an M-estimator: the sum over the
decisions of

    score = -(dlog pi(a | s) - g_alpha'(r(s, a)) dr(s, a) / sigma)

plus what does not come from the data (smoothing, ridge) is 0. With the information A, its Hessian, and the
variance B of the sum of the scores the covariance of the parameters is

    observed    A^-1                       the classical one; right where the model is
    opg         B^-1, B = sum of squares   outer product of gradients (Berndt, Hall, Hall and Hausman 1974)
    sandwich    A^-1 B A^-1                right also where the model is not, for independent decisions
    clustered   A^-1 B_c A^-1              B_c from the sums of each trajectory, whose decisions may be dependent

Where nothing is penalised and the model is right, all estimate the same.
"""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import scipy.sparse as sp

# Curvature, of a parameter in its own units 1, below which a direction is not identified.
RANK_TOLERANCE = 1e-10
# Share of a parameter in an unidentified direction of length 1 that is more than rounding.
TAKES_PART = 1e-5


@dataclass(frozen=True)
class Information:
    """The information of a fit and its scores.

    Parameters
    ----------
    hessian : ndarray of shape (p, p)
        A.
    scores : ndarray of shape (S * A, p)
        Of a decision for each pair.
    clusters : sparse array of shape (n_trajectories, S * A), or None
        Weighted visits of each trajectory.
    counts : ndarray of shape (S * A,)
        Weighted visits.
    """

    hessian: np.ndarray
    scores: np.ndarray
    clusters: sp.sparray | None
    counts: np.ndarray

    @classmethod
    def at(cls, point, counts, clusters):
        """The information at the solution of a problem of ``_q_functions`` that has a Hessian."""
        evaluation, objective = point.evaluation, point.problem.objective
        beta = point.pressure / objective.temperature
        change = point.q_sensitivity
        mean = np.einsum("sa,sap->sp", evaluation.policy, change)
        slope = np.where(
            objective.penalty_weight > 0, objective.divergence.dg(objective.scaled(evaluation.reward)), 0
        )
        scores = mean[:, None] - change + slope[..., None] * point.reward_sensitivity
        scale = objective.n / objective.temperature
        return cls(
            hessian=scale * point.hessian(beta, evaluation.curvature),
            scores=scores.reshape(counts.size, -1) / objective.temperature,
            clusters=clusters,
            counts=counts.ravel(),
        )

    @property
    def squares(self):
        """B."""
        return (self.scores * self.counts[:, None]).T @ self.scores

    def observed(self):
        return invert(self.hessian)

    def opg(self):
        return invert(self.squares)

    def sandwich(self):
        return self._around(self.squares)

    def clustered(self):
        """Raises a ValueError where there are not more trajectories than parameters."""
        n_parameters = self.scores.shape[1]
        n_clusters = 0 if self.clusters is None else self.clusters.shape[0]
        if n_clusters <= n_parameters:
            raise ValueError(
                f"trajectory must tell more trajectories than the {n_parameters} coefficients for a clustered "
                f"covariance, got {n_clusters}."
            )
        sums = self.clusters @ self.scores
        return self._around(sums.T @ sums)

    def _around(self, middle):
        bread, missing = invert(self.hessian)
        return bread @ middle @ bread, missing


def invert(matrix):
    """Invert on the directions that a positive semidefinite matrix sees.

    Returns
    -------
    inverse : ndarray of shape (p, p)
    missing : boolean ndarray of shape (p,)
        Parameters that take part in a direction that it does not see.
    """
    diagonal = np.diagonal(matrix)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(matrix * scale[:, None] * scale)
    seen = values > RANK_TOLERANCE * max(values.max(), 1.0)
    missing = (np.abs(vectors[:, ~seen]) > TAKES_PART).any(axis=1)
    vectors = vectors[:, seen] * scale[:, None]
    return (vectors / values[seen]) @ vectors.T, missing


COVARIANCES = MappingProxyType(
    {
        "observed": Information.observed,
        "opg": Information.opg,
        "sandwich": Information.sandwich,
        "clustered": Information.clustered,
    }
)
