"""Features of the reward by the names of columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._estimator.named_features import NamedFeatures

FRAME = pd.DataFrame({"mileage": [1.0, 2.0, 4.0], "age": [3.0, 0.0, 1.0]})
ACTIONS = np.array(["keep", "replace"])


def test_names_signs_constants_and_shared_coefficients():
    given = {"keep": {"cost": "-mileage", "age": "age"}, "replace": {"price": "-1", "age": "mileage"}}
    features = NamedFeatures.of(given, ACTIONS)
    assert features.names == ["cost", "age", "price"]
    keep, replace = features(FRAME).transpose(1, 0, 2)
    assert_array_equal(keep, np.column_stack([-FRAME["mileage"], FRAME["age"], np.zeros(3)]))
    assert_array_equal(replace, np.column_stack([np.zeros(3), FRAME["mileage"], -np.ones(3)]))


def test_lists_have_coefficients_of_their_own():
    features = NamedFeatures.of({"replace": ["1"], "keep": ["mileage", "age"]}, ACTIONS)
    assert features.names == ["1 (replace)", "mileage (keep)", "age (keep)"]
    assert_array_equal(features(FRAME)[:, 0, 1:], FRAME)


def test_numbered_columns_where_there_is_no_frame():
    features = NamedFeatures.of({"keep": {"cost": "-0"}, "replace": {"age": 1}}, ACTIONS)
    assert_array_equal(features(FRAME.to_numpy())[:, 0, 0], -FRAME["mileage"])
    assert_array_equal(features(FRAME.to_numpy())[:, 1, 1], FRAME["age"])


def test_a_column_named_like_a_sign_or_a_constant_is_that_column():
    frame = FRAME.rename(columns={"mileage": "-age", "age": "1"})
    features = NamedFeatures.of({"keep": ["-age"], "replace": ["1"]}, ACTIONS)
    assert_array_equal(features(frame)[:, 0, 0], frame["-age"])
    assert_array_equal(features(frame)[:, 1, 1], frame["1"])


def test_next_states_may_be_an_array_where_states_are_a_frame():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=["mileage", "age"])
    y, ahead = rng.choice(ACTIONS, size=60), rng.normal(size=(60, 2))
    given = {"keep": ["mileage"], "replace": ["1"]}
    fits = [
        IQLearnClassifier(q_type="structural", features=given, discount=0.9).fit(X, y, next_X=following)
        for following in (ahead, pd.DataFrame(ahead, columns=X.columns))
    ]
    assert_array_equal(fits[0].coef_, fits[1].coef_)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"keep": ["mileage"]}, r"it needs each of the actions .* has an empty list"),
        ({"keep": "mileage", "replace": ["1"]}, "got 'mileage' for action 'keep'"),
        ({"keep": ["milage"], "replace": ["1"]}, "'milage' is none of the columns"),
        ({"keep": ["mileage**2"], "replace": []}, "computed from columns must be a column of X"),
    ],
)
def test_bad_names(given, message):
    model = IQLearnClassifier(q_type="structural", features=given, discount=0.0)
    with pytest.raises(ValueError, match=message):
        model.fit(FRAME, ["keep", "replace", "keep"], trajectory=[0, 0, 0])
