"""Coefficients from a policy: the likelihood's maximum, from any policy; how well the form fits."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import as_rows, bus_problem, random_problem, soft_value_iteration
from scipy.stats import multinomial
from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn._coefficients import pseudo_likelihood as rounds
from sklearn_iqlearn._coefficients.form import explained, misfit
from sklearn_iqlearn._coefficients.pseudo_likelihood import advantages, logit, pseudo_likelihood
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn.datasets import make_bus_engine, make_gridworld, make_random_mdp
from sklearn_iqlearn.exceptions import DataWarning


@pytest.mark.parametrize(
    ("groups", "published"),
    [((4,), (2.2931, 10.0749)), ((1, 2, 3), (4.8260, 11.7271)), ((1, 2, 3, 4), (2.6276, 9.7558))],
)
def test_tables_of_rusts_buses_give_the_maximum_likelihood(groups, published):
    """Rust (1987), table IX, whatever the penalty of the table: least squares has replacement cost 4 to 7."""
    X, y, _, transitions, features = bus_problem(groups)
    settings = {"discount": 0.9999, "features": features}
    structural = IQLearnClassifier(transitions, q_type="structural", alpha=np.inf, **settings).fit(X, y)
    for alpha in (1, 10, 1000):
        table = IQLearnClassifier(transitions, q_type="tabular", alpha=alpha, **settings).fit(X, y)
        assert_allclose(table.reward_coef_, structural.coef_, rtol=1e-5)
        assert_allclose(table.reward_coef_, published, rtol=0.01)


@pytest.mark.parametrize("discount", [0.0, 0.9, 0.9999, 0.999999])
def test_a_thousand_simulated_buses(discount):
    bus = make_bus_engine(n_trajectories=1000, discount=discount, random_state=0)
    settings = {"discount": discount, "features": bus.features}
    table = IQLearnClassifier(bus.transitions, q_type="tabular", **settings).fit(bus.data, bus.target)
    structural = IQLearnClassifier(bus.transitions, q_type="structural", alpha=np.inf, **settings)
    found = rewards.project(table)  # no warning: the form holds
    assert_allclose(found.coef, structural.fit(bus.data, bus.target).coef_, rtol=1e-5)
    assert_allclose(found.coef[1], bus.coef[1], rtol=0.03)
    assert abs(found.misfit) < 3


def test_the_maximum_is_that_of_another_optimiser():
    """The likelihood of plain soft value iteration, by SciPy."""
    transitions, counts, _ = random_problem(3)
    features = np.random.default_rng(4).normal(size=(6, 3, 2))

    def loss(coef):
        logs = jax.nn.log_softmax(soft_value_iteration(features @ coef, transitions, 0.9, 0.5) / 0.5)
        return -jnp.sum(counts * logs)

    with jax.enable_x64(True):
        value_and_slope = jax.jit(jax.value_and_grad(loss))
        best = scipy.optimize.minimize(
            lambda coef: tuple(map(np.asarray, value_and_slope(coef))), np.zeros(2), jac=True, tol=1e-9
        )
    settings = {"discount": 0.9, "temperature": 0.5, "features": features, "q_type": "tabular"}
    for weight in (1.0, 7.5):
        table = IQLearnClassifier(transitions, **settings)
        X, y, counted = as_rows(counts)
        assert_allclose(table.fit(X, y, weight * counted).reward_coef_, best.x, rtol=0, atol=1e-6)


@pytest.mark.parametrize("discount", [0.9, 0.9999])
def test_action_values_under_the_best_policy_are_the_derivative_of_q(discount):
    world = make_random_mdp(n_trajectories=1, discount=discount, random_state=0)
    model = IQLearnClassifier(world.transitions, discount=discount, features=world.features, q_type="tabular")
    model.fit(world.data, world.target)

    def advantages_of(coef):
        q = model.counterfactual(reward_coef=coef).q_table_
        return q - (world.policy * q).sum(axis=1, keepdims=True)

    found, value = advantages(world.features, world.policy, Transitions(world.transitions), discount)
    for k, step in enumerate(1e-4 * np.eye(3)):
        change = (advantages_of(world.coef + step) - advantages_of(world.coef - step)) / 2e-4
        assert_allclose(found[..., k], change, rtol=0, atol=1e-6 if discount < 0.99 else 1e-5)
    expected = rewards.evaluate(world.policy, world.features[..., 0], world.transitions, discount=discount)
    assert_allclose(value[:, 0], expected, rtol=1e-9)


def test_a_logit_with_offsets():
    rng = np.random.default_rng(0)
    rows, offset, counts = rng.normal(size=(9, 3, 2)), rng.normal(size=(9, 3)), rng.poisson(3, size=(9, 3))
    offset[0, 1], counts[0, 1] = -np.inf, 0  # no action of this state
    found = logit(rows, offset, counts)

    def loss(x):
        z = rows @ x + offset
        logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -(counts[counts > 0] @ logs[counts > 0])

    expected = scipy.optimize.minimize(loss, np.zeros(2), tol=1e-12)
    assert_allclose(found, expected.x, rtol=0, atol=1e-5)
    separable = logit(np.array([[[0.0], [1.0]]]), np.zeros((1, 2)), np.array([[0.0, 5.0]]))
    assert 20 < separable[0] < 200


def circling(seed):
    """Two or three decisions in a world of three to six states: a policy that no round leaves as it is."""
    rng = np.random.default_rng(seed)
    n_states, n_actions = rng.integers(3, 7), rng.integers(2, 5)
    transitions = rng.dirichlet(np.full(n_states, 0.1), size=(n_actions, n_states))
    features = 3 * rng.normal(size=(n_states, n_actions, 1))
    counts = rng.poisson(0.3, size=(n_states, n_actions)).astype(float)
    counts[0] += 1.0 * (rng.random(n_actions) < 0.5)
    counts[0, 0] += 1
    return transitions, features, counts


@pytest.mark.filterwarnings("ignore::sklearn_iqlearn.rewards.IdentificationWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # some are separable
def test_rounds_that_go_in_circles_end_at_the_likelihood():
    """No coefficients are less likely than the structural fit's."""
    circles = 0
    for seed in range(40):
        transitions, features, counts = circling(seed)
        settings = {"discount": 0.99, "features": features}
        table = IQLearnClassifier(transitions, q_type="tabular", **settings).fit(*as_rows(counts))
        structural = IQLearnClassifier(transitions, q_type="structural", alpha=np.inf, **settings)
        kernel, logs = Transitions(transitions), np.log(table.policy_)
        circles += not pseudo_likelihood(features, counts, logs, kernel, 0.99, 1.0).settled
        found = table.counterfactual(reward_coef=table._projection("reward_coef_").coef)
        assert found.score(*as_rows(counts)) > structural.fit(*as_rows(counts)).score(*as_rows(counts)) - 1e-5
    assert circles > 1


def test_a_world_is_known_by_its_policy():
    """Of a counterfactual, with actions that do not exist: the coefficients that made it, in any discount."""
    world = make_random_mdp(n_trajectories=3, random_state=0)
    model = IQLearnClassifier(world.transitions, features=world.features, q_type="tabular")
    model.fit(world.data, world.target)
    forbid = np.random.default_rng(0).random(world.policy.shape) < 0.2
    forbid[:, 0] = False
    coef = np.array([1.0, -2.0, 0.5])
    for discount in (0.5, 0.9999):
        other = model.counterfactual(reward_coef=coef, discount=discount, forbid=forbid)
        found = rewards.project(other)
        assert_allclose(found.coef, coef, rtol=1e-6)
        assert_allclose(found.explained, 1.0, rtol=0, atol=1e-8)
        shift = found.potential[:, None] - discount * np.einsum("ast,t->sa", world.transitions, found.potential)
        assert_allclose((other.reward_ - world.features @ found.coef - shift)[~forbid], 0.0, rtol=0, atol=1e-7)


def test_a_long_chain_stays_sparse():
    n = 10_000
    ahead, reset = (
        sp.eye_array(n, k=1, format="csr"),
        sp.coo_array((np.ones(n), (np.arange(n), np.zeros(n, int))), shape=(n, n)),
    )
    transitions = [0.5 * ahead + 0.5 * sp.eye_array(n, format="csr"), reset.tocsr()]
    features = np.zeros((n, 2, 2))
    features[:, 0, 0], features[:, 1, 1] = -np.arange(n) / n, -1.0
    model = IQLearnClassifier(transitions, discount=0.999, features=features, q_type="tabular")
    model.fit(np.arange(n)[:, None], np.arange(n) % 2)
    assert_allclose(model.counterfactual(reward_coef=[2.0, 3.0]).reward_coef_, [2.0, 3.0], rtol=1e-6)


def test_rounds_cut_short_are_told(monkeypatch):
    world = make_random_mdp(random_state=0)
    model = IQLearnClassifier(world.transitions, features=world.features, q_type="tabular")
    model.fit(world.data, world.target)
    settled = model.reward_coef_
    monkeypatch.setattr(rounds, "MOST_ROUNDS", 1)
    assert_allclose(model.reward_coef_, settled, rtol=1e-5)  # finished by the likelihood
    with pytest.warns(ConvergenceWarning, match="rounds of pseudo-likelihood did not settle"):
        assert np.isfinite(model.counterfactual(forbid=0).reward_coef_).all()


# ---------------------------------------------------------------------------------------------------- the form


def test_misfit_has_mean_0_and_variance_1():
    """Summed over all outcomes of a few decisions, some of them rare, one action without existence."""
    policy = np.array([[0.7, 0.29, 0.01], [0.9, 0.1, 0.0]])
    visits = np.array([3, 2])
    with np.errstate(divide="ignore"):
        logs = np.log(policy)
    outcomes = [[c for c in itertools.product(range(n + 1), repeat=3) if sum(c) == n] for n in visits]
    total, mean, square = 0.0, 0.0, 0.0
    for counts in itertools.product(*outcomes):
        chance = np.prod([multinomial.pmf(c, n, p) for c, n, p in zip(counts, visits, policy, strict=True)])
        if chance > 0:
            found = misfit(np.array(counts, dtype=float), logs, 0)
            total, mean, square = total + chance, mean + chance * found, square + chance * found**2
    assert_allclose([total, mean, square], [1, 0, 1], rtol=0, atol=1e-10)


def test_a_form_that_does_not_hold_is_told():
    world = make_gridworld(n_trajectories=500, random_state=0)
    table = IQLearnClassifier(world.transitions, discount=world.discount, alpha=100).fit(world.data, world.target)
    right = rewards.project(table, world.features)
    assert abs(right.misfit) < 4
    with pytest.warns(DataWarning, match="form of the reward does not hold"):
        wrong = rewards.project(table, world.features[..., [0, 2]])
    assert wrong.misfit > 5
    assert 0 < wrong.explained < right.explained <= 1


def test_explained_is_a_share_of_the_likelihood_gained():
    counts = np.array([[8.0, 2.0], [3.0, 7.0]])
    same, free = np.log([[0.55, 0.45]] * 2), np.log(counts / 10)
    half = np.log([[0.7, 0.3], [0.4, 0.6]])
    assert_allclose(explained(counts, free, same), 0.0, atol=1e-12)
    assert explained(counts, free, free) == explained(counts, half, free) == explained(counts, same, same) == 1.0
    gain = np.sum(counts * (half - same)) / np.sum(counts * (free - same))
    assert_allclose(explained(counts, free, half), gain)


def test_methods():
    world = make_random_mdp(random_state=0)
    model = IQLearnClassifier(world.transitions, features=world.features, q_type="tabular", alpha=100)
    model.fit(world.data, world.target)
    least = rewards.project(model, method="least-squares")
    assert_allclose(least.coef, world.coef, rtol=0, atol=0.2)
    assert "misfit" not in least
    assert np.abs(least.coef - model.reward_coef_).max() > 1e-4
    with pytest.raises(
        ValueError, match=r"method must be one of \['least-squares', 'pseudo-likelihood'\], got 'ols'"
    ):
        rewards.project(model, method="ols")
