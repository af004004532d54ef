"""Newton's change of the values where no state comes back, by sweeps through the levels.

On such transitions the Schur complement of ``_objective.objective`` fills, as every level couples all its states;
so it is never formed. Let W_s be its weights of the pairs of a state, and

    D_s = 1'W_s 1,    omega_s = W_s 1 / D_s,    Lbar = I - gamma P_omega,    P_omega = sum_a diag(omega_a) P_a.

As W_s 1 = D_s omega_s and 1'omega_s = 1, with R_s = W_s - D_s omega_s omega_s', whose rows sum to 0,

    L'W L = Lbar' D Lbar + gamma^2 T'R T.

R is positive semidefinite where W is, and sees of the values only how the continuations of a state's actions
differ. For y = Lbar z and the right-hand side f,

    B y = Lbar^-T f,    B = Lbar^-T L'W L Lbar^-1 = D + (a positive semidefinite rest),

and conjugate gradients with the preconditioner D need 2 to 10 iterations as a rule, however long the horizon. Each
is one sweep back, z = y + gamma omega T z, which leaves T z for g = E z - gamma T z, and one forward,
B y = E'W g + gamma T'(omega B y - W g).

Where a true curvature makes a W_s indefinite, omega and D are those of one that is not: any will do.
"""

import numpy as np

from sklearn_iqlearn._numerics.krylov import conjugate_gradients

# Residual allowed, as a share of the right-hand side: this one of the square root of the gradient, or of a bound.
# As it falls with the gradient, Newton's method stays superlinear (Nocedal and Wright 2006, theorem 7.2).
SHARE, LOOSEST = 0.1, 1e-2


def tolerance_at(gradient):
    """The forcing sequence of inexact Newton steps, by the largest component of the gradient."""
    return SHARE * min(LOOSEST, np.sqrt(np.abs(gradient).max()))


def solve_by_sweeps(levels, discount, coupling, near, right, tolerance):
    """Solve ``L'W L z = right``.

    Parameters
    ----------
    levels : Levels
    discount : float
    coupling : Coupling
        W.
    near : Coupling
        A positive semidefinite W.
    right : ndarray of shape (S,)
    tolerance : float
        Residual, relative to the right-hand side.

    Returns
    -------
    z : ndarray of shape (S,)

    Raises
    ------
    NotPositiveDefinite
        Where the system is seen not to be.
    """
    spread = near.times(np.ones_like(near.c))
    weight = spread.sum(axis=1)
    told = weight > 0
    weight = np.where(told, weight, weight[told].mean() if told.any() else 1.0)
    omega = discount * spread / weight[:, None]  # with gamma
    ahead = np.empty_like(omega)

    def product(y):
        def value_of(states, expected):
            ahead[states] = expected
            return y[states] + np.einsum("sa,sa->s", omega[states], expected)

        z = levels.backward(value_of)
        pull = coupling.times(z[:, None] - discount * ahead)
        return levels.forward(
            lambda states, inflow: omega[states] * inflow[:, None] - discount * pull[states], pull.sum(axis=1)
        )

    inner, _ = conjugate_gradients(product, lambda r: r / weight, levels.visits(omega, right), tolerance)
    return levels.values(omega, inner)
