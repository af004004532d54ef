"""
When does Harold Zurcher replace a bus engine?
==============================================

Ten years of monthly decisions on 104 buses (Rust 1987): keep the engine, or replace it. This example first gets
what Rust got, the costs of his table IX, and nearly the same without being told how buses age. It then learns the
replacement policy in other forms, and compares held-out likelihoods of whole buses with those of models that know
nothing of the future.
"""

import time
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.preprocessing import estimate_transitions, renewal_transitions

N_BINS = 90
DISCOUNT = 0.9999
OUTPUT = Path("output")
COLUMNS = ["mileage", "(s.e.)", "replacement", "(s.e.)", "log-likelihood"]
FORMATS = ["{:.4f}".format, "({:.3f})".format] * 2 + ["{:.3f}".format]


def held_out(model, bus, folds):
    """Mean held-out log-likelihood per decision, over folds of whole buses."""
    return cross_val_score(
        model, bus.data, bus.target, groups=bus.bus, cv=folds, scoring="neg_log_loss", n_jobs=1
    ).mean()


def transitions_of(frame):
    """The law of motion: mileage bins that grow by the observed increments, or start anew."""
    return renewal_transitions(frame.loc[frame["increment"] >= 0, "increment"].to_numpy(), N_BINS)


def structural(transitions):
    """Maximum likelihood of a mileage cost, 0.001 a bin as its unit, and a replacement cost."""
    features = np.zeros((N_BINS, 2, 2))
    features[:, 0, 0] = -0.001 * np.arange(N_BINS)
    features[:, 1, 1] = -1.0
    return IQLearnClassifier(transitions, discount=DISCOUNT, q_type="structural", features=features, alpha=np.inf)


def table_nine(bus):
    """Rust's table IX: costs by maximum likelihood, with standard errors by outer products, of groups of buses."""
    rows = {}
    for groups in ((4,), (1, 2, 3), (1, 2, 3, 4)):
        frame = bus.frame[bus.frame["group"].isin(groups)]
        decisions = frame[frame["period"] > 1]
        X, y = decisions[["mileage_bin"]], decisions["replaced"]
        model = structural(transitions_of(frame)).fit(X, y)
        errors = np.sqrt(np.diag(inference.covariance(model, X, y, kind="opg")))
        cells = [cell for pair in zip(model.coef_, errors, strict=True) for cell in pair]
        rows[", ".join(map(str, groups))] = [*cells, len(y) * model.score(X, y)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)


def costs_by_mileage(X):
    """The same features of rows: miles since the last replacement in thousands, 5 of them a bin."""
    features = np.zeros((len(X), 2, 2))
    features[:, 0, 0] = -0.001 * X["mileage_since_replacement"] / 5
    features[:, 1, 1] = -1.0
    return features


def without_transitions(bus):
    """The costs from mileage as it is, the transitions being unknown: standard errors clustered by bus."""
    rows = {}
    for groups in ((4,), (1, 2, 3), (1, 2, 3, 4)):
        decisions = bus.frame[bus.frame["group"].isin(groups) & (bus.frame["period"] > 1)]
        X, y = decisions[["mileage_since_replacement"]], decisions["replaced"]
        ids = {"trajectory": decisions["bus_id"], "step": decisions["period"]}
        model = IQLearnClassifier(q_type="structural", features=costs_by_mileage, discount=DISCOUNT)
        model.fit(X, y, **ids)
        names = ["mileage", "replacement"]
        errors = np.sqrt(np.diag(inference.covariance(model, X, y, feature_names=names, **ids)))
        cells = [cell for pair in zip(model.coef_, errors, strict=True) for cell in pair]
        rows[", ".join(map(str, groups))] = [*cells, len(y) * model.score(X, y)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)


def laws_of_motion(bus, law):
    """The costs by what is assumed of moves: increments that all bins share, or a kernel of each bin and action.

    60 replacements leave most bins without one, so that something must stand in there: the law, which may also
    count as visits to each pair, or the moves of the bin whatever the action.
    """
    moves = {"trajectory": bus.frame["bus_id"], "step": bus.frame["period"], "n_states": N_BINS, "unseen": "prior"}
    priors = {
        "own kernels, the law as 100 visits to each": (100, law),
        "own kernels, the law as 10 visits to each": (10, law),
        "own kernels, the law where no row is": (0, law),
        "own kernels, the bin's moves where no row is": 0,
    }
    kernels = {"increments shared by all bins, the law": law} | {
        name: estimate_transitions(
            bus.frame["mileage_bin"], bus.frame["replaced"], prior=prior, **moves
        ).transitions
        for name, prior in priors.items()
    }
    rows = {}
    for name, kernel in kernels.items():
        model = structural(kernel).fit(bus.data, bus.target)
        rows[name] = [*model.coef_, len(bus.target) * model.score(bus.data, bus.target)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mileage", "replacement", "log-likelihood"])


def compare(bus, transitions, folds):
    """Search the penalty; return the search and the table of models."""
    search = GridSearchCV(
        IQLearnClassifier(transitions, discount=DISCOUNT),
        {"alpha": [0.3, 1, 3, 10], "divergence": ["chi2", "hellinger", "js", "kl", "tv"]},
        cv=folds,
    ).fit(bus.data, bus.target, groups=bus.bus)
    default = IQLearnClassifier(transitions, discount=DISCOUNT)
    bins = np.arange(N_BINS)[:, None] / N_BINS
    linear = clone(default).set_params(features=np.hstack([bins, bins**2]), alpha=100.0)
    logistic = make_pipeline(StandardScaler(), LogisticRegression(C=100.0))
    quadratic = make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), logistic[-1])
    settings = ", ".join(f"{name}={value}" for name, value in search.best_params_.items())
    rows = {
        "IQ-Learn, structural: costs of mileage and replacement": held_out(structural(transitions), bus, folds),
        f"IQ-Learn, best of the grid ({settings})": search.best_score_,
        "IQ-Learn, defaults (alpha=1, divergence=chi2)": held_out(default, bus, folds),
        "IQ-Learn, no future (discount=0)": held_out(clone(default).set_params(discount=0.0), bus, folds),
        "IQ-Learn, Q linear in mileage and its square": held_out(linear, bus, folds),
        "Logistic regression on mileage": held_out(logistic, bus, folds),
        "Logistic regression on mileage and its square": held_out(quadratic, bus, folds),
        "Action frequencies": held_out(DummyClassifier(strategy="prior"), bus, folds),
    }
    table = pd.DataFrame({"held-out log-likelihood per decision": rows}).rename_axis("model")
    return search, table.round(4).sort_values(table.columns[0], ascending=False, kind="stable")


def band(costs, covariance, n_draws=200, seed=0):
    """95% band of the probability of replacement: the policies of costs drawn around the estimate."""
    draws = np.random.default_rng(seed).multivariate_normal(costs.coef_, covariance, size=n_draws)
    policies = [costs.counterfactual(reward_coef=draw).policy_[:, 1] for draw in draws]
    return np.quantile(policies, [0.025, 0.975], axis=0)


def picture(table, costs, covariance, bus, path):
    """Replacement probability against mileage, beside what was observed."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    replaced = bus.target.groupby(bus.data["mileage_bin"].to_numpy()).agg(["mean", "size"])
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    shown = axes.scatter(
        5 * replaced.index + 2.5,
        replaced["mean"],
        s=replaced["size"],
        alpha=0.4,
        color="tab:gray",
        label="observed frequency (area: decisions)",
    )
    miles = 5 * np.arange(N_BINS) + 2.5
    axes.plot(miles, costs.policy_[:, 1], color="tab:orange", label="IQ-Learn, structural, with 95% band")
    axes.fill_between(miles, *band(costs, covariance), color="tab:orange", alpha=0.25, linewidth=0)
    axes.plot(miles, table.policy_[:, 1], color="tab:blue", label="IQ-Learn, a free table")
    axes.add_artist(
        axes.legend(
            *shown.legend_elements("sizes", num=4, alpha=0.4, color="tab:gray"),
            title="decisions",
            loc="center left",
        )
    )
    last = 5 * (replaced.index.max() + 1)
    axes.axvspan(last, 5 * N_BINS, color="tab:gray", alpha=0.15, linewidth=0)
    axes.text((last + 5 * N_BINS) / 2, 0.02, "no decisions", ha="center", color="dimgray")
    axes.set(
        xlabel="miles since the last replacement (thousands)",
        ylabel="probability of replacement in a month",
        xlim=(0, 5 * N_BINS),
        ylim=(-0.01, None),
        title="Engine replacement, Madison Metropolitan Bus Company",
    )
    axes.legend(loc="upper left")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main():
    started = time.perf_counter()
    bus = load_rust_bus()
    transitions = transitions_of(bus.frame)
    print(
        f"{len(bus.frame):,} monthly records of {bus.bus.nunique()} buses, {len(bus.data):,} decisions, "
        f"{bus.target.sum()} replacements.\nMonthly increments of 0, 1, 2 bins of 5,000 miles: "
        + ", ".join(f"{share:.3f}" for share in transitions[0, 0, :3])
        + f". Discount {DISCOUNT}.\n"
    )
    print("The costs of Rust (1987), table IX, by group of buses:\n")
    print(table_nine(bus).to_string(formatters=FORMATS))
    print("\nThe same without bins and transitions, from mileage and trajectories (clustered by bus):\n")
    print(without_transitions(bus).to_string(formatters=FORMATS))
    print("\nThe costs by the law of motion, all groups:\n")
    print(laws_of_motion(bus, transitions).to_string(formatters=["{:.3f}".format] * 3))
    print(
        "\nThe last likelihood is no merit. Where nobody replaced, replacing moves like keeping there and buys "
        "nothing:\nthe kernel has read the decisions off.\n\nWhat predicts buses that were not seen:\n"
    )
    search, table = compare(bus, transitions, GroupKFold(n_splits=5))
    print(table.to_string(float_format="{:.4f}".format))
    model = search.best_estimator_
    print(
        f"\nBest table: converged {model.converged_} in {model.n_iter_} Newton iterations, gradient "
        f"{model.gradient_norm_:.0e}."
    )
    ids = {"trajectory": bus.bus, "step": bus.period}
    costs = structural(transitions).fit(bus.data, bus.target, **ids)
    print("\nWhat it costs, in units of the choice shocks' scale (standard errors clustered by bus):\n")
    print(
        inference.summary(
            costs,
            bus.data,
            bus.target,
            feature_names=["a bin of 5,000 miles, a month, x 1000", "a replacement"],
            **ids,
        )
    )
    path = OUTPUT / "rust_bus.png"
    picture(model, costs, inference.covariance(costs, bus.data, bus.target, **ids), bus, path)
    print(f"Picture: {path}. Time: {time.perf_counter() - started:.1f} s.")


if __name__ == "__main__":
    main()
