"""A start changes how long a solve takes, never what it finds; and nothing of an earlier fit is taken for new."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from problems import as_rows, bus_problem, random_problem

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._estimator.fitting import assemble
from sklearn_iqlearn._model import soft_bellman
from sklearn_iqlearn._model.soft_bellman import soft_value, solve_soft_bellman
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn._objective import schur
from sklearn_iqlearn.preprocessing import renewal_transitions

ORDER = dict.fromkeys(("trajectory", "step", "next_X", "terminal"))


def features_of(seed, shape=(6, 3, 2)):
    return np.random.default_rng(seed).normal(size=shape)


def structural(transitions, features, **parameters):
    return IQLearnClassifier(transitions, q_type="structural", features=features, **parameters)


def chain(n_states=400):
    """A mileage chain with a reset, and a reward under which the policy is neither flat nor certain."""
    transitions = renewal_transitions(np.array([0, 1, 1, 2]), n_states, sparse=True)
    reward = np.column_stack([-np.linspace(0, 4, n_states), np.full(n_states, -3.0)])
    return Transitions([sp.csr_array(matrix) for matrix in transitions]), reward


@pytest.mark.parametrize("discount", [0.5, 0.95, 0.9999])
def test_values_do_not_depend_on_their_start(discount):
    """Near starts, far ones and nonsense; advantages to rounding times the sum of discounts."""
    transitions, reward = chain()
    cold = solve_soft_bellman(reward, transitions, discount, 0.5)
    rng = np.random.default_rng(0)
    starts = (
        cold,
        solve_soft_bellman(1.1 * reward, transitions, discount, 0.5),
        1e4 * rng.normal(size=reward.shape),
    )
    lead = cold - cold.max(axis=1, keepdims=True)
    for start in starts:
        found = solve_soft_bellman(reward, transitions, discount, 0.5, start=start)
        assert_allclose(found - found.max(axis=1, keepdims=True), lead, atol=1e-10)
        assert_allclose(found, cold, rtol=1e-12)


def test_a_factor_is_kept_while_it_serves(monkeypatch):
    """From nearby, less than half of the steps need a factor of their own."""
    transitions, reward = chain()
    near, factors, steps = solve_soft_bellman(1.001 * reward, transitions, 0.999, 0.5), [], []
    make, value = soft_bellman.continuation, soft_bellman.soft_value
    monkeypatch.setattr(soft_bellman, "continuation", lambda *system: factors.append(1) or make(*system))
    monkeypatch.setattr(soft_bellman, "soft_value", lambda *table: steps.append(1) or value(*table))
    solve_soft_bellman(reward, transitions, 0.999, 0.5, start=near)
    assert 0 < len(factors) < len(steps) / 2


def test_values_are_foreseen_to_first_order():
    """What a step starts from is off by the square of the step: a quarter, where the step is half as long."""
    transitions, counts, _ = random_problem(0, ending=True)
    _, problem, _ = assemble(structural(transitions, features_of(1)), *as_rows(counts), ORDER)
    point, direction = problem.at(np.array([0.3, -0.2])), np.array([0.5, 1.0])
    errors = []
    for step in (0.02, 0.01):
        (moved,) = next(point.moves(direction, step))
        foreseen = soft_value(problem.foreseen[0], 1.0)
        reward = problem.features @ moved
        table = solve_soft_bellman(reward, problem.objective.transitions, 0.95, 1.0)
        errors.append(np.abs(foreseen - soft_value(table, 1.0)).max())
    assert 3.8 < errors[0] / errors[1] < 4.2
    assert errors[0] < 1e-2


@pytest.mark.parametrize("q_type", ["structural", "tabular"])
def test_warm_fits_are_cold_ones(q_type):
    """On other decisions, another discount and another known reward than the start was fitted to."""
    transitions, counts, _ = random_problem(2, ending=True)
    features = features_of(3) if q_type == "structural" else None
    model = IQLearnClassifier(transitions, q_type=q_type, features=features, tol=1e-12, warm_start=True)
    model.fit(*as_rows(counts))
    changes = [{}, {"discount": 0.9}, {"base_reward": np.random.default_rng(5).normal(size=(6, 3))}]
    for seed, change in enumerate(changes):
        other = as_rows(random_problem(10 + seed)[1])
        model.set_params(**change).fit(*other)
        cold = copy.copy(model).set_params(warm_start=False).fit(*other)
        assert model.converged_
        assert_allclose(model.policy_, cold.policy_, atol=1e-10)
        assert_allclose(model.q_table_, cold.q_table_, atol=1e-9)


def test_a_start_of_another_shape_is_left():
    """Other states, and other features, than those of the last fit."""
    transitions, counts, _ = random_problem(0)
    larger, more, _ = random_problem(1, n_states=9)
    model = structural(transitions, features_of(1), tol=1e-12, warm_start=True).fit(*as_rows(counts))
    model.set_params(transitions=larger, features=features_of(2, (9, 3, 2))).fit(*as_rows(more))
    cold = copy.copy(model).set_params(warm_start=False).fit(*as_rows(more))
    assert_allclose(model.coef_, cold.coef_, rtol=1e-9)
    three = features_of(2, (9, 3, 3))
    model.set_params(features=three).fit(*as_rows(more))
    assert_allclose(model.coef_, cold.set_params(features=three).fit(*as_rows(more)).coef_, rtol=1e-9)


def test_counterfactuals_do_not_depend_on_the_fit_they_start_from():
    """A world of a world is that of the fit, and one solved from nothing."""
    X, y, _, transitions, features = bus_problem((4,))
    model = structural(transitions, features, discount=0.9999).fit(X, y)
    far = model.counterfactual(reward_coef=model.coef_ * [3, 0.2])
    back = far.counterfactual(reward=model.reward_)
    assert_allclose(back.policy_, model.policy_, atol=1e-10)
    kernel = assemble(model, X, y, None, ORDER)[0].transitions
    plain = solve_soft_bellman(features @ (model.coef_ * [3, 0.2]), kernel, 0.9999, 1.0)
    assert_allclose(far.policy_, np.exp(plain - soft_value(plain, 1.0)[:, None]), atol=1e-10)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("written", ["transitions", "features", "mask", "base_reward"])
def test_what_is_written_to_between_fits_is_seen(form, written):
    """Nothing of the last fit stands for an array that has changed since, in place."""
    transitions, counts, _ = random_problem(4)
    arrays = {
        "transitions": [form(matrix) for matrix in transitions],
        "features": features_of(5),
        "mask": np.ones((6, 3), dtype=bool),
        "base_reward": np.zeros((6, 3)),
    }
    counts[:, 2] = np.where(np.arange(6) == 0, 0.0, counts[:, 2])  # so that the mask may exclude it

    def made(given, **parameters):
        named = {"action_mask": given["mask"], "base_reward": given["base_reward"]}
        return structural(given["transitions"], given["features"], tol=1e-12, **named, **parameters)

    X, y, weight = (column[counts.ravel() > 0] for column in as_rows(counts))
    model = made(arrays, warm_start=True).fit(X, y, weight)
    before = model.policy_
    if written == "transitions":
        for matrix in arrays["transitions"]:
            values = matrix if form is np.asarray else matrix.data.reshape(6, 6)
            values[:] = values[::-1].copy()
    elif written == "mask":
        arrays["mask"][0, 2] = False
    else:
        arrays[written] += np.random.default_rng(6).normal(size=arrays[written].shape)
    model.fit(X, y, weight)
    fresh = made(copy.deepcopy(arrays)).fit(X, y, weight)
    assert np.abs(model.policy_ - before).max() > 1e-3
    assert_allclose(model.policy_, fresh.policy_, atol=1e-10)


def test_copies_share_and_do_not_follow():
    """A copy has the fit and the parameters, the same objects; what is set on it later is its own."""
    transitions, counts, _ = random_problem(0)
    model = IQLearnClassifier(transitions).fit(*as_rows(counts))
    copied = copy.copy(model)
    assert copied.transitions is model.transitions
    assert copied.q_table_ is model.q_table_
    copied.set_params(discount=0.5)
    assert model.discount == 0.95
    X, y, weight = as_rows(counts)
    assert pickle.loads(pickle.dumps(copied)).score(X, y, weight) == model.score(X, y, weight)


@pytest.mark.parametrize("kind", ["dense", "sparse", "both"])
@pytest.mark.parametrize("masked", [False, True])
def test_the_dense_schur_complement_is_its_definition(kind, masked, monkeypatch):
    """With more actions than one product takes, rows without weight and weights below 0."""
    monkeypatch.setattr(schur, "STACKED", 4 * 7**2)
    n_states, n_actions, discount = 7, 6, 0.97
    rng = np.random.default_rng(8)
    kernel = rng.dirichlet(np.full(n_states, 0.5), size=(n_actions, n_states))
    exists = rng.random((n_states, n_actions)) < 0.7 if masked else np.ones((n_states, n_actions), dtype=bool)
    exists[:, 0] = True
    blocks = []
    for a, matrix in enumerate(kernel):
        sparse = kind == "sparse" or (kind == "both" and a % 2)
        blocks.append(sp.csr_array(matrix * exists[:, [a]]) if sparse else matrix[exists[:, a]])
    k, c = (rng.normal(size=exists.shape) * exists for _ in range(2))
    k[2], m = 0.0, rng.normal(size=n_states)
    rows = np.eye(n_states)[None] - discount * kernel
    wanted = np.einsum("sa,asi,asj->ij", k, rows, rows)
    coupling = np.einsum("sa,asi->si", c, rows)
    wanted += np.einsum("s,si,sj->ij", m, coupling, coupling)
    found = schur.schur_complement(Transitions(blocks, exists), discount, k, c, m)
    assert_allclose(found, wanted, atol=1e-13 * np.abs(wanted).max())


def test_a_problem_of_its_own_remembers_nothing():
    """What changes the objective starts without the tables of the old one."""
    transitions, counts, _ = random_problem(0)
    _, problem, _ = assemble(structural(transitions, features_of(1)), *as_rows(counts), ORDER)
    parameters = np.array([0.4, -1.0])
    table = problem.at(parameters).table
    other = replace(problem, objective=replace(problem.objective, temperature=2.0))
    assert_array_equal(problem.table(parameters), table)
    assert np.abs(other.table(parameters) - table).max() > 0.1
