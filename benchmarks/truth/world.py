"""A world whose reward is linear in features, its policy solved on a grid, and decisions simulated in it."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import log_softmax, logsumexp, softmax

# Values iterated until what changes by more than the level is below this: policies of 11 digits.
SETTLED = 1e-12


class World(ABC):
    """One world; a subclass gives it its columns, reward and moves.

    States are rows of ``columns``, as arrays (n, d). The reward is ``features(X) @ coef``, at a temperature of 1.
    The grid is for the truth alone: simulated states move as they do, and ``interpolate`` reads the values between
    nodes.

    Attributes
    ----------
    name, source : str
    columns : tuple of str
    names : tuple of str
        The coefficients.
    coef : ndarray of shape (K,)
    discount : float
    n_actions : int
    """

    name: ClassVar[str]
    source: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    names: ClassVar[tuple[str, ...]]
    n_actions: ClassVar[int] = 2
    coef: np.ndarray
    discount: float

    @abstractmethod
    def rewards(self, states):
        """Features of the reward: (n, A, K) from states (n, d)."""

    @abstractmethod
    def nodes(self):
        """The grid: (m, d)."""

    @abstractmethod
    def expect(self, value):
        """Expected value in the next state after each action: (m, A) from a value at the nodes (m,)."""

    @abstractmethod
    def interpolate(self, table, states):
        """Columns of a table over the nodes (m, A) read at states (n, d): (n, A)."""

    @abstractmethod
    def start(self, n, rng):
        """First states: (n, d)."""

    @abstractmethod
    def move(self, states, actions, rng):
        """Next states: (n, d)."""

    def states(self, X):
        """The columns that matter, of a frame or of an array that begins with them: (n, d)."""
        return (X[list(self.columns)] if hasattr(X, "columns") else X[:, : len(self.columns)]).astype(float)

    def features(self, X):
        """Features of the reward: (n, A, K) from rows as an estimator gets them."""
        return self.rewards(np.asarray(self.states(X)))

    def solve(self, coef=None, discount=None, forbid=()):
        """The truth where coefficients, the discount or the actions are as given: a ``Solution``."""
        coef = self.coef if coef is None else np.asarray(coef)
        return Solution(self, coef, self.discount if discount is None else discount, list(forbid))

    def simulate(self, seed, n_trajectories, n_steps, n_noise=0, solution=None):
        """Decisions, sorted: a frame of trajectory, step, the columns, ``n_noise`` that say nothing, and action.

        What says nothing are integers from -10 to 10, drawn anew in every row.
        """
        solution = self.solve() if solution is None else solution
        rng = np.random.default_rng(seed)
        states = self.start(n_trajectories, rng)
        visited = np.empty((n_steps, *states.shape))
        taken = np.empty((n_steps, n_trajectories), dtype=int)
        for step in range(n_steps):
            chances = solution.policy(states).cumsum(axis=1)
            visited[step] = states
            taken[step] = (rng.uniform(size=(n_trajectories, 1)) > chances[:, :-1]).sum(axis=1)
            states = self.move(states, taken[step], rng)
        order = np.indices(taken.shape)
        frame = pd.DataFrame({"trajectory": order[1].T.ravel(), "step": order[0].T.ravel()})
        frame[list(self.columns)] = visited.transpose(1, 0, 2).reshape(len(frame), -1)
        noise = rng.integers(-10, 11, size=(len(frame), n_noise)).astype(float)
        frame[[f"noise_{k}" for k in range(n_noise)]] = noise
        return frame.assign(action=taken.T.ravel())


class Solution:
    """The soft-Bellman solution of a world: value iteration on its grid, but for the level of the value.

    The level converges at the pace of the discount, differences at that of the chain as well; so the iteration
    goes on until the change is the same at all nodes, and the level is what that change adds up to (MacQueen
    1966).
    """

    def __init__(self, world, coef, discount, forbid):
        self.world, self.coef, self.discount, self.forbid = world, coef, discount, forbid
        reward, value = self.reward(world.nodes()), 0.0
        following = np.zeros_like(reward)
        while True:
            change = logsumexp(reward + discount * following, axis=1) - value
            value, level = value + change, change.mean() * discount / (1 - discount)
            following = world.expect(value)
            if np.ptp(change) < SETTLED:
                break
        self.value, self.following = value + level, following + level

    def reward(self, states):
        """(n, A), minus infinity where an action is forbidden."""
        reward = self.world.rewards(np.asarray(states)) @ self.coef
        reward[:, self.forbid] = -np.inf
        return reward

    def q(self, states):
        states = np.asarray(states)
        return self.reward(states) + self.discount * self.world.interpolate(self.following, states)

    def policy(self, states):
        """The exact policy: (n, A) from states (n, d)."""
        return softmax(self.q(states), axis=1)

    def log_likelihood(self, states, actions):
        """Log-likelihood of decisions under the truth."""
        return np.take_along_axis(log_softmax(self.q(states), axis=1), np.asarray(actions)[:, None], axis=1).sum()
