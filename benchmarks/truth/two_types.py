"""Bus engines of two known types: appendix B.7.2, table B.1, of arXiv 1912.09509 (Adusumilli and Eckardt).

Mileage x rises by 1 where the engine is kept, for 2 - 0.15 x + s of reward with the type s of 1 or 2, and is set
to 0 where it is replaced, for 0. The discount is 0.9. 1,000 buses are seen for 30 periods, long after their start.
The paper does not tell the shares of the types; here each is as likely.
"""

import numpy as np

from truth.world import World

# Mean and standard deviation over 1,000 data sets by their linear semi-gradient, without the locally robust
# correction.
PUBLISHED = {"intercept": (1.9788, 0.0868), "mileage": (-0.1492, 0.0033), "type": (1.0044, 0.0583)}


class TwoTypes(World):
    """The buses of Adusumilli and Eckardt."""

    name = "buses of two types"
    source = "arXiv 1912.09509, table B.1"
    columns = (
        "mileage",
        "type",
    )
    names = (
        "intercept",
        "mileage",
        "type",
    )
    most = 120  # never reached: an engine of 60 is kept with a chance of 0.001

    def __init__(self):
        self.coef, self.discount = np.array([2.0, -0.15, 1.0]), 0.9

    def rewards(self, states):
        features = np.zeros((len(states), 2, 3))
        features[:, 0] = np.column_stack([np.ones(len(states)), states])
        return features

    def nodes(self):
        mileage, kind = np.divmod(np.arange(2 * (self.most + 1)), 2)
        return np.column_stack([mileage, kind + 1.0])

    def index(self, states):
        """The node of each state."""
        return (2 * states[:, 0] + states[:, 1] - 1).astype(int)

    def transitions(self):
        """The kernels over the nodes: (2, S, S)."""
        nodes = self.nodes()
        kernels = np.zeros((2, len(nodes), len(nodes)))
        for action in range(2):
            kernels[
                action, np.arange(len(nodes)), self.index(self.move(nodes, np.full(len(nodes), action), None))
            ] = 1.0
        return kernels

    def expect(self, value):
        nodes = self.nodes()
        ways = [self.index(self.move(nodes, np.full(len(nodes), action), None)) for action in range(2)]
        return value[np.stack(ways, axis=1)]

    def interpolate(self, table, states):
        return table[self.index(states)]

    def start(self, n, rng):
        """States in the long run, in which a mileage is as frequent as engines reach it."""
        kept = self.solve().policy(self.nodes())[:, 0].reshape(-1, 2)
        frequency = np.cumprod(np.vstack([np.ones(2), kept[:-1]]), axis=0)
        kind = rng.integers(0, 2, size=n)
        below = (frequency.cumsum(axis=0) / frequency.sum(axis=0))[:, kind]
        return np.column_stack([(rng.uniform(size=n) > below[:-1]).sum(axis=0), kind + 1.0])

    def move(self, states, actions, rng):
        mileage = np.where(actions == 0, np.minimum(states[:, 0] + 1, self.most), 0.0)
        return np.column_stack([mileage, states[:, 1]])
