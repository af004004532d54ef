"""A career with a last period: who learns when nobody will use it?

Skill has ten levels. In each of 40 years one works, for a pay that grows with skill, or learns, which costs and
raises skill. Skill that is not trained fades. The decisions are simulated with the last year in mind, and fitted
twice: as states (year, skill), and as if the career went on for ever.

    python examples/career.py [--plot docs/images/episodes.png]
"""

import argparse

import numpy as np

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.preprocessing import with_time

YEARS, LEVELS, DISCOUNT = 40, 10, 0.95
TRUTH = np.array([0.5, 1.0])  # pay of a level, cost of a year of learning


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


def picture(path, horizon, truth, model, forever, data):
    """The share of people who learn, by year, at a middling level of skill."""
    import matplotlib.pyplot as plt

    level, years = 4, np.arange(YEARS)
    ids = horizon.encode(level, years)
    skill, year = horizon.decode(data["state"])
    here = skill == level
    n = np.bincount(year[here], minlength=YEARS)
    share = np.bincount(year[here], data["action"][here], minlength=YEARS) / np.maximum(n, 1)
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    axes.scatter(years[n > 0], share[n > 0], 4 + n[n > 0] / 2, "0.7", label="observed, sized by number")
    axes.plot(years, truth.policy_[ids, 1], "k", lw=1, label="truth")
    axes.plot(years, model.policy_[ids, 1], "C0--", lw=2, label="fit with a last year")
    axes.axhline(forever.policy_[level, 1], color="C3", lw=2, label="fit as if it went on for ever")
    axes.set(xlabel="year of the career", ylabel=f"probability of learning at skill {level}", ylim=(0, 1))
    axes.legend(loc="upper right", frameon=False)
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", help="where to write the picture")
    path = parser.parse_args().plot
    transitions, features = career()
    horizon = with_time(transitions, YEARS, features=features)
    truth, data = simulate(horizon)
    model = fit(horizon.transitions, horizon.features, data[["state"]], data["action"])
    error = np.sqrt(np.diag(inference.covariance(model, data[["state"]], data["action"])))
    skill, _ = horizon.decode(data["state"])
    forever = fit(transitions, features, skill[:, None], data["action"])
    print(f"{'':22}pay of a level  cost of learning")
    for name, coef in [
        ("truth", TRUTH),
        ("with a last year", model.coef_),
        ("  standard error", error),
        ("as if for ever", forever.coef_),
    ]:
        print(f"{name:22}{coef[0]:14.3f}{coef[1]:18.3f}")
    if path:
        picture(path, horizon, truth, model, forever, data)


if __name__ == "__main__":
    main()
