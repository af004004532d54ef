"""Entry of a firm: section 6.1, table 1, of arXiv 1912.09509 (Adusumilli and Eckardt).

After Aguirregabiria and Magesan (2018): entering (1) earns (0.5 + z1 - z2) exp(w), less 1.5 + z3, and less 1 + z4
where the firm was out; staying out earns 0. All of z1 to z4 and w are first-order autoregressions of persistence
0.6 and standard normal shocks, w with an intercept of 0.2, each on the six points of Tauchen (1986). 3,000 firms
are seen in two periods of the long run, the discount is 0.95.

The paper does not tell how wide the grid of points is. Half a standard deviation to either side is the width at
which its own estimator (``semi_gradient``) has the means and deviations that it prints. On the usual three, where
profits of a few states are a hundred times the others', that estimator finds 0.42 for 1: a harder problem, of our
own.
"""

from functools import cache

import numpy as np
from scipy.stats import norm

from truth.world import World

# Mean and standard deviation over 1,000 data sets, without the locally robust correction: linear semi-gradient;
# forest.
PUBLISHED = {
    "profit": ((0.5028, 0.0760), (0.4877, 0.0582)),
    "profit z1": ((0.9831, 0.0689), (1.0045, 0.0581)),
    "profit z2": ((-0.9839, 0.0725), (-1.0059, 0.0602)),
    "fixed cost": ((1.5066, 0.1482), (1.5379, 0.1231)),
    "fixed cost z3": ((0.9746, 0.1228), (1.0090, 0.1001)),
    "entry cost": ((0.9973, 0.1003), (0.9864, 0.1007)),
    "entry cost z4": ((0.9948, 0.1613), (0.9645, 0.1365)),
}
N_POINTS, PERSISTENCE = 6, 0.6
INTERCEPTS = (0.0, 0.0, 0.0, 0.0, 0.2)
LAGS = 60  # 0.6 ** 60 is below rounding: the exogenous states are then those of the long run


@cache
def tauchen(intercept, width):
    """Points, ``width`` standard deviations to either side, and kernel of an autoregression."""
    mean, reach = intercept / (1 - PERSISTENCE), width / np.sqrt(1 - PERSISTENCE**2)
    points = mean + np.linspace(-reach, reach, N_POINTS)
    edges = (points[1:] + points[:-1]) / 2 - intercept - PERSISTENCE * points[:, None]
    below = np.hstack([np.zeros((N_POINTS, 1)), norm.cdf(edges), np.ones((N_POINTS, 1))])
    return points, np.diff(below, axis=1)


class Entry(World):
    """The firms of Adusumilli and Eckardt."""

    name = "entry of firms"
    source = "arXiv 1912.09509, table 1"
    columns = (
        "z1",
        "z2",
        "z3",
        "z4",
        "productivity",
        "was_in",
    )
    names = tuple(PUBLISHED)

    def __init__(self, width=0.5):
        self.coef = np.array([0.5, 1.0, -1.0, 1.5, 1.0, 1.0, 1.0])
        self.discount = 0.95
        self.points, self.kernels = zip(*(tauchen(one, width) for one in INTERCEPTS), strict=True)

    def rewards(self, states):
        z1, z2, z3, z4, productivity, was_in = states.T
        scale, out = np.exp(productivity), 1 - was_in
        entered = [scale, z1 * scale, z2 * scale, -np.ones_like(z3), -z3, -out, -z4 * out]
        return np.stack([np.zeros((len(states), 7)), np.column_stack(entered)], axis=1)

    def nodes(self):
        grid = np.meshgrid(*self.points, [0.0, 1.0], indexing="ij")
        return np.stack(grid, axis=-1).reshape(-1, 6)

    def expect(self, value):
        table = value.reshape([N_POINTS] * 5 + [2])
        for axis, kernel in enumerate(self.kernels):
            table = np.moveaxis(np.tensordot(kernel, table, axes=(1, axis)), 0, axis)
        return np.repeat(table.reshape(-1, 2), 2, axis=0)  # the action is where the firm was, next period

    def interpolate(self, table, states):
        place = [np.abs(states[:, [k]] - points).argmin(axis=1) for k, points in enumerate(self.points)]
        return table[np.ravel_multi_index([*place, states[:, 5].astype(int)], [N_POINTS] * 5 + [2])]

    def start(self, n, rng):
        """States in the long run: the firms have moved on from anywhere."""
        solution = self.solve()
        states = np.column_stack(
            [*(rng.choice(points, size=n) for points in self.points), rng.integers(0, 2, size=n)]
        )
        for _ in range(LAGS):
            actions = (rng.uniform(size=n) < solution.policy(states)[:, 1]).astype(int)
            states = self.move(states, actions, rng)
        return states

    def move(self, states, actions, rng):
        drawn = []
        for k, (points, kernel) in enumerate(zip(self.points, self.kernels, strict=True)):
            rows = kernel[np.abs(states[:, [k]] - points).argmin(axis=1)].cumsum(axis=1)
            drawn.append(points[(rng.uniform(size=(len(states), 1)) > rows[:, :-1]).sum(axis=1)])
        return np.column_stack([*drawn, actions])
