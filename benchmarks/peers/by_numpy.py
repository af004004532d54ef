"""A nested fixed point in NumPy and SciPy: what a careful user would write."""

import numpy as np
from scipy.optimize import minimize


def contraction(data):
    """BFGS with the exact gradient; values are iterated until the log odds of the actions stand to 10 digits."""
    transitions, features, discount = data["transitions"], data["features"], float(data["discount"])
    n_states = transitions.shape[1]

    def fit():
        counts, value = np.zeros((n_states, 2)), np.zeros(n_states)
        np.add.at(counts, (data["state"], data["action"]), 1 / len(data["state"]))

        def loss(coef):
            reward, change = features @ coef, np.inf
            while change > 1e-10:
                q = reward + discount * (transitions @ value).T
                new = np.logaddexp(q[:, 0], q[:, 1])
                change = np.ptp(new - value)
                value[:] = new - new[0]  # the level of the value changes no policy
            policy = np.exp(q - new[:, None])
            system = np.eye(n_states) - discount * np.einsum("sa,ast->st", policy, transitions)
            slope = np.linalg.solve(system, np.einsum("sa,sak->sk", policy, features))
            slope = features + discount * np.einsum("ast,tk->sak", transitions, slope)
            slope = slope - np.einsum("sa,sak->sk", policy, slope)[:, None]
            return -(counts * (q - new[:, None])).sum(), -np.einsum("sa,sak->k", counts, slope)

        return minimize(loss, np.zeros(features.shape[2]), jac=True, method="BFGS", options={"gtol": 1e-8})

    return fit, lambda found: {"coef": found.x}
