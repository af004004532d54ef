"""When is it just logistic regression? ``python benchmarks/logistic.py`` (half a minute; ``--quick`` for less).

Simulated worlds of three kinds, each decided with and without a future that matters. Logistic regression and fits
of this package learn from the same decisions. What they lose, per decision, to the true policy in log-likelihood
is computed exactly: in the states of new trajectories, and for the same decision makers in another world. The unit
is 1e-4.
"""

import argparse
import warnings

import numpy as np
import pandas as pd
from scipy.special import xlogy
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import make_bus_engine, make_gridworld, make_random_mdp
from sklearn_iqlearn.exceptions import IdentificationWarning
from sklearn_iqlearn.preprocessing import renewal_transitions

N_STEPS = 50


def buses(size, discount, seed):
    """A decision to replace; in the other world buses are driven three times as much."""
    costs = {"operating_cost": 0.1, "replacement_cost": 4.0}
    world = make_bus_engine(size, N_STEPS, n_bins=40, discount=discount, random_state=seed, **costs)
    bins = np.arange(40.0)
    return world, np.column_stack([bins, bins**2]), renewal_transitions([0] * 35 + [3] * 64 + [6], 40)


def grid(size, discount, seed):
    """A walk to a corner; in the other world every second step goes anywhere."""
    world = make_gridworld(size, N_STEPS, side=6, discount=discount, random_state=seed)
    row, column = np.divmod(np.arange(36.0), 6)
    columns = [row, column, row**2, column**2, row * column, world.features[:, 0, 1]]
    other = (np.asarray(world.transitions) + np.mean(world.transitions, axis=0)) / 2
    return world, np.column_stack(columns), other


def random_world(size, discount, seed):
    """Random moves and rewards; the other world has moves of its own."""
    world = make_random_mdp(size, N_STEPS, discount=discount, random_state=seed)
    return world, world.features.reshape(20, -1), make_random_mdp(1, 1, random_state=100 + seed).transitions


WORLDS = {"bus": buses, "grid": grid, "random": random_world}


def loss(policy, truth, states):
    """Expected loss of log-likelihood to the truth in these states."""
    gap = xlogy(truth, truth) - xlogy(truth, policy)
    return 1e4 * gap.sum(axis=1)[states].mean()


def losses(make, size, discount, seed):
    """Yield the name of an estimator, what it loses here, and what it loses in the other world."""
    world, columns, other = make(size, discount, seed)
    ids, y, n_states = world.data["state"].to_numpy(), world.target, len(world.policy)
    order = {"trajectory": world.trajectory, "step": world.step}
    all_ids = np.arange(n_states)[:, None]
    known = IQLearnClassifier(world.transitions, discount=world.discount).fit(world.data, y)
    states = known.counterfactual(reward=world.reward).sample(200, N_STEPS, random_state=seed)["state"]
    truth = known.counterfactual(reward=world.reward, transitions=other).policy_
    exact = {"discount": world.discount, "features": world.features}
    linear = {"iqlearnclassifier__" + name: values for name, values in order.items()}
    fits = {
        "logistic": (make_pipeline(StandardScaler(), LogisticRegression(C=100, max_iter=2000)), columns, {}),
        "linear": (make_pipeline(StandardScaler(), IQLearnClassifier(discount=world.discount)), columns, linear),
        "logistic, a constant for each state": (
            make_pipeline(OneHotEncoder(categories=[np.arange(n_states)]), LogisticRegression(max_iter=2000)),
            all_ids,
            {},
        ),
        "table": (IQLearnClassifier(world.transitions, q_type="tabular", **exact), all_ids, order),
        "structural": (IQLearnClassifier(world.transitions, q_type="structural", **exact), all_ids, order),
    }
    for name, (model, X, parameters) in fits.items():
        model.fit(X[ids], y, **parameters)
        policy = np.zeros_like(world.policy)
        policy[:, model.classes_] = model.predict_proba(X)
        moved = model.counterfactual(transitions=other).policy_ if name in ("table", "structural") else policy
        yield name, loss(policy, world.policy, states), loss(moved, truth, states)


def main(quick=False):
    warnings.simplefilter("ignore", ConvergenceWarning)
    # Without a future a feature of the state alone says nothing: its coefficient is open, and changes no choice.
    warnings.simplefilter("ignore", IdentificationWarning)
    rows = [
        (name, discount, size * N_STEPS, *row)
        for name, make in WORLDS.items()
        for discount in (0.0, 0.95)
        for size in (10, 200)
        for seed in range(2 if quick else 10)
        for row in losses(make, size, discount, seed)
    ]
    keys = ["world", "discount", "decisions"]
    table = pd.DataFrame(rows, columns=[*keys, "fit", "here", "in another world"])
    for place in ("here", "in another world"):
        by = table.groupby([*keys, "fit"], sort=False)[place]
        found = by.mean().map("{:.0f}".format) + " (" + by.sem().map("{:.0f}".format) + ")"
        found = found.unstack("fit")[list(dict.fromkeys(table["fit"]))].reset_index()
        print(f"\nLost {place}, 1e-4 per decision: mean (standard error of the mean)\n")
        print("| " + " | ".join(found) + " |\n" + "| --- " * found.shape[1] + "|")
        print("\n".join("| " + " | ".join(map(str, row)) + " |" for row in found.to_numpy()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two data sets each")
    main(**vars(parser.parse_args()))
