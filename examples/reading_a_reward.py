"""
Reading a reward
================

What did a new engine, and an old one, cost Harold Zurcher (Rust 1987)? Both costs by maximum likelihood, beside
the published ones; five kinds of standard error, and whether their differences mean anything; what is free of
units; and how to read the reward behind a free table of Q.
"""

import time

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.datasets import load_rust_bus, make_bus_engine
from sklearn_iqlearn.preprocessing import renewal_transitions

N_BINS = 90
FEATURES = np.zeros((N_BINS, 2, 2))
FEATURES[:, 0, 0] = -0.001 * np.arange(N_BINS)  # keeping costs 0.001 theta for each bin
FEATURES[:, 1, 1] = -1.0  # replacing costs RC
NAMES = ["theta", "RC"]
KINDS = ["observed", "opg", "sandwich", "clustered"]
# Rust (1987), table IX, discount 0.9999: theta, RC, their standard errors, log-likelihood.
PUBLISHED = {
    "group 4": ([4], [2.2930, 10.0750], [0.639, 1.582], -163.584),
    "groups 1-4": ([1, 2, 3, 4], [2.6275, 9.7558], [0.618, 1.227], -300.250),
}


def two_steps(frame):
    """Transitions from the increments of mileage, then the costs from the decisions: the fit, and its rows."""
    increments = frame.loc[frame["increment"] >= 0, "increment"].to_numpy()
    rows = frame[frame["period"] > 1]  # the first month of a bus only opens its record
    X, y = rows[["mileage_bin"]], rows["replaced"]
    settings = {"discount": 0.9999, "q_type": "structural", "features": FEATURES}
    return IQLearnClassifier(renewal_transitions(increments, N_BINS), **settings).fit(X, y), X, y, rows["bus_id"]


def standard_errors(model, X, y, trajectory):
    """One row for each kind."""
    spreads = [inference.covariance(model, X, y, kind=kind, trajectory=trajectory) for kind in KINDS]
    return pd.DataFrame([np.sqrt(np.diag(spread)) for spread in spreads], index=KINDS, columns=NAMES)


def simulated(model, months, seed):
    """Standard errors in data of the same size that the fitted model itself has made."""
    frame = model.sample(len(months), months.max(), random_state=seed)
    frame = frame[frame["step"].to_numpy() < months[frame["trajectory"]]]
    X, y = frame[["mileage_bin"]], frame["action"]
    return standard_errors(clone(model).fit(X, y), X, y, frame["trajectory"])


def resampled(frame, model, seed):
    """Costs from buses drawn with replacement: with transitions estimated again, less with the known ones."""
    buses = dict(list(frame.groupby("bus_id")))
    drawn = np.random.RandomState(seed).choice(list(buses), size=len(buses))
    again, X, y, _ = two_steps(pd.concat([buses[bus] for bus in drawn], ignore_index=True))
    return again.coef_ - clone(model).fit(X, y).coef_


def compare(name, frame):
    """Estimates and standard errors of one sample, beside the published ones."""
    _, coef, spread, log_likelihood = PUBLISHED[name]
    model, X, y, bus = two_steps(frame)
    print(f"\n{name}: {bus.nunique()} buses, {len(y):,} months, {y.sum()} replacements\n")
    print(inference.summary(model, X, y, trajectory=bus, feature_names=NAMES))
    print(
        f"Rust (1987): theta {coef[0]:.4f} ({spread[0]:.3f}), RC {coef[1]:.4f} ({spread[1]:.3f}), "
        f"log-likelihood {log_likelihood:.3f}\n"
    )
    table = standard_errors(model, X, y, bus)
    asked = {"coef": "coef_", "ratio": lambda fit: fit.coef_[1] / (0.001 * fit.coef_[0])}
    boot = inference.bootstrap(model, asked, X, y, trajectory=bus, n_resamples=200, n_jobs=2, random_state=0)
    table.loc["bootstrap"] = boot["coef"].standard_error
    print(table.rename_axis("standard error").to_string(float_format="{:.3f}".format))
    jobs = Parallel(n_jobs=2)
    moved = np.std(jobs(delayed(resampled)(frame, model, seed) for seed in range(20)), axis=0)
    print(f"Transitions estimated again in 20 resamples: theta moves by {moved[0]:.3f}, RC by {moved[1]:.3f}.\n")
    months = bus.value_counts().to_numpy()
    tables = jobs(delayed(simulated)(model, months, seed) for seed in range(60))
    print("Ratios for RC, and their 5% to 95% in 60 samples that the fitted model has made:")
    for above, below in (("opg", "observed"), ("sandwich", "observed"), ("clustered", "sandwich")):
        low, high = np.quantile([one.loc[above, "RC"] / one.loc[below, "RC"] for one in tables], [0.05, 0.95])
        here = table.loc[above, "RC"] / table.loc[below, "RC"]
        print(f"  {above + ' / ' + below:<22}{here:.2f}   ({low:.2f} to {high:.2f})")
    ratio, (low, high) = boot["ratio"].estimate, boot["ratio"].interval()
    print(f"Free of units: RC / (0.001 theta) = {ratio:,.0f} bin-months ({low:,.0f} to {high:,.0f}).")


def groups_apart(frame):
    """Whether group 4 has the costs of the others: a likelihood ratio test, the transitions being common."""
    pooled, X, y, _ = two_steps(frame)
    fourth = frame["group"].loc[y.index] == 4
    first, last = (clone(pooled).fit(X[part], y[part]) for part in (~fourth, fourth))
    apart = y[~fourth].size * first.score(X[~fourth], y[~fourth]) + fourth.sum() * last.score(X[fourth], y[fourth])
    texts = [f"theta {fit.coef_[0]:.2f}, RC {fit.coef_[1]:.2f}" for fit in (first, last)]
    print(f"\nGroups 1-3: {texts[0]}; group 4: {texts[1]}. ", end="")
    print(f"Likelihood ratio: {2 * (apart - y.size * pooled.score(X, y)):.2f}.")


def show_projection(table):
    """Coefficients by the likelihood; by least squares on ``reward_`` modulo shaping; and without shaping."""
    found = rewards.project(table)
    least, direct = (
        rewards.project(table, **how).coef for how in ({"method": "least-squares"}, {"shaping": False})
    )
    print(
        f"alpha {table.alpha}: {found.coef.round(4)}, explained {found.explained:.3f}, misfit {found.misfit:.1f};",
        end=" ",
    )
    print(f"least squares {least.round(4)}, without shaping {direct.round(4)}")


def table_of_q():
    """The coefficients behind a tabular fit, by the likelihood and by least squares."""
    frame = load_rust_bus().frame.query("group == 4")
    known, X, y, _ = two_steps(frame)
    print("\nCoefficients behind a table of Q, group 4; maximum likelihood gives", *known.coef_.round(4))
    for alpha in (1, 10, 1000):
        show_projection(clone(known).set_params(q_type="tabular", alpha=alpha).fit(X, y))
    bus = make_bus_engine(random_state=0)
    settings = {"discount": bus.discount, "features": bus.features, "q_type": "tabular", "alpha": 1000}
    model = IQLearnClassifier(bus.transitions, **settings).fit(bus.data, bus.target)
    boot = {"trajectory": bus.trajectory, "n_resamples": 50, "n_jobs": 2, "random_state": 0}
    spread = inference.bootstrap(model, "reward_coef_", bus.data, bus.target, **boot)
    print("\nreward_coef_ of a table of Q; simulated engines, the truth is", *bus.coef, end="\n\n")
    print(inference.summary(model, bus.data, bus.target, covariance=spread, feature_names=bus.feature_names))
    show_projection(model)


def main():
    started = time.perf_counter()
    frame = load_rust_bus().frame
    for name, (groups, *_) in PUBLISHED.items():
        compare(name, frame[frame["group"].isin(groups)])
    groups_apart(frame)
    table_of_q()
    print(f"\nTime: {time.perf_counter() - started:.1f} s.")


if __name__ == "__main__":
    main()
