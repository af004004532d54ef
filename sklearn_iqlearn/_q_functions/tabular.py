"""Q as a free value for each state and action."""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_iqlearn._model.soft_bellman import NoFiniteValue, solve_soft_bellman
from sklearn_iqlearn._objective.objective import Objective
from sklearn_iqlearn._q_functions.base import NewtonForm


def base_table(objective):
    """The Q of the part of the reward that is known, where nothing is penalised."""
    reward = np.zeros_like(objective.occupancy) + objective.base_reward + objective.transitions.bar
    try:
        found = solve_soft_bellman(reward, objective.transitions, objective.discount, objective.temperature)
    except NoFiniteValue:  # then values of 0, which take no more from the reward than a free choice is worth
        n_choices = objective.transitions.pairs.sum(axis=1, keepdims=True)
        found = np.broadcast_to(-objective.temperature * np.log(n_choices), reward.shape)
    return objective.transitions.only(found)


def free_table(parameters, inputs):
    return parameters


@dataclass(frozen=True)
class Tabular:
    """A free value for each state and action; parameters are the table less the objective's V0."""

    objective: Objective

    needs_penalty = True
    needs_stand_in = True  # nothing but the penalty bounds the Q of a pair without a next state
    jax_table = staticmethod(free_table)
    inputs = None
    ridge = 0.0

    @classmethod
    def create(cls, objective, features, estimator, rng) -> NewtonForm:
        return cls(objective)

    @property
    def shapes(self):
        return self.objective.occupancy.shape

    @property
    def size(self):
        return int(self.objective.transitions.pairs.sum())

    @property
    def narrowest(self):
        return self.objective.transitions.n_states

    def start(self):
        return base_table(self.objective)

    def at(self, parameters):
        return self.objective.at(parameters)

    def table(self, parameters):
        return parameters

    def centred(self, parameters):
        value = self.objective.soft_value(parameters)
        if np.abs(value).max() <= self.objective.temperature:  # the differences of Q have no more digits
            return self, parameters
        centred = self.objective.transitions.only(parameters - value[:, None])
        return replace(self, objective=self.objective.about(value)), centred

    def attributes(self, parameters):
        return {}

    def identified(self, parameters):
        return parameters, None, []

    def separation(self, parameters):
        return None

    def recall(self, estimator):
        return self.objective.transitions.only(estimator.q_table_)

    @staticmethod
    def values(estimator, X):
        """Rows that are not among the states get 0 for every action: the uniform policy."""
        known = find_rows(estimator.states_, X)
        q = estimator.q_table_[known]
        return np.where((known[:, None] >= 0) & (q > -np.inf), q, 0.0)

    @staticmethod
    def n_free(estimator):
        visited = (estimator.counts_ > 0).any(axis=1)
        exists = estimator.q_table_[visited] > -np.inf
        return int(exists.sum() - visited.sum())


def find_rows(table, rows):
    """Position of each row among the distinct rows of a table, or -1."""
    both = np.concatenate([table, rows]) + 0.0  # -0.0 is 0.0
    distinct, position = np.unique(both, axis=0, return_inverse=True)
    position = position.reshape(-1)  # NumPy 2.0 gives it the dimensions of the rows
    place = np.full(len(distinct), -1)
    place[position[: len(table)]] = np.arange(len(table))
    return place[position[len(table) :]]
