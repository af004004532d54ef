"""The bus engine panel of Rust (1987)."""

from importlib.resources import files

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from sklearn_iqlearn._numerics.checks import check_bool

BIN_MILES = 5_000


def load_rust_bus(*, opening_month=False):
    """Load the bus engine replacement panel of Rust (1987).

    Every month Harold Zurcher, superintendent of maintenance at the Madison Metropolitan Bus Company,
    decided for each bus whether to replace its engine. The panel follows 104 buses of four models
    (groups 1 to 4) from 1974 to 1985: 8,260 monthly records with 60 replacements.

    Parameters
    ----------
    opening_month : bool, default=False
        Whether ``data``, ``target``, ``bus`` and ``period`` keep the first month of each bus. As in Rust
        (1987) that month only opens the record: without it 8,156 decisions are left.

    Returns
    -------
    data : sklearn.utils.Bunch
        A dictionary with these entries, also as attributes.

        frame : DataFrame of shape (8260, 8)
            All records: ``bus_id`` (1 to 104), ``period`` (month, from 1), ``mileage`` (odometer in 1,000
            miles), ``mileage_bin`` (5,000-mile bin of the miles since the last replacement, 0 to 77),
            ``replaced`` (0 or 1), ``group`` (1 to 4), ``mileage_since_replacement`` (1,000 miles) and
            ``increment`` (bins entered since the month before; after a replacement the first bin counts as
            entered, as in Rust's own counts; -1 in the first month of a bus, where it is unknown).
        data : DataFrame of shape (8156, 1)
            The state: ``mileage_bin`` of each decision.
        target : Series of shape (8156,)
            The decision: 1 where the engine was replaced.
        bus, period : Series of shape (8156,)
            Bus and month of each decision, to pass as ``trajectory`` and ``step``.
        feature_names, target_names : list of str
            Name of the state, and of the two actions.
        DESCR : str
            This text.

    Notes
    -----
    The figures are those of Rust's own data files (groups 1 to 4: model years 1983, 1981, 1979 and 1975):
    the odometer at the end of each month and at each replacement. An engine is replaced within a month; the
    decision belongs to the last month that ends with less on the odometer than at the replacement, and from
    the next month on mileage counts from there. With 90 bins, Rust's likelihood on these columns gives his
    table IX: at discount 0.9999 costs of 2.6276 and 9.7558 for all groups, log-likelihood -300.250.

    References
    ----------
    Rust (1987). Optimal replacement of GMC bus engines: an empirical model of Harold Zurcher.
    Econometrica 55(5), 999-1033.

    Examples
    --------
    >>> from sklearn_iqlearn.datasets import load_rust_bus
    >>> bus = load_rust_bus()
    >>> bus.data.shape, int(bus.target.sum()), bus.bus.nunique()
    ((8156, 1), 60, 104)
    """
    check_bool("opening_month", opening_month)
    text = (files("sklearn_iqlearn.datasets") / "data" / "rust_bus.txt").read_text(encoding="ascii")
    frame = pd.concat([_bus(i, line) for i, line in enumerate(text.splitlines(), 1)], ignore_index=True)
    decisions = frame if opening_month else frame[frame["period"] > 1]
    return Bunch(
        frame=frame,
        data=decisions[["mileage_bin"]],
        target=decisions["replaced"],
        bus=decisions["bus_id"],
        period=decisions["period"],
        feature_names=["mileage_bin"],
        target_names=["keep", "replace"],
        DESCR=load_rust_bus.__doc__,
    )


def _bus(bus_id, line):
    """One bus from its line: its group, the odometer at each replacement or "-", and the miles of each month."""
    group, replacements, *miles = line.split()
    odometer = np.cumsum([int(month) for month in miles])
    at_replacement = np.array([0] + [int(reading) for reading in replacements.split(",") if reading != "-"])
    engine = np.searchsorted(at_replacement, odometer, side="right") - 1
    since = odometer - at_replacement[engine]
    mileage_bin = since // BIN_MILES
    replaced = np.diff(engine, append=engine[-1])
    start = np.where(replaced[:-1] == 1, -1, mileage_bin[:-1])
    return pd.DataFrame(
        {
            "bus_id": bus_id,
            "period": np.arange(1, len(miles) + 1),
            "mileage": odometer / 1000,
            "mileage_bin": mileage_bin,
            "replaced": replaced,
            "group": int(group),
            "mileage_since_replacement": since / 1000,
            "increment": np.concatenate([[-1], mileage_bin[1:] - start]),
        }
    )
