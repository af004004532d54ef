"""The scale of the rewards where the caller leaves it open, ``alpha="auto"``.

Of n decisions with rewards r_i the penalty takes sum_i r_i^2 / (4 alpha) from the log-likelihood. With one alpha
for every n it grows as fast as the likelihood: more decisions then make an estimate certain, but not right. A
prior has a fixed weight, and so has the penalty with

    alpha = sigma * max(1, n / (2 P)),        P = parameters of Q / actions.

Measured beside constants in ``benchmarks/default_alpha.py``. A table over known transitions keeps alpha = sigma. A
structural reward has its form in place of a penalty: alpha = inf; but where value_term="initial" asks for one, the
rule above.
"""

import math
from dataclasses import replace

from sklearn_iqlearn._q_functions import Q_FUNCTIONS


def alpha_of_the_form(estimator):
    """The alpha that is told, or follows from the form of Q; None where it waits for the size of Q."""
    form = estimator._form()
    if estimator.alpha != "auto":
        return float(estimator.alpha)
    if form is Q_FUNCTIONS["structural"] and estimator.value_term == "expert":
        return math.inf
    if form is Q_FUNCTIONS["tabular"] and estimator.transitions is not None:
        return float(estimator.temperature)
    return None


def with_alpha_of_the_size(problem):
    """A problem with the alpha of the size of its Q."""
    objective = problem.objective
    per_action = problem.size / objective.occupancy.shape[1]
    alpha = objective.temperature * max(1.0, objective.n / (2 * per_action))
    return replace(problem, objective=replace(objective, alpha=alpha))
