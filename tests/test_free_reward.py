"""A reward of states that is free in every state: no decisions identify the discount, and the fit says so."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import as_rows, random_problem

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.exceptions import IdentificationWarning

TRANSITIONS, COUNTS, _ = random_problem(0)
STATES = np.eye(6)
COST = np.zeros((6, 3, 1))
COST[:, 1] = 1.0


def fit(features, discount=0.9, transitions=TRANSITIONS):
    model = IQLearnClassifier(
        transitions, discount=discount, q_type="structural", features=features, alpha=np.inf, tol=1e-10
    )
    return model.fit(*as_rows(COUNTS))


def both(states):
    """Features of states, and the cost of an action."""
    return np.concatenate([np.repeat(states[:, None], 3, axis=1), COST], axis=2)


RNG = np.random.default_rng(0)
FREE = {
    "one state each": STATES,
    "all but one": STATES[:, :5],
    "any basis": RNG.normal(size=(6, 6)),
    "more than states": RNG.normal(size=(6, 8)),
    "and a cost": both(STATES),
}


@pytest.mark.filterwarnings("ignore:The decisions leave directions")  # of a constant reward
@pytest.mark.parametrize("name", FREE)
def test_every_discount_has_the_same_policy(name):
    policies = []
    for discount in (0.5, 0.9):
        with pytest.warns(IdentificationWarning, match=rf"of the 6 states free, .* discount={discount}\."):
            policies.append(fit(FREE[name], discount).policy_)
    assert_allclose(*policies, atol=1e-6)  # of a Newton's method that stops at a gradient of 1e-10


NOT_FREE = {
    "four states": STATES[:, :4],
    "four states and a cost": both(STATES[:, :4]),
    "rank four": STATES[:, :4] @ RNG.normal(size=(4, 7)),
}


@pytest.mark.filterwarnings("ignore:The decisions leave directions")
@pytest.mark.parametrize("name", NOT_FREE)
def test_other_features_tell_discounts_apart(name):
    policies = [fit(NOT_FREE[name], discount).policy_ for discount in (0.5, 0.9)]
    assert np.abs(policies[0] - policies[1]).max() > 1e-3


@pytest.mark.filterwarnings("ignore:The decisions leave directions")
def test_where_episodes_end_a_constant_counts():
    ending = random_problem(0, ending=True)[0]
    policies = [fit(STATES[:, :5], discount, ending).policy_ for discount in (0.5, 0.9)]
    assert np.abs(policies[0] - policies[1]).max() > 1e-3
    with pytest.warns(IdentificationWarning, match="of the 6 states free"):
        fit(STATES, transitions=ending)


def test_without_a_future_there_is_no_discount_to_tell():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fit(STATES, discount=0.0)
    assert not any("discount" in str(warning.message) for warning in told)
