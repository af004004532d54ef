"""What the decisions say about the reward, and what a policy does with it.

Rewards that differ by a shaping term, ``psi(s) - discount * E[psi(next state)]`` for any potential psi, have the
same policy (Ng, Harada and Russell 1999). A reward with a meaning needs one more piece of knowledge: a form
(``project``), or the reward of one action (``anchor``; ``PolicyReward`` from rows alone).
"""

from sklearn_iqlearn.exceptions import IdentificationWarning
from sklearn_iqlearn.rewards._occupancy import occupancy
from sklearn_iqlearn.rewards._policy_reward import PolicyReward
from sklearn_iqlearn.rewards._project import project
from sklearn_iqlearn.rewards._values import anchor, evaluate

__all__ = ["IdentificationWarning", "PolicyReward", "anchor", "evaluate", "occupancy", "project"]
