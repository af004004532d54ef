"""
From a data base to a policy
============================

A million rows lie in a Parquet file: buses, months, an odometer, and whether the engine was replaced. DuckDB
cuts mileage into bins and counts how often each bin, decision and next bin occur. Some hundred rows come back,
and the fit to them is the fit to the million: no row of the table is ever in memory.

It needs ``pip install duckdb pyarrow``. The rows are simulated.
"""

import tempfile
from pathlib import Path

import duckdb
import matplotlib.pyplot as plt
import numpy as np

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import make_bus_engine
from sklearn_iqlearn.displays import PolicyDisplay
from sklearn_iqlearn.preprocessing import count_decisions, estimate_transitions

# %%
# The file
# --------
# 2,000 buses and 500 months, written as a ledger would have them: miles in place of bins, ``yes`` and ``no``.

DISCOUNT = 0.98
buses = make_bus_engine(
    2000, 500, n_bins=40, operating_cost=0.05, replacement_cost=5.0, discount=DISCOUNT, random_state=0
)
folder = tempfile.TemporaryDirectory()
ledger = Path(folder.name) / "ledger.parquet"
frame = buses.frame
duckdb.sql(
    "SELECT trajectory AS bus, step AS month, 5000 * state + (bus * 37 + month * 911) % 5000 AS miles, "
    "CASE action WHEN 1 THEN 'yes' ELSE 'no' END AS replaced FROM frame ORDER BY month, bus"
).write_parquet(str(ledger))
print(f"{len(frame):,} rows, {ledger.stat().st_size / 1e6:.1f} MB")

# %%
# Counting
# --------
# Bins of 5,000 miles are made in SQL; what follows a row is the row of the same bus a month later.

rows = duckdb.sql(f"SELECT bus, month, floor(miles / 5000)::INT AS bin, replaced FROM '{ledger}'")
counts = count_decisions(rows, state="bin", action="replaced", trajectory="bus", step="month")
print(f"{len(counts)} counts, of {counts['n'].sum():,} decisions")
print(counts.head(4).to_string(index=False))

# %%
# From counts to the policy
# -------------------------
# The transitions are shares of counts, and the decisions have their numbers as weights. Rows without a next bin
# are last months: decisions, which tell nothing of moves.

n_bins = int(counts["bin"].max()) + 1
known = counts[counts["next_bin"].notna()]
moves = estimate_transitions(
    known["bin"],
    known["replaced"],
    next_state=known["next_bin"],
    sample_weight=known["n"],
    n_states=n_bins,
    unseen="prior",
)
costs = np.zeros((n_bins, 2, 2))
costs[:, 0, 0] = -np.arange(n_bins)
costs[:, 1, 1] = -1.0
model = IQLearnClassifier(moves.transitions, discount=DISCOUNT, q_type="structural", features=costs)
X, y, n = counts[["bin"]], counts["replaced"], counts["n"]
model.fit(X, y, sample_weight=n)
print(f"Cost of a bin {model.coef_[0]:.4f}, of an engine {model.coef_[1]:.3f}; in truth 0.05 and 5")

# %%
# A table of Q needs no form of the costs, and agrees where rows are many. In the last bins, few buses of a
# million months ever were; there the form helps.

table = IQLearnClassifier(moves.transitions, discount=DISCOUNT, alpha=1000).fit(X, y, sample_weight=n)
figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
PolicyDisplay.from_estimator(model, X, y, sample_weight=n, action="yes", name="structural fit to the counts").plot(
    axes
)
PolicyDisplay.from_estimator(table, action="yes", name="table of Q").plot(axes)
axes.plot(buses.policy[:n_bins, 1], "k:", label="truth")
axes.set(xlabel="mileage bin (5,000 miles)", ylabel="probability of a replacement in a month")
axes.set_title("A million rows, fitted from their counts")
axes.legend()
folder.cleanup()
plt.show()
