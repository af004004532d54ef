"""Bus engines on a continuous mileage, of our own.

Keeping the engine costs 0.2 times the mileage, replacing it costs 3 and sets the mileage to 0; either way the bus
then runs an exponential distance of mean 1. Buses start new.
"""

import numpy as np
from scipy.signal import lfilter

from truth.world import World

SPREAD, MOST = 1.0, 60.0


class Mileage(World):
    """Continuous mileage, at a discount.

    The truth on ``n_nodes`` evenly spaced nodes from 0 to 60: the value is linear between them, and constant
    beyond, where every engine is replaced; the expectation over the exponential distance is then exact, one
    backward recursion.
    """

    name = "continuous mileage"
    source = "our own"
    columns = ("mileage",)
    names = (
        "mileage",
        "replacement",
    )

    def __init__(self, discount=0.95, n_nodes=6001):
        self.coef, self.discount, self.n_nodes = np.array([0.2, 3.0]), discount, n_nodes

    def rewards(self, states):
        features = np.zeros((len(states), 2, 2))
        features[:, 0, 0] = -states[:, 0]
        features[:, 1, 1] = -1.0
        return features

    def nodes(self):
        return np.linspace(0.0, MOST, self.n_nodes)[:, None]

    def expect(self, value):
        width = MOST / (self.n_nodes - 1) / SPREAD
        beyond = np.exp(-width)
        here = 1 - (1 - beyond) / width  # weights of both ends of an interval that the distance ends in
        there = (1 - beyond) - here
        parts = (here * value[:-1] + there * value[1:])[::-1]
        kept = np.append(lfilter([1.0], [1.0, -beyond], parts, zi=[beyond * value[-1]])[0][::-1], value[-1])
        return np.column_stack([kept, np.full_like(kept, kept[0])])

    def interpolate(self, table, states):
        grid = self.nodes()[:, 0]
        return np.column_stack([np.interp(states[:, 0], grid, column) for column in table.T])

    def start(self, n, rng):
        return np.zeros((n, 1))

    def move(self, states, actions, rng):
        return np.where(actions[:, None] == 0, states, 0.0) + rng.exponential(SPREAD, size=states.shape)
