"""How precisely the data determine the parameters of a fit.

The fit minimises n J / sigma, the negative log-likelihood plus penalties. It is an M-estimator: the sum over the
decisions of

    score = -(dlog pi(a | s) - g_alpha'(r(s, a)) dr(s, a) / sigma)

plus what does not come from the data (smoothing, ridge) is 0. With the information A, its Hessian, and the
variance B of the sum of the scores the covariance of the parameters is

    observed    A^-1                       the classical one
    opg         B^-1, B = sum of squares   outer product of gradients (Berndt, Hall, Hall and Hausman 1974)
    sandwich    A^-1 B A^-1                right also where the model is not, for independent decisions
    clustered   A^-1 B_c A^-1              B_c from the sums of each trajectory, whose decisions may be dependent

The first two are right where nothing is penalised and the model is right, and then all estimate the same; a
penalty adds to A what does not add to the variance of the scores. Neither B nor B_c is corrected for their number.

The score of a pair of which only some visits have a known continuation has that share of the penalty's.
"""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import scipy.sparse as sp

from sklearn_iqlearn._coefficients.identification import split, take_part


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
    basis : ndarray of shape (p, q)
        Orthonormal; the parameters do not vary but in its span.
    """

    hessian: np.ndarray
    scores: np.ndarray
    clusters: sp.sparray | None
    counts: np.ndarray
    basis: np.ndarray

    @classmethod
    def at(cls, point, demonstrations, clusters, basis=None):
        """The information at the solution of a problem of ``_q_functions`` that has a Hessian."""
        evaluation, problem = point.evaluation, point.problem
        objective, counts = problem.objective, demonstrations.counts
        penalised = objective.penalty_weight > 0
        slope = np.where(penalised, objective.divergence.dg(objective.scaled(evaluation.reward)), 0.0)
        slope *= np.divide(demonstrations.known, counts, where=counts > 0, out=np.zeros_like(counts))
        scores = slope[..., None] * point.reward_sensitivity - point.advantage_sensitivity
        hessian = point.hessian(point.pressure / objective.temperature, evaluation.curvature)
        return cls(
            hessian=hessian * objective.n / objective.temperature,
            scores=scores.reshape(counts.size, -1) / objective.temperature,
            clusters=clusters,
            counts=counts.ravel(),
            basis=np.eye(len(hessian)) if basis is None else basis,
        )

    @property
    def weighted(self):
        """Rows whose squares add up to B."""
        return self.scores * np.sqrt(self.counts)[:, None]

    def observed(self):
        return self._invert(self.hessian)

    def opg(self):
        return self._invert(self.weighted.T @ self.weighted)

    def sandwich(self):
        return self.around(self.weighted)

    def clustered(self):
        """Raises a ValueError where there are not more trajectories than parameters."""
        n_parameters = self.basis.shape[1]
        n_clusters = 0 if self.clusters is None else np.count_nonzero(self.clusters.sum(axis=1))
        if n_clusters <= n_parameters:
            raise ValueError(
                f"trajectory must tell more trajectories than the {n_parameters} coefficients for a clustered "
                f"covariance, got {n_clusters}."
            )
        return self.around(self.clusters @ self.scores)

    def around(self, rows):
        """The sandwich of rows whose squares add up to what is in it: a sum of squares too, never below 0."""
        bread, missing = self._invert(self.hessian)
        spread = rows @ bread
        return spread.T @ spread, missing

    def _invert(self, matrix):
        """The inverse on the directions that a matrix sees, and which parameters take part in others."""
        values, vectors, unseen = split(self.basis.T @ matrix @ self.basis)
        vectors = self.basis @ vectors
        return (vectors / values) @ vectors.T, take_part(np.abs(unseen) @ np.abs(self.basis).T)


COVARIANCES = MappingProxyType(
    {
        "observed": Information.observed,
        "opg": Information.opg,
        "sandwich": Information.sandwich,
        "clustered": Information.clustered,
    }
)
