"""Systems in the states without a factor: the same answers as with one, and the factor where they are too slow."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_iqlearn import IQLearnClassifier, rewards
from sklearn_iqlearn._model import ways
from sklearn_iqlearn._model.continuation import continuation
from sklearn_iqlearn._model.transitions import Transitions
from sklearn_iqlearn._numerics.krylov import Deflation, TooSlow, conjugate_gradients, generalised_minimal_residuals
from sklearn_iqlearn._numerics.linear_algebra import NotPositiveDefinite
from sklearn_iqlearn._objective.divergences import DIVERGENCES
from sklearn_iqlearn._objective.schur import Coupling, schur_complement
from sklearn_iqlearn._objective.schur_system import SchurSystem

N_STATES, N_ACTIONS = 300, 3
WORLDS = ("mixing", "resets", "ends", "masked", "two worlds", "lazy")


def random_kernel(n_states=N_STATES, seed=0, n_successors=4):
    rng = np.random.default_rng(seed)
    origin = np.repeat(np.arange(n_states), n_successors)
    for _ in range(N_ACTIONS):
        chance = rng.dirichlet(np.ones(n_successors), size=n_states).ravel()
        target = rng.integers(n_states, size=origin.size)
        yield sp.csr_array(sp.coo_array((chance, (origin, target)), shape=(n_states, n_states)))


def world(kind):
    """Transitions of random sparse kernels, and what their states may be like."""
    kernel, exists = list(random_kernel()), None
    everywhere = sp.csr_array(np.full((1, N_STATES), 1 / N_STATES))
    home = sp.csr_array((np.ones(N_STATES), (np.arange(N_STATES), np.zeros(N_STATES, int))), shape=(N_STATES,) * 2)
    if kind == "resets":  # a state that all lead to, and one that leads to all
        kernel = [sp.csr_array(sp.vstack([everywhere, 0.9 * matrix[1:] + 0.1 * home[1:]])) for matrix in kernel]
    if kind == "ends":
        kernel = [sp.csr_array(sp.diags_array(np.where(np.arange(N_STATES) % 9, 1, 0.5)) @ m) for m in kernel]
    if kind == "masked":
        exists = np.random.default_rng(1).random((N_STATES, N_ACTIONS)) < 0.7
        exists[:, 0] = True
        kernel = [sp.csr_array(sp.diags_array(1.0 * known) @ m) for known, m in zip(exists.T, kernel, strict=True)]
    if kind == "two worlds":
        half = N_STATES // 2
        kernel = [
            sp.csr_array(sp.block_diag(pair))
            for pair in zip(random_kernel(half, 1), random_kernel(half, 2), strict=True)
        ]
    if kind == "lazy":
        kernel = [sp.csr_array(0.9 * sp.eye_array(N_STATES) + 0.1 * matrix) for matrix in kernel]
    return Transitions(kernel, exists)


def iterating(transitions, patience=1e4):
    transitions.ways.coupling.patience = transitions.ways.values.patience = patience
    return transitions


def random_coupling(transitions, seed=3):
    """As Newton's method has it, weights spread over two decades."""
    rng = np.random.default_rng(seed)
    shape = (transitions.n_states, transitions.n_actions)
    policy = transitions.only(rng.dirichlet(np.ones(N_ACTIONS), size=shape[0])) + 0.0
    policy /= policy.sum(axis=1, keepdims=True)
    d, beta = transitions.only(10 ** rng.uniform(-1, 1, size=shape)), rng.uniform(0.1, 2, size=shape[0])
    e = transitions.only(d + beta[:, None] * policy, 1.0)
    return Coupling(d * beta[:, None] * policy / e, policy * d / e, 1 / (policy**2 / e).sum(axis=1)), policy


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("discount", [0.5, 0.99, 0.9999])
def test_conjugate_gradients_solve_the_schur_complement(kind, discount):
    transitions = iterating(world(kind))
    coupling, _ = random_coupling(transitions)
    dense = schur_complement(Transitions([m.toarray() for m in transitions.matrices]), discount, *coupling)
    right = dense @ np.random.default_rng(4).normal(size=(N_STATES, 2))
    found = SchurSystem(transitions, discount, coupling).solve(right, 1e-12)
    assert transitions.linear_solver == "conjugate gradients"
    # The condition number 1 / (1 - discount)^2 is the constant's, which both know to that share of rounding.
    exact = np.linalg.solve(dense, right)
    assert_allclose(found, exact, rtol=0, atol=1e-14 / (1 - discount) ** 2 + 1e-9)


@pytest.mark.parametrize("kind", WORLDS)
def test_the_preconditioner_is_the_diagonal(kind):
    transitions = world(kind)
    system = SchurSystem(transitions, 0.9, random_coupling(transitions)[0])
    dense = np.column_stack([system.product(unit) for unit in np.eye(N_STATES)])
    assert_allclose(system.diagonal, dense.diagonal(), rtol=1e-12)


def refined(system, right):
    """The solution in extended precision: a factor in double precision, its residuals in long double."""
    factored, found = scipy.linalg.lu_factor(system.astype(float)), np.zeros(len(right), np.longdouble)
    for _ in range(40):
        found = found + scipy.linalg.lu_solve(factored, (right - system @ found).astype(float))
    return found


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("discount", [0.5, 0.9999])
def test_values_and_visits_keep_their_digits(kind, transposed, discount):
    """The rows of a kernel sum to 1 but for rounding, which counts 1 / (1 - discount) times."""
    transitions = iterating(world(kind))
    _, policy = random_coupling(transitions)
    moves = transitions.mix(policy).toarray().astype(np.longdouble)
    moves *= ((policy * (1 - transitions.ends)).sum(axis=1) / moves.sum(axis=1))[:, None]
    system = np.eye(N_STATES, dtype=np.longdouble) - np.longdouble(discount) * moves
    right = np.random.default_rng(5).normal(size=N_STATES) + 0.5
    exact = refined(system.T if transposed else system, right)
    found = continuation(policy, transitions, discount, transposed=transposed)(right)
    assert transitions.linear_solver == "GMRES"
    assert np.abs(found - exact).max() <= 1e-12 * np.abs(exact).max()


def test_several_right_hand_sides_have_the_solution_of_each():
    transitions = iterating(world("mixing"))
    _, policy = random_coupling(transitions)
    right = np.random.default_rng(5).normal(size=(N_STATES, 3))
    found = continuation(policy, transitions, 0.99)(right)
    dense = np.eye(N_STATES) - 0.99 * transitions.mix(policy).toarray()
    assert_allclose(found, np.linalg.solve(dense, right), rtol=0, atol=1e-11)


def test_negative_curvature_is_told():
    transitions = iterating(world("mixing"))
    coupling, _ = random_coupling(transitions)
    for upside_down in (coupling._replace(k=-coupling.k, m=-coupling.m), coupling._replace(k=coupling.k - 3)):
        with pytest.raises(NotPositiveDefinite):
            SchurSystem(transitions, 0.9, upside_down).solve(np.arange(N_STATES) - 7.0, 1e-10)


def test_a_set_that_nothing_is_known_of_stays_where_it_is():
    transitions = iterating(world("two worlds"))
    coupling, _ = random_coupling(transitions)
    for part in coupling:
        part[: N_STATES // 2] = 0.0
    right = np.where(np.arange(N_STATES) < N_STATES // 2, 0.0, 1.0)
    found = SchurSystem(transitions, 0.9, coupling).solve(right, 1e-12)
    assert_array_equal(found[: N_STATES // 2], 0.0)
    dense = schur_complement(Transitions([m.toarray() for m in transitions.matrices]), 0.9, *coupling)
    assert_allclose(found, np.linalg.solve(dense, right), rtol=1e-9)


def ring(n_states):
    """States in a circle, of which each leads to its neighbours: news goes round in as many steps as states."""
    row = np.arange(n_states)
    for step in (0, 1, -1):
        yield sp.csr_array((np.ones(n_states), (row, (row + step) % n_states)), shape=(n_states,) * 2)


def test_what_is_too_slow_is_left_to_the_factor_for_good():
    transitions = iterating(Transitions(list(ring(N_STATES))), patience=40)
    coupling, policy = random_coupling(transitions)
    dense = Transitions([matrix.toarray() for matrix in transitions.matrices])
    right = np.random.default_rng(4).normal(size=N_STATES)
    found = SchurSystem(transitions, 0.99, coupling).solve(right, 1e-8)
    assert_allclose(found, np.linalg.solve(schur_complement(dense, 0.99, *coupling), right), rtol=1e-8)
    assert transitions.linear_solver == "sparse factor"
    assert not transitions.ways.coupling.iterates
    values = continuation(policy, transitions, 0.99)(right)
    assert_allclose(values, continuation(policy, dense, 0.99)(right), rtol=1e-9)
    assert not transitions.ways.values.iterates


def test_the_rate_tells_before_patience_ends():
    calls = []

    def product(x):
        calls.append(1)
        return np.geomspace(1, 1e8, 400) * x

    with pytest.raises(TooSlow):
        conjugate_gradients(product, np.copy, np.ones(400), 1e-8, patience=100)
    assert len(calls) < 50
    deflation = Deflation(np.zeros(400, int), np.geomspace(1, 1e8, 400), np.geomspace(1, 1e8, 400))
    with pytest.raises(TooSlow):
        generalised_minimal_residuals(product, np.ones(400), deflation, np.ones(400), 30)


def test_an_earlier_factor_serves_until_it_is_too_far_off():
    transitions, factors = world("mixing"), []
    transitions.ways.coupling.keeps, transitions.ways.coupling.patience = True, 0.0
    real = SchurSystem._factored.func
    coupling, _ = random_coupling(transitions)
    right = np.random.default_rng(4).normal(size=N_STATES)
    far = random_coupling(transitions, seed=9)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SchurSystem, "_factored", property(lambda self: factors.append(1) or real(self)))
        for weights, n_factors in ((coupling, 1), (coupling._replace(k=1.3 * coupling.k), 1), (far, 2)):
            system = SchurSystem(transitions, 0.9, weights)
            found = system.solve(right, 1e-9)
            assert np.abs(system.product(found) - right).max() < 1e-7
            assert len(factors) == n_factors


@pytest.mark.parametrize(
    ("kernel", "least", "most"),
    [
        (ring(2000), 0, 2000 * 2**2),  # found by the reverse of Cuthill and McKee, of any given order
        (random_kernel(2000), 2000**3 / 4, 2000**3 / 3),
    ],
    ids=["ring", "random"],
)
def test_the_envelope_tells_narrow_from_wide(kernel, least, most):
    order = np.random.default_rng(0).permutation(2000)
    shuffled = Transitions([matrix[order][:, order] for matrix in kernel])
    assert least < ways.envelope(shuffled.links) <= most


def decisions(transitions, n_rows=3000):
    rng = np.random.default_rng(6)
    states = rng.integers(transitions.n_states, size=n_rows)
    worth = transitions.only(rng.normal(size=(transitions.n_states, N_ACTIONS)), -np.inf)
    return states[:, None], (worth[states] + rng.gumbel(size=(n_rows, N_ACTIONS))).argmax(axis=1)


def fit(transitions, *, iterated, **parameters):
    """By the ways of a small problem, or by iterations as of a large one."""
    model = IQLearnClassifier(list(transitions.matrices), action_mask=transitions.exists, tol=1e-11, **parameters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ways, "CHEAP", 0.0 if iterated else np.inf)
        patch.setattr(ways, "SPEED", 1e-6)
        return model.fit(*decisions(transitions))


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_fits_are_those_of_the_factor(divergence):
    both = [
        fit(world("resets"), iterated=iterated, divergence=divergence, alpha=3.0, discount=0.99)
        for iterated in (True, False)
    ]
    assert [model.linear_solver_ for model in both] == ["conjugate gradients", "dense"]
    for model in both:
        assert model.converged_
        assert model.gradient_norm_ < 1e-8
    # Curvatures at the edge of "tv" differ by its barrier's share of 1e-3 squared.
    assert_allclose(both[0].policy_, both[1].policy_, rtol=0, atol=1e-8)
    assert_allclose(both[0].q_table_, both[1].q_table_, rtol=0, atol=1e-8 * np.abs(both[1].q_table_).max())


@pytest.mark.parametrize(("kind", "discount"), [("masked", 0.9), ("lazy", 0.9999), ("two worlds", 0.9999)])
def test_fits_of_other_worlds_are_those_of_the_factor(kind, discount):
    both = [fit(world(kind), iterated=iterated, discount=discount) for iterated in (True, False)]
    assert both[0].linear_solver_ == "conjugate gradients"
    assert_allclose(both[0].policy_, both[1].policy_, rtol=0, atol=1e-8)
    assert_allclose(both[0].q_table_, both[1].q_table_, rtol=1e-8)


@pytest.mark.parametrize("kept", [False, True])
def test_values_of_which_nothing_is_told_are_no_matter(kept, monkeypatch):
    """Without a penalty the system is 0, and its right-hand side rounding: no curvature, and no reason to damp."""
    if kept:
        monkeypatch.setattr(ways, "MANY", 0)
    both = [fit(world("mixing"), iterated=new, alpha=np.inf, discount=0.9) for new in (not kept, False)]
    assert both[0].converged_
    assert both[0].linear_solver_ == ("dense" if kept else "conjugate gradients")
    assert_allclose(both[0].policy_, both[1].policy_, rtol=0, atol=1e-8)


def features():
    return np.random.default_rng(7).normal(size=(N_STATES, N_ACTIONS, 2))


def test_structural_fits_and_covariances_are_those_of_the_factor():
    options = {"q_type": "structural", "features": features(), "discount": 0.99}
    both = [fit(world("mixing"), iterated=iterated, **options) for iterated in (True, False)]
    assert [model.linear_solver_ for model in both] == ["GMRES", "sparse factor"]
    assert_allclose(both[0].coef_, both[1].coef_, rtol=0, atol=1e-9)
    assert_allclose(both[0].q_table_, both[1].q_table_, rtol=1e-10)


READINGS = {
    "occupancy": rewards.occupancy,
    "long run": lambda model: rewards.occupancy(model, long_run=True),
    "anchor": lambda model: rewards.anchor(model, action=0).value_,
    "least squares": lambda model: rewards.project(model, features(), method="least-squares").coef,
    "pseudo-likelihood": lambda model: rewards.project(model, features()).coef,
    "counterfactual": lambda model: model.counterfactual(reward=model.reward_ + features()[..., 0]).q_table_,
}


@pytest.mark.filterwarnings("ignore:The form of the reward does not hold")  # the decisions have none
@pytest.mark.parametrize("reading", READINGS)
def test_what_is_read_off_a_fit_is_that_of_the_factor(reading, monkeypatch):
    monkeypatch.setattr(ways, "CHEAP", np.inf)
    model = fit(world("mixing"), iterated=False, discount=0.99)
    factored = READINGS[reading](model)
    taken, real = [], ways.Way.solve
    monkeypatch.setattr(ways, "CHEAP", 0.0)
    monkeypatch.setattr(ways, "SPEED", 1e-6)
    monkeypatch.setattr(ways.Way, "solve", lambda self, *args: (real(self, *args), taken.append(self.name))[0])
    iterated = READINGS[reading](model)
    assert set(taken) <= {"conjugate gradients", "GMRES"}
    assert taken
    assert_allclose(iterated, factored, rtol=0, atol=1e-9 * np.abs(factored).max())
