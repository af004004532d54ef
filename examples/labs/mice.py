"""
Mice that change their minds
============================

A mouse walks in an arena of 25 cells. When it is thirsty it wants to be at the water, at the bottom right, else
in the nest, at the top left; from step to step it changes its mind with a small chance. The decisions are
simulated; the fit sees cells and steps, and finds what is wanted, when, and how long a wish lasts.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_iqlearn import IQLearnClassifier, LatentTypes
from sklearn_iqlearn.datasets import make_gridworld
from sklearn_iqlearn.displays import PolicyDisplay

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


# %%
# ``switching=True`` makes the types a hidden Markov chain along each walk: ``responsibilities_`` has the
# probability of each wish at each step, by all that the mouse does before and after.


def picture(types, log, order):
    """Where mice go under each type, and what one mouse wants when."""
    figure = plt.figure(figsize=(10, 6.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, 2])
    for axes, type_, name in zip(top.subplots(1, 2), order, WISHES, strict=True):
        PolicyDisplay.from_estimator(types.estimators_[type_], shape=(SIDE, SIDE)).plot(axes)
        axes.set(title=f"{name}: value of a cell, and where it goes", xticks=[], yticks=[], xlabel="", ylabel="")
    axes, mouse = bottom.subplots(), log["mouse"] == 0
    step, sleepy = log.loc[mouse, "step"], types.responsibilities_.loc[mouse, order[1]]
    axes.fill_between(step, log.loc[mouse, "wish"], color="0.85", step="mid", label="sleepy in truth")
    axes.plot(step, sleepy, lw=1.5, label="probability of sleepy, from its moves")
    axes.set(
        xlabel="step of one mouse", ylabel="probability", ylim=(0, 1.3), xlim=(0, STEPS - 1), yticks=[0, 0.5, 1]
    )
    axes.legend(loc="upper center", ncols=2, frameon=False)


# %%
# Both wishes are found to within 0.2, and nearly all steps are told right. One wish for all predicts worse,
# each decision after those before it.

if __name__ == "__main__":
    log = simulate()
    X, y, who = log[["cell"]], log["action"], {"trajectory": log["mouse"], "step": log["step"]}
    types = LatentTypes(one_wish(), switching=True, n_init=3, random_state=0, tol=1e-6).fit(X, y, **who)
    order = np.argsort([-each.coef_[0] for each in types.estimators_])
    stays = types.transition_.diagonal()[order]
    rows = {}
    for k, (name, wish) in enumerate(WISHES.items()):
        rows[name], rows[f"{name}, found"] = [*wish, STAY], [*types.estimators_[order[k]].coef_, stays[k]]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[*NAMES, "stays"])
    print(table.to_string(float_format="{:.3f}".format))
    told = np.argsort(order)[types.predict_types(X, y, **who)]
    print(f"\nWishes told right: {(told == log['wish']).mean():.1%} of {len(log)} decisions")
    single = one_wish().fit(X, y, **who).score(X, y)
    print(f"Log-likelihood per decision: one wish {single:.4f}, switching {types.score(X, y, **who):.4f}")
    picture(types, log, order)
    plt.show()
