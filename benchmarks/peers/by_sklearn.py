"""Fits of scikit-learn, and the counts of NumPy."""

import numpy as np
from layers import of_linear, of_network
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier


def logistic(data, **options):
    model = LogisticRegression(C=float(data["C"]), **options)
    return lambda: model.fit(data["X"], data["action"]), of_linear


def logistic_by_newton(data):
    return logistic(data, solver="newton-cholesky")


def network(data):
    """200 epochs of Adam in batches of 200, which are the defaults."""
    model = MLPClassifier(data["layers"].tolist(), activation="tanh", alpha=0.0, random_state=0)
    return lambda: model.fit(data["X"], data["action"]), of_network


def frequencies(data):
    n_actions, n_states = data["transitions"].shape[:2]

    def count():
        pairs = data["state"] * n_actions + data["action"]
        counts = np.bincount(pairs, minlength=n_states * n_actions).reshape(n_states, n_actions)
        return counts / counts.sum(axis=1, keepdims=True)

    return count, lambda policy: {"policy": policy}
