"""Fits with a finite horizon: ``python benchmarks/horizon.py`` (``--quick``: small sizes).

Every step has the same random kernel, 3 actions with 10 successors each. There are a structural fit with 4
coefficients, a table's, and a search of 50 tables; of the smaller problems also what the fits take where nothing
is known of levels and systems are factored, and how far the policies of both ways differ. Seconds of a first fit.
"""

import time
from unittest import mock

import numpy as np
import pandas as pd
import scipy.sparse as sp
from _measure import parser
from sklearn.model_selection import GridSearchCV, GroupKFold

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn.preprocessing import with_time

N_ACTIONS, N_SUCCESSORS, DISCOUNT = 3, 10, 0.95
TRUTH = [1.0, -0.5, 0.8, 0.3]


def random_kernel(rng, n_states):
    origin = np.repeat(np.arange(n_states), N_SUCCESSORS)
    for _ in range(N_ACTIONS):
        probability = rng.dirichlet(np.ones(N_SUCCESSORS), size=n_states).ravel()
        target = rng.integers(n_states, size=origin.size)
        yield sp.coo_array((probability, (origin, target)), shape=(n_states, n_states)).tocsr()


def structural(horizon):
    return IQLearnClassifier(
        horizon.transitions, q_type="structural", features=horizon.features, discount=DISCOUNT
    )


def table(horizon):
    return IQLearnClassifier(horizon.transitions, discount=DISCOUNT)


def search(horizon):
    grid = {"alpha": np.geomspace(0.1, 100, 10)}
    return GridSearchCV(table(horizon), grid, cv=GroupKFold(5), refit=False)


def simulated(horizon, n_trajectories):
    """Decisions with the true coefficients, from states drawn evenly."""
    n_ids, rng = horizon.n_layers * horizon.n_states, np.random.default_rng(1)
    anything = rng.integers([n_ids, N_ACTIONS], size=(1000, 2))
    world = structural(horizon).fit(anything[:, :1], anything[:, 1]).counterfactual(reward_coef=TRUTH)
    start = (np.arange(n_ids) < horizon.n_states) / horizon.n_states
    return world.sample(n_trajectories, horizon.n_steps, initial_distribution=start, random_state=0)


def timed(model, made):
    order = {"trajectory": made["trajectory"], "step": made["step"]}
    order |= {"groups": made["trajectory"]} if isinstance(model, GridSearchCV) else {}
    started = time.perf_counter()
    model.fit(made[["state"]].to_numpy(), made["action"], **order)
    return model, time.perf_counter() - started


def row(n_steps, n_states, n_trajectories, *, searched, factored):
    """Seconds of the fits to one problem."""
    rng = np.random.default_rng(0)
    kernel = list(random_kernel(rng, n_states))
    horizon = with_time(kernel, n_steps, features=rng.normal(size=(n_states, N_ACTIONS, len(TRUTH))))
    made = simulated(horizon, n_trajectories)
    found = {"decisions": len(made)}
    first, found["structural"] = timed(structural(horizon), made)
    second, found["table"] = timed(table(horizon), made)
    found |= {"error": np.abs(first.coef_ - TRUTH).max(), "Newton steps": second.n_iter_}
    if searched:
        found["50 tables"] = timed(search(horizon), made)[1]
    if factored:
        with mock.patch.object(Transitions, "levels", None):
            third, found["structural, factored"] = timed(structural(horizon), made)
            fourth, found["table, factored"] = timed(table(horizon), made)
        pairs = ((first, third), (second, fourth))
        found["difference"] = max(np.abs(one.policy_ - other.policy_).max() for one, other in pairs)
    return found


def main():
    quick = parser(__doc__).parse_args().quick
    if quick:
        rows = {"5 steps x 30 states": row(5, 30, 100, searched=True, factored=True)}
    else:
        rows = {
            "40 steps x 200 states": row(40, 200, 1000, searched=True, factored=True),
            "100 steps x 2,000 states": row(100, 2000, 2000, searched=False, factored=False),
        }
    print(pd.DataFrame(rows).T.to_string(float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
