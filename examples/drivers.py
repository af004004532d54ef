"""Drivers of two kinds: who rests in time?

Fatigue has ten levels. Every hour a driver goes on, for a pay that fatigue makes dearer, or rests. Most mind their
fatigue, some hardly do. The decisions are simulated; the fit does not know who is who, nor how many are.

    python examples/drivers.py [--plot docs/images/drivers.png]
"""

import argparse

import numpy as np
import pandas as pd

from sklearn_iqlearn import IQLearnClassifier, LatentTypes, latent

LEVELS, DISCOUNT, HOURS = 10, 0.95, 60
# Pay of an hour on the road, cost of a level of fatigue there; drivers of the kind.
KINDS = {"careful": ([1.0, 0.4], 120), "careless": ([2.0, 0.15], 60)}
NAMES = ["pay", "fatigue"]


def road():
    """Transitions of fatigue (go on, rest), and the features of the reward."""
    low, high = np.maximum(np.arange(LEVELS) - 2, 0), np.minimum(np.arange(LEVELS) + 1, LEVELS - 1)
    tire, recover = np.eye(LEVELS)[high], np.eye(LEVELS)[low]
    transitions = np.stack([0.3 * np.eye(LEVELS) + 0.7 * tire, 0.2 * np.eye(LEVELS) + 0.8 * recover])
    features = np.zeros((LEVELS, 2, 2))
    features[:, 0, 0], features[:, 0, 1] = 1.0, -np.arange(LEVELS)
    return transitions, features


def one_kind():
    """The estimator of drivers who are all alike."""
    transitions, features = road()
    return IQLearnClassifier(transitions, discount=DISCOUNT, q_type="structural", features=features)


def simulate(seed=0):
    """The true policies, and a log of all drivers."""
    every = np.repeat(np.arange(LEVELS), 2)[:, None], np.tile([0, 1], LEVELS)
    truth, logs = [], []
    for number, (coef, n_drivers) in enumerate(KINDS.values()):
        truth.append(one_kind().fit(*every).counterfactual(reward_coef=np.array(coef)))
        rested = np.eye(LEVELS)[0]
        logs.append(truth[-1].sample(n_drivers, HOURS, initial_distribution=rested, random_state=seed + number))
    log = pd.concat(logs, keys=list(KINDS), names=["kind", None]).reset_index(level="kind")
    log["driver"] = log["kind"] + log["trajectory"].astype(str)
    return truth, log


def picture(path, truth, types, single):
    """The policies, and how surely each driver is known."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for k, (name, true) in enumerate(zip(KINDS, truth, strict=True)):
        left.plot(true.policy_[:, 1], "k", lw=1, label="truth" if k == 0 else None)
        left.plot(types.estimators_[k].policy_[:, 1], f"C{k}--", lw=2, label=f"{name} ({types.weights_[k]:.0%})")
    left.plot(single.policy_[:, 1], "0.6", lw=2, label="one kind for all")
    left.set(xlabel="fatigue", ylabel="probability of a rest", ylim=(0, 1))
    left.legend(frameon=False)
    share = types.responsibilities_[0]
    bins = np.linspace(0, 1, 21)
    for k, name in enumerate(KINDS):
        right.hist(share[share.index.str.match(name + r"\d")], bins, color=f"C{k}", alpha=0.6, label=name)
    right.set(xlabel="probability to be of the first type, by 60 hours", ylabel="drivers")
    right.legend(frameon=False, title="who they are")
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", help="where to write the picture")
    path = parser.parse_args().plot
    truth, log = simulate()
    X, y, order = log[["state"]], log["action"], {"trajectory": log["driver"], "step": log["step"]}
    single = one_kind().fit(X, y, **order)
    types = LatentTypes(one_kind(), n_init=4, random_state=0).fit(X, y, **order)
    print(f"One kind for all: pay {single.coef_[0]:.3f}, fatigue {single.coef_[1]:.3f}\n")
    print(latent.summary(types, X, y, feature_names=NAMES, **order))
    kind = log.groupby("driver")["kind"].first()
    right = (types.predict_types(X, y, **order) == (kind == "careless")).mean()
    print(f"\nTold right: {right:.1%} of {len(kind)} drivers. Starts: {types.log_likelihoods_.round(3)}\n")
    quick = LatentTypes(one_kind(), n_init=1, random_state=0, tol=1e-4)
    print(latent.select_types(quick, X, y, cv=3, random_state=0, **order))
    if path:
        picture(path, truth, types, single)


if __name__ == "__main__":
    main()
