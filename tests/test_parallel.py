"""Searches in processes and threads; fits of one shape compile once."""

import jax
import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from walks import CV, linear, small, walks


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_parallel_search(backend):
    d = walks()
    grid = {"solver": ["newton", "lbfgs"], "alpha": [0.5, 5.0], "divergence": ["chi2", "kl"]}
    serial, parallel = (GridSearchCV(linear(), grid, cv=CV, error_score="raise", n_jobs=n) for n in (1, 2))
    serial.fit(d.X, d.y, groups=d.trajectory, trajectory=d.trajectory)
    with joblib.parallel_config(backend=backend):
        parallel.fit(d.X, d.y, groups=d.trajectory, trajectory=d.trajectory)
    for fold in range(3):
        key = f"split{fold}_test_score"
        assert_allclose(parallel.cv_results_[key], serial.cv_results_[key], rtol=0, atol=1e-8)
        assert np.ptp(serial.cv_results_[key]) > 1e-3


@pytest.mark.parametrize(
    ("solver", "q_type"), [("lbfgs", "linear"), ("lbfgs", "tabular"), ("adam", "linear"), ("adam", "neural")]
)
def test_fifty_fits_of_one_shape_compile_once(solver, q_type):
    d = walks(n_trajectories=5, length=6)
    rng = np.random.default_rng(0)
    compiled = []

    def listen(event, duration, **_):
        compiled.append(event) if event == "/jax/core/compile/backend_compile_duration" else None

    def fit(seed):
        model = small(q_type, solver=solver, max_iter=2, alpha=rng.uniform(1, 3)).set_params(
            discount=rng.uniform(0.5, 0.9), random_state=seed, hidden_layer_sizes=(3, 5)
        )
        X, y = rng.normal(size=d.X.shape), rng.permutation(d.y)
        with pytest.warns(ConvergenceWarning):
            model.fit(X, y, trajectory=d.trajectory)

    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        fit(0)
        assert compiled  # the listener hears of compilations
        compiled.clear()
        for seed in range(1, 50):
            fit(seed)
        assert not compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
