"""Demonstrations looked at before a fit: each thing that can be wrong is found where it is, and only there."""

import html
import json
import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from problems import bus_problem, rollouts

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import make_bus_engine, make_gridworld, make_random_mdp
from sklearn_iqlearn.diagnostics import check_demonstrations
from sklearn_iqlearn.diagnostics._checks import BEFORE, CHECKS
from sklearn_iqlearn.preprocessing import TransitionEstimator

# Two states, two actions, all pairs seen; 10 trajectories of 8 rows, which end.
KERNEL = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [1.0, 0.0]]])
X = np.tile([0, 0, 1, 0, 1, 1, 0, 0], 10)[:, None]
Y = np.tile([0, 1, 1, 0, 0, 1, 1, 0], 10)
IDS, STEPS = np.repeat(np.arange(10), 8), np.tile(np.arange(8), 10)
ENDS = STEPS == 7
RIGHT = {"X": X, "y": Y, "trajectory": IDS, "step": STEPS, "transitions": KERNEL}
OF_ROWS = RIGHT | {"X": X + 0.5, "transitions": None, "terminal": ENDS}


def without(rows, kept):
    return {
        name: value[kept] if isinstance(value, np.ndarray) and len(value) == 80 else value
        for name, value in rows.items()
    }


def changed(values, row, value):
    values = np.array(values, dtype=np.result_type(values, value))
    values[row] = value
    return values


def named(report, name):
    return [finding for finding in report.findings if finding.name == name]


@pytest.mark.parametrize("rows", [RIGHT, OF_ROWS, OF_ROWS | {"X": pd.DataFrame(X + 0.5, columns=["wear"])}])
def test_right_rows_have_no_findings(rows):
    report = check_demonstrations(**rows)
    assert report.findings == []
    assert report.settings == {}
    assert "Nothing looks wrong" in str(report)
    assert "Nothing looks wrong" in report._repr_html_()


@pytest.mark.parametrize(
    ("name", "severity", "count", "row", "rows"),
    [
        ("missing values", "error", 2, 3, OF_ROWS | {"X": changed(X + 0.5, [3, 9], np.nan)}),
        ("missing values", "error", 1, 4, RIGHT | {"sample_weight": changed(np.ones(80), 4, np.inf)}),
        ("weights", "note", 1, 7, RIGHT | {"sample_weight": changed(np.ones(80), 7, 0.0)}),
        ("order", "warning", 80, None, {"X": X + 0.5, "y": Y}),
        ("order", "note", 80, None, {"X": X, "y": Y, "transitions": KERNEL}),
        ("gaps", "warning", 1, 2, without(OF_ROWS, np.arange(80) != 3)),
        ("gaps", "note", 1, 2, without(RIGHT, np.arange(80) != 3)),
        ("cut off", "note", 10, 7, OF_ROWS | {"terminal": None}),
        ("short trajectories", "note", 1, 72, without(OF_ROWS, np.arange(80) < 73)),
        ("short trajectories", "warning", 9, 0, without(OF_ROWS, (STEPS == 0) | (IDS == 9)) | {"terminal": None}),
        ("impossible moves", "warning", 1, 2, RIGHT | {"X": changed(X, 3, 1)}),  # after action 1 in state 1
        ("state ids", "note", 2, None, OF_ROWS | {"X": X}),
        ("rare actions", "warning", 1, None, RIGHT | {"transitions": [*KERNEL, KERNEL[0]]}),
        ("rare actions", "warning", 1, None, OF_ROWS | {"y": changed(Y, 5, 2)}),
        ("rare actions", "warning", 1, None, OF_ROWS | {"y": np.zeros(80, dtype=int)}),
        ("unseen pairs", "note", 1, None, OF_ROWS | {"y": Y * (X[:, 0] == 0)}),
        ("coverage", "note", 1, None, RIGHT | {"transitions": np.pad(KERNEL, ((0, 0), (0, 1), (0, 1)))}),
        ("without successors", "note", 1, None, OF_ROWS | {"terminal": None, "X": X + 0.5 + 9.0 * ENDS[:, None]}),
    ],
)
def test_what_is_wrong_is_found(name, severity, count, row, rows):
    (finding,) = named(check_demonstrations(**rows), name)
    assert (finding.severity, finding.count, finding.row) == (severity, count, row)


def test_every_check_has_a_case():
    marks = test_what_is_wrong_is_found.pytestmark[0].args[1]
    errors = {"table", "reading"}  # below
    assert {case[0] for case in marks} | errors == {*BEFORE, *CHECKS}


REFUSED = [
    RIGHT | {"step": changed(STEPS, 1, 0)},
    RIGHT | {"step": STEPS + 0.5},
    RIGHT | {"step": pd.date_range("2020-01-01", periods=80)},
    RIGHT | {"step": None, "trajectory": changed(IDS, 40, 0)},
    RIGHT | {"sample_weight": -np.ones(80)},
    RIGHT | {"X": X + 1},
    RIGHT | {"y": changed(Y, 5, 7)},
    RIGHT | {"y": Y[:-1]},
    RIGHT | {"action_mask": [[True, False], [True, True]]},
    RIGHT | {"transitions": KERNEL * 2},
    RIGHT | {"terminal": ENDS},
    OF_ROWS | {"terminal": STEPS == 3},
    OF_ROWS | {"terminal": STEPS},
    OF_ROWS | {"next_X": X},
    OF_ROWS | {"X": (X + 0.5).astype(str)},
    OF_ROWS | {"transitions": "estimate"},
    OF_ROWS | {"y": sp.csr_array(Y[None])},
]


@pytest.mark.parametrize("rows", REFUSED)
def test_what_a_fit_refuses_is_an_error_with_its_message(rows):
    rows = dict(rows)
    errors = [finding for finding in check_demonstrations(**rows).findings if finding.severity == "error"]
    model = IQLearnClassifier(rows.pop("transitions"), action_mask=rows.pop("action_mask", None))
    with pytest.raises((TypeError, ValueError)) as refused:
        model.fit(**rows)
    assert str(refused.value) in [finding.text for finding in errors]


def test_errors_of_several_parts_are_told_together():
    report = check_demonstrations(**RIGHT | {"step": changed(STEPS, 1, 0), "X": X + 1})
    assert [finding.name for finding in report.findings] == ["order", "reading"]
    assert "in row 2" in report.findings[1].text
    assert report.findings[1].row == 2


def test_missing_values_are_told_by_column_and_row():
    frame = pd.DataFrame({"wear": X[:, 0] + 0.5, "place": X[:, 0] + 1.0})
    frame.loc[6, "place"] = np.nan
    report = check_demonstrations(**OF_ROWS | {"X": frame, "trajectory": changed(IDS, 11, np.nan)})
    assert [finding.row for finding in report.findings] == [6, 11]
    assert "column 'place', row 6" in report.findings[0].text
    assert report.summary == {}


def test_doubts_of_a_fit_are_warnings():
    scarce = check_demonstrations(**OF_ROWS | {"step": STEPS * 10})
    assert "divide them by 10" in named(scarce, "reading")[0].text
    world = make_random_mdp(random_state=0)
    order = {name: world.frame[name] for name in ("trajectory", "step")}
    other = check_demonstrations(world.data, world.target, **order, transitions=world.transitions[[1, 0, 2]])
    assert "with the matrices of actions [1, 0] for actions [0, 1]" in named(other, "reading")[0].text


def test_the_packages_own_data_are_right():
    worlds = [make(random_state=0) for make in (make_bus_engine, make_gridworld, make_random_mdp)]
    for world in worlds:
        order = {name: world.frame[name] for name in ("trajectory", "step")}
        report = check_demonstrations(world.data, world.target, **order, transitions=world.transitions)
        assert {finding.severity for finding in report.findings} <= {"note"}
        assert report.settings == {}
    X, y, order, transitions, _ = bus_problem()
    report = check_demonstrations(X, y, **order, transitions=transitions)
    assert {finding.severity for finding in report.findings} <= {"note"}
    assert report.settings == {}


def test_the_summary():
    summary = check_demonstrations(**OF_ROWS | {"terminal": None, "sample_weight": np.full(80, 0.5)}).summary
    assert summary == {
        "rows": 80,
        "decisions": 40.0,
        "trajectories": 10,
        "median length": 8.0,
        "cut off": 10,
        "states": 2,
        "actions": 2,
        "state coverage": 1.0,
        "pair coverage": 1.0,
    }


def test_suggested_settings_mend_the_fit():
    X, y, order = rollouts()
    y = np.where(X[:, 0] == 2, 0, y)
    report = check_demonstrations(X, y, **order, transitions="estimate")
    assert report.settings["transitions"]["value"] == 'TransitionEstimator(unseen="prior")'
    assert report.settings["transitions"]["reason"] == report.findings[0].text
    mended = TransitionEstimator(unseen="prior")
    assert IQLearnClassifier(mended).fit(X, y, **order).converged_
    report = check_demonstrations(X, y, **order, transitions=mended)
    assert report.settings == {}


@pytest.mark.parametrize("step", [None, "step"])
def test_terminal_is_suggested_where_trajectories_stop_at_different_times(step):
    rows = OF_ROWS | {"terminal": None} | ({"step": None} if step is None else {})
    assert check_demonstrations(**rows).settings == {}
    shorter = check_demonstrations(**without(rows, np.arange(80) < 79))
    assert list(shorter.settings) == ["terminal"]
    told = check_demonstrations(**without(rows | {"terminal": ENDS}, np.arange(80) < 79))
    assert told.settings == {}
    assert named(told, "cut off")[0].count == 1


def test_text_html_and_dictionary_tell_the_same():
    X, y, order = rollouts()
    report = check_demonstrations(X, y, **order)
    assert len(report.findings) > 1
    told = json.loads(json.dumps(report.to_dict()))
    assert told["settings"] == report.settings != {}
    text, page = (" ".join(form.split()) for form in (str(report), html.unescape(report._repr_html_())))
    for finding in told["findings"]:
        assert finding["text"] in text
        assert finding["text"] in page
    for name, setting in report.settings.items():
        assert f"suggested: {name}={setting['value']}" in text
        assert setting["value"] in page
    assert page.count("<td>note</td>") == len(re.findall("note, ", text))
    assert repr(report) == str(report)


def test_html_escapes_labels():
    report = check_demonstrations(**OF_ROWS | {"y": np.where(np.arange(80) == 5, "<b>", "a")})
    assert "<b>" not in report._repr_html_()


@pytest.mark.parametrize("transitions", [None, "estimate"])
def test_the_order_of_the_rows_changes_row_numbers_alone(transitions):
    X, y, order = rollouts()
    kept = np.random.default_rng(1).permutation(np.flatnonzero(np.arange(len(y)) % 11))
    reports = []
    for rows in (np.sort(kept), kept):
        columns = {name: value[rows] for name, value in order.items()}
        report = check_demonstrations(X[rows], y[rows], **columns, transitions=transitions)
        findings = [{k: v for k, v in found.items() if k != "row"} for found in report.to_dict()["findings"]]
        reports.append((findings, report.summary, report.settings))
    assert reports[0] == reports[1]
    assert reports[0][0]


def test_sparse_rows_are_read():
    wide = sp.csr_array(np.column_stack([X + 0.5, ENDS]))
    assert check_demonstrations(**OF_ROWS | {"X": wide}).summary["states"] == 3
