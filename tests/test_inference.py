"""Standard errors, the bootstrap and the table."""

import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose
from problems import as_rows, bus_problem, random_problem
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn._information import Information
from sklearn_iqlearn.datasets import make_bus_engine, make_random_mdp
from sklearn_iqlearn.rewards import IdentificationWarning

KINDS = ("observed", "opg", "sandwich", "clustered")


def standard_errors(*args, **options):
    return np.sqrt(np.diag(inference.covariance(*args, **options)))


@pytest.fixture(scope="module")
def rust():
    """Group 4: the fit, its data and the order of the rows."""
    X, y, order, transitions, features = bus_problem((4,))
    model = IQLearnClassifier(transitions, discount=0.9999, q_type="structural", features=features, alpha=np.inf)
    return model.fit(X, y, **order), X, y, order


@pytest.fixture(scope="module")
def world():
    return make_random_mdp(
        n_trajectories=40, n_steps=25, n_states=6, n_features=2, temperature=0.7, random_state=0
    )


# ------------------------------------------------------------------------------------------ analytic covariances


@pytest.mark.parametrize(
    ("groups", "expected", "published"),
    [
        (
            (4,),
            {"observed": (0.549, 1.372), "clustered": (0.478, 1.199)},
            (0.639, 1.582),
        ),
        (
            (1, 2, 3, 4),  # a separate implementation of the likelihood, its scores and a numerical Hessian
            {"observed": (0.46688, 0.91077), "opg": (0.60610, 1.22592), "sandwich": (0.36872, 0.67668)},
            (0.618, 1.227),
        ),
    ],
)
def test_standard_errors_of_rust(groups, expected, published):
    """Rust (1987), table IX, has the outer product's."""
    X, y, order, transitions, features = bus_problem(groups)
    model = IQLearnClassifier(
        transitions, discount=0.9999, q_type="structural", features=features, alpha=np.inf
    ).fit(X, y)
    for kind, values in expected.items():
        assert_allclose(standard_errors(model, X, y, kind=kind, **order), values, rtol=1e-3)
    assert_allclose(standard_errors(model, X, y, kind="opg"), published, rtol=0.1)


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
    demonstrations, problem, _ = model._assemble(X, y, None, order)
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


def test_what_is_not_identified_has_no_standard_error():
    transitions, counts, _ = random_problem(0)
    features = np.random.default_rng(0).normal(size=(6, 3, 2))
    features = np.concatenate([features, features[..., :1]], axis=2)
    rows = as_rows(counts)
    with pytest.warns(IdentificationWarning):
        model = IQLearnClassifier(transitions, q_type="structural", features=features, alpha=np.inf).fit(*rows)
    with pytest.warns(IdentificationWarning, match="x0, x2"):
        found = inference.covariance(model, *rows)
    assert np.isnan(np.diag(found)).tolist() == [True, False, True]


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
    with pytest.warns(IdentificationWarning, match="x2"):
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


# -------------------------------------------------------------------------------------------------- the bootstrap


def test_bootstrap_agrees_with_the_clustered_sandwich(rust):
    """Both estimate one thing; 200 resamples have 5% of noise, 37 buses leave 20% between the two."""
    model, X, y, order = rust
    resampled = inference.bootstrap(model, "coef_", X, y, n_resamples=200, random_state=0, **order)
    assert_allclose(resampled.estimate, model.coef_)
    assert resampled.samples.shape == (200, 2)
    assert resampled.n_trajectories == 37
    assert_allclose(resampled.standard_error, standard_errors(model, X, y, kind="clustered", **order), rtol=0.3)


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


@pytest.mark.parametrize("statistic", ["nope", 3, ["policy_"]])
def test_bad_statistics(rust, statistic):
    model, X, y, order = rust
    with pytest.raises(ValueError, match="statistic must be"):
        inference.bootstrap(model, statistic, X, y, **order)


def test_resamples_that_do_not_converge_are_told(rust):
    model, X, y, order = rust
    hasty = IQLearnClassifier(**{**model.get_params(), "max_iter": 3})
    with pytest.warns(ConvergenceWarning):
        hasty.fit(X, y, **order)
    with pytest.raises(ValueError, match=r"only \d of 10 fits of resamples converged"):
        inference.bootstrap(hasty, "coef_", X, y, n_resamples=10, random_state=0, **order)
    patient = IQLearnClassifier(**model.get_params()).fit(X, y, **order).set_params(max_iter=4)
    with pytest.warns(ConvergenceWarning, match=r"\d+ of 30 fits of resamples did not converge: left out"):
        found = inference.bootstrap(patient, "coef_", X, y, n_resamples=30, random_state=0, **order)
    assert 15 <= len(found.samples) < 30


# ------------------------------------------------------------------------------------------------------ the table


def test_summary(rust):
    model, X, y, order = rust
    table = inference.summary(model, X, y, feature_names=["theta", "RC"], **order)
    assert isinstance(table, pd.DataFrame)
    assert table.index.tolist() == ["theta", "RC"]
    assert_allclose(table["coefficient"], model.coef_)
    assert_allclose(table["standard error"], standard_errors(model, X, y, kind="clustered", **order))
    assert_allclose(table["z"], table["coefficient"] / table["standard error"])
    assert_allclose(table["97.5%"] - table["coefficient"], 1.959964 * table["standard error"], rtol=1e-6)
    assert_allclose(table["p"], [2.1e-6, 2.9e-17], rtol=0.1)
    facts = table.attrs
    assert_allclose(facts["Log-likelihood"], -163.7106, atol=5e-5)
    assert_allclose(facts["AIC"], 2 * 2 - 2 * facts["Log-likelihood"])
    assert_allclose(facts["BIC"], 2 * np.log(4292) - 2 * facts["Log-likelihood"])
    assert (facts["Observations"], facts["Trajectories"], facts["Converged"]) == (4292, 37, True)
    printed = str(table)
    for part in (
        "Log-likelihood: -163.7106",
        "AIC: 331.4211",
        "standard error",
        "theta",
        "10.1361",
        "Covariance: clustered",
    ):
        assert part in printed
    assert "<table" in table._repr_html_()
    assert type(table[["z"]]) is pd.DataFrame


def test_summary_of_each_source(rust):
    model, X, y, order = rust
    for kind in ("observed", "opg", "sandwich"):
        table = inference.summary(model, X, y, covariance=kind, confidence=0.9)
        assert_allclose(table["standard error"], standard_errors(model, X, y, kind=kind))
        assert list(table.columns[-2:]) == ["5%", "95%"]
        assert table.attrs["Covariance"] == kind
    assert inference.summary(model, X, y).attrs["Covariance"] == "observed"
    resampled = inference.bootstrap(model, "coef_", X, y, n_resamples=20, random_state=0, **order)
    table = inference.summary(model, X, y, covariance=resampled)
    assert_allclose(table["standard error"], resampled.standard_error)
    assert_allclose(table["2.5%"], resampled.interval()[0])
    assert table.attrs["Trajectories"] == 37
    with pytest.raises(ValueError, match=r"confidence must be in \(0, 1\), got 95"):
        inference.summary(model, X, y, confidence=95)
    other = inference.Resampled(np.ones(3), np.ones((20, 3)), 37)
    with pytest.raises(ValueError, match="must be the bootstrap of the fit's reward_coef_ or coef_"):
        inference.summary(model, X, y, covariance=other)


def test_summary_of_a_tabular_reward(world):
    model = IQLearnClassifier(
        world.transitions, discount=world.discount, alpha=100, q_type="tabular", features=world.features
    ).fit(world.data, world.target)
    resampled = inference.bootstrap(
        model,
        "reward_coef_",
        world.data,
        world.target,
        trajectory=world.trajectory,
        n_resamples=20,
        random_state=0,
    )
    table = inference.summary(
        model, world.data, world.target, covariance=resampled, feature_names=world.feature_names
    )
    assert table.index.tolist() == world.feature_names
    assert_allclose(table["coefficient"], model.reward_coef_)
