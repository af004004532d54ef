"""Bus engines of 20 mileages, as in arXiv 2502.14131 (Kang, Yoganarasimhan and Jain): table 2, figure 1.

A bus starts at mileage 1. Keeping the engine costs the mileage and adds 1 to 4 to it, each as likely, at most to
20; replacing costs 5 and sets it to 1. The discount is 0.95, a trajectory has 100 decisions. Columns that say
nothing are integers from -10 to 10, drawn anew in every row. The error is the mean absolute percentage error of
the reward over held-out decisions, a fifth of the trajectories.
"""

import numpy as np

from truth.world import World

# Mean absolute percentage errors (standard deviations): trajectories, columns that say nothing -> method.
PUBLISHED = {
    (50, 0): "3.62 (1.70) Rust, 3.44 (1.28) network",
    (250, 0): "1.37 (0.77) Rust, 0.84 (0.51) network",
    (1000, 0): "0.71 (0.49) Rust, 0.52 (0.22) network",
}


class Kang(World):
    """The simulation of Kang, Yoganarasimhan and Jain."""

    name = "20 mileages"
    source = "arXiv 2502.14131, tables 2 and 3"
    columns = ("mileage",)
    names = (
        "mileage",
        "replacement",
    )
    most = 20

    def __init__(self):
        self.coef, self.discount = np.array([1.0, 5.0]), 0.95

    def rewards(self, states):
        features = np.zeros((len(states), 2, 2))
        features[:, 0, 0] = -states[:, 0]
        features[:, 1, 1] = -1.0
        return features

    def nodes(self):
        return np.arange(1.0, self.most + 1)[:, None]

    def transitions(self):
        """The kernels over the nodes: (2, 20, 20)."""
        kernels = np.zeros((2, self.most, self.most))
        for origin in range(self.most):
            for rise in range(1, 5):
                kernels[0, origin, min(origin + rise, self.most - 1)] += 0.25
        kernels[1, :, 0] = 1.0
        return kernels

    def index(self, states):
        """The node of each state."""
        return np.asarray(states)[:, 0].astype(int) - 1

    def expect(self, value):
        return (self.transitions() @ value).T

    def interpolate(self, table, states):
        return table[self.index(states)]

    def start(self, n, rng):
        return np.ones((n, 1))

    def move(self, states, actions, rng):
        kept = np.minimum(states + rng.integers(1, 5, size=states.shape), self.most)
        return np.where(actions[:, None] == 0, kept, 1.0)
