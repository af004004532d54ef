"""Steps and ids that lead to no next row are told, with what to pass; times of every type are refused alike."""

import datetime
import re

import numpy as np
import pandas as pd
import pytest

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.exceptions import DataWarning

N, LENGTH = 15, 30
IDS, STEP = np.repeat(np.arange(N), LENGTH), np.tile(np.arange(LENGTH), N)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N * LENGTH, 1)).round(1), RNG.integers(0, 2, size=N * LENGTH)
DAYS = pd.date_range("2019-12-20", periods=LENGTH)


def fit(rows=slice(None), **order):
    model = IQLearnClassifier(discount=0.9)
    return model.fit(X[rows], Y[rows], **{name: values[rows] for name, values in order.items()})


MISTAKES = {
    "by tens": (10 * STEP, N * (LENGTH - 1), "0 of trajectory 0, followed by step 10", "divide them by 10"),
    "seconds": (
        60 * STEP + np.tile([0, 7, 2, 9, 4], N * LENGTH // 5),
        N * (LENGTH - 1),
        "0 of trajectory 0, followed by step 67",
        "Number the decisions",
    ),
    "months": (
        (2000 + STEP // 12) * 100 + STEP % 12 + 1,
        2 * N,
        "200012 of trajectory 0, followed by step 200101",
        "pass year * 12 + month",
    ),
    "quarters": (
        (2000 + STEP // 4) * 10 + STEP % 4 + 1,
        7 * N,
        "20004 of trajectory 0, followed by step 20011",
        "pass year * 4 + quarter",
    ),
    "days": (
        (DAYS.year * 10_000 + DAYS.month * 100 + DAYS.day).to_numpy()[STEP],
        N,
        "20191231 of trajectory 0, followed by step 20200101",
        "pd.PeriodIndex(step.astype(str), freq='D')",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_steps_that_lead_nowhere(name):
    step, lost, example, mend = MISTAKES[name]
    message = f"step leaves {lost} of {N * (LENGTH - 1)} rows .* at step {re.escape(example)}.*{re.escape(mend)}"
    with pytest.warns(DataWarning, match=message):
        fit(trajectory=IDS, step=step)


def test_the_mends_mend():
    """What the warnings tell to pass is the order of the rows."""
    year_month, year_quarter = MISTAKES["months"][0], MISTAKES["quarters"][0]
    days = pd.Series(MISTAKES["days"][0])
    right = fit(trajectory=IDS, step=STEP).q_table_
    for step in (
        MISTAKES["by tens"][0] // 10,
        year_month // 100 * 12 + year_month % 100,
        year_quarter // 10 * 4 + year_quarter % 10,
        pd.PeriodIndex(days.astype(str), freq="D").astype("int64"),
        pd.DataFrame({"id": IDS}).groupby("id").cumcount(),
    ):
        np.testing.assert_array_equal(fit(trajectory=IDS, step=np.asarray(step)).q_table_, right)


@pytest.mark.parametrize("ids", [np.arange(N * LENGTH), np.arange(N * LENGTH).astype(str).astype(object)])
def test_an_id_for_each_row(ids):
    with pytest.warns(
        DataWarning, match=f"own for each of {N * LENGTH} rows, such as {re.escape(repr(ids.tolist()[0]))}"
    ):
        fit(trajectory=ids)
    fit(trajectory=ids, terminal=np.ones(N * LENGTH, dtype=bool))  # episodes of one step


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
def test_rows_left_out_are_no_mistake(share):
    kept = np.random.default_rng(1).uniform(size=len(X)) < share
    fit(kept, trajectory=IDS, step=STEP)
    fit(kept, trajectory=IDS, step=MISTAKES["months"][0] // 100 * 12 + MISTAKES["months"][0] % 100)
    model = IQLearnClassifier(discount=0.9)
    model.fit(X, Y, sample_weight=1.0 * kept, trajectory=IDS, step=STEP)


MONTHS = pd.Series(pd.period_range("2000-01", periods=LENGTH, freq="M"))
TIMES = {
    "periods": MONTHS,
    "months": MONTHS.dt.to_timestamp().to_numpy().astype("datetime64[M]"),
    "nanoseconds": MONTHS.dt.to_timestamp().to_numpy().astype("datetime64[ns]"),
    "days": MONTHS.dt.to_timestamp().to_numpy().astype("datetime64[D]"),
    "timestamps": MONTHS.dt.to_timestamp(),
    "time zone": MONTHS.dt.to_timestamp().dt.tz_localize("Europe/Paris"),
    "index": pd.DatetimeIndex(MONTHS.dt.to_timestamp()),
    "objects": MONTHS.dt.to_timestamp().astype(object),
    "datetimes": np.array([datetime.datetime(2000 + t // 12, t % 12 + 1, 1) for t in range(LENGTH)]),
    "dates": np.array([datetime.date(2000 + t // 12, t % 12 + 1, 1) for t in range(LENGTH)]),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_are_refused_and_the_text_says_how_to_number_them(name):
    times = TIMES[name][STEP] if isinstance(TIMES[name], np.ndarray | pd.Index) else TIMES[name].iloc[STEP]
    message = "step must be integers, got the time .* pd.PeriodIndex(step, freq='M').astype('int64') does with"
    with pytest.raises(ValueError, match=re.escape(message).replace(r"\.\*", ".*").replace(r"\ ", " ")):
        fit(trajectory=IDS, step=times)
    numbers = pd.PeriodIndex(times, freq="M").astype("int64")
    assert np.diff(numbers[:LENGTH]).tolist() == [1] * (LENGTH - 1)


@pytest.mark.parametrize(
    "durations", [STEP.astype("timedelta64[D]"), pd.to_timedelta(STEP, unit="D").astype(object)]
)
def test_durations_are_refused(durations):
    with pytest.raises(ValueError, match="step must be integers, got the time"):
        fit(trajectory=IDS, step=durations)
