"""What every engine must do: count as pandas does, to the last bit, and refuse what cannot be counted."""

import re

import pytest
from logs import CALLS, KEYS, ORDER, decision_log
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.preprocessing import count_decisions


def check_counts(as_table, calls=CALLS):
    """The counts of a table that an engine makes of a frame are those of the frame, and fits on them too."""
    log = decision_log()
    for call in calls:
        found, expected = (count_decisions(table, **CALLS[call]) for table in (as_table(log), log))
        assert_frame_equal(found, expected, check_exact=True)
    transitions = [[[0.2] * 5] * 5] * 2
    fits = [
        IQLearnClassifier(dict(zip([False, True], transitions, strict=True))).fit(
            counts[["place"]], counts["chosen"], sample_weight=counts["n"]
        )
        for counts in (found, expected)
    ]
    assert_array_equal(fits[0].q_table_, fits[1].q_table_)


def check_faults(as_table, *, position):
    """Errors show the row that is wrong, and its position where rows have one."""
    rows = decision_log()[["who", "when", "place", "chosen"]].assign(visits=1.0)
    missing = rows.astype({"place": "Int64"})
    missing.loc[3, "place"] = None
    where = "row 3:" if position else "a row with"
    for table, message in [
        (rows[:0], "frame must have a row"),
        (rows.assign(visits=0.0), "frame must have a row with a positive weight, got none."),
        (rows.drop(columns="chosen"), "action must be a column of frame, got 'chosen'; it has"),
        (rows.assign(visits=-1.0), "weight, column 'visits', must be finite and non-negative, got"),
        (missing, f"state, column 'place', must have no missing values, got {where} {{'place': "),
    ]:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            count_decisions(as_table(table), **KEYS, weight="visits")
    twice = rows.assign(when=lambda log: log["when"].where(log["when"] != 4, 5))
    with pytest.raises(
        ValueError, match=r"^step, column 'when', must differ between the rows of a trajectory.*'when': 5"
    ):
        count_decisions(as_table(twice), **KEYS, **ORDER)
