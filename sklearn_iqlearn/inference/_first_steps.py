"""What approximate transitions add to the spread of a structural fit.

The weights w of the functions that carry the continuation are a first step: they solve moment conditions in the
rows, and the likelihood takes them as they are. With the continuation c(s, a) = discount * phi_a(s)' w_a, the
objective has the derivative

    dJ/dc = pi m - rho,      m the adjoint of ``_q_functions.structural``,

so that one more row i, which changes the weights by delta_i w (``Carrier.change``), changes J by
``xi_i(theta) = sum (pi m - rho) discount phi' delta_i w``, and its gradient by the gradient of xi_i. A decision so
has the influence

    psi_i = score_i + n dxi_i / dtheta

on the coefficients: the correction that makes a two-step estimator locally robust (Newey 1994; Chernozhukov,
Escanciano, Ichimura, Newey and Robins 2022; of temporal differences Adusumilli and Eckardt 2019, arXiv
1912.09509). The derivative is taken by central differences, at two solutions of the fixed point for each
coefficient.
"""

import numpy as np

from sklearn_iqlearn._model.moves import CUT_OFF

# Step of the differences, in units of the features' sizes: its square, and the rounding of a solution over it, are
# small.
STEP = 1e-4


def corrections(problem, parameters):
    """``n dxi_i / dtheta`` of each row, in temperatures.

    Parameters
    ----------
    problem : Structural
        On approximate transitions.
    parameters : ndarray of shape (K,)

    Returns
    -------
    corrections : ndarray of shape (n_rows, K)
    """
    steps = STEP * (1 + np.abs(parameters)) * np.eye(len(parameters))
    slopes = [
        (changes(problem, parameters + step) - changes(problem, parameters - step)) / (2 * step.max())
        for step in steps
    ]
    objective = problem.objective
    return np.stack(slopes, axis=1) * objective.n / objective.temperature


def changes(problem, parameters):
    """Xi of each row: what one more of it adds to the objective."""
    objective = problem.objective
    transitions, point = objective.transitions, problem.at(parameters)
    value = objective.soft_value(problem.table(parameters))
    pull = objective.discount * (point.policy * point.pressure[:, None] - objective.occupancy)
    states, actions, successors, _ = transitions.rows
    following = np.where(successors >= 0, value[np.maximum(successors, 0)], 0.0)
    found = np.zeros(len(states))
    for a, carrier in enumerate(transitions.carriers):
        rows = np.flatnonzero((actions == a) & (successors != CUT_OFF))
        carried = carrier.functions.T @ pull[:, a]
        found[rows] = carrier.change(states[rows], following[rows], carrier.weights(value), carried)
    return found


def influences(problem, parameters, scores, clusters):
    """Rows whose squares add up to the variance of the sum of all influences.

    Parameters
    ----------
    problem, parameters : as above
    scores : ndarray of shape (S * A, K)
        Of a decision for each pair.
    clusters : integer ndarray of shape (n_rows,), or None
        Trajectory of each row; None where rows are independent.

    Returns
    -------
    rows : ndarray of shape (n_trajectories, K), or (n_rows, K)
    """
    states, actions, _, weight = problem.objective.transitions.rows
    whole = scores[states * problem.objective.occupancy.shape[1] + actions] + corrections(problem, parameters)
    if clusters is None:
        return whole * np.sqrt(weight)[:, None]
    return np.stack([np.bincount(clusters, weight * column) for column in whole.T], axis=1)
