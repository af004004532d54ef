"""Counting refuses what it cannot count: the message names column, rule and row."""

import numpy as np
import pandas as pd
import pytest
from logs import KEYS, ORDER, decision_log

from sklearn_iqlearn.preprocessing import count_decisions


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("place", np.nan, "state, column 'place', must have no missing values, got row 7: {'place': nan"),
        ("chosen", None, "action, column 'chosen', must have no missing values, got row 7: {'chosen': None"),
        ("who", np.nan, "trajectory, column 'who', must have no missing values, got row 7: {'who': nan"),
        ("over", None, "terminal must be a column of booleans, got 'over' of type Object: compare it"),
        ("when", np.nan, "step must be a column of integers, got 'when' of type Float64: number the periods"),
        ("when", "2020-01", "step must be a column of integers, got 'when' of type Object: number the periods"),
        ("visits", np.nan, "weight, column 'visits', must be finite and non-negative, got row 7: {'visits': nan"),
        ("visits", np.inf, "weight, column 'visits', must be finite and non-negative, got row 7: {'visits': inf"),
        ("visits", -1.0, "weight, column 'visits', must be finite and non-negative, got row 7: {'visits': -1.0"),
        ("visits", "much", "weight must be a column of numbers, got 'visits' of type Object: cast it"),
    ],
)
def test_values(column, value, message):
    log = decision_log().astype({column: object}) if isinstance(value, str) or value is None else decision_log()
    log["who"] -= 2**60  # still apart as floating-point numbers
    if value is np.nan:
        log = log.astype({column: float})
    log.loc[7, column] = value
    with pytest.raises(ValueError, match=f"^{escape(message)}"):
        count_decisions(log, **KEYS, **ORDER, terminal="over", weight="visits")


def escape(message):
    return message.replace("{", r"\{")


def test_nullable_values():
    log = decision_log().astype({"over": "boolean", "when": "Int64"})
    for column, role in (("over", "terminal"), ("when", "step")):
        wrong = log.copy()
        wrong.loc[3, column] = pd.NA
        with pytest.raises(
            ValueError, match=f"^{role}, column '{column}', must have no missing values, got row 3"
        ):
            count_decisions(wrong, **KEYS, **ORDER, terminal="over")


def test_position_is_that_in_the_frame_where_weights_leave_rows_out():
    log = decision_log().astype({"place": float})
    log.loc[:4, "visits"] = 0.0
    log.loc[5, ["place", "visits"]] = np.nan, 1.0
    with pytest.raises(ValueError, match=r"got row 5: \{'place': nan"):
        count_decisions(log, **KEYS, weight="visits")


def test_steps_that_come_twice():
    log = decision_log()
    log.loc[9, ["who", "when"]] = log.loc[2, ["who", "when"]]
    who, when = log.loc[2, "who"], log.loc[2, "when"]
    with pytest.raises(
        ValueError, match=f"must differ between the rows of a trajectory.*: {{'when': {when}.*{who}"
    ):
        count_decisions(log, **KEYS, **ORDER)


def test_terminal_rows_that_go_on():
    log = pd.DataFrame({"who": 0, "when": [4, 5, 9], "place": 0, "chosen": 0, "over": [True, False, False]})
    with pytest.raises(
        ValueError, match="terminal, column 'over', must mark last rows of trajectories only, got row 0"
    ):
        count_decisions(log, **KEYS, **ORDER, terminal="over")
    log["over"] = [False, True, False]  # nothing follows at step 6
    assert count_decisions(log, **KEYS, **ORDER, terminal="over")["n"].sum() == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": "plaice"}, r"state must be a column of frame, got 'plaice'; it has \['who', 'when'"),
        ({"weight": "n"}, "weight must be a column of frame, got 'n'"),
        ({"action": None}, "action must be the name of a column of frame, got None"),
        (
            {"action": decision_log()["chosen"]},
            "action must be the name of a column of frame, got .*: join to frame",
        ),
        ({"state": ["place", 3]}, "state must be the name of a column of frame, got 3"),
        ({"state": []}, "state must name a column of frame, got none"),
        ({"next_state": "then"}, "trajectory and next_state both tell the next state"),
        ({"trajectory": None}, "trajectory and step must be named together.*got step alone"),
        ({"step": None}, "trajectory and step must be named together.*got trajectory alone: number the rows"),
        ({"trajectory": None, "step": None, "terminal": "over"}, "terminal needs trajectory or next_state"),
        (
            {"trajectory": None, "step": None, "next_state": ["then", "kind"]},
            r"next_state must have as many columns as state, 'place', got \['then', 'kind'\]",
        ),
        ({"action": "place"}, "frame must give the counts columns of different names, got .*: rename 'place'"),
    ],
)
def test_names(changes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        count_decisions(decision_log(), **KEYS | ORDER | changes)


@pytest.mark.parametrize("frame", [{"place": [0]}, np.zeros((3, 2)), "log.parquet", [1], None])
def test_frames(frame):
    with pytest.raises(ValueError, match=r"^frame must be a data frame of pandas.*, got \w+\.$"):
        count_decisions(frame, **KEYS)


def test_frames_without_rows():
    with pytest.raises(ValueError, match=r"^frame must have a row, got none"):
        count_decisions(decision_log()[:0], **KEYS)
    with pytest.raises(ValueError, match=r"^frame must have a row with a positive weight, got none"):
        count_decisions(decision_log().assign(visits=0), **KEYS, weight="visits")
    with pytest.raises(ValueError, match="must have a finite sum"):
        count_decisions(decision_log().assign(visits=1e308), **KEYS, weight="visits")


def test_values_of_several_types():
    log = decision_log().astype({"chosen": object})
    log.loc[0, "chosen"] = "yes"
    with pytest.raises(ValueError, match="column 'chosen' must hold values of one type, got bool and str"):
        count_decisions(log, **KEYS)


def test_states_that_are_rounded():
    log = decision_log()
    log["place"] += 2**53
    with pytest.raises(ValueError, match=r"column 'next_place' must hold integers below 2\*\*53"):
        count_decisions(log, **KEYS, **ORDER)
    assert count_decisions(log, **KEYS)["n"].sum() == len(log)
    nullable = log.astype({"place": "Int64"})
    assert count_decisions(nullable, **KEYS, **ORDER)["next_place"].max() > 2**53


def test_next_states_of_another_type():
    with pytest.raises(ValueError, match="column 'kind' must hold states, Int64 as 'place'"):
        count_decisions(decision_log(), **KEYS, next_state="kind")
