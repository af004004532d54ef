"""
Treatments that may not be given
================================

A ward with severities 0 to 9 and four treatments, two of which are admissible at some severities only. What
does a day at a severity weigh for those who decide, and what a treatment? Decisions of known burdens are
simulated, and fitted with the mask of what is admissible and without. Without it, a treatment that nobody may
give looks like one that nobody wants.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from sklearn_iqlearn import IQLearnClassifier, rewards

TREATMENTS = ["wait", "drug", "strong drug", "operation"]
BETTER = np.array([0.10, 0.30, 0.45, 0.70])  # probability that severity falls by one; from 0 the patient goes home
WORSE = np.array([0.30, 0.20, 0.15, 0.10])  # that it rises by one; from 9 the patient dies
NAMES = ["severity", "strong drug", "operation", "home"]
TRUTH = np.array([-2.0, -1.0, -1.0, 20.0])  # a day at severity 10, a day with each of two treatments, going home
DISCOUNT = 0.98
SEVERITY = np.arange(10)
FIRST = np.isin(SEVERITY, [4, 5, 6]) / 3  # severity at admission


def ward():
    """Transitions (A, S, S), features of the reward (S, A, K), and what is admissible (S, A)."""
    transitions = np.array(
        [
            better * np.eye(10, k=-1) + worse * np.eye(10, k=1) + (1 - better - worse) * np.eye(10)
            for better, worse in zip(BETTER, WORSE, strict=True)
        ]
    )
    features = np.zeros((10, 4, 4))
    features[:, :, 0] = SEVERITY[:, None] / 10
    features[:, 2, 1] = features[:, 3, 2] = 1.0
    features[0, :, 3] = BETTER
    admissible = np.ones((10, 4), dtype=bool)
    admissible[:, 2] = SEVERITY >= 3
    admissible[:, 3] = (SEVERITY >= 2) & (SEVERITY <= 6)  # neither for mild cases nor for weak patients
    return transitions, features, admissible


def simulate(transitions, features, admissible, coef=TRUTH):
    """The policy of given burdens, and its decisions about 1,000 patients who come in at severity 4 to 6."""
    settings = {"discount": DISCOUNT, "q_type": "tabular", "features": features, "action_mask": admissible}
    truth = IQLearnClassifier(transitions, **settings).fit([[4]], [0]).counterfactual(reward_coef=coef)
    return truth, truth.sample(1000, 60, initial_distribution=FIRST, random_state=0)


def fit(data, transitions, features, admissible=None):
    """Burdens by maximum likelihood."""
    settings = {"discount": DISCOUNT, "q_type": "structural", "features": features, "action_mask": admissible}
    return IQLearnClassifier(transitions, **settings).fit(data[["state"]], data["action"])


def seen_only(data, transitions, features, admissible):
    """Share of all decisions that masks of what ten patients show exclude; coefficients by rules, and by them."""
    rows = []
    for _, few in data.groupby(data["trajectory"] // 10):
        ruled = fit(few, transitions, features, admissible)
        seen = ruled.counts_ > 0
        excluded = 1 - seen[data["state"], data["action"]].mean()
        counted = fit(few, transitions, features, np.where(seen.any(axis=1, keepdims=True), seen, admissible))
        rows.append([excluded, *ruled.coef_, *counted.coef_])
    return np.mean(rows, axis=0)


def operations(world):
    """Operations in 100 days, where a new patient takes the place of one who leaves."""
    return 100 * rewards.occupancy(world, long_run=True, initial_distribution=FIRST)[:, 3].sum()


def report(worlds, coefficients, counts, admissible):
    """A row for each world: mass on what is not admissible, operations today and without the strong drug."""
    shares = counts.sum(axis=1) / counts.sum()
    rows = {
        name: [
            *coefficients[name],
            shares @ np.where(admissible, 0, world.policy_).sum(axis=1),
            operations(world),
            operations(world.counterfactual(forbid=2)),
        ]
        for name, world in worlds.items()
    }
    return pd.DataFrame(rows, index=[*NAMES, "not admissible", "operations", "without strong drug"]).T


# %%
# The picture has a panel for each world, and hatched what nobody may give.


def picture(worlds, admissible):
    """Probability of each treatment by severity, one panel for each world."""
    figure, panels = plt.subplots(1, 3, figsize=(10, 3.8), sharey=True, layout="constrained")
    colors = ["#d9d9d9", "#9ecae1", "#4292c6", "#08519c"]
    for axes, (name, world) in zip(panels, worlds.items(), strict=True):
        below = np.zeros(10)
        for action, color in enumerate(colors):
            height = world.policy_[:, action]
            bars = axes.bar(SEVERITY, height, 0.9, below, color=color)
            for state in np.flatnonzero(~admissible[:, action] & (height > 0)):
                bars[state].set(edgecolor="red", hatch="////")
            below += height
        axes.set(title=name, xlabel="severity", xticks=SEVERITY, ylim=(0, 1))
    panels[0].set_ylabel("probability of a treatment")
    handles = [Patch(color=color, label=name) for color, name in zip(colors, TREATMENTS, strict=True)]
    handles.append(Patch(facecolor="white", edgecolor="red", hatch="////", label="not admissible"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)


# %%
# The table has the four burdens, the probability that falls on what is not admissible, and operations in 100
# days: today's, and were the strong drug forbidden. Forbidding afterwards what was never admissible takes the
# probability away and leaves the burdens wrong. A mask of what was seen takes rare treatments of small samples for
# forbidden: here it moves the burdens of both treatments further from -1, by a few hundredths.

if __name__ == "__main__":
    transitions, features, admissible = ward()
    truth, data = simulate(transitions, features, admissible)
    masked, unmasked = fit(data, transitions, features, admissible), fit(data, transitions, features)
    worlds = {"truth": truth, "fit with the mask": masked, "fit without": unmasked}
    picture(worlds, admissible)
    worlds["without, then forbidden"] = unmasked.counterfactual(forbid=~admissible)
    coefficients = dict.fromkeys(worlds, unmasked.coef_) | {"truth": TRUTH, "fit with the mask": masked.coef_}
    table = report(worlds, coefficients, masked.counts_, admissible)
    print(f"{len(data):,} decisions.\n{table.to_string(float_format='{:.3f}'.format)}")
    excluded, *means = seen_only(data, transitions, features, admissible)
    print(f"\nIn 100 samples of ten patients a mask of what was seen excludes {excluded:.2%} of all decisions.")
    for name, mean in {"by rules": means[:4], "by counts": means[4:]}.items():
        print(f"Mean coefficients with a mask {name}: {np.round(mean, 3)}")
    plt.show()
