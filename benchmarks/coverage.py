"""Do intervals cover the truth? ``python benchmarks/coverage.py`` (``--quick`` for small sizes).

In simulated bus engines the coefficients and the policy are known. First, estimates of the coefficients:
structural maximum likelihood, with each of its 95% intervals; pseudo-likelihood from a tabular policy
(``reward_coef_``); least squares on the tabular reward; direct regression on it, which shaping spoils. Then
bootstrap intervals of the tabular policy in three states that are often visited.
"""

import argparse
import time

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.datasets import make_bus_engine

ALPHA = 1000  # of the tabular fits
STATES = [1, 5, 10]
COVARIANCES = ["observed", "opg", "sandwich", "clustered"]
INTERVALS = ["percentile", "normal"]
REACH = 1.959964  # standard errors to either side of 95%


def classifier(bus, **parameters):
    return IQLearnClassifier(bus.transitions, discount=bus.discount, features=bus.features, **parameters)


def estimate_coefficients(seed, size):
    """Estimates from one data set, and whether the intervals of the structural ones cover the truth."""
    bus = make_bus_engine(*size, random_state=seed)
    structural = classifier(bus, q_type="structural").fit(bus.data, bus.target)
    tabular = classifier(bus, q_type="tabular", alpha=ALPHA).fit(bus.data, bus.target)
    found = {"estimate": structural.coef_}
    for kind in COVARIANCES:
        spread = inference.covariance(structural, bus.data, bus.target, kind=kind, trajectory=bus.trajectory)
        error = np.sqrt(np.diag(spread))
        found.setdefault("standard error", error)  # the first kind's
        found[kind] = (np.abs(structural.coef_ - bus.coef) <= REACH * error).astype(float)
    least = rewards.project(tabular, bus.features, method="least-squares").coef
    direct = rewards.project(tabular, bus.features, shaping=False).coef
    estimates = {
        "structural": found,
        "pseudo-likelihood": {"estimate": tabular.reward_coef_},
        "least squares": {"estimate": least},
        "direct regression": {"estimate": direct},
    }
    rows = {name: pd.DataFrame({"truth": bus.coef} | columns) for name, columns in estimates.items()}
    rows = pd.concat(rows, names=["estimator", "coefficient"])
    return rows.rename(dict(enumerate(bus.feature_names)), level="coefficient")


def bootstrap_policy(seed, size, n_resamples):
    """The probability of a replacement in one data set, and whether its bootstrap intervals cover it."""
    bus = make_bus_engine(*size, random_state=seed)
    model = IQLearnClassifier(bus.transitions, discount=bus.discount, alpha=ALPHA).fit(bus.data, bus.target)
    resampled = inference.bootstrap(
        model,
        lambda fitted: fitted.policy_[STATES, 1],
        bus.data,
        bus.target,
        trajectory=bus.trajectory,
        n_resamples=n_resamples,
        n_jobs=1,
        random_state=seed,
    )
    truth = bus.policy[STATES, 1]
    columns = {
        "truth": truth,
        "estimate": resampled.estimate,
        "visits": model.counts_[STATES].sum(axis=1),
        "standard error": resampled.standard_error,
    }
    for kind in INTERVALS:
        low, high = resampled.interval(kind=kind)
        columns[kind] = ((low <= truth) & (truth <= high)).astype(float)
    return pd.DataFrame(columns, index=pd.Index(STATES, name="state"))


def in_all(function, seeds, *arguments):
    """The rows of all seeds, in two processes of one BLAS thread each; and the seconds."""
    started = time.perf_counter()
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        found = Parallel()(delayed(function)(seed, *arguments) for seed in range(seeds))
    return pd.concat(found), time.perf_counter() - started


def summarise(rows):
    """Means over the data sets."""
    groups = rows.groupby(level=list(range(rows.index.nlevels)), sort=False)
    table = groups.mean().rename(columns={"estimate": "mean"})
    table.insert(2, "sd", groups["estimate"].std())
    bias = (table["mean"] - table["truth"]) / (table["sd"] / np.sqrt(groups.size()))
    table.insert(3, "bias / MC s.e.", bias)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--seeds", type=int, default=50, help="data sets of the estimators (default 50)")
    parser.add_argument("--datasets", type=int, default=200, help="data sets of the bootstrap (default 200)")
    parser.add_argument("--resamples", type=int, default=200, help="resamples of each (default 200)")
    parser.add_argument("--buses", type=int, default=500, help="of 100 months each (default 500)")
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.datasets, args.resamples, args.buses = 4, 4, 20, 100
    size = (args.buses, 100)
    show = {"float_format": "{:.4g}".format, "na_rep": ""}

    rows, seconds = in_all(estimate_coefficients, args.seeds, size)
    print(f"Coefficients, {args.seeds} data sets of {size[0]} x {size[1]} decisions, in {seconds:.0f} s.")
    table = summarise(rows).swaplevel().sort_index(level=0, sort_remaining=False)
    print(table.to_string(**show))

    rows, seconds = in_all(bootstrap_policy, args.datasets, size, args.resamples)
    noise = 100 * np.sqrt(0.95 * 0.05 / args.datasets)
    print(f"\nProbability of replacement, {args.datasets} data sets, {args.resamples} resamples, {seconds:.0f} s.")
    print(f"A coverage of 95% is seen with a standard error of {noise:.1f} points.")
    print(summarise(rows).to_string(**show))


if __name__ == "__main__":
    main()
