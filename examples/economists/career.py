"""
A career with a last period
===========================

Skill has ten levels. In each of 40 years one works, for a pay that grows with skill, or learns, which costs and
raises skill. Skill that is not trained fades. Who learns when nobody will use it? The decisions are simulated
with the last year in mind, and fitted twice: as states of year and skill, and as if the career went on for
ever.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.preprocessing import with_time

YEARS, LEVELS, DISCOUNT = 40, 10, 0.95
TRUTH = np.array([0.5, 1.0])  # pay of a level, cost of a year of learning

# %%
# Skill alone has transitions and features; ``with_time`` makes states of (year, skill) of them, with an end.


def career():
    """Transitions of skill (work, learn), and the features of the reward."""
    low, high = np.maximum(np.arange(LEVELS) - 1, 0), np.minimum(np.arange(LEVELS) + 1, LEVELS - 1)
    fade, rise = np.eye(LEVELS)[low], np.eye(LEVELS)[high]
    transitions = np.stack([0.8 * np.eye(LEVELS) + 0.2 * fade, 0.4 * np.eye(LEVELS) + 0.6 * rise])
    features = np.zeros((LEVELS, 2, 2))
    features[:, 0, 0] = np.arange(LEVELS) / 2  # pay
    features[:, 1, 1] = -1.0
    return transitions, features


def simulate(horizon, n_people=500, seed=0):
    """Decisions of people who start without skill, and who know when they will retire."""
    tables = {name: getattr(horizon, name) for name in ("features", "action_mask", "base_reward")}
    world = IQLearnClassifier(horizon.transitions, discount=DISCOUNT, q_type="tabular", **tables).fit([[0]], [0])
    start = np.eye(len(horizon.features))[0]
    truth = world.counterfactual(reward_coef=TRUTH)
    return truth, truth.sample(n_people, horizon.n_layers, initial_distribution=start, random_state=seed)


def fit(transitions, features, X, y):
    """A structural fit."""
    return IQLearnClassifier(transitions, discount=DISCOUNT, q_type="structural", features=features).fit(X, y)


# %%
# The picture is a cut through the states: people of a middling skill, year by year.


def picture(horizon, truth, model, forever, data):
    """The share of people who learn, by year."""
    level, years = 4, np.arange(YEARS)
    ids = horizon.encode(level, years)
    skill, year = horizon.decode(data["state"])
    here = skill == level
    n = np.bincount(year[here], minlength=YEARS)
    share = np.bincount(year[here], data["action"][here], minlength=YEARS) / np.maximum(n, 1)
    _, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    axes.scatter(years[n > 0], share[n > 0], 4 + n[n > 0] / 2, "0.7", label="observed, sized by number")
    axes.plot(years, truth.policy_[ids, 1], "k", lw=1, label="truth")
    axes.plot(years, model.policy_[ids, 1], "C0--", lw=2, label="fit with a last year")
    axes.axhline(forever.policy_[level, 1], color="C3", lw=2, label="fit as if it went on for ever")
    axes.set(xlabel="year of the career", ylabel=f"probability of learning at skill {level}", ylim=(0, 1))
    axes.legend(loc="upper right", frameon=False)


# %%
# Whoever takes it that the career goes on for ever sees people stop learning late in life, and calls learning
# dear: half as dear again as it is. With the last year in the states both numbers are right to a standard
# error.

if __name__ == "__main__":
    transitions, features = career()
    horizon = with_time(transitions, YEARS, features=features)
    truth, data = simulate(horizon)
    X, y = data[["state"]], data["action"]
    model = fit(horizon.transitions, horizon.features, X, y)
    skill, _ = horizon.decode(data["state"])
    forever = fit(transitions, features, skill[:, None], y)
    rows = {
        "truth": TRUTH,
        "with a last year": model.coef_,
        "  standard error": np.sqrt(np.diag(inference.covariance(model, X, y))),
        "as if for ever": forever.coef_,
    }
    print(f"{'':22}pay of a level  cost of learning")
    for name, (pay, cost) in rows.items():
        print(f"{name:22}{pay:14.3f}{cost:18.3f}")
    picture(horizon, truth, model, forever, data)
    plt.show()
