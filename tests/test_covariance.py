"""Analytic covariances: published, by numerical derivatives, by influences."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from problems import as_rows, bus_problem, random_problem, standard_errors
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn._estimator.fitting import assemble
from sklearn_iqlearn.datasets import make_bus_engine
from sklearn_iqlearn.inference._information import Information
from sklearn_iqlearn.rewards import IdentificationWarning

KINDS = ("observed", "opg", "sandwich", "clustered")


@pytest.mark.parametrize(
    ("groups", "expected"),
    [  # a separate implementation of the likelihood, its scores and a numerical Hessian
        ((4,), {"observed": (0.55384, 1.35126), "clustered": (0.48430, 1.15020)}),
        (
            (1, 2, 3, 4),
            {"observed": (0.47157, 0.90148), "opg": (0.61732, 1.22655), "sandwich": (0.37031, 0.66259)},
        ),
    ],
)
def test_standard_errors_of_rust(groups, expected):
    X, y, order, transitions, features = bus_problem(groups)
    model = IQLearnClassifier(
        transitions, discount=0.9999, q_type="structural", features=features, alpha=np.inf
    ).fit(X, y)
    for kind, values in expected.items():
        assert_allclose(standard_errors(model, X, y, kind=kind, **order), values, rtol=1e-3)


def log_policy_rows(model, world, coefficients, kind):
    """Log-likelihood of each decision at other coefficients."""
    if kind == "structural":
        other = model.counterfactual(reward_coef=coefficients)
        q = other.q_table_
    else:
        n = model.coef_.size
        slopes = coefficients[:n].reshape(model.coef_.shape)
        features = world.features if slopes.ndim == 1 else world.features[:, 0]
        q = features @ slopes.T + coefficients[n:]
    logs = (q - q.max(axis=1, keepdims=True)) / model.temperature
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    return logs[world.frame["state"], world.frame["action"]]


# A linear Q has one level too many for the policy.
@pytest.mark.filterwarnings("ignore::sklearn_iqlearn.rewards.IdentificationWarning")
@pytest.mark.parametrize("form", ["structural", "linear", "shared"])
def test_covariances_from_numerical_derivatives(world, form):
    """Unpenalised: scores and Hessian of the log-likelihood by finite differences, row by row."""
    features = world.features[:, 0] if form == "linear" else world.features
    model = IQLearnClassifier(
        world.transitions,
        discount=world.discount,
        temperature=0.7,
        q_type="structural" if form == "structural" else "linear",
        features=features,
        alpha=np.inf,
        C=np.inf,
        fit_intercept=False,
    )
    model.fit(world.data, world.target)
    point = model.coef_.ravel()
    form = "structural" if form == "structural" else "linear"

    def rows(coefficients):
        return (
            log_policy_rows(model, world, np.append(coefficients, np.zeros(3)), "linear")
            if (form == "linear")
            else log_policy_rows(model, world, coefficients, form)
        )

    h = 1e-4
    steps = h * np.eye(point.size)
    scores = np.stack([(rows(point + e) - rows(point - e)) / (2 * h) for e in steps], axis=1)
    hessian = np.array(
        [
            [
                (rows(point + e + f) - rows(point + e - f) - rows(point - e + f) + rows(point - e - f)).sum()
                / (4 * h * h)
                for f in steps
            ]
            for e in steps
        ]
    )
    bread, sums = (
        np.linalg.pinv(-hessian, rcond=1e-5),
        np.stack([scores[world.trajectory == i].sum(axis=0) for i in range(40)]),
    )
    expected = {
        "observed": bread,
        "opg": np.linalg.pinv(scores.T @ scores, rcond=1e-5),
        "sandwich": bread @ scores.T @ scores @ bread,
        "clustered": bread @ sums.T @ sums @ bread,
    }
    for kind in KINDS:
        found = inference.covariance(
            model, world.data, world.target, kind=kind, trajectory=world.trajectory, step=world.step
        ).to_numpy()[: point.size, : point.size]
        known = np.isfinite(found)
        if model.coef_.ndim == 1:
            assert known.all()
        assert_allclose(found[known], expected[kind][known], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("transitions", [True, False])
@pytest.mark.parametrize("kind", ["sandwich", "clustered"])
def test_sandwiches_are_made_of_influences(world, kind, transitions):
    """How the optimum moves with the weights of a pair's decisions, or of a trajectory's.

    Without transitions these depend on the weights too, and only an objective without rewards does not.
    """
    X = world.data if transitions else pd.DataFrame(world.features[world.frame["state"], 0], columns=["a", "b"])
    settings = {"transitions": world.transitions, "features": world.features[:, 0]} if transitions else {}
    order = {"trajectory": world.trajectory, "step": world.step}
    alpha = 3.0 if transitions else np.inf
    model = IQLearnClassifier(discount=0.9, alpha=alpha, C=5.0, temperature=0.7, tol=1e-12, **settings)

    def coefficients(weight):
        fitted = model.fit(X, world.target, weight, **order)
        return np.concatenate([fitted.coef_.ravel(), fitted.intercept_])

    pairs = 3 * world.frame["state"] + world.frame["action"]
    groups = world.trajectory if kind == "clustered" else pairs
    expected = np.zeros((9, 9))
    for group in groups.unique():
        ahead, behind = (coefficients(np.where(groups == group, 1 + step, 1.0)) for step in (1e-3, -1e-3))
        influence = (ahead - behind) / 2e-3
        # The decisions of a pair have the same influence each, and are independent of each other.
        expected += np.outer(influence, influence) / (1 if kind == "clustered" else (groups == group).sum())
    model.fit(X, world.target, **order)
    found = inference.covariance(model, X, world.target, kind=kind, **order)
    assert_allclose(found, expected, rtol=1e-4, atol=1e-8)
    assert found.index.tolist() == found.columns.tolist()
    assert found.index[:2].tolist() == (["x0 (0)", "x1 (0)"] if transitions else ["a (0)", "b (0)"])


def test_standard_errors_of_logistic_regression():
    """Two actions and no penalty: the contrasts are logistic regression, whose information is X'WX."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 2))
    y = (X[:, 0] + rng.logistic(size=800) > 0).astype(int)
    for C in (np.inf, 1e4):
        model = IQLearnClassifier(alpha=np.inf, C=C).fit(X, y)
        design = np.column_stack([X, np.ones(800)])
        chance = model.predict_proba(X)[:, 1]
        information = (design * (chance * (1 - chance))[:, None]).T @ design
        # Each action's coefficient is half the difference of the two.
        expected = np.sqrt(np.diag(np.linalg.inv(information))) / 2
        for kind in ("observed", "sandwich"):
            found = standard_errors(model, X, y, kind=kind)
            assert_allclose(found[[0, 2]], found[[0, 2]].mean(), rtol=1e-6)
            assert_allclose(found[2:5:2], expected[[0, 2]], rtol=0.15 if kind == "sandwich" else 1e-3)
        kinds = {inference.covariance(model, X, y).attrs["kind"]}
        assert kinds == {"observed" if np.isinf(C) else "sandwich"}


def test_cut_off_decisions_have_no_penalty_in_their_scores():
    """Four states, visited again and again, by trajectories that are cut off: the scores add up to 0."""
    rng = np.random.default_rng(0)
    states = rng.normal(size=(4, 2))
    at = rng.integers(4, size=400)
    X, y, ids = states[at], rng.integers(2, size=400), np.repeat(np.arange(100), 4)
    model = IQLearnClassifier(discount=0.9, alpha=2.0, smoothing=0.0, C=np.inf).fit(X, y, trajectory=ids)
    order = {"trajectory": ids, "step": None, "next_X": None, "terminal": None}
    demonstrations, problem, _ = assemble(model, X, y, None, order)
    information = Information.at(problem.at(problem.recall(model)), demonstrations, None)
    assert_allclose(information.counts @ information.scores, 0.0, rtol=0, atol=1e-5)
    assert np.abs(information.counts @ np.abs(information.scores)).min() > 10


def test_weights_count_decisions(rust):
    model, X, y, _ = rust
    twice = np.tile(np.arange(len(y)), 2)
    weighted = IQLearnClassifier(**model.get_params()).fit(X, y, np.full(len(y), 2.0))
    repeated = IQLearnClassifier(**model.get_params()).fit(X.iloc[twice], y.iloc[twice])
    for kind in ("observed", "opg", "sandwich"):
        one = inference.covariance(weighted, X, y, np.full(len(y), 2.0), kind=kind)
        other = inference.covariance(repeated, X.iloc[twice], y.iloc[twice], kind=kind)
        single = inference.covariance(model, X, y, kind=kind)
        assert_allclose(one, other, rtol=1e-8)
        assert_allclose(2 * one, single, rtol=1e-6)


def test_what_is_not_identified_has_the_error_of_the_least_norm():
    transitions, counts, _ = random_problem(0)
    features = np.random.default_rng(0).normal(size=(6, 3, 2))
    features = np.concatenate([features, features[..., :1]], axis=2)
    rows = as_rows(counts)
    with pytest.warns(IdentificationWarning):
        model = IQLearnClassifier(transitions, q_type="structural", features=features, alpha=np.inf).fit(*rows)
    single = IQLearnClassifier(transitions, q_type="structural", features=features[..., :2], alpha=np.inf).fit(
        *rows
    )
    expected = standard_errors(single, *rows)
    # A feature and its copy share a coefficient, and with it an error, evenly.
    assert_allclose(standard_errors(model, *rows), [expected[0] / 2, expected[1], expected[0] / 2], rtol=1e-6)
    with pytest.warns(IdentificationWarning, match="covariance of NaN: copy"):
        found = inference.covariance(model, *rows, contrasts={"copy": [0, 0, 1], "sum": [1, 0, 1]})
    assert_allclose(found.loc["sum", "sum"], expected[0] ** 2, rtol=1e-6)


def test_intervals_of_simulated_buses_cover():
    """25 data sets, two coefficients: the nominal share of 95% is 47.5 of 50, with a deviation of 1.5."""
    inside = []
    for seed in range(25):
        bus = make_bus_engine(n_trajectories=200, random_state=1000 + seed)
        model = IQLearnClassifier(
            bus.transitions, discount=bus.discount, q_type="structural", features=bus.features, alpha=np.inf
        ).fit(bus.data, bus.target)
        table = inference.summary(model, bus.data, bus.target, trajectory=bus.trajectory)
        inside.append((table["2.5%"] < bus.coef) & (bus.coef < table["97.5%"]))
    assert np.sum(inside) >= 42


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"kind": "huber"},
            r"kind must be one of \['auto', 'clustered', 'observed', 'opg', 'sandwich'\], got 'huber'",
        ),
        ({"kind": "clustered"}, "trajectory must be given for kind='clustered'"),
        ({"feature_names": ["one"]}, r"feature_names must have 2 names, got \['one'\]"),
    ],
)
def test_bad_covariances(rust, change, message):
    model, X, y, _ = rust
    with pytest.raises(ValueError, match=message):
        inference.covariance(model, X, y, **change)


def test_too_few_trajectories_to_cluster(rust):
    model, X, y, _ = rust
    with pytest.raises(ValueError, match="more trajectories than the 2 coefficients for a clustered covariance"):
        inference.covariance(model, X, y, trajectory=np.arange(len(y)) < 100)


@pytest.mark.parametrize("form", ["each", "shared"])
@pytest.mark.parametrize("C", [100.0, np.inf])
def test_unpenalised_linear_coefficients_are_deviations_from_the_mean(world, form, C):
    features = world.features[:, 0] if form == "each" else world.features
    model = IQLearnClassifier(world.transitions, features=features, alpha=np.inf, C=C).fit(
        world.data, world.target
    )
    found = inference.covariance(model, world.data, world.target, kind="sandwich").to_numpy()
    assert_allclose(model.intercept_.sum(), 0.0, rtol=0, atol=1e-12)
    assert_allclose(found[-3:].sum(axis=0), 0.0, rtol=0, atol=1e-8 * np.abs(found).max())
    assert (np.diag(found) > 0).all()
    if form == "each":
        assert_allclose(model.coef_.sum(axis=0), 0.0, rtol=0, atol=1e-6)
        assert_allclose(found[0:6:2].sum(axis=0), 0.0, rtol=0, atol=1e-8 * np.abs(found).max())


def test_what_only_the_penalty_tells_has_no_standard_error():
    bus = make_bus_engine(n_trajectories=100, random_state=0)
    features = np.concatenate([bus.features, np.ones((90, 2, 1))], axis=2)
    with pytest.warns(IdentificationWarning, match="directions of the reward's coefficients open"):
        model = IQLearnClassifier(
            bus.transitions, discount=bus.discount, q_type="structural", features=features, alpha=10
        ).fit(bus.data, bus.target)
    with pytest.warns(IdentificationWarning, match="covariance of NaN: x2"):
        table = inference.summary(model, bus.data, bus.target)
    assert np.isnan(table["standard error"]).tolist() == [False, False, True]


def test_worlds_are_no_fits(rust):
    model, X, y, order = rust
    for other in (model.counterfactual(reward_coef=2 * model.coef_), rewards.anchor(model, 1, -10.0)):
        for act in (
            lambda other=other: inference.bootstrap(other, "policy_", X, y, **order),
            lambda other=other: inference.covariance(other, X, y),
            lambda other=other: inference.summary(other, X, y),
        ):
            with pytest.raises(ValueError, match="estimator must be a fit to data"):
                act()


def test_other_data_are_refused(rust):
    model, X, y, _ = rust
    with pytest.raises(ValueError, match="must be those of the fit"):
        inference.covariance(model, X.head(100), y.head(100))
    with pytest.raises(ValueError, match="must be those of the fit"):
        inference.covariance(model, X, y, np.full(len(y), 100.0))
    with pytest.raises(ValueError, match="must be those of the fit"):
        inference.bootstrap(model, "coef_", X.head(100), y.head(100), trajectory=np.arange(100))


def test_a_fit_that_did_not_converge_has_no_covariance(rust):
    model, X, y, _ = rust
    with pytest.warns(ConvergenceWarning):
        hasty = IQLearnClassifier(**{**model.get_params(), "max_iter": 1}).fit(X, y)
    with pytest.raises(ValueError, match="a fit that converged"):
        inference.covariance(hasty, X, y)


@pytest.mark.parametrize("settings", [{}, {"q_type": "neural", "solver": "lbfgs", "tol": 0.1}])
def test_no_analytic_covariance_of_tables_and_networks(world, settings):
    model = IQLearnClassifier(world.transitions, **settings).fit(world.data, world.target)
    with pytest.raises(ValueError, match=r"covariance needs q_type 'structural' or 'linear'.*use bootstrap"):
        inference.covariance(model, world.data, world.target)


@pytest.mark.filterwarnings("ignore:The data do not identify these")
def test_a_coefficient_that_only_the_ridge_tells_has_no_spread():
    """Actions of two groups that never meet: a column that tells the groups apart tells nothing of a choice."""
    rng = np.random.default_rng(0)
    group = rng.integers(2, size=400)
    X, y = np.column_stack([rng.normal(size=400), group]), 2 * group + rng.integers(2, size=400)

    def mask(rows):
        return (rows[:, 1:] > 0) == [False, False, True, True]

    model = IQLearnClassifier(alpha=np.inf, action_mask=mask).fit(X, y)
    for kind, trajectory in (("sandwich", None), ("clustered", np.repeat(np.arange(40), 10))):
        found = inference.covariance(model, X, y, kind=kind, trajectory=trajectory)
        spread = np.diag(found)[1:8:2]
        assert (spread >= 0).all()
        assert_allclose(spread, 0, atol=1e-20)
