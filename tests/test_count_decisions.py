"""What counts are: beside a loop over the rows, beside fits on the rows, whatever the order of the rows."""

import numpy as np
import pandas as pd
import pytest
from logs import CALLS, KEYS, ORDER, as_dictionary, count_rows, decision_log
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from problems import bus_problem

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.preprocessing import count_decisions, estimate_transitions


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_a_loop(call, seed):
    log = decision_log(seed)
    counts = count_decisions(log, **call)
    assert as_dictionary(counts) == count_rows(log, **call)
    assert len(counts) == len(as_dictionary(counts))  # no combination comes twice
    assert_frame_equal(counts, counts.sort_values(list(counts.columns[:-1]), ignore_index=True))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_order_and_names_of_rows_are_immaterial(call):
    log = decision_log()
    other = log.sample(frac=1, random_state=1).set_index("when", drop=False)
    assert_frame_equal(count_decisions(other, **call), count_decisions(log, **call), check_exact=True)


def test_columns_and_types():
    counts = count_decisions(decision_log(), **CALLS["moves and ends"])
    assert {name: str(dtype) for name, dtype in counts.dtypes.items()} == {
        "place": "int64",
        "chosen": "bool",
        "next_place": "Int64",
        "over": "bool",
        "n": "int64",
    }
    assert count_decisions(decision_log(), **KEYS, weight="visits")["n"].dtype == np.float64
    counts = count_decisions(decision_log(), **CALLS["several columns"])
    assert list(counts) == ["place", "kind", "chosen", "next_place", "next_kind", "n"]
    assert counts["next_kind"].dtype == "string"
    # Where every row has a next one, the type is still the same.
    assert count_decisions(decision_log(), **KEYS, next_state="then")["then"].dtype == "Int64"


def test_fit_on_counts_is_the_fit_on_rows():
    X, y, _, transitions, _ = bus_problem()
    bus = load_rust_bus()
    counts = count_decisions(bus.data.assign(replaced=bus.target), state="mileage_bin", action="replaced")
    assert len(counts) < len(X) / 50
    rows = IQLearnClassifier(transitions, discount=0.9999).fit(X, y)
    found = IQLearnClassifier(transitions, discount=0.9999).fit(
        counts[["mileage_bin"]], counts["replaced"], sample_weight=counts["n"]
    )
    assert_array_equal(found.counts_, rows.counts_)
    assert_array_equal(found.q_table_, rows.q_table_)


def test_transitions_of_counts_are_those_of_rows():
    log = decision_log()
    rows = estimate_transitions(
        log["place"],
        log["chosen"],
        trajectory=log["who"],
        step=log["when"],
        terminal=log["over"],
        sample_weight=log["visits"],
    )
    counts = count_decisions(log, **KEYS, **ORDER, terminal="over", weight="visits")
    counts = counts[counts["over"] | counts["next_place"].notna()]
    found = estimate_transitions(
        counts["place"],
        counts["chosen"],
        next_state=counts["next_place"],
        terminal=counts["over"],
        sample_weight=counts["n"],
    )
    # Sums of sums are rounded twice.
    assert_allclose(found.counts, rows.counts, rtol=4e-16)
    assert found.ended.max() > 0
    for one, other in zip(found.transitions, rows.transitions, strict=True):
        assert_allclose(one.toarray(), other.toarray(), rtol=4e-15)


def test_counts_of_parts_add_up():
    log = decision_log()
    odd = log["who"] % 2 == 1
    parts = [count_decisions(part, **KEYS, **ORDER) for part in (log[odd], log[~odd])]
    summed = count_decisions(
        pd.concat(parts).rename(columns={"n": "rows"}), **KEYS, next_state="next_place", weight="rows"
    )
    assert_frame_equal(summed.astype({"n": "int64"}), count_decisions(log, **KEYS, **ORDER))


@pytest.mark.parametrize(("decades", "scale"), [(0, 1.0), (8, 1e-200), (16, 1e200), (0, 1e-320)])
def test_sums_of_weights_are_rounded_once(decades, scale):
    rng = np.random.default_rng(0)
    log = decision_log(n_trajectories=300)
    log["visits"] = (1 + rng.random(len(log))) * 10.0 ** -rng.integers(decades + 1, size=len(log)) * scale
    assert as_dictionary(count_decisions(log, **KEYS, weight="visits")) == count_rows(log, **KEYS, weight="visits")


def test_one_addition_after_another_is_not_exact():
    log = decision_log(n_trajectories=300)
    cells = log.groupby(["place", "chosen"]).ngroup()
    one_by_one = np.bincount(cells, log["visits"])
    assert (one_by_one != count_decisions(log, **KEYS, weight="visits")["n"]).any()


def test_row_of_weight_zero_cuts_its_trajectory():
    log = pd.DataFrame({"who": 0, "when": [0, 1, 2], "place": [4, 5, 6], "chosen": 1, "visits": [1, 0, 3]})
    log.loc[1, "chosen"] = None  # it is not read
    counts = count_decisions(log, **KEYS, **ORDER, weight="visits")
    assert counts["place"].tolist() == [4, 6]
    assert counts["next_place"].isna().all()
    assert counts["n"].tolist() == [1.0, 3.0]


def test_time_may_be_a_part_of_the_state():
    log = decision_log().assign(over=False)
    counts = count_decisions(log, **KEYS | ORDER | {"state": ["when", "place"]}, terminal="over")
    known = counts.dropna()
    assert_array_equal(known["next_when"], known["when"] + 1)
    assert counts["n"].sum() == len(log)


def test_next_states_of_rows_cut_off_and_ended():
    log = pd.DataFrame(
        {"place": [0, 0, 0, 1], "chosen": "go", "then": [1.0, None, 1.0, 0.0], "over": [False, False, True, False]}
    )
    counts = count_decisions(log, **KEYS, next_state="then", terminal="over")
    assert counts["then"].fillna(-1).tolist() == [1, -1, -1, 0]
    assert counts["over"].tolist() == [False, False, True, False]
    # Without the flag nothing ended.
    assert count_decisions(log, **KEYS, next_state="then")["n"].tolist() == [2, 1, 1]
