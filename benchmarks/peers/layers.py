"""Layers of a network, or of logistic regression, as the arrays of a solution."""


def arrays(weights, biases):
    """``weights_0``, ``biases_0``, ``weights_1``... of matrices (inputs, outputs) and vectors."""
    return {f"weights_{k}": part for k, part in enumerate(weights)} | {
        f"biases_{k}": part for k, part in enumerate(biases)
    }


def of_linear(fit):
    return arrays([fit.coef_.T], [fit.intercept_])


def of_network(fit):
    return arrays(fit.coefs_, fit.intercepts_)
