"""
Two kinds of drivers
====================

Fatigue has ten levels. Every hour a driver goes on, for a pay that fatigue makes dearer, or rests. Most mind
their fatigue, some hardly do. The decisions are simulated; the fit does not know who is who, nor how many kinds
there are.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_iqlearn import IQLearnClassifier, LatentTypes, latent
from sklearn_iqlearn.displays import TypesDisplay

LEVELS, DISCOUNT, HOURS = 10, 0.95, 60
# Pay of an hour on the road, cost of a level of fatigue there; drivers of the kind.
KINDS = {"careful": ([1.0, 0.4], 120), "careless": ([2.0, 0.15], 60)}
NAMES = ["pay", "fatigue"]
COLORS = ["#0072b2", "#d55e00"]  # of the two, as in the displays


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


# %%
# One kind for all is nobody: its policy lies between both. ``LatentTypes`` finds both, and how surely each driver
# is known.


def picture(truth, types, single):
    """The policies, and how surely each driver is known."""
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    TypesDisplay.from_estimator(types, action=1).plot(left, kind="policies")
    for true, label in zip(truth, ["truth", None], strict=True):
        left.plot(true.policy_[:, 1], "k:", lw=1, label=label)
    left.plot(single.policy_[:, 1], "0.6", lw=2, label="one kind for all")
    left.set(xlabel="fatigue", ylabel="probability of a rest", ylim=(0, 1), title="the policies")
    left.legend(frameon=False)
    share = types.responsibilities_[0]
    bins = np.linspace(0, 1, 21)
    for k, name in enumerate(KINDS):
        right.hist(share[share.index.str.match(name + r"\d")], bins, color=COLORS[k], alpha=0.6, label=name)
    right.set(xlabel="probability to be of type 0, by 60 hours", ylabel="drivers", title="who is who")
    right.legend(frameon=False, title="in truth")


# %%
# The table at the end says how many kinds there are: a third neither lowers BIC nor predicts drivers better
# that were held out.

if __name__ == "__main__":
    truth, log = simulate()
    X, y, order = log[["state"]], log["action"], {"trajectory": log["driver"], "step": log["step"]}
    single = one_kind().fit(X, y, **order)
    types = LatentTypes(one_kind(), n_init=4, random_state=0).fit(X, y, **order)
    print(f"One kind for all: pay {single.coef_[0]:.3f}, fatigue {single.coef_[1]:.3f}\n")
    print(latent.summary(types, X, y, feature_names=NAMES, **order))
    kind = log.groupby("driver")["kind"].first()
    right = (types.predict_types(X, y, **order) == (kind == "careless")).mean()
    print(f"\nTold right: {right:.1%} of {len(kind)} drivers. Starts: {types.log_likelihoods_.round(3)}\n")
    quick = LatentTypes(one_kind(), n_init=1, random_state=0, tol=1e-3)
    print(latent.select_types(quick, X, y, cv=3, random_state=0, **order))
    picture(truth, types, single)
    plt.show()
