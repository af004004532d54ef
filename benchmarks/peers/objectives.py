"""What a solution reached, by one function for both sides: the less the better.

Each is a mean over the decisions, of the negative log-likelihood and of penalties.
"""

import numpy as np
from scipy.special import log_softmax, logsumexp

from sklearn_iqlearn._model.soft_bellman import log_policy, solve_soft_bellman
from sklearn_iqlearn._model.transitions import check_transitions


def structural(data, solution):
    """Rust's likelihood of coefficients, the Bellman equation solved exactly."""
    kernel = check_transitions(data["transitions"])[0]
    q = solve_soft_bellman(data["features"] @ solution["coef"], kernel, float(data["discount"]), 1.0)
    return -log_policy(q, 1.0)[data["state"], data["action"]].mean()


def iqlearn(data, solution):
    """The chi-squared objective of Garg et al. at a table of action values."""
    q, seen = solution["q"], (data["state"], data["action"])
    following = (data["transitions"] @ logsumexp(q, axis=1)).T
    reward = q - float(data["discount"]) * following
    return (reward[seen] ** 2).mean() / (4 * float(data["alpha"])) - log_softmax(q, axis=1)[seen].mean()


def frequencies(data, solution):
    return -np.log(solution["policy"][data["state"], data["action"]]).mean()


def network(data, solution):
    """Layers of tanh units, and a ridge on their weights; a single layer is logistic regression."""
    output, squares, n_layers = data["X"], 0.0, len(solution) // 2
    for k in range(n_layers):
        weights = solution[f"weights_{k}"].astype(float)
        output = (np.tanh(output) if k else output) @ weights + solution[f"biases_{k}"]
        squares += np.sum(weights**2)
    n_rows = len(output)
    ridge = squares / (2 * float(data["C"]) * n_rows)
    return ridge - log_softmax(output, axis=1)[np.arange(n_rows), data["action"]].mean()
