"""Q as a multilayer perceptron on the features of a state, one output per action.

With layers (W_l, b_l), l = 1 to L, and inputs h_0,

    h_l = tanh(h_(l-1) W_l + b_l),    Q = h_(L-1) W_L + b_L,

and the gradient of a function of Q, from G_L = dJ/dQ backwards,

    dJ/dW_l = h_(l-1)' G_l,    dJ/db_l = 1' G_l,    G_(l-1) = (G_l W_l') (1 - h_(l-1)^2).

Both go through the rows in blocks, so that only the inputs and outputs are held for all rows at once.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

import numpy as np

from sklearn_iqlearn._numerics.blocks import BLOCK, blocks
from sklearn_iqlearn._numerics.threads import few_threads
from sklearn_iqlearn._objective.objective import Evaluation, Objective
from sklearn_iqlearn._q_functions.base import JaxForm


def forward(layers, inputs, xp=np):
    """Outputs of a perceptron with tanh units: smooth, as the solvers like it."""
    hidden = inputs
    for weights, biases in layers[:-1]:
        hidden = xp.tanh(hidden @ weights + biases)
    weights, biases = layers[-1]
    return hidden @ weights + biases


def backward(layers, inputs, pull):
    """The gradient in the layers of a function whose gradient in the outputs is ``pull``."""
    hidden = [inputs]
    for weights, biases in layers[:-1]:
        hidden.append(np.tanh(hidden[-1] @ weights + biases))
    gradient = []
    for (weights, _), below in zip(reversed(layers), reversed(hidden), strict=True):
        gradient.append((below.T @ pull, pull.sum(axis=0)))
        pull = (pull @ weights.T) * (1 - below**2)
    return gradient[::-1]


def outputs(layers, inputs):
    """``forward``, block by block."""
    q = np.empty((len(inputs), len(layers[-1][1])))
    for rows in blocks(len(inputs)):
        q[rows] = forward(layers, inputs[rows])
    return q


def fitted_layers(estimator):
    """The parameters of a fitted estimator."""
    return list(zip(estimator.coefs_, estimator.intercepts_, strict=True))


def network_table(layers, inputs):
    import jax  # only a solver that uses JAX asks for this

    network = partial(forward, layers, xp=jax.numpy)
    if len(inputs) <= BLOCK:
        return network(inputs)
    # Its derivative computes the activations of a block once more rather than keep those of all rows.
    return jax.lax.map(jax.checkpoint(network), inputs, batch_size=BLOCK)


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

    @property
    def size(self):
        return sum(fan_in * fan_out + fan_out for (fan_in, fan_out), _ in self.shapes)

    @property
    def narrowest(self):
        return max([*self.sizes, self.objective.occupancy.shape[1]])

    def start(self):
        """Uniform weights of the size that Glorot and Bengio (2010) advise, and no biases."""
        layers = []
        for shape, shape_of_biases in self.shapes:
            bound = np.sqrt(6 / sum(shape))
            layers.append((self.rng.uniform(-bound, bound, size=shape), np.zeros(shape_of_biases)))
        return layers

    def at(self, parameters):
        evaluation = self.objective.at(self.table(parameters))
        return None if evaluation is None else NeuralPoint(self, parameters, evaluation)

    def table(self, parameters):
        return outputs(parameters, self.inputs)

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
        layers = fitted_layers(estimator)
        with few_threads(max(biases.size for _, biases in layers)):
            return outputs(layers, X)

    @staticmethod
    def n_free(estimator):
        """Free parameters of the policy."""
        return sum(array.size for array in [*estimator.coefs_, *estimator.intercepts_])


@dataclass(frozen=True)
class NeuralPoint:
    """The loss of a network at one point."""

    problem: Neural
    parameters: list
    evaluation: Evaluation

    @property
    def loss(self):
        squares = sum(float(np.sum(weights**2)) for weights, _ in self.parameters)
        return self.evaluation.loss + self.problem.decay * squares / 2

    @property
    def rounding(self):
        return self.evaluation.rounding

    @cached_property
    def gradient(self):
        inputs, pull = self.problem.inputs, self.evaluation.gradient
        gradient = [(self.problem.decay * weights, np.zeros_like(biases)) for weights, biases in self.parameters]
        for rows in blocks(len(inputs)):
            for total, part in zip(gradient, backward(self.parameters, inputs[rows], pull[rows]), strict=True):
                for whole, piece in zip(total, part, strict=True):
                    whole += piece
        return gradient
