"""What starts are worth, and what small fits cost: ``python benchmarks/warm.py`` (``--quick`` for small sizes).

Seconds are of the processor, of a later call in a warm process, and of the peer in the same run: the same solve
from nothing, the fits of a bootstrap each from nothing, and logistic regression for the fits of a search. Where
there is no such thing the column is empty. The second table has the parts of one fit to the bus panel.
"""

import argparse
import time

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from speed import admissible, half_dense, simulated

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn._estimator import fitting, reading
from sklearn_iqlearn._model.soft_bellman import log_policy, solve_soft_bellman
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.latent import LatentTypes
from sklearn_iqlearn.preprocessing import renewal_transitions

DISCOUNT = 0.9999
ORDER = dict.fromkeys(("trajectory", "step", "next_X", "terminal"))


def seconds(work, repeats=3):
    """Median of the processor's time."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return float(np.median(times))


def mileage_features(n_states):
    """Mileage, for keeping, and a constant, for replacing: (S, 2, 2)."""
    features = np.zeros((n_states, 2, 2))
    features[:, 0, 0], features[:, 1, 1] = -np.arange(n_states) / n_states, -1
    return features


def structural(transitions, features):
    return IQLearnClassifier(transitions, discount=DISCOUNT, q_type="structural", features=features)


def long_chain(n_states, rng):
    """A chain of mileages with a reset, decided by a reward linear in the features."""
    increments = rng.choice(3, size=10_000, p=[0.35, 0.6, 0.05])
    transitions, features = renewal_transitions(increments, n_states, sparse=True), mileage_features(n_states)
    kernel, coef = check_transitions(transitions)[0], np.array([10.0, 10.0])

    def values(coef, **options):
        return solve_soft_bellman(features @ coef, kernel, DISCOUNT, 1.0, **options)

    near, chances = values(coef), np.exp(log_policy(values(coef), 1.0))
    yield (
        f"values, {n_states:,} states",
        seconds(lambda: values(1.01 * coef, start=near)),
        seconds(lambda: values(1.01 * coef)),
    )
    states = rng.integers(n_states, size=5 * n_states)
    actions = (rng.random(len(states)) < chances[states, 1]).astype(int)
    model = structural(transitions, features).fit(states[:, None], actions)
    cold = seconds(lambda: model.fit(states[:, None], actions), 1)
    model.set_params(warm_start=True)
    yield f"structural fit, {n_states:,} states", seconds(lambda: model.fit(states[:, None], actions), 1), cold


def bus_panel(n_resamples, n_init):
    """The real buses: a bootstrap, and two types of them."""
    data = load_rust_bus()
    increments = data.frame.loc[data.frame["increment"] >= 0, "increment"].to_numpy()
    model = structural(renewal_transitions(increments, 90), mileage_features(90)).fit(data.data, data.target)
    rng, (_, ids) = np.random.default_rng(0), np.unique(data.bus, return_inverse=True)

    def from_nothing():
        for _ in range(n_resamples):
            drawn = np.bincount(rng.integers(ids.max() + 1, size=ids.max() + 1), minlength=ids.max() + 1)
            clone(model).fit(data.data, data.target, sample_weight=drawn[ids])

    def bootstrap():
        given = {"trajectory": data.bus, "n_resamples": n_resamples, "random_state": 0}
        inference.bootstrap(model, lambda fit: fit.coef_, data.data, data.target, **given)

    yield f"bootstrap, {n_resamples} structural fits", seconds(bootstrap, 1), seconds(from_nothing, 1)
    types = LatentTypes(model, n_types=2, n_init=n_init, random_state=0)
    yield "two types of buses", seconds(lambda: types.fit(data.data, data.target, trajectory=data.bus), 1), np.nan


def searches(n_folds):
    """A grid of tables, and as many logistic regressions."""
    data = load_rust_bus()
    increments = data.frame.loc[data.frame["increment"] >= 0, "increment"].to_numpy()
    table = IQLearnClassifier(renewal_transitions(increments, 90), discount=DISCOUNT)
    grids = {
        "table": (table, {"alpha": [0.5, 1, 3, 10, 30], "divergence": ["chi2", "hellinger", "kl", "js"]}),
        "logistic": (LogisticRegression(), {"C": np.geomspace(0.01, 100, 20)}),
    }
    found = {}
    for name, (model, grid) in grids.items():
        search = GridSearchCV(model, grid, cv=GroupKFold(n_folds), refit=False)
        fit = {"X": data.data, "y": data.target, "groups": data.bus}
        found[name] = seconds(lambda search=search, fit=fit: search.fit(**fit), 1)
    yield f"search of {20 * n_folds} tables", found["table"], found["logistic"]


def dense_kernels(n_states, rng):
    """Kernels of middle size, 25 actions: all of them, and half of them admissible."""
    for name, make in {"all": simulated, "admissible": admissible}.items():
        transitions, X, y, *mask = make(half_dense(n_states, 25, rng), 500 * n_states, rng)
        model = IQLearnClassifier(transitions, discount=DISCOUNT, action_mask=mask[0] if mask else None).fit(X, y)
        again = seconds(lambda model=model, X=X, y=y: model.fit(X, y))
        yield f"12% dense, {n_states} x 25, {name}", again, np.nan


def parts_of_a_fit():
    """Milliseconds of the parts of a fit of 90 states and 8,156 rows."""
    data = load_rust_bus()
    increments = data.frame.loc[data.frame["increment"] >= 0, "increment"].to_numpy()
    kernel = renewal_transitions(increments, 90)
    models = {
        "table": IQLearnClassifier(kernel, discount=DISCOUNT),
        "structural": structural(kernel, mileage_features(90)),
        "logistic regression": LogisticRegression(),
    }
    table = {}
    for name, model in models.items():
        model.fit(data.data, data.target)
        table[name] = {"fit": seconds(lambda model=model: model.fit(data.data, data.target), 15)}
        table[name]["score"] = seconds(lambda model=model: model.score(data.data, data.target), 15)
        if name == "logistic regression":
            continue
        arguments = (model, data.data, data.target)
        values, y = reading.read_X_y(*arguments)
        weight = np.ones(len(y))
        works = {
            "rows checked": lambda arguments=arguments: reading.read_X_y(*arguments),
            "kernel checked, decisions counted": lambda model=model, values=values, y=y, weight=weight: (
                reading.read_states(model, data.data, values, y, weight, 0 * weight, ORDER)
            ),
            "all before the solve": lambda arguments=arguments: fitting.assemble(*arguments, None, ORDER),
        }
        table[name] |= {part: seconds(work, 15) for part, work in works.items()}
        table[name]["the solve"] = table[name]["fit"] - table[name]["all before the solve"]
    return 1e3 * pd.DataFrame(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    quick = parser.parse_args().quick
    rng = np.random.default_rng(0)
    rows = [
        *long_chain(1_000 if quick else 100_000, rng),
        *bus_panel(*((3, 1) if quick else (100, 10))),
        *searches(2 if quick else 10),
        *dense_kernels(100 if quick else 716, rng),
    ]
    frame = pd.DataFrame(rows, columns=["", "seconds", "peer"]).set_index("")
    print(frame.to_string(float_format="{:.3g}".format))
    print(parts_of_a_fit().rename_axis("milliseconds").to_string(float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
