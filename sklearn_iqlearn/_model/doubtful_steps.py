"""Steps and ids that lead from hardly any row to a next one.

A next row is one at ``step + 1``. Where steps count by tens or in seconds, or are dates written as numbers, rows
have none and count as cut off: the fit then knows no dynamics, and does not fail.
"""

import numpy as np

from sklearn_iqlearn._model.demonstrations import CUT_OFF, check_steps, sorted_rows
from sklearn_iqlearn._numerics.checks import plain

# Share of rows with a next one below which something is wrong, and rows that it takes: a split that keeps half of
# the rows at random leaves five without one in 3% of cases, and hardly ever 95% of more.
SHARE, LEAST = 0.05, 5


def doubt_steps(kept, following, trajectory, step):
    """What looks wrong in the order of rows.

    Parameters
    ----------
    kept : boolean ndarray of shape (n_rows,)
    following : integer ndarray of shape (kept.sum(),)
        As from ``follow_rows``.
    trajectory, step
        As in ``IQLearnClassifier.fit``.

    Returns
    -------
    doubts : list of str
        Sentences, none where nothing looks wrong.
    """
    if trajectory is None or not (following == CUT_OFF).any():
        return []
    rows, ids = np.flatnonzero(kept), np.asarray(trajectory)[kept]
    order, same, ahead = sorted_rows(trajectory, step, kept)
    if not same.any() and len(ids) >= LEAST and (following == CUT_OFF).all():
        return [
            f"trajectory has an id of its own for each of {len(ids)} rows, such as {plain(ids[0])} for row "
            f"{rows[0]}, so that no row has a next one. Pass the id of who or what decides, the same in its rows."
        ]
    cut = np.flatnonzero(same & (following[order[:-1]] == CUT_OFF))
    if step is None or not cut.size:
        return []
    times = check_steps(step, len(kept))[kept][order]
    mend = _as_date(times, same, ahead)
    if mend is None and same.sum() >= LEAST and cut.size > (1 - SHARE) * same.sum():
        unit = np.gcd.reduce(ahead[same])
        mend = (
            f"All steps of a trajectory differ by multiples of {unit}: divide them by {unit}."
            if unit > 1
            else "Number the decisions, as groupby(trajectory).cumcount() does where none is missing."
        )
    if mend is None:
        return []
    first = cut[order[cut].argmin()]
    return [
        f"step leaves {cut.size} of {same.sum()} rows that are not the last of their trajectory without a next "
        f"row, the one at step + 1: the first, row {rows[order[first]]}, is at step {times[first]} of trajectory "
        f"{plain(ids[order[first]])}, followed by step {times[first + 1]}. They count as cut off. {mend}"
    ]


def _as_date(times, same, ahead):
    """What to pass instead, where steps are dates written as numbers and some follow each other as dates only."""
    for decode, mend in DATES:
        number, valid = decode(times)
        if valid.all() and (same & (np.diff(number) == 1) & (ahead != 1)).any():
            return mend
    return None


def _year_month(times):
    year, month = np.divmod(times, 100)
    return year * 12 + month, _four_digits(year) & (month >= 1) & (month <= 12)


def _year_quarter(times):
    year, quarter = np.divmod(times, 10)
    return year * 4 + quarter, _four_digits(year) & (quarter >= 1) & (quarter <= 4)


def _year_month_day(times):
    month, day = np.divmod(times, 100)
    months, valid = _year_month(month)
    valid = valid & (day >= 1) & (day <= 31)
    since_1970 = np.where(valid, months - 1970 * 12 - 1, 0)
    return since_1970.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day, valid


def _four_digits(year):
    return (year >= 1000) & (year <= 9999)


DATES = (
    (_year_month, "Steps look like year * 100 + month: pass year * 12 + month."),
    (_year_quarter, "Steps look like year * 10 + quarter: pass year * 4 + quarter."),
    (
        _year_month_day,
        "Steps look like dates: pass the number of the day, pd.PeriodIndex(step.astype(str), "
        "freq='D').astype('int64') for a series.",
    ),
)
