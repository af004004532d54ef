"""Rewards and values of a policy: round trips, anchors, coefficients, regret."""

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose
from problems import as_rows, bus_problem, random_problem, shaping, world_of

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn.datasets import make_bus_engine, make_gridworld, make_random_mdp
from sklearn_iqlearn.exceptions import DataWarning

KINDS = ["dense", "sparse", "substochastic"]


@pytest.mark.parametrize("discount", [0.0, 0.9, 0.9999])
@pytest.mark.parametrize("kind", KINDS)
def test_reward_to_q_to_reward(kind, discount):
    world, model = world_of(kind)
    solved = model.counterfactual(reward=world.reward, discount=discount)
    kernel = check_transitions(world.transitions)[0]
    value = np.log(np.exp(solved.q_table_ - solved.q_table_.max()).sum(axis=1)) + solved.q_table_.max()
    back = solved.q_table_ - discount * kernel.expected_next(value)
    assert_allclose(back, world.reward, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_shaping_changes_no_policy(kind):
    world, model = world_of(kind)
    potential = np.random.default_rng(1).normal(scale=5, size=12)
    term = shaping(potential, world.transitions, world.discount)
    one = model.counterfactual(reward=world.reward)
    other = model.counterfactual(reward=world.reward + term)
    assert_allclose(other.policy_, one.policy_, rtol=0, atol=1e-9)
    assert_allclose(other.value_, one.value_ + potential, rtol=0, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_anchoring_at_the_truth_gives_the_truth(kind):
    """Given the true policy of a reward that was shaped beyond recognition."""
    world, model = world_of(kind)
    term = shaping(np.random.default_rng(1).normal(size=12), world.transitions, world.discount)
    shaped = model.counterfactual(reward=world.reward + term)
    for action in range(3):
        anchored = rewards.anchor(shaped, action, world.reward[:, action])
        assert_allclose(anchored.reward_, world.reward, rtol=0, atol=1e-8)
        assert_allclose(anchored.q_table_, world.q_table, rtol=0, atol=1e-7)
        assert_allclose(anchored.value_, world.value, rtol=0, atol=1e-7)
        assert_allclose(anchored.policy_, world.policy, rtol=0, atol=1e-9)


def test_anchoring_near_discount_one():
    X, y, _, transitions, features = bus_problem()
    model = IQLearnClassifier(
        transitions, discount=0.9999, q_type="structural", features=features, alpha=np.inf
    ).fit(X, y)
    anchored = rewards.anchor(model, 1, -model.coef_[1])
    assert_allclose(anchored.reward_, model.reward_, rtol=0, atol=1e-8)


@pytest.mark.parametrize("q_type", ["tabular", "linear", "neural", "structural"])
def test_reward_coef_of_every_form(q_type):
    world = make_random_mdp(n_trajectories=500, n_features=2, random_state=0)
    options = {"neural": {"solver": "lbfgs", "hidden_layer_sizes": 8, "tol": 1e-3}, "linear": {"C": 1e6}}
    features = world.features if q_type != "neural" else world.features[:, 0]
    model = IQLearnClassifier(
        world.transitions,
        discount=world.discount,
        q_type=q_type,
        features=features,
        alpha=1000.0,
        random_state=0,
        **options.get(q_type, {}),
    ).fit(world.data, world.target)
    assert model.reward_coef_.shape == (2,)
    if q_type == "neural":  # whose features are those of the first action
        with pytest.warns(DataWarning, match="form of the reward does not hold"):
            assert_allclose(model.reward_coef_, rewards.project(model).coef, rtol=1e-12)
    else:
        found = rewards.project(model).coef
        assert_allclose(model.reward_coef_, model.coef_ if q_type == "structural" else found, rtol=1e-12)
        assert_allclose([found, model.reward_coef_], [world.coef] * 2, rtol=0, atol=0.08)


def test_reward_coef_is_there_where_it_can_be():
    world, model = world_of("dense")
    assert hasattr(model, "reward_coef_")
    assert not hasattr(IQLearnClassifier(world.transitions, features=world.features), "reward_coef_")
    assert not hasattr(IQLearnClassifier(world.transitions).fit(world.data, world.target), "reward_coef_")


def test_simulated_buses_where_direct_regression_fails():
    """6 seeds: within 5% of the truth on average; direct regression is off by more than half."""
    modulo, direct = [], []
    for seed in range(6):
        bus = make_bus_engine(random_state=100 + seed)
        model = IQLearnClassifier(
            bus.transitions, discount=bus.discount, alpha=1000, q_type="tabular", features=bus.features
        ).fit(bus.data, bus.target)
        modulo.append(model.reward_coef_)
        direct.append(rewards.project(model, shaping=False).coef)
    # The tolerance has twice the Monte Carlo error of six seeds on top: 0.0008 and 0.04 for one.
    error = 2 * np.array([0.0008, 0.04]) / np.sqrt(6)
    assert (np.abs(np.mean(modulo, axis=0) - bus.coef) < 0.05 * bus.coef + error).all()
    assert (np.abs(np.mean(direct, axis=0) - bus.coef) > 0.5 * bus.coef).all()


@pytest.mark.parametrize("make", [make_gridworld, make_random_mdp])
@pytest.mark.parametrize("seed", [0, 1])
def test_counterfactual_regret(make, seed):
    """In another world with another reward, from 100,000 decisions: below 1% of the optimal value."""
    world = make(n_trajectories=1000, random_state=seed)
    other = make(n_trajectories=1, random_state=seed + 10).transitions
    model = IQLearnClassifier(
        world.transitions, discount=world.discount, alpha=100, q_type="tabular", features=world.features
    ).fit(world.data, world.target)
    change = np.array([1.5, 0.5, -2.0])
    true = world.coef * change
    best, found = (
        model.counterfactual(transitions=other, reward_coef=coef) for coef in (true, model.reward_coef_ * change)
    )
    value, optimal = (
        rewards.evaluate(policy, world.features @ true, other, discount=world.discount, temperature=1.0)
        for policy in (found.policy_, best.policy_)
    )
    assert_allclose(optimal, best.value_, rtol=1e-9)
    assert (value <= optimal + 1e-9).all()
    assert value.mean() > 0.99 * optimal.mean()


@pytest.mark.parametrize("kind", KINDS)
def test_value_of_the_optimal_policy_is_the_soft_value(kind):
    world, _ = world_of(kind, temperature=0.5)
    settings = {"discount": world.discount, "temperature": 0.5}
    value = rewards.evaluate(world.policy, world.reward, world.transitions, **settings)
    assert_allclose(value, world.value, rtol=1e-10)
    rng = np.random.default_rng(0)
    for _ in range(5):
        other = rewards.evaluate(rng.dirichlet(np.ones(3), size=12), world.reward, world.transitions, **settings)
        assert (other < value).all()


def test_evaluation_without_entropy_is_the_mean_return():
    world = make_random_mdp(n_trajectories=4000, n_steps=60, discount=0.7, random_state=0)  # 0.7^60 is 5e-10
    value = world.initial_distribution @ rewards.evaluate(
        world.policy, world.reward, world.transitions, discount=0.7
    )
    frame = world.frame
    returns = (
        (world.reward[frame["state"], frame["action"]] * 0.7 ** frame["step"]).groupby(frame["trajectory"]).sum()
    )
    assert abs(returns.mean() - value) < 4 * returns.std() / np.sqrt(len(returns))


def test_bad_input():
    world, model = world_of("dense")
    rows = IQLearnClassifier().fit([[0.0], [1.0]], [0, 1])
    bare = IQLearnClassifier(world.transitions).fit(world.data, world.target)
    with pytest.raises(ValueError, match="transitions must be given to the estimator"):
        rewards.project(rows)
    with pytest.raises(ValueError, match="features must be given"):
        rewards.project(bare)
    with pytest.raises(ValueError, match=r"features must have shape \(12, K\) or \(12, 3, K\)"):
        rewards.project(model, np.ones((12, 4, 2)))
    with pytest.raises(ValueError, match=r"action must be one of \[0, 1, 2\], got 7"):
        rewards.anchor(model, 7)
    with pytest.raises(ValueError, match=r"reward must be a number or have shape \(12,\), got \(5,\)"):
        rewards.anchor(model, 0, np.ones(5))
    with pytest.raises(ValueError, match="possible in every state"):
        rewards.anchor(model.counterfactual(forbid=0), 0)
    lazy = IQLearnClassifier(world.transitions, features=world.features, q_type="tabular")
    barred = lazy.fit(world.data, np.zeros(len(world.data), int)).counterfactual(forbid=0)
    with pytest.raises(ValueError, match="counts_ must have a visited pair whose reward is finite"):
        rewards.project(barred, method="least-squares")
    with pytest.raises(ValueError, match="reward must be finite for every action that the policy takes"):
        rewards.evaluate(world.policy, np.full((12, 3), -np.inf), world.transitions, discount=0.9)
    with pytest.raises(ValueError, match="policy must have rows that are distributions"):
        rewards.evaluate(np.ones((12, 3)), world.reward, world.transitions, discount=0.9)
    with pytest.raises(ValueError, match="reward must have shape"):
        rewards.evaluate(world.policy, np.ones(5), world.transitions, discount=0.9)
    with pytest.raises(ValueError, match="discount must be"):
        rewards.evaluate(world.policy, world.reward, world.transitions, discount=1.0)
    with pytest.raises(ValueError, match="initial_distribution must sum to 1"):
        rewards.occupancy(model, initial_distribution=np.ones(12))


def test_an_anchor_never_taken_is_refused():
    transitions, counts, _ = random_problem(0)
    counts[:, 2] = 0.0
    model = IQLearnClassifier(transitions).fit(*as_rows(counts))
    with pytest.raises(ValueError, match="action must have been taken in the data, got 2"):
        rewards.anchor(model, 2)


def test_discounts_too_near_one_are_told():
    transitions, counts, _ = random_problem(0)
    model = IQLearnClassifier(transitions).fit(*as_rows(counts))
    close = 1 - 1e-12
    with pytest.warns(scipy.linalg.LinAlgWarning):
        near = model.counterfactual(discount=close)
    for act in (
        lambda: model.counterfactual(discount=close),
        lambda: rewards.anchor(near, 0),
        lambda: rewards.evaluate(model.policy_, model.reward_, transitions, discount=close),
    ):
        with pytest.warns(scipy.linalg.LinAlgWarning, match="condition number of their linear"):
            act()
    ending = [0.5 * matrix for matrix in transitions]
    rewards.evaluate(model.policy_, model.reward_, ending, discount=close)  # episodes end: no warning
