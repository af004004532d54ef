"""
How many engines would be replaced at another price?
====================================================

The price of an engine never changes in the data of Rust (1987), so no regression of the decisions has an answer.
The costs behind the decisions have one (his figure 7): multiply the cost of replacement, solve for the policy
again, and count replacements in the long run. The bands are a bootstrap over whole buses.
"""

import time
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.preprocessing import renewal_transitions

# A dear engine runs past Rust's 90 bins of 5,000 miles, and in the last bin more miles cost nothing.
N_BINS = 200
PRICES = np.array([0.4, 0.5, 0.6, 0.75, 1.0, 1.25, 1.5, 2.0])
SHOWN = [0.5, 0.75, 1.0, 1.5, 2.0]
N_RESAMPLES = 100
OUTPUT = Path("output")


def fit(bus, transitions, discount):
    """Operating cost (0.001 a bin) and cost of replacement by maximum likelihood."""
    features = np.zeros((N_BINS, 2, 2))
    features[:, 0, 0] = -0.001 * np.arange(N_BINS)
    features[:, 1, 1] = -1.0
    model = IQLearnClassifier(transitions, discount=discount, q_type="structural", features=features)
    return model.fit(bus.data, bus.target)


def at_price(model, price):
    """Shares of mileage bins and actions in the long run, at a price relative to today's."""
    return rewards.occupancy(model.counterfactual(reward_coef=model.coef_ * [1, price]), long_run=True)


def demand(model):
    """Expected replacements per bus and year, at each price."""
    return np.array([12 * at_price(model, price)[:, 1].sum() for price in PRICES])


def report(model, demanded, last_seen):
    """A row for each price that is shown: demand, its interval, and the mileage that it leads to."""
    low, high = demanded.interval()
    rows = []
    for price in SHOWN:
        shares, k = at_price(model, price), np.flatnonzero(price == PRICES)[0]
        replaced_at = 5 * (shares[:, 1] @ np.arange(N_BINS)) / shares[:, 1].sum() + 2.5
        rows.append(
            (price, demanded.estimate[k], low[k], high[k], replaced_at, f"{shares[last_seen + 1 :].sum():.1%}")
        )
    names = ["price", "per bus and year", "2.5%", "97.5%", "at 1,000 miles", "months beyond the data"]
    return pd.DataFrame(rows, columns=names).set_index("price")


def picture(curves, table, today, path):
    """Demand against price."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.8), layout="constrained")
    for (label, demanded), color, style in zip(
        curves.items(), ["tab:blue", "tab:orange"], ["-", "--"], strict=True
    ):
        axes.fill_between(PRICES, *demanded.interval(), color=color, alpha=0.2, linewidth=0)
        axes.plot(PRICES, demanded.estimate, color=color, linestyle=style, label=label)
    axes.axhline(today, color="dimgray", linestyle=":", label="the decisions alone: no price in them")
    for price, row in table.iterrows():
        place = price, row["per bus and year"]
        axes.plot(*place, "o", color="tab:blue", markersize=5)
        down, side = (-20, "right") if price < 1 else (12, "center")
        text = f"{row['at 1,000 miles']:.0f}"
        axes.annotate(text, place, (0, down), textcoords="offset points", color="tab:blue", ha=side)
    axes.plot([], [], "o", color="tab:blue", markersize=5, label="thousand miles at which engines are replaced")
    axes.set(
        yscale="log",
        xlim=(0.37, 2.05),
        ylim=(0.04, 1.2),
        xlabel="price of a new engine (today's is 1)",
        ylabel="replacements per bus and year, in the long run",
        title="Demand for engines, Madison Metropolitan Bus Company",
    )
    axes.set_yticks([0.05, 0.1, 0.2, 0.5, 1], labels=["0.05", "0.1", "0.2", "0.5", "1"])
    axes.minorticks_off()
    axes.legend(loc="upper right", title="bands: 95%, bootstrap over buses")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    started = time.perf_counter()
    bus = load_rust_bus()
    increments = bus.frame.loc[bus.frame["increment"] >= 0, "increment"].to_numpy()
    transitions = renewal_transitions(increments, N_BINS)
    curves = {}
    for discount, label in (
        (0.9999, "discount 0.9999, the nested fixed point's costs"),
        (0.0, "discount 0, a logistic regression's costs"),
    ):
        model = fit(bus, transitions, discount)
        curves[label] = inference.bootstrap(
            model,
            demand,
            bus.data,
            bus.target,
            trajectory=bus.bus,
            n_resamples=N_RESAMPLES,
            n_jobs=2,
            random_state=0,
        )
        table = report(model, curves[label], last_seen=bus.data["mileage_bin"].max())
        likelihood = model.score(bus.data, bus.target) * len(bus.target)
        print(f"Discount {discount}: theta {model.coef_[0]:.3f}, RC {model.coef_[1]:.3f}, log-likelihood ", end="")
        print(f"{likelihood:.2f}.\n{table.to_string(float_format='{:.3f}'.format)}\n")
        if discount:
            forward, today = table, table.loc[1.0, "per bus and year"]
    picture(curves, forward, today, OUTPUT / "engine_price.png")
    print(f"Picture: {OUTPUT / 'engine_price.png'}. Time: {time.perf_counter() - started:.1f} s.")


if __name__ == "__main__":
    main()
