"""The bootstrap over trajectories."""

import warnings

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose
from problems import standard_errors
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.datasets import make_bus_engine, make_random_mdp
from sklearn_iqlearn.rewards import IdentificationWarning


def test_bootstrap_agrees_with_the_clustered_sandwich(rust):
    """Both estimate one thing; 200 resamples have 5% of noise, 37 buses leave 20% between the two."""
    model, X, y, order = rust
    resampled = inference.bootstrap(model, "coef_", X, y, n_resamples=200, random_state=0, **order)
    assert_allclose(resampled.estimate, model.coef_)
    assert resampled.samples.shape == (200, 2)
    assert resampled.n_trajectories == 37
    assert_allclose(resampled.standard_error, standard_errors(model, X, y, kind="clustered", **order), rtol=0.3)


def test_pairs_that_do_not_exist_do_not_vary(world):
    mask = np.ones(world.reward.shape, dtype=bool)
    mask[0, 1] = False
    kept = mask[world.frame["state"], world.frame["action"]]
    X, y, ids = world.data[kept], world.target[kept], world.trajectory[kept]
    model = IQLearnClassifier(world.transitions, action_mask=mask).fit(X, y)
    resampled = inference.bootstrap(model, "q_table_", X, y, trajectory=ids, n_resamples=5, random_state=0)
    assert resampled.standard_error[0, 1] == 0
    for kind in ("percentile", "normal"):
        low, high = resampled.interval(kind=kind)
        assert low[0, 1] == high[0, 1] == -np.inf
        assert np.isfinite(low[mask]).all()
        assert (low < high)[mask].all()


def test_a_resample_is_a_fit_to_the_drawn_trajectories(world):
    """The draws, made again, as rows."""
    model = IQLearnClassifier(world.transitions, discount=world.discount).fit(world.data, world.target)
    resampled = inference.bootstrap(
        model, "policy_", world.data, world.target, trajectory=world.trajectory, n_resamples=3, random_state=5
    )
    draws = np.random.RandomState(5).multinomial(40, np.full(40, 1 / 40), size=3)
    for draw, sample in zip(draws, resampled.samples, strict=True):
        rows = np.repeat(np.arange(len(world.target)), draw[world.trajectory])
        again = IQLearnClassifier(world.transitions, discount=world.discount)
        again.fit(world.data.iloc[rows], world.target.iloc[rows])
        assert_allclose(sample, again.policy_, rtol=0, atol=1e-7)


def test_any_statistic_and_jobs(world):
    model = IQLearnClassifier(
        world.transitions, discount=0.9, features=world.features, alpha=100, q_type="tabular"
    ).fit(world.data, world.target)
    statistics = {
        "coef": "reward_coef_",
        "values": "value_",
        "changed": lambda fit: fit.counterfactual(reward_coef=2 * fit.reward_coef_).policy_[:, 0],
    }
    options = {"trajectory": world.trajectory, "n_resamples": 6, "random_state": 0}
    one = inference.bootstrap(model, statistics, world.data, world.target, **options)
    two = inference.bootstrap(model, statistics, world.data, world.target, n_jobs=2, **options)
    for name, shape in {"coef": (2,), "values": (6,), "changed": (6,)}.items():
        assert one[name].estimate.shape == shape
        assert_allclose(one[name].samples, two[name].samples, rtol=1e-9)
        assert (one[name].standard_error > 0).all()


def test_bootstrap_intervals_of_the_policy_cover():
    """25 data sets, three well-visited states; the benchmark of coverage has the large version.

    With so weak a penalty the policy is all but the frequency of each action, whose standard error is binomial.
    """
    states = [5, 10, 15]
    binomial, spreads, inside = [], [], []
    for seed in range(25):
        bus = make_bus_engine(n_trajectories=150, n_steps=60, n_bins=60, random_state=seed)
        model = IQLearnClassifier(bus.transitions, discount=bus.discount, alpha=1000).fit(bus.data, bus.target)
        found = inference.bootstrap(
            model,
            lambda fit: fit.policy_[states, 1],
            bus.data,
            bus.target,
            trajectory=bus.trajectory,
            n_resamples=40,
            random_state=seed,
        )
        low, high = found.interval(kind="normal")
        truth = bus.policy[states, 1]
        binomial.append(np.sqrt(truth * (1 - truth) / model.counts_[states].sum(axis=1)))
        spreads.append(found.standard_error)
        inside.append((low < truth) & (truth < high))
    assert_allclose(np.mean(spreads, axis=0), np.mean(binomial, axis=0), rtol=0.15)
    assert np.sum(inside) >= 62  # of 75; intervals half as wide hold 50


def test_threads_leave_the_warning_filters_alone(world):
    model = IQLearnClassifier(world.transitions, discount=0.9).fit(world.data, world.target)
    before = list(warnings.filters)
    with parallel_config("threading"):
        inference.bootstrap(
            model, "value_", world.data, world.target, trajectory=world.trajectory, n_resamples=20, n_jobs=4
        )
    assert warnings.filters == before


def test_intervals(world):
    samples = np.random.default_rng(0).normal(3.0, 2.0, size=(4000, 1))
    resampled = inference.Resampled(np.array([3.0]), samples, 10)
    for kind in ("percentile", "normal"):
        low, high = resampled.interval(0.9, kind)
        assert_allclose([low[0], high[0]], [3 - 1.645 * 2, 3 + 1.645 * 2], rtol=0, atol=0.2)
    with pytest.raises(ValueError, match="kind must be one of"):
        resampled.interval(kind="basic")
    with pytest.raises(ValueError, match=r"confidence must be in \(0, 1\), got 95"):
        resampled.interval(95)


def test_rows_as_states_need_a_function_of_chosen_states(world):
    X = world.features[world.frame["state"], 0] + np.random.default_rng(0).normal(size=(1000, 2))
    order = {"trajectory": world.trajectory, "step": world.step}
    model = IQLearnClassifier(discount=0.9, alpha=10).fit(X, world.target, **order)
    options = {"n_resamples": 5, "random_state": 0, **order}
    found = inference.bootstrap(model, lambda fit: fit.predict_proba(X[:3]), X, world.target, **options)
    assert found.standard_error.shape == (3, 3)
    with pytest.raises(ValueError, match="statistic must have one shape in every resample"):
        inference.bootstrap(model, "policy_", X, world.target, **options)


def test_too_few_trajectories(rust):
    model, X, y, _ = rust
    with pytest.raises(ValueError, match="at least 2 trajectories to resample, got 1"):
        inference.bootstrap(model, "coef_", X, y, trajectory=np.zeros(len(y)))
    with pytest.raises(ValueError, match="n_resamples must be an integer >= 2, got 1"):
        inference.bootstrap(model, "coef_", X, y, trajectory=np.zeros(len(y)), n_resamples=1)


def test_what_some_resamples_do_not_identify_is_told():
    world = make_random_mdp(4, 30, n_states=20, random_state=0)
    known_to = world.frame.groupby(["state", "action"])["trajectory"].nunique()
    pair = known_to.index[known_to == 1][0]  # only one trajectory has it
    feature = np.zeros((20, 3, 1))
    feature[pair] = 1.0
    model = IQLearnClassifier(world.transitions, q_type="tabular", features=feature, alpha=100)
    model.fit(world.data, world.target)
    with pytest.warns(IdentificationWarning, match=r"has NaN in \d+ of 10 resamples"):
        found = inference.bootstrap(
            model,
            "reward_coef_",
            world.data,
            world.target,
            trajectory=world.trajectory,
            n_resamples=10,
            random_state=0,
        )
    assert np.isfinite(found.estimate).all()
    assert np.isnan(found.standard_error).all()


@pytest.mark.parametrize("statistic", ["nope", 3, ["policy_"], lambda fit: None])
def test_bad_statistics(rust, statistic):
    model, X, y, order = rust
    with pytest.raises(ValueError, match=r"statistic must (be|return)"):
        inference.bootstrap(model, statistic, X, y, **order)


def test_resamples_that_do_not_converge_are_told(rust):
    model, X, y, order = rust
    hasty = IQLearnClassifier(**{**model.get_params(), "max_iter": 1})
    with pytest.warns(ConvergenceWarning):
        hasty.fit(X, y, **order)
    with pytest.raises(ValueError, match=r"only \d of 10 fits of resamples converged"):
        inference.bootstrap(hasty, "coef_", X, y, n_resamples=10, random_state=0, **order)
    patient = IQLearnClassifier(**model.get_params()).fit(X, y, **order)
    patient.set_params(max_iter=4, warm_start=True).fit(X, y, **order)
    with pytest.warns(ConvergenceWarning, match=r"\d+ of 30 fits of resamples did not converge: left out"):
        found = inference.bootstrap(patient, "coef_", X, y, n_resamples=30, random_state=0, **order)
    assert 15 <= len(found.samples) < 30
