"""Kernels of low rank against dense linear algebra: what carries values, and what is solved in it."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_iqlearn._approximation.carriers import Averaging, Projection
from sklearn_iqlearn._approximation.kernel import ApproximateTransitions, Rows
from sklearn_iqlearn._model.continuation import continuation
from sklearn_iqlearn._model.moves import CUT_OFF, ENDED, count_moves
from sklearn_iqlearn.preprocessing import Hats

N_STATES, N_ACTIONS = 12, 2
KINDS = ("averaging", "projection", "both")


def decisions(seed=0, n=150, *, ending=0.1):
    """Random rows; some ended, some cut off."""
    rng = np.random.default_rng(seed)
    successors = rng.integers(N_STATES, size=n)
    what = rng.random(n)
    successors[what < ending] = ENDED
    successors[what > 0.9] = CUT_OFF
    states, actions = rng.integers(N_STATES, size=n), rng.integers(N_ACTIONS, size=n)
    return Rows(states, actions, successors, rng.uniform(0.5, 2.0, size=n))


def places(seed=0):
    return np.random.default_rng(seed).uniform(size=(N_STATES, 1))


def hats(n_nodes=4):
    return Hats(n_nodes).fit(places()).transform(places())


def powers(n=4):
    return places() ** np.arange(n)


def carrier(way, functions, rows, action, exists=None):
    """One action's, by its rows."""
    if exists is not None:
        functions = (
            sp.csr_array(sp.csr_array(functions) * exists[:, None])
            if sp.issparse(functions)
            else functions * exists[:, None]
        )
    moves = count_moves(*rows, (N_STATES, N_ACTIONS))[action]
    return way(functions, sp.csr_array(moves[:, :-1]), moves.sum(axis=1))


def kernel(kind, seed=0, *, exists=None, **options):
    rows = decisions(seed, **options)
    choices = {
        "averaging": [(Averaging, sp.csr_array(hats(4))), (Averaging, sp.csr_array(hats(6)))],
        "projection": [(Projection, powers(4)), (Projection, powers(2))],
        "both": [(Averaging, sp.csr_array(hats(5))), (Projection, powers(3))],
    }
    carriers = [
        carrier(*choice, rows, a, None if exists is None else exists[:, a])
        for a, choice in enumerate(choices[kind])
    ]
    return ApproximateTransitions(carriers, rows, exists)


def dense(array):
    return array.toarray() if sp.issparse(array) else array


def matrices(transitions):
    """The P_a = Phi_a B_a Phi_a' N_a of a kernel, straight from their definition: (A, S, S)."""
    return np.stack(
        [
            dense(c.functions) @ dense(c.inverse) @ dense(c.functions).T @ c.moves.toarray()
            for c in transitions.carriers
        ]
    )


def policy_of(seed=0, exists=None):
    policy = np.random.default_rng(seed).dirichlet(np.ones(N_ACTIONS), size=N_STATES)
    policy = policy if exists is None else policy * exists
    return policy / policy.sum(axis=1, keepdims=True)


def some_pairs():
    exists = np.ones((N_STATES, N_ACTIONS), dtype=bool)
    exists[:4, 1] = exists[5, 0] = False
    return exists


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_expectations_and_flows_are_those_of_the_matrices(kind, masked):
    exists = some_pairs() if masked else None
    transitions = kernel(kind, exists=exists)
    P, rng = matrices(transitions), np.random.default_rng(1)
    for shape in ((), (3,)):
        value, weights = rng.normal(size=(N_STATES, *shape)), rng.normal(size=(N_STATES, N_ACTIONS, *shape))
        ahead, flow = transitions.expected_next(value), transitions.flow(weights)
        assert_allclose(ahead, np.einsum("ast,t...->sa...", P, value), rtol=0, atol=1e-10)
        assert_allclose(flow, np.einsum("ast,sa...->t...", P, weights), rtol=0, atol=1e-10)
        assert_allclose(np.sum(weights * ahead), np.sum(flow * value), rtol=1e-11)
    value = rng.normal(size=N_STATES) + 1e6
    change = np.einsum("ast,t->sa", P, value) - P.sum(axis=2).T * value[:, None]
    assert_allclose(transitions.expected_change(value), change, rtol=0, atol=1e-7)
    if masked:
        assert_array_equal(transitions.expected_next(value)[~exists], 0)


@pytest.mark.parametrize("kind", KINDS)
def test_values_have_no_level_in_their_changes(kind):
    """However high, a level that all states share costs the changes no digits."""
    transitions = kernel(kind, ending=0.0)
    value = np.random.default_rng(0).integers(-8, 8, size=N_STATES) / 8.0
    low, high = transitions.expected_change(value), transitions.expected_change(value + 2.0**40)
    assert_allclose(high, low, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_row_sums_and_ends(kind, masked):
    exists = some_pairs() if masked else None
    transitions = kernel(kind, exists=exists)
    sums = matrices(transitions).sum(axis=2).T
    assert_allclose(transitions.row_sums, sums, rtol=0, atol=1e-12)
    pairs = np.ones(sums.shape, dtype=bool) if exists is None else exists
    assert_allclose(transitions.ends, np.where(pairs, 1 - sums, 0.0), rtol=0, atol=1e-12)
    assert transitions.ends.max() > 0.05
    never = kernel(kind, exists=exists, ending=0.0)
    assert_allclose(never.row_sums[pairs], 1, rtol=0, atol=1e-9)
    assert_allclose(never.ends, 0, rtol=0, atol=1e-11)  # projections have rounding in them, times their noise


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("discount", [0.5, 0.95])
def test_continuation_is_the_dense_solution(kind, masked, discount):
    exists = some_pairs() if masked else None
    transitions, policy = kernel(kind, exists=exists), policy_of(exists=exists)
    mixed = np.eye(N_STATES) - discount * np.einsum("sa,ast->st", policy, matrices(transitions))
    for shape in ((), (3,)):
        right = np.random.default_rng(2).normal(size=(N_STATES, *shape))
        values = continuation(policy, transitions, discount)(right)
        visits = continuation(policy, transitions, discount, transposed=True)(right)
        assert_allclose(values, np.linalg.solve(mixed, right), rtol=1e-9, atol=1e-10)
        assert_allclose(visits, np.linalg.solve(mixed.T, right), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_moves_between_functions_have_the_radius_of_those_between_states(kind):
    """C = M Phi and P = Phi M have the same eigenvalues but for zeros."""
    transitions, policy = kernel(kind), policy_of()
    mixed = np.einsum("sa,ast->st", policy, matrices(transitions))
    expected = np.abs(np.linalg.eigvals(mixed)).max()
    assert_allclose(transitions.spectral_radius(policy), expected, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_averages_are_kernels(seed):
    """Non-negative, and of moves that all go on stochastic: never an expansion."""
    transitions = kernel("averaging", seed)
    P = matrices(transitions)
    assert P.min() >= 0
    assert P.sum(axis=2).max() <= 1 + 1e-12
    assert transitions.noise == pytest.approx(1, abs=1e-12)
    never = kernel("averaging", seed, ending=0.0)
    assert_allclose(never.spectral_radius(policy_of(seed)), 1, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_bounds_what_rounding_becomes(kind):
    transitions = kernel(kind)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(N_STATES, 200))
    largest = np.abs(transitions.expected_next(signs)).max()
    assert largest <= transitions.noise * (1 + 1e-12)
    assert transitions.noise >= np.abs(matrices(transitions)).sum(axis=2).max() * (1 - 1e-12)


def known_rows(rows, action):
    """State, next value's place and weight of the rows of an action that tell: next values of an end are 0."""
    kept = (rows.actions == action) & (rows.successors != CUT_OFF)
    return rows.states[kept], rows.successors[kept], rows.weight[kept]


def next_values(value, successors):
    return np.where(successors == ENDED, 0.0, value[np.maximum(successors, 0)])


def test_weights_of_averages_are_weighted_means():
    rows, value = decisions(), np.random.default_rng(3).normal(size=N_STATES)
    functions = sp.csr_array(hats(4))
    states, successors, weight = known_rows(rows, 0)
    shares = functions[states].toarray() * weight[:, None]
    expected = shares.T @ next_values(value, successors) / shares.sum(axis=0)
    assert_allclose(carrier(Averaging, functions, rows, 0).weights(value), expected, rtol=0, atol=1e-12)


def test_weights_of_projections_are_least_squares():
    """But for a ridge of 1e-6, in units of the functions' spread."""
    rows, value = decisions(), np.random.default_rng(3).normal(size=N_STATES)
    states, successors, weight = known_rows(rows, 0)
    root = np.sqrt(weight)
    expected = np.linalg.lstsq(
        root[:, None] * powers(3)[states], root * next_values(value, successors), rcond=None
    )[0]
    found = carrier(Projection, powers(3), rows, 0).weights(value)
    assert_allclose(powers(3) @ found, powers(3) @ expected, rtol=0, atol=1e-4)


def test_a_projection_knows_no_units():
    """Of functions times a number or plus a constant the fitted values are the same, ridge and all."""
    rows, value = decisions(), np.random.default_rng(3).normal(size=N_STATES)
    plain, moved = powers(3), powers(3) * [1.0, 1e-5, 1e4] + [0.0, 1e-3, -2e5]
    first, second = (
        functions @ carrier(Projection, functions, rows, 0).weights(value) for functions in (plain, moved)
    )
    assert_allclose(second, first, rtol=0, atol=1e-8)


def test_projections_reproduce_what_is_in_their_span():
    """Where all rows lead to a value linear in their functions, the fit is that line; a constant exactly."""
    rows = decisions(ending=0.0)
    stays = Rows(
        rows.states, rows.actions, np.where(rows.successors == CUT_OFF, CUT_OFF, rows.states), rows.weight
    )
    found = carrier(Projection, powers(3), stays, 0)
    assert_allclose(powers(3) @ found.weights(np.ones(N_STATES)), 1, rtol=0, atol=1e-12)
    line = 2.0 - 3.0 * places()[:, 0]
    assert_allclose(powers(3) @ found.weights(line), line, rtol=0, atol=1e-4)


@pytest.mark.parametrize("extra", [1.0, 0.1, 3.7e6, 0.0, "copy"])
def test_functions_that_depend_on_each_other(extra):
    """A duplicate changes no fitted value beyond what the ridge does."""
    rows, value = decisions(), np.random.default_rng(3).normal(size=N_STATES)
    plain = powers(3)
    column = plain[:, 1] if extra == "copy" else np.full(N_STATES, extra)
    wide = np.column_stack([plain, column])
    first, second = (
        functions @ carrier(Projection, functions, rows, 0).weights(value) for functions in (plain, wide)
    )
    assert_allclose(second, first, rtol=0, atol=1e-8 if extra != "copy" else 1e-4)


def test_more_functions_than_rows():
    """The smallest weights of those that fit the rows."""
    rows = Rows(np.array([0, 3, 7]), np.zeros(3, dtype=int), np.array([1, 2, 4]), np.ones(3))
    rng = np.random.default_rng(0)
    functions = np.column_stack([np.ones(N_STATES), rng.normal(size=(N_STATES, 8))])
    value = rng.normal(size=N_STATES)
    weights = carrier(Projection, functions, rows, 0).weights(value)
    assert_allclose((functions @ weights)[rows.states], value[rows.successors], rtol=0, atol=1e-4)
    # Least norm, the constant free, in units of the spread over the rows.
    seen = functions[rows.states]
    spread = seen[:, 1:].std(axis=0)
    centred = (seen[:, 1:] - seen[:, 1:].mean(axis=0)) / spread
    target = value[rows.successors]
    least = np.linalg.pinv(centred) @ (target - target.mean()) / spread
    assert_allclose(weights[1:], least, rtol=0, atol=1e-4)


def test_empty_functions_take_after_their_neighbours():
    """A node without rows has the mean of the nodes that share a state with it; without such, of all rows."""
    functions = np.zeros((N_STATES, 5))
    functions[:4, 0] = functions[6:8, 3] = functions[8:, 4] = 1.0
    functions[4] = [0.5, 0.5, 0, 0, 0]
    functions[5] = [0, 0.5, 0.5, 0, 0]
    rows = Rows(np.array([0, 1, 2, 8]), np.zeros(4, dtype=int), np.array([9, 9, 10, 11]), np.array([1.0, 1, 2, 4]))
    value = np.zeros(N_STATES)
    value[[9, 10, 11]] = [1.0, 3.0, 7.0]
    found = carrier(Averaging, sp.csr_array(functions), rows, 0)
    assert_array_equal(found.empty, [False, True, True, True, False])
    first, last = (1 + 1 + 2 * 3) / 4, 7.0
    expected = [first, first, first, (4 * first + 4 * last) / 8, last]
    assert_allclose(found.weights(value), expected, rtol=0, atol=1e-14)


WAYS = [
    (Averaging, sp.csr_array(hats(6)), False),
    (Averaging, sp.csr_array(hats(6)), True),  # no rows in the lowest third, where functions are empty
    (Projection, np.cos(np.pi * places() * np.arange(4)), False),
]


@pytest.mark.parametrize(("way", "functions", "empty"), WAYS)
def test_change_is_the_derivative_in_a_row(way, functions, empty):
    """By one more row of small weight, from any state that has rows near it; the ridge's own change aside."""
    rows, rng = decisions(n=60), np.random.default_rng(4)
    near = places()[:, 0] > (0.4 if empty else 0.0)
    rows = Rows(*(found[near[rows.states]] for found in rows))
    value = rng.normal(size=N_STATES)
    found = carrier(way, functions, rows, 0)
    weights, pull = found.weights(value), rng.normal(size=functions.shape[1])
    assert getattr(found, "empty", np.zeros(1)).any() == empty
    states, to = np.flatnonzero(near), rng.integers(N_STATES, size=near.sum())
    changes = found.change(states, value[to], weights, pull)
    for state, following, change in zip(states, to, changes, strict=True):
        moved = []
        for step in (1e-4, -1e-4):
            more = Rows(*(np.append(old, new) for old, new in zip(rows, (state, 0, following, step), strict=True)))
            moved.append(pull @ carrier(way, functions, more, 0).weights(value))
        assert_allclose(change, (moved[0] - moved[1]) / 2e-4, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("way", [Averaging, Projection])
def test_the_end_of_an_episode_is_a_next_value_of_zero(way):
    functions = sp.csr_array(hats(4)) if way is Averaging else powers(3)
    rows, value = decisions(), np.random.default_rng(3).normal(size=N_STATES)
    found = carrier(way, functions, rows, 0)
    higher = carrier(way, functions, rows, 0).weights(value + 1.0) - found.weights(value)
    ended = carrier(
        way, functions, rows._replace(successors=np.where(rows.successors == ENDED, 0, rows.successors)), 0
    )
    goes_on = ended.weights(np.ones(N_STATES)) - ended.weights(1.0 * (np.arange(N_STATES) == 0))
    from_zero = found.weights(1.0 * (np.arange(N_STATES) == 0))
    assert_allclose(higher, goes_on + from_zero, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_for_each_state_is_the_counted_kernel(kind):
    rows = decisions(n=800)
    moves = count_moves(*rows, (N_STATES, N_ACTIONS))
    one_hot = {Averaging: sp.eye_array(N_STATES).tocsr(), Projection: np.eye(N_STATES)}
    one_hot[Projection][:, 0] = 1.0
    ways = {"averaging": (Averaging,) * 2, "projection": (Projection,) * 2, "both": (Averaging, Projection)}[kind]
    transitions = ApproximateTransitions([carrier(way, one_hot[way], rows, a) for a, way in enumerate(ways)], rows)
    counted = [(m[:, :-1].toarray() / np.asarray(m.sum(axis=1))[:, None]) for m in moves]
    for way, found, expected in zip(ways, matrices(transitions), counted, strict=True):
        assert_allclose(found, expected, rtol=0, atol=1e-12 if way is Averaging else 1e-4)
