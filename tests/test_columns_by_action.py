"""Tables with a column for each action, as data frames: columns go by their names, not by their places."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from problems import as_rows, random_problem

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn.preprocessing import with_time

NAMES = np.array(["keep", "sell", "trade"])
OTHER_ORDER = ["trade", "keep", "sell"]


@pytest.fixture(scope="module")
def world():
    """Transitions by name, the rows of decisions, a mask and a table of rewards."""
    transitions, counts, _ = random_problem(0)
    rng = np.random.default_rng(0)
    mask = rng.random(counts.shape) < 0.6
    mask[:, 1] = True
    X, y, weight = as_rows((counts + 1) * mask)
    return (
        dict(zip(NAMES.tolist(), transitions, strict=True)),
        (X, NAMES[y], weight),
        mask,
        rng.normal(size=mask.shape),
    )


def shuffled(table, **columns):
    """The same states in another order, each under its id."""
    return pd.DataFrame(table, **columns).sample(frac=1, random_state=0)


def test_rows_go_by_the_ids_of_the_states(world):
    transitions, rows, mask, table = world
    features, start = table[:, :2], np.arange(1, len(table) + 1) / np.arange(1, len(table) + 1).sum()
    told = {"action_mask": mask, "base_reward": table, "features": features, "initial_distribution": start}
    by_id = {name: shuffled(value) for name, value in told.items()}
    by_id["initial_distribution"] = by_id["initial_distribution"][0]
    settings = {"q_type": "linear", "value_term": "initial"}
    by_place = IQLearnClassifier(transitions, **told, **settings).fit(*rows)
    found = IQLearnClassifier(transitions, **by_id, **settings).fit(*rows)
    assert_array_equal(found.q_table_, by_place.q_table_)
    assert found.score(*rows) == by_place.score(*rows)
    for name, value in {"reward": table, "base_reward": table, "forbid": ~mask}.items():
        world = found.counterfactual(**{name: shuffled(value)})
        assert_array_equal(world.q_table_, by_place.counterfactual(**{name: value}).q_table_)
    # An index that is no order of the ids says nothing.
    named = pd.DataFrame(table, index=[f"bin {s}" for s in range(len(table))])
    again = IQLearnClassifier(transitions, **(told | {"base_reward": named}), **settings).fit(*rows)
    assert_array_equal(again.q_table_, by_place.q_table_)


def frame(table, columns=OTHER_ORDER):
    return pd.DataFrame(table, columns=NAMES)[columns]


def test_parameters_of_the_estimator(world):
    transitions, rows, mask, table = world
    by_place = IQLearnClassifier(transitions, action_mask=mask, base_reward=table).fit(*rows)
    by_name = IQLearnClassifier(transitions, action_mask=frame(mask), base_reward=frame(table)).fit(*rows)
    numbered = IQLearnClassifier(transitions, action_mask=pd.DataFrame(mask), base_reward=table).fit(*rows)
    for found in (by_name, numbered):
        assert_array_equal(found.q_table_, by_place.q_table_)
    assert by_name.score(*rows) == by_place.score(*rows)


def test_tables_of_other_worlds(world):
    transitions, rows, mask, table = world
    model = IQLearnClassifier(transitions, action_mask=mask).fit(*rows)
    later = mask & (np.arange(3) != 0)
    for name, value in {"reward": table, "base_reward": table, "forbid": ~later}.items():
        found = model.counterfactual(**{name: frame(value)})
        assert_array_equal(found.q_table_, model.counterfactual(**{name: value}).q_table_)
    value = rewards.evaluate(model.policy_, table, transitions, discount=0.9)
    assert_array_equal(rewards.evaluate(frame(model.policy_), frame(table), transitions, discount=0.9), value)


@pytest.mark.parametrize("labels", [NAMES[:2], np.array([False, True]), np.array([3, 5])])
def test_functions_of_rows(labels):
    rng = np.random.default_rng(1)
    X = rng.integers(4, size=(200, 1)).astype(float)
    y = labels[np.where(X[:, 0] > 1, rng.integers(2, size=200), 0)]

    def mask(rows):
        return np.column_stack([np.ones(len(rows), dtype=bool), rows[:, 0] > 1])

    def base(rows):
        return np.column_stack([rows[:, 0], -rows[:, 0]])

    def reversed_frame(function):
        return lambda rows: pd.DataFrame(function(rows)[:, ::-1], columns=labels[::-1])

    settings = {"q_type": "tabular", "alpha": 0.1}
    by_place = IQLearnClassifier(action_mask=mask, base_reward=base, **settings).fit(X, y)
    by_name = IQLearnClassifier(action_mask=reversed_frame(mask), base_reward=reversed_frame(base), **settings)
    assert_array_equal(by_name.fit(X, y).q_table_, by_place.q_table_)


@pytest.mark.parametrize(
    "columns", [["keep", "sell", "swap"], ["keep", "sell"], ["keep", "sell", "trade", "trade"]]
)
@pytest.mark.parametrize("name", ["action_mask", "base_reward"])
def test_other_columns_are_refused(world, name, columns):
    transitions, rows, _, _ = world
    table = pd.DataFrame(np.ones((6, len(columns))), columns=columns)
    with pytest.raises(
        ValueError, match=rf"{name} must have a column for each of the actions \['keep', 'sell', 'tr"
    ):
        IQLearnClassifier(transitions, **{name: table}).fit(*rows)


def test_tables_of_a_finite_horizon(world):
    transitions, _, mask, table = world
    by_place = with_time(transitions, 3, action_mask=mask, base_reward=table)
    by_name = with_time(transitions, 3, action_mask=[frame(mask)] * 3, base_reward=frame(table))
    assert_array_equal(by_name.action_mask, by_place.action_mask)
    assert_array_equal(by_name.base_reward, by_place.base_reward)
