"""
A Dask cluster counts, searches and resamples
=============================================

A table is counted where it is, and a search over ``alpha`` and a bootstrap run as tasks of the cluster, which
gets the transitions once instead of with every task. The results are those of one process. The cluster is two
processes on this machine; one of many machines is ``Client("scheduler-address:8786")``.

It needs ``pip install "dask[dataframe,distributed]"``.
"""

import pickle
from collections.abc import Sequence

import dask.dataframe
import joblib
import numpy as np
from dask.distributed import Client, LocalCluster, WorkerPlugin, get_worker
from sklearn.model_selection import GridSearchCV, GroupKFold

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import make_bus_engine
from sklearn_iqlearn.inference import bootstrap
from sklearn_iqlearn.preprocessing import count_decisions

COLUMNS = {"state": "state", "action": "action", "trajectory": "trajectory", "step": "step"}


class Holder(WorkerPlugin):
    """Keeps transitions on each worker, also on those that join later."""

    name = "transitions"

    def __init__(self, matrices):
        self.matrices = matrices


class OnWorkers(Sequence):
    """Transitions that each worker has: what is sent to it, time and again, is an estimator without them."""

    def __init__(self, client, matrices):
        self.matrices = matrices
        client.register_plugin(Holder(matrices))

    def __getstate__(self):
        return {}

    def _held(self):
        return self.matrices if "matrices" in vars(self) else get_worker().plugins[Holder.name].matrices

    def __len__(self):
        return len(self._held())

    def __getitem__(self, action):
        return self._held()[action]


def replacement(model):
    """Probability of a replacement in the state of most mileage."""
    return model.policy_[-1, 1]


def main():
    bus = make_bus_engine(200, 50, n_bins=500, replacement_cost=3.0, discount=0.95, random_state=0)
    log, states, actions = bus.frame, bus.frame[["state"]], bus.frame["action"]
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        rows = dask.dataframe.from_pandas(log, npartitions=4)
        counts, by_pandas = (count_decisions(table, **COLUMNS) for table in (rows, log))
        print(f"{len(log):,} rows in {len(counts):,} counts, those of pandas: {counts.equals(by_pandas)}")

        here = IQLearnClassifier(bus.transitions, discount=0.95)
        there = IQLearnClassifier(OnWorkers(client, bus.transitions), discount=0.95)
        for model in (here, there):
            model.fit(states, actions)
        print(f"A task carries {len(pickle.dumps(there)):,} bytes in place of {len(pickle.dumps(here)):,}")

        grid, groups = {"alpha": [0.1, 1.0, 10.0]}, log["trajectory"]
        searches = [GridSearchCV(model, grid, cv=GroupKFold(4)) for model in (here, there)]
        searches[0].fit(states, actions, groups=groups)
        with joblib.parallel_config("dask"):
            searches[1].fit(states, actions, groups=groups)
        scores = [search.cv_results_["mean_test_score"] for search in searches]
        print(f"Search: scores differ by {np.ptp(scores, axis=0).max():.0e}")

        resample = {"trajectory": log["trajectory"], "n_resamples": 20, "random_state": 0}
        draws = []
        for model, backend in ((here, "sequential"), (there, "dask")):
            with joblib.parallel_config(backend):
                draws.append(bootstrap(model, replacement, states, actions, **resample))
        print(f"Bootstrap: standard errors {draws[0].standard_error:.6f} and {draws[1].standard_error:.6f}")


if __name__ == "__main__":
    main()
