"""Q as a multilayer perceptron on the features of a state, one output per action."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sklearn_iqlearn._objective.objective import Objective
from sklearn_iqlearn._q_functions.base import JaxForm


def forward(layers, inputs, xp=np):
    """Outputs of a perceptron with tanh units: smooth, as the solvers like it."""
    hidden = inputs
    for weights, biases in layers[:-1]:
        hidden = xp.tanh(hidden @ weights + biases)
    weights, biases = layers[-1]
    return hidden @ weights + biases


def fitted_layers(estimator):
    """The parameters of a fitted estimator."""
    return list(zip(estimator.coefs_, estimator.intercepts_, strict=True))


def network_table(layers, inputs):
    import jax.numpy as jnp  # only a solver that uses JAX asks for this

    return forward(layers, inputs, xp=jnp)


@dataclass(frozen=True)
class Neural:
    """A problem of ``_q_functions`` whose parameters are the layers, (weights, biases) each.

    Parameters
    ----------
    objective : Objective
    inputs : ndarray of shape (S, K)
    sizes : tuple of int
        Units of the hidden layers.
    decay : float
        Weight of each squared weight in the loss; biases have none.
    rng : numpy.random.RandomState
    """

    objective: Objective
    inputs: np.ndarray
    sizes: tuple
    decay: float
    rng: np.random.RandomState

    needs_stand_in = False
    needs_penalty = True
    jax_table = staticmethod(network_table)

    @property
    def ridge(self):
        return [(self.decay, 0.0)] * (len(self.sizes) + 1)

    @classmethod
    def create(cls, objective, features, estimator, rng) -> JaxForm:
        """The problem of an estimator; without features a state is a one-hot vector."""
        inputs = np.eye(objective.transitions.n_states) if features is None else features
        if inputs.ndim != 2:
            raise ValueError(f"features must have shape (S, K) for q_type='neural', got {inputs.shape}.")
        sizes = tuple(np.atleast_1d(estimator.hidden_layer_sizes).astype(int).tolist())
        return cls(objective, inputs, sizes, 1 / (estimator.C * objective.n), rng)

    @property
    def shapes(self):
        widths = [self.inputs.shape[1], *self.sizes, self.objective.occupancy.shape[1]]
        return [[(fan_in, fan_out), (fan_out,)] for fan_in, fan_out in pairwise(widths)]

    def start(self):
        """Uniform weights of the size that Glorot and Bengio (2010) advise, and no biases."""
        layers = []
        for shape, shape_of_biases in self.shapes:
            bound = np.sqrt(6 / sum(shape))
            layers.append((self.rng.uniform(-bound, bound, size=shape), np.zeros(shape_of_biases)))
        return layers

    def at(self, parameters):
        return self.objective.at(self.table(parameters))

    def table(self, parameters):
        return forward(parameters, self.inputs)

    def centred(self, parameters):
        return self, parameters

    def attributes(self, parameters):
        """Fitted attributes."""
        return {
            "coefs_": [weights for weights, _ in parameters],
            "intercepts_": [biases for _, biases in parameters],
        }

    def identified(self, parameters):
        return parameters, None, []

    def separation(self, parameters):
        return None

    def recall(self, estimator):
        return fitted_layers(estimator)

    @staticmethod
    def values(estimator, X):
        """Q of states that are given by their features."""
        return forward(fitted_layers(estimator), X)

    @staticmethod
    def n_free(estimator):
        """Free parameters of the policy."""
        return sum(array.size for array in [*estimator.coefs_, *estimator.intercepts_])
