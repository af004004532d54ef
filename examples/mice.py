"""Mice that switch: to the water, or to the nest?

A mouse walks in an arena of 25 cells. When it is thirsty it wants to be at the water, in one corner, else in the
nest, in the other; from step to step it changes its mind with a small chance. The decisions are simulated; the fit
sees cells and steps, and finds what is wanted, when, and how long a wish lasts.

    python examples/mice.py [--plot docs/images/mice.png]
"""

import argparse

import numpy as np
import pandas as pd

from sklearn_iqlearn import IQLearnClassifier, LatentTypes
from sklearn_iqlearn.datasets import make_gridworld

SIDE, DISCOUNT, MICE, STEPS, STAY = 5, 0.9, 40, 250, 0.97
WISHES = {"thirsty": [2.0, 0.0, 0.2], "sleepy": [0.0, 2.0, 0.2]}  # water, nest, cost of a step
NAMES = ["water", "nest", "step"]


def one_wish():
    """The estimator of mice that always want the same."""
    transitions = make_gridworld(1, 1, side=SIDE, random_state=0).transitions
    features = np.zeros((SIDE**2, 5, 3))
    features[-1, :, 0] = features[0, :, 1] = 1.0
    features[:, 1:, 2] = -1.0
    return IQLearnClassifier(transitions, discount=DISCOUNT, q_type="structural", features=features)


def simulate(seed=0):
    """A log of all mice."""
    cells = np.arange(SIDE**2)
    world = one_wish().fit(np.repeat(cells, 5)[:, None], np.tile(np.arange(5), len(cells)))
    policies = np.stack([world.counterfactual(reward_coef=np.array(wish)).policy_ for wish in WISHES.values()])
    transitions, rng = world.transitions, np.random.default_rng(seed)

    def draw(shares):
        return (shares.cumsum(axis=1) < rng.random((len(shares), 1))).sum(axis=1).clip(max=shares.shape[1] - 1)

    cell, wish, log = rng.integers(SIDE**2, size=MICE), rng.integers(2, size=MICE), []
    for step in range(STEPS):
        action = draw(policies[wish, cell])
        columns = {"mouse": np.arange(MICE), "step": step, "cell": cell, "action": action, "wish": wish}
        log.append(pd.DataFrame(columns))
        cell = draw(transitions[action, cell])
        wish = np.where(rng.random(MICE) < STAY, wish, 1 - wish)
    return pd.concat(log, ignore_index=True)


def picture(path, types, log, order):
    """Where mice go under each type, and what one mouse wants when."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(9, 4.2), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, 2])
    for axes, type_, name in zip(top.subplots(1, 2), order, WISHES, strict=True):
        image = axes.imshow(types.estimators_[type_].value_.reshape(SIDE, SIDE), cmap="viridis")
        axes.set(title=f"value of a cell, {name}", xticks=[], yticks=[])
        figure.colorbar(image, ax=axes)
    axes, mouse = bottom.subplots(), log["mouse"] == 0
    sleepy = types.responsibilities_.loc[mouse, order[1]]
    axes.fill_between(
        log.loc[mouse, "step"], log.loc[mouse, "wish"], color="0.85", step="mid", label="sleepy indeed"
    )
    axes.plot(log.loc[mouse, "step"], sleepy, "C0", lw=1.5, label="probability of sleepy")
    axes.set(xlabel="step of one mouse", ylim=(0, 1.02), xlim=(0, STEPS - 1))
    axes.legend(loc="upper right")
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", help="where to write the picture")
    path = parser.parse_args().plot
    log = simulate()
    X, y, who = log[["cell"]], log["action"], {"trajectory": log["mouse"], "step": log["step"]}
    types = LatentTypes(one_wish(), switching=True, n_init=3, random_state=0, tol=1e-6).fit(X, y, **who)
    order = np.argsort([-each.coef_[0] for each in types.estimators_])
    print(f"{'':12}{'water':>8}{'nest':>8}{'step':>8}   stays")
    for type_, (name, wish) in zip(order, WISHES.items(), strict=True):
        print(f"{name:12}" + "".join(f"{part:8.2f}" for part in wish) + f"{STAY:8.3f}")
        found = types.estimators_[type_].coef_
        print(
            f"{'  found':12}"
            + "".join(f"{part:8.2f}" for part in found)
            + f"{types.transition_[type_, type_]:8.3f}"
        )
    told = np.argsort(order)[types.predict_types(X, y, **who)]
    print(f"\nWishes told right: {(told == log['wish']).mean():.1%} of {len(log)} decisions")
    single = one_wish().fit(X, y, **who)
    print(
        f"Log-likelihood per decision: one wish {single.score(X, y):.4f}, switching {types.score(X, y, **who):.4f}"
    )
    if path:
        picture(path, types, log, order)


if __name__ == "__main__":
    main()
