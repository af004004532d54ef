"""From decisions to a reward: ``python docs/pictures/idea.py docs/images/idea.png``.

The picture of docs/explanation/idea.md, drawn from the fit to Rust's buses.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.preprocessing import renewal_transitions

KEEP, REPLACE = "#0072B2", "#D55E00"  # told apart by the colour-blind too
MILES = 5 * np.arange(90)  # thousand miles of each bin
LAST = 78  # the highest bin that any bus reached


def fit():
    """The panel, and the costs behind it."""
    frame = load_rust_bus().frame
    increments = frame.loc[frame["increment"] >= 0, "increment"].to_numpy()
    features = np.zeros((90, 2, 2))
    features[:, 0, 0], features[:, 1, 1] = -0.001 * np.arange(90), -1.0
    model = IQLearnClassifier(
        renewal_transitions(increments, 90), discount=0.9999, q_type="structural", features=features
    )
    panel = frame[frame["period"] > 1]
    return panel, model.fit(panel[["mileage_bin"]], panel["replaced"])


def decisions(axes, panel):
    """Mileage of a few buses that were given a new engine."""
    for bus in panel.loc[panel["replaced"] == 1, "bus_id"].unique()[:5]:
        rows = panel[panel["bus_id"] == bus]
        axes.plot(rows["period"], rows["mileage_since_replacement"], color=KEEP, lw=1)
        new = rows[rows["replaced"] == 1]
        (mark,) = axes.plot(new["period"], new["mileage_since_replacement"], "v", color=REPLACE, ms=7)
    mark.set_label("replaced")
    axes.legend(frameon=False, loc="upper left")
    axes.set(xlabel="month", ylabel="miles on the engine, 1,000", title="1  Decisions\nare seen")


def policy(axes, panel, model):
    """How often engines are replaced, and the fitted probability."""
    groups = panel.groupby(panel["mileage_bin"] // 10)
    share = groups["replaced"].mean()
    count = groups.size()
    axes.scatter(5 * (10 * share.index + 5), 100 * share, s=6 * np.sqrt(count), color="0.5", label="seen")
    axes.plot(MILES[:LAST], 100 * model.policy_[:LAST, 1], color=REPLACE, label="policy")
    axes.set(ylabel="replaced, % of months", title="2  A policy\nmakes them likely")
    axes.legend(frameon=False, loc="upper left")


def values(axes, model):
    """What each decision is worth, the future included."""
    for action, (colour, name) in enumerate(((KEEP, "keep"), (REPLACE, "replace"))):
        q = model.q_table_[:LAST, action] - model.value_[0]
        axes.plot(MILES[:LAST], q, color=colour, label=name)
    axes.set(ylabel="Q (value of a new engine: 0)", title="3  Values Q explain it:\nnow and ever after")
    axes.legend(frameon=False)


def reward(axes, model):
    """What each decision pays at once."""
    for action, (colour, name) in enumerate(((KEEP, "keep"), (REPLACE, "replace"))):
        axes.plot(MILES[:LAST], model.reward_[:LAST, action], color=colour, label=name)
    axes.set(ylabel="reward r", title="4  The reward is Q\nless what comes later")
    axes.legend(frameon=False, loc="center left")


def main():
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", help="where to write the picture")
    panel, model = fit()
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
    decisions(axes[0], panel)
    policy(axes[1], panel, model)
    values(axes[2], model)
    reward(axes[3], model)
    for each in axes[1:]:
        each.set_xlabel("miles on the engine, 1,000")
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    figure.savefig(parser.parse_args().path, dpi=120)


if __name__ == "__main__":
    main()
