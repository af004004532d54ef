"""``rewards.PolicyReward``: exact on tables, near a known truth, and clear about what it cannot read."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_iqlearn.datasets import make_random_mdp
from sklearn_iqlearn.exceptions import DataWarning, IdentificationWarning
from sklearn_iqlearn.rewards import PolicyReward

EXACT = {"tol": 1e-12, "max_iter": 50}


NO_VECTOR = dict.fromkeys(
    ("check_estimator_sparse_array", "check_estimator_sparse_matrix"),
    "expects predictions of shape (n_rows,): here they have a column for each action",
)


@parametrize_with_checks(
    [
        PolicyReward(),
        PolicyReward(LogisticRegression(tol=1e-8), Ridge(), tol=1e-10),
        PolicyReward(LogisticRegression(tol=1e-8), LinearRegression(), discount=0.0),
    ],
    expected_failed_checks=lambda model: NO_VECTOR if model.classifier is not None else {},
)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def world():
    return make_random_mdp(
        n_trajectories=60, n_steps=40, n_states=5, discount=0.9, ending=0.03, temperature=2.0, random_state=1
    )


def order_of(world):
    return {"trajectory": world.trajectory, "step": world.step, "terminal": world.frame["terminal"]}


def trees(world, **options):
    """A tree with a leaf for each state: tables of frequencies and means."""
    settings = {
        "classifier": DecisionTreeClassifier(),
        "regressor": DecisionTreeRegressor(),
        "discount": world.discount,
        "temperature": world.temperature,
        "action": 1,
        **EXACT,
    }
    return PolicyReward(**settings | options)


def empirical(world, weight):
    """The policy, (S, A), and kernel, (A, S, S), of the rows."""
    states, actions = world.frame["state"].to_numpy(), world.target.to_numpy()
    policy = np.zeros((5, 3))
    np.add.at(policy, (states, actions), weight)
    policy /= policy.sum(axis=1, keepdims=True)
    kernel, totals = np.zeros((3, 5, 5)), np.zeros((3, 5))
    ids = world.trajectory.to_numpy()
    for i in range(len(states)):
        if world.frame["terminal"].iloc[i] or (i + 1 < len(states) and ids[i + 1] == ids[i]):
            totals[actions[i], states[i]] += weight[i]
            if not world.frame["terminal"].iloc[i]:
                kernel[actions[i], states[i], states[i + 1]] += weight[i]
    return policy, kernel / totals[:, :, None]


def table_solution(world, known, weight):
    """The rewards and values of all states by linear algebra on the empirical policy and kernel."""
    policy, kernel = empirical(world, weight)
    logs = world.temperature * np.log(policy)
    value = np.linalg.solve(np.eye(5) - world.discount * kernel[1], known - logs[:, 1])
    return value[:, None] + logs - world.discount * np.einsum("ast,t->sa", kernel, value), value


@pytest.mark.parametrize("weighted", [False, True])
def test_a_leaf_for_each_state_gives_the_table_solution(world, weighted):
    weight = np.random.default_rng(0).integers(1, 4, len(world.target)).astype(float) ** weighted
    known = world.reward[:, 1]
    model = trees(world, reward=lambda X: known[X["state"]])
    model.fit(world.data, world.target, weight if weighted else None, **order_of(world))
    states = pd.DataFrame({"state": range(5)})
    reward, value = table_solution(world, known, weight)
    assert model.converged_
    # tol=1e-12 of the equation is at most 1e-11 of a value, at discount 0.9
    assert_allclose(model.predict(states), reward, rtol=0, atol=1e-10)
    assert_allclose(model.value(states), value, rtol=0, atol=1e-10)
    assert_allclose(model.predict(states)[:, 1], known, rtol=0, atol=1e-10)


def test_linear_regressors_settle_in_few_rounds_near_discount_one(world):
    """Of five states, five directions: plain rounds would take 200,000 at discount 0.9999 for 1e-9."""
    one_hot = OneHotEncoder()
    model = trees(world, regressor=make_pipeline(one_hot, LinearRegression()), discount=0.9999, tol=1e-9)
    model.fit(world.data, world.target, **order_of(world) | {"terminal": None})
    assert model.converged_
    assert model.n_iter_ <= 15


def test_without_a_future_rewards_are_log_odds(world):
    model = trees(world, discount=0.0, reward=0.5, classifier=LogisticRegression())
    model.fit(world.data, world.target)
    logs = 2 * np.log(model.predict_proba(world.data))
    assert_allclose(model.predict(world.data), logs - logs[:, [1]] + 0.5, rtol=0, atol=1e-12)


def test_labels_and_the_order_of_rows_do_not_matter(world):
    model = trees(world).fit(world.data, world.target, **order_of(world))
    names = np.array(["z", "m", "a"])
    shuffled = np.random.default_rng(0).permutation(len(world.target))
    order = {name: values.to_numpy()[shuffled] for name, values in order_of(world).items()}
    other = trees(world, action="m").fit(world.data.iloc[shuffled], names[world.target[shuffled]], **order)
    assert_allclose(other.predict(world.data), model.predict(world.data)[:, ::-1], rtol=0, atol=1e-9)
    assert list(other.classes_) == ["a", "m", "z"]


def test_next_rows_serve_as_trajectories_do(world):
    order = order_of(world)
    rows = np.r_[np.diff(world.trajectory) == 0, False] | order["terminal"].to_numpy()
    next_X = world.data.shift(-1).fillna(0)[rows]
    # Rows that were cut off would make another policy: the same one, uniform to 1e-7, whatever the rows.
    whole = trees(world, classifier=LogisticRegression(C=1e-9, fit_intercept=False), discount=0.5)
    pairs = clone(whole).fit(world.data[rows], world.target[rows], next_X=next_X, terminal=order["terminal"][rows])
    whole.fit(world.data, world.target, **order)
    assert_allclose(pairs.predict(world.data), whole.predict(world.data), rtol=0, atol=1e-5)


def test_weights_are_repetitions_and_zeros_cut_off(world):
    weight = np.random.default_rng(0).integers(1, 3, len(world.target)) * (world.trajectory % 2 == 0)
    one = trees(world).fit(world.data, world.target, weight, **order_of(world))
    X, y = world.data[weight > 0], world.target[weight > 0]
    order = {name: values[weight > 0] for name, values in order_of(world).items()}
    two = trees(world).fit(X, y, weight[weight > 0], **order)
    assert_allclose(one.predict(world.data), two.predict(world.data), rtol=0, atol=1e-10)


MILES = 20


def kang(n_trajectories, seed, extra=0):
    """The simulation of arXiv 2502.14131: wear 1 to 20, -wear for keeping, -5 for replacing, which brings 1."""
    rng = np.random.default_rng(seed)
    kernel = np.zeros((2, MILES, MILES))
    for rise in range(1, 5):
        kernel[0, np.arange(MILES), np.minimum(np.arange(MILES) + rise, MILES - 1)] += 0.25
    kernel[1, :, 0] = 1
    reward = np.column_stack([-np.arange(1.0, MILES + 1), np.full(MILES, -5.0)])
    value = np.zeros(MILES)
    for _ in range(1000):
        q = reward + 0.95 * np.einsum("ast,t->sa", kernel, value)
        value = np.logaddexp(*q.T)
    replace = np.exp(q[:, 1] - value)
    state, rows = np.zeros(n_trajectories, dtype=int), []
    for step in range(100):
        action = (rng.random(n_trajectories) < replace[state]).astype(int)
        rows.append((np.arange(n_trajectories), np.full(n_trajectories, step), state, action))
        state = np.where(action, 0, np.minimum(state + rng.integers(1, 5, n_trajectories), MILES - 1))
    ids, steps, state, action = np.hstack(rows)
    X = np.column_stack([state + 1, rng.uniform(size=(len(state), extra))])
    return X, action, {"trajectory": ids, "step": steps}, reward[state], value[state]


@pytest.mark.parametrize("cross_fit", [None, 2])
def test_recovers_a_simulated_truth(cross_fit):
    X, y, order, reward, value = kang(250, seed=0, extra=2)
    model = PolicyReward(action=1, reward=-5.0, cross_fit=cross_fit).fit(X, y, **order)
    assert model.converged_
    found = model.predict(X)
    # Rewards of 1 to 20 in states visited; half the error of a discount of 0, whose rewards miss by 2 and more.
    assert np.abs(found - reward)[X[:, 0] <= 8].mean() < 0.12
    assert_allclose(found[:, 1], -5, rtol=0, atol=1e-12)
    # A reward that is off by 0.12 in all states gives a value that is off by 20 times as much.
    assert np.abs(model.value(X) - value).mean() < 20 * 0.12
    static = PolicyReward(action=1, reward=-5.0, discount=0.0).fit(X, y)
    assert np.abs(static.predict(X) - reward)[X[:, 0] <= 8].mean() > 1


def test_cross_fitting_takes_next_values_from_other_trajectories(world):
    known, n_rows = np.full(5, -1.0), len(world.target)
    states, actions, ids = world.frame["state"].to_numpy(), world.target.to_numpy(), world.trajectory.to_numpy()
    terminal = world.frame["terminal"].to_numpy()
    follows = np.append(ids[1:] == ids[:-1], False)
    next_value = np.zeros(n_rows)
    for train, test in GroupKFold(2).split(states, groups=ids):
        value = table_solution(world, known, np.isin(np.arange(n_rows), train).astype(float))[1]
        moved = test[follows[test]]
        next_value[moved] = value[states[moved + 1]]
    expected = np.zeros((5, 3))
    for state, action in np.ndindex(5, 3):
        expected[state, action] = next_value[(states == state) & (actions == action) & (follows | terminal)].mean()
    logs = 2 * np.log(empirical(world, np.ones(n_rows))[0])
    value = known - logs[:, 1] + 0.9 * expected[:, 1]
    model = trees(world, reward=-1.0, cross_fit=2).fit(world.data, world.target, **order_of(world))
    found = model.predict(pd.DataFrame({"state": range(5)}))
    assert_allclose(found, value[:, None] + logs - 0.9 * expected, rtol=0, atol=1e-9)


def test_a_regressor_that_extrapolates_stays_within_what_it_averages():
    """Powers of a state far outside of what action 1 has seen: plain iterations would grow without end."""
    X, y, order, _, _ = kang(30, seed=2)
    powers = make_pipeline(PolynomialFeatures(9), StandardScaler(), LinearRegression())
    splines = make_pipeline(SplineTransformer(), LogisticRegression())
    model = PolicyReward(splines, powers, action=1, reward=-5.0, max_iter=10).fit(X, y, **order)
    far = np.array([[1e3], [-1e3], [40.0]])
    low, high = model.value_bounds_[1]
    continuation = model.value(far) + 5 + np.log(model.predict_proba(far)[:, 1])
    assert (continuation >= 0.95 * low - 1e-9).all()
    assert (continuation <= 0.95 * high + 1e-9).all()


def test_frames_stay_frames(world):
    seen = []

    def reward(X):
        seen.append(type(X))
        return -1.0 * X["state"]

    by_name = make_pipeline(ColumnTransformer([("one", OneHotEncoder(), ["state"])]), Ridge(1e-3))
    model = trees(world, regressor=by_name, reward=reward, tol=0.02)
    model.fit(world.data, world.target, **order_of(world)).predict(world.data)
    assert set(seen) == {pd.DataFrame}
    assert list(model.feature_names_in_) == ["state"]


def test_a_fit_answers_with_its_own_parameters(world):
    model = trees(world).fit(world.data, world.target, **order_of(world))
    before = model.predict(world.data)
    model.set_params(discount=0.1, temperature=9.0, reward=7.0)
    assert_allclose(model.predict(world.data), before, rtol=0, atol=0)


def test_weights_reach_pipelines_and_routed_parts(world):
    weight = np.random.default_rng(0).integers(1, 4, len(world.target))
    states = make_pipeline(OneHotEncoder(), Ridge(1e-6))
    plain = trees(world, regressor=states).fit(world.data, world.target, weight, **order_of(world))
    unweighted = trees(world, regressor=states).fit(world.data, world.target, **order_of(world))
    assert np.abs(plain.predict(world.data) - unweighted.predict(world.data)).max() > 1e-2
    with sklearn.config_context(enable_metadata_routing=True):
        routed = trees(
            world,
            classifier=DecisionTreeClassifier().set_fit_request(sample_weight=True),
            regressor=make_pipeline(OneHotEncoder(), Ridge(1e-6).set_fit_request(sample_weight=True)),
        ).fit(world.data, world.target, sample_weight=weight, **order_of(world))
    assert_allclose(routed.predict(world.data), plain.predict(world.data), rtol=0, atol=1e-9)
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [3]}, cv=2)
    with pytest.raises(ValueError, match=r"sample_weight must be None for a classifier .* GridSearchCV"):
        trees(world, classifier=search).fit(world.data, world.target, weight, **order_of(world))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"action": 7}, r"action must be one of \[0, 1, 2\], got 7"),
        ({"action": "1"}, r"action must be one of \[0, 1, 2\], got '1'"),
        ({"reward": np.nan}, r"reward must be finite, got nan"),
        ({"reward": lambda X: np.full(len(X), np.nan)}, r"reward, a function of X, must be finite, got nan"),
        ({"reward": lambda X: np.zeros(3)}, r"reward, a function of X, must have shape"),
        ({"discount": 1.5}, r"discount must be a number in \[0, 1\]"),
        ({"tol": 0.0}, r"tol must be a finite number > 0"),
        ({"max_iter": 0}, r"max_iter must be an integer >= 1"),
        ({"cross_fit": 1}, r"cross_fit must be an integer >= 2"),
        ({"cross_fit": 61}, r"cross_fit must be at most the number of trajectories, 60, got 61"),
        ({"classifier": Ridge()}, r"classifier must have the methods fit and predict_proba, got Ridge"),
    ],
)
def test_parameters_out_of_range(world, settings, message):
    with pytest.raises(ValueError, match=message):
        trees(world, **settings).fit(world.data, world.target, **order_of(world))


def test_rows_that_cannot_be_read(world):
    model, X, y, ids = trees(world), world.data, world.target, world.trajectory
    with pytest.raises(ValueError, match="action must have a row that tells what follows, got 1 without any"):
        model.fit(X, np.where(world.step == 39, 1, 2 * (y > 0)), trajectory=ids)
    with pytest.raises(ValueError, match="discount=1 needs terminal rows of action 1"):
        trees(world, discount=1).fit(X, y, trajectory=ids)
    with pytest.raises(ValueError, match="y must hold two actions at least, got 1 class"):
        model.fit(X, np.zeros(len(y)), trajectory=ids)
    with pytest.raises(ValueError, match="next_X must have the shape of X"):
        model.fit(X, y, next_X=X[:5])


def test_what_is_told(world):
    X, y, order = world.data, world.target, order_of(world)
    with pytest.warns(DataWarning, match="Neither trajectory nor next_X tells what follows a row"):
        trees(world).fit(X, y)
    with pytest.warns(IdentificationWarning, match="the reward of 0, the first of the actions, is taken as known"):
        trees(world, action=None).fit(X, y, **order)
    with pytest.warns(ConvergenceWarning, match="after 1 regressions the equation of the values misses"):
        trees(world, max_iter=1).fit(X, y, **order)
    last = np.where(world.step == 39, 2, np.minimum(y, 1))  # action 2 only where trajectories are cut off
    with pytest.warns(DataWarning, match=r"action 2 has \d+ rows, none of which tells what follows"):
        model = trees(world).fit(X, last, trajectory=world.trajectory)
    assert np.isnan(model.predict(X)[:, 2]).all()
    assert np.isfinite(model.predict(X)[:, :2]).all()


def test_a_known_action_that_is_hardly_taken_where_it_leads_is_told():
    X, y, order, _, _ = kang(50, seed=3)
    splines = make_pipeline(SplineTransformer(), LogisticRegression(C=100.0))
    model = PolicyReward(splines, action=0, reward=lambda X: -X[:, 0])
    with pytest.warns(DataWarning, match="action 0, whose reward is known, leads in .* probability is below 0.01"):
        model.fit(X, y, **order)


def test_probabilities_of_zero_are_told(world):
    rare = world.target.where((world.target != 2) | (world.data["state"] != 0), 0)
    with pytest.warns(DataWarning, match="classifier gives a probability of 0 in .* next states, read as"):
        model = trees(world).fit(world.data, rare, **order_of(world))
    assert np.isfinite(model.predict(world.data)).all()
