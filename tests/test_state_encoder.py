"""A table as states: bins, values, their combinations, and back."""

import itertools

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_iqlearn.preprocessing import StateEncoder


@parametrize_with_checks(
    [
        StateEncoder(),
        StateEncoder(strategy="uniform", unknown="nearest"),
        StateEncoder(n_bins=1, combinations="product"),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def table(n_rows=200, seed=0):
    """A column of each kind."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "wear": rng.gamma(2.0, size=n_rows).round(1),  # with ties
            "age": rng.integers(1, 5, n_rows),
            "city": rng.choice(["Rome", "Oslo", "Bonn"], n_rows),
            "leased": rng.random(n_rows) < 0.5,
        }
    )


def ids(encoder, X):
    return encoder.transform(X).ravel()


def test_quantile_bins_hold_equally_many_rows():
    x = np.random.default_rng(0).normal(size=(120, 1))
    states = StateEncoder(n_bins=6).fit_transform(x).ravel()
    assert_array_equal(np.bincount(states), np.full(6, 20))
    assert_array_equal(states, np.argsort(np.argsort(x.ravel())) // 20)


def test_quantile_bins_depend_on_the_order_of_numbers_alone():
    x = table()[["wear"]]
    assert_array_equal(StateEncoder().fit_transform(np.exp(x)), StateEncoder().fit_transform(x))


@pytest.mark.parametrize(
    ("x", "states"),
    [
        ([0, 0, 0, 0, 0, 1, 2, 3], [0, 0, 0, 0, 0, 1, 2, 2]),
        ([0, 0, 0, 0, 0, 0, 0, 9], [0, 0, 0, 0, 0, 0, 0, 1]),  # none of the quartiles tells 9 from 0
        ([0, 1, 2, 3, 3, 3, 3, 3], [0, 0, 1, 2, 2, 2, 2, 2]),
        ([7, 7, 7, 7], [0, 0, 0, 0]),
        ([2, 1], [1, 0]),
    ],
)
def test_ties_share_a_bin(x, states):
    encoder = StateEncoder(n_bins=4)
    assert_array_equal(encoder.fit_transform(np.array(x, dtype=float)[:, None]).ravel(), states)
    assert encoder.n_bins_ == max(states) + 1


def test_uniform_bins_are_equally_wide():
    x = table()[["wear"]]
    edges = np.linspace(x.min().item(), x.max().item(), 8)
    encoder = StateEncoder(7, strategy="uniform", combinations="product").fit(x)
    assert encoder.n_bins_ == 7
    assert_array_equal(ids(encoder, x), np.digitize(x["wear"], edges[1:-1]))


def test_beyond_the_fit_is_the_first_or_last_bin():
    for strategy in ("quantile", "uniform"):
        encoder = StateEncoder(3, strategy=strategy).fit([[0.0], [1.0], [2.0]])
        assert_array_equal(ids(encoder, [[-50.0], [50.0]]), [0, 2])


def test_given_edges_are_those_of_pandas():
    x = pd.DataFrame({"wear": [0.0, 0.5, 1.0, 1.9, 2.0, 4.0]})
    edges = [0, 1, 2, 4]
    encoder = StateEncoder(edges={"wear": edges}).fit(x)
    expected = pd.cut(x["wear"], [*edges[:-1], 4.1], right=False)
    assert_array_equal(ids(encoder, x), expected.cat.codes)
    assert encoder.states_["wear_bin"].tolist() == ["[0, 1)", "[1, 2)", "[2, 4]"]


def test_points_are_means_or_middles():
    x = table()[["wear"]]
    encoder = StateEncoder(edges={"wear": [0, 1, 1.5, 50, 60, np.inf]}, combinations="product").fit(x)
    means = x["wear"].groupby(ids(encoder, x)).mean()
    assert_allclose(encoder.states_["wear"], [*means, 55, 60], rtol=1e-14)  # a sum of 200 numbers
    assert encoder.states_["wear_bin"].tolist() == ["[0, 1)", "[1, 1.5)", "[1.5, 50)", "[50, 60)", ">= 60"]


def test_bins_have_names_that_tell_them_apart():
    x = 1000 + np.arange(5.0)[:, None] / 100
    names = StateEncoder(n_bins=3).fit(x).states_["x0_bin"].tolist()
    assert names == ["< 1000.02", "[1000.02, 1000.03)", ">= 1000.03"]
    assert StateEncoder(n_bins=1).fit(x).states_["x0_bin"].tolist() == ["any"]


def test_values_that_a_type_declares():
    x = pd.DataFrame({"size": pd.Categorical(["L", "S", "S"], ["S", "M", "L"]), "leased": [True, True, True]})
    states = StateEncoder(combinations="product").fit(x).states_
    assert list(states.itertuples(index=False, name=None)) == list(itertools.product("SML", [False, True]))
    assert_frame_equal(states.dtypes.to_frame(), x.dtypes.to_frame())


def test_states_seen_are_those_of_the_product_that_occur():
    x = table(60)
    settings = {"edges": {"wear": [0, 1, 2, 20]}, "categories": {"age": range(8)}}
    every = StateEncoder(**settings, combinations="product").fit(x)
    seen = StateEncoder(**settings).fit(x)
    kept = np.unique(ids(every, x))
    assert every.n_states_ == 3 * 8 * 3 * 2 > seen.n_states_ == len(kept)
    assert_frame_equal(seen.states_, every.states_.iloc[kept].reset_index(drop=True))
    assert_array_equal(kept[ids(seen, x)], ids(every, x))
    codes = np.digitize(x["wear"], [1, 2]), x["age"], pd.Categorical(x["city"]).codes, x["leased"].astype(int)
    assert_array_equal(ids(every, x), np.ravel_multi_index(codes, every.n_bins_))


def test_product_of_given_levels_does_not_depend_on_the_rows():
    x = table()
    encoder = StateEncoder(
        edges={"wear": [0, 1, 2, 20]},
        categories={"age": range(1, 5), "city": ["Rome", "Oslo", "Bonn"]},
        combinations="product",
    )
    one, two = encoder.fit(x).transform(x), encoder.fit(x[:2]).transform(x)
    assert_array_equal(one, two)


def test_order_of_rows_is_immaterial():
    x = table()
    shuffled = x.sample(frac=1, random_state=0)
    for strategy in ("quantile", "uniform"):
        one, two = (StateEncoder(strategy=strategy).fit(rows) for rows in (x, shuffled))
        assert_frame_equal(one.states_, two.states_, check_exact=True)
        assert_array_equal(ids(one, x), ids(two, x))


@pytest.mark.parametrize("combinations", ["seen", "product"])
@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_states_come_back(strategy, combinations):
    x = table().assign(tie=0.1)  # the sum of many 0.1, divided by their number, is not 0.1
    encoder = StateEncoder(strategy=strategy, combinations=combinations).fit(x)
    every = np.arange(encoder.n_states_)
    back = encoder.inverse_transform(every[:, None])
    assert_array_equal(ids(encoder, back), every)
    rows = encoder.inverse_transform(encoder.transform(x))
    assert_frame_equal(rows.drop(columns="wear"), x.drop(columns="wear"))


def test_inverse_has_the_index_and_the_kind_of_what_went_in():
    x = table(5).set_axis(list("abcde"))
    encoder = StateEncoder().set_output(transform="pandas").fit(x)
    assert encoder.inverse_transform(encoder.transform(x)).index.tolist() == list("abcde")
    plain = StateEncoder().fit(x.to_numpy())
    assert_array_equal(plain.inverse_transform([0]), encoder.inverse_transform([0]).to_numpy())


def test_one_table_in_many_kinds():
    x = table()
    expected = ids(StateEncoder().fit(x), x)
    for kind in (x.convert_dtypes(), x.astype(object), x.to_numpy(), x.to_numpy().tolist()):
        assert_array_equal(StateEncoder().fit_transform(kind).ravel(), expected)


def test_what_to_bin_is_a_choice():
    x = pd.DataFrame({"age": [1, 2, 3, 9], "price": [0.5, 0.5, 1.5, 2.5]})
    encoder = StateEncoder(n_bins={"age": 2}, categories={"price": "auto"}).fit(x)
    assert encoder.states_.columns.tolist() == ["age", "age_bin", "price"]
    assert encoder.states_["age"].tolist() == [1.5, 6.0, 6.0]
    assert encoder.states_["price"].tolist() == [0.5, 1.5, 2.5]


def test_nearest_known_value():
    x = pd.DataFrame({"age": [10, 3, 7, 2**62 + 1], "wear": 0.0})
    encoder = StateEncoder(edges={"wear": [0, 1, 2]}, unknown="nearest", combinations="product").fit(x)
    new = pd.DataFrame({"age": [0, 4, 5, 6, 8, 11, 2**62 + 1], "wear": [-1, 0, 0.5, 1, 2, 3, 0]})
    found = encoder.inverse_transform(encoder.transform(new))
    assert found["age"].tolist() == [3, 3, 3, 7, 7, 10, 2**62 + 1]
    assert found["wear"].tolist() == [0, 0, 0, 1.5, 1.5, 1.5, 0]


def test_nearest_state_seen():
    rng = np.random.default_rng(0)
    x = pd.DataFrame(
        {
            "wear": rng.integers(0, 6, 12),
            "grade": pd.Categorical(rng.choice(list("abcd"), 12), list("abcd"), ordered=True),
            "city": rng.choice(["Rome", "Oslo", "Bonn"], 12),
        }
    )
    encoder = StateEncoder(categories={"wear": range(6)}).fit(x)
    every = StateEncoder(categories={"wear": range(6)}, combinations="product").fit(x)
    new = every.states_[["wear", "grade", "city"]]

    def away(state, row):
        steps = abs(state.wear - row.wear) + abs(ord(state.grade) - ord(row.grade))
        return state.city != row.city, steps, state.Index

    expected = [min(encoder.states_.itertuples(), key=lambda s: away(s, row)).Index for row in new.itertuples()]
    assert_array_equal(ids(encoder, new), expected)


X = pd.DataFrame({"wear": [0.5, 1.5, 3.0], "age": [1, 2, 3], "city": ["Rome", "Oslo", "Rome"]})


@pytest.mark.parametrize(
    ("settings", "changes", "message"),
    [
        ({}, {"wear": [1, np.nan, 2]}, "a value in every row.*'wear', got nan in row 1"),
        ({}, {"city": ["Rome", "Oslo", None]}, "'city', got (nan|None) in row 2"),
        ({}, {"wear": [1, 2, -np.inf]}, "finite numbers.*'wear', got -inf in row 2"),
        ({}, {"city": pd.Timestamp("2020-01-01")}, "'city', got datetime64.*month"),
        ({}, {"city": 1j}, "'city', got complex128"),
        ({}, {"city": ["Rome", 1, 2]}, "one kind.*'city'"),
        ({"n_bins": 0}, {}, "n_bins must be an integer >= 1, got 0"),
        ({"n_bins": {"age": 2.5}}, {}, "n_bins of column 'age' must be an integer >= 1, got 2.5"),
        ({"n_bins": {"age": 2}}, {}, "n_bins must.*'wear'"),
        ({"n_bins": {"city": 2}, "edges": {"wear": [0, 9]}}, {}, "numbers in column 'city', got 'Rome' in row 0"),
        ({"strategy": "kmeans"}, {}, "strategy must be one of"),
        ({"combinations": None}, {}, "combinations must be one of"),
        ({"unknown": "ignore"}, {}, "unknown must be one of"),
        ({"unseen": "ignore"}, {}, "unseen must be one of"),
        ({"edges": [0, 1]}, {}, "edges must be a mapping"),
        ({"edges": {"speed": [0, 1]}}, {}, r"edges must name columns of X, which are .*'city'.*, got 'speed'"),
        ({"edges": {"wear": [0, 2, 1]}}, {}, "edges of column 'wear' must be.*increasing"),
        ({"edges": {"wear": [-np.inf, np.inf]}}, {}, "edges of column 'wear' must be"),
        ({"edges": {"wear": [0, 2]}}, {}, "the encoder knows in column 'wear', got 3.0 in row 2.*widen its edges"),
        ({"edges": {"wear": [0, 9]}, "categories": {"wear": "auto"}}, {}, "must not name a column twice"),
        ({"categories": {"city": "Rome"}}, {}, "categories of column 'city' must be 'auto' or a list"),
        ({"categories": {"city": ["Rome", "Rome"]}}, {}, "categories of column 'city'.*distinct"),
        ({"categories": {"city": ["Rome"]}}, {}, "the encoder knows in column 'city', got 'Oslo' in row 1"),
        ({}, {"wear_bin": 0}, "distinct names.*wear_bin"),
    ],
)
def test_wrong_input_is_named(settings, changes, message):
    with pytest.raises(ValueError, match=message):
        StateEncoder(**settings).fit(X.assign(**changes))


@pytest.mark.parametrize(
    ("settings", "changes", "message"),
    [
        ({"unknown": "error"}, {"age": [1, 2, 7]}, "'age', got 7 in row 2.*unknown='nearest'"),
        ({"unknown": "nearest"}, {"city": ["Rome", "Bern", "Rome"]}, "'city', got 'Bern' in row 1"),
        ({"unknown": "nearest"}, {"age": ["1", 2, 3]}, "numbers in column 'age', got '1' in row 0"),
        ({"unseen": "error"}, {"city": "Rome"}, "combinations.*'Rome'} in row 1, the first of 1: .*'product'"),
    ],
)
def test_what_the_fit_has_not_seen_is_named(settings, changes, message):
    encoder = StateEncoder(**settings).fit(X)
    with pytest.raises(ValueError, match=message):
        encoder.transform(X.assign(**changes))


def test_a_product_beyond_reach_is_refused():
    wide = np.random.default_rng(0).normal(size=(50, 20))
    with pytest.raises(ValueError, match="at most 10000000 states, got 95367431640625"):
        StateEncoder(combinations="product").fit(wide)


@pytest.mark.parametrize("states", [[9], [-1], [0.5], [[0, 1]]])
def test_ids_that_are_no_states(states):
    with pytest.raises(ValueError, match=r"^X.* state ids.*got"):
        StateEncoder().fit(X).inverse_transform(states)


def test_output_is_a_column_named_state():
    x = table(10).set_axis(range(5, 15))
    encoder = StateEncoder().fit(x)
    plain = encoder.transform(x)
    assert plain.dtype == np.int64
    frame = encoder.set_output(transform="pandas").transform(x)
    assert_frame_equal(frame, pd.DataFrame({"state": plain.ravel()}, index=x.index))
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        encoder.get_feature_names_out(["a", "b", "c", "d"])
