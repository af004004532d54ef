"""A machine, its wear and the price of what it makes: three actions, two continuous states, of our own.

Running (0) earns the price less 0.3 times the wear; an overhaul (1) costs 1 and halves the wear; a new machine (2)
costs 3. Wear then grows by a uniform amount up to 1; the price is a first-order autoregression. So it pays to
overhaul while prices are low. The discount is 0.95.
"""

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from truth.world import World

PERSISTENCE, SHOCK = 0.8, 0.6
MOST_WEAR, MOST_PRICE = (
    30.0,
    6.0,
)  # a price of 6 standard deviations; a machine of 30 runs with a chance below 0.001


class Machine(World):
    """The machine, its truth bilinear on ``shape`` nodes and moves by Gaussian quadrature; edges are held."""

    name = "machine, 3 actions"
    source = "our own"
    columns = (
        "wear",
        "price",
    )
    names = (
        "price",
        "wear",
        "overhaul",
        "machine",
    )
    n_actions = 3

    def __init__(self, shape=(301, 61), n_points=12):
        self.coef, self.discount, self.shape = np.array([1.0, 0.3, 1.0, 3.0]), 0.95, shape
        self.wear, self.price = np.linspace(0, MOST_WEAR, shape[0]), np.linspace(-MOST_PRICE, MOST_PRICE, shape[1])
        at, weight = np.polynomial.legendre.leggauss(n_points)
        self.kept = [
            _linear(self.wear, share * self.wear[:, None] + (at + 1) / 2, weight / 2) for share in (1, 0.5, 0)
        ]
        at, weight = np.polynomial.hermite_e.hermegauss(n_points)
        later = PERSISTENCE * self.price[:, None] + SHOCK * at
        self.prices = _linear(self.price, later, weight / weight.sum())

    def rewards(self, states):
        features = np.zeros((len(states), 3, 4))
        features[:, 0, 0], features[:, 0, 1] = states[:, 1], -states[:, 0]
        features[:, 1, 2] = features[:, 2, 3] = -1.0
        return features

    def nodes(self):
        return np.stack(np.meshgrid(self.wear, self.price, indexing="ij"), axis=-1).reshape(-1, 2)

    def expect(self, value):
        over_prices = value.reshape(self.shape) @ self.prices.T
        return np.stack([(kernel @ over_prices).ravel() for kernel in self.kept], axis=1)

    def interpolate(self, table, states):
        read = RegularGridInterpolator((self.wear, self.price), table.reshape(*self.shape, -1))
        return read(np.clip(states, [0, -MOST_PRICE], [MOST_WEAR, MOST_PRICE]))

    def start(self, n, rng):
        price = rng.normal(scale=SHOCK / np.sqrt(1 - PERSISTENCE**2), size=n)
        return np.column_stack([rng.uniform(size=n), price])

    def move(self, states, actions, rng):
        share = np.array([1.0, 0.5, 0.0])[actions]
        wear = share * states[:, 0] + rng.uniform(size=len(states))
        return np.column_stack([wear, PERSISTENCE * states[:, 1] + SHOCK * rng.normal(size=len(states))])


def _linear(grid, points, weights):
    """Weights of grid values in an expectation over points (n, q), values being linear between: (n, len(grid))."""
    place = np.clip((points - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1)
    low = np.minimum(place.astype(int), len(grid) - 2)
    kernel = np.zeros((len(points), len(grid)))
    rows = np.broadcast_to(np.arange(len(points))[:, None], low.shape)
    np.add.at(kernel, (rows, low), weights * (low + 1 - place))
    np.add.at(kernel, (rows, low + 1), weights * (place - low))
    return kernel
