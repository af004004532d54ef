"""Fits of this package."""

import numpy as np
from layers import of_linear, of_network

from sklearn_iqlearn import IQLearnClassifier


def structural(data):
    model = IQLearnClassifier(
        data["transitions"],
        discount=float(data["discount"]),
        q_type="structural",
        features=data["features"],
    )
    return lambda: model.fit(data["state"][:, None], data["action"]), lambda fit: {"coef": fit.coef_}


def iqlearn(data):
    """The chi-squared objective without pseudo-visits; linear where there are features."""
    form = {"q_type": "linear", "features": data["features"]} if "features" in data else {"q_type": "tabular"}
    model = IQLearnClassifier(
        data["transitions"],
        discount=float(data["discount"]),
        alpha=float(data["alpha"]),
        smoothing=0.0,
        fit_intercept=False,
        C=np.inf,
        **form,
    )
    return lambda: model.fit(data["state"][:, None], data["action"]), lambda fit: {"q": fit.q_table_}


def frequencies(data):
    """A table without penalty: the frequencies of the actions."""
    model = IQLearnClassifier(data["transitions"], discount=float(data["discount"]), alpha=np.inf)
    return lambda: model.fit(data["state"][:, None], data["action"]), lambda fit: {"policy": fit.policy_}


def logistic(data):
    model = IQLearnClassifier(alpha=np.inf, C=float(data["C"]))
    return lambda: model.fit(data["X"], data["action"]), of_linear


def network(data):
    """Batches and epochs come with the data, as a network has no minimum to stop at."""
    model = IQLearnClassifier(
        q_type="neural",
        alpha=np.inf,
        C=np.inf,
        hidden_layer_sizes=data["layers"].tolist(),
        batch_size=int(data["batch_size"]),
        max_iter=int(data["epochs"]),
        random_state=0,
    )
    return lambda: model.fit(data["X"], data["action"]), of_network
