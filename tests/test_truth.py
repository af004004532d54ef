"""The simulations of benchmarks/truth: decisions follow the exact policy, which solves their world."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from truth import measures
from truth.entry import Entry, tauchen
from truth.estimators import Found
from truth.kang import Kang
from truth.machine import Machine
from truth.mileage import Mileage
from truth.two_types import TwoTypes

from sklearn_iqlearn import IQLearnClassifier, inference

WORLDS = {
    "Kang": Kang(),
    "TwoTypes": TwoTypes(),
    "Mileage": Mileage(),
    "Mileage near 1": Mileage(0.9999),
    "Machine": Machine(),
    "Entry": Entry(),
    "Entry, wide": Entry(3.0),
}


@pytest.fixture(params=WORLDS, scope="module")
def solved(request):
    world = WORLDS[request.param]
    return world, world.solve()


def test_values_solve_the_bellman_equation_at_the_nodes(solved):
    world, solution = solved
    reward = world.rewards(world.nodes()) @ world.coef
    value = logsumexp(reward + world.discount * world.expect(solution.value), axis=1)
    assert_allclose(value, solution.value, rtol=1e-12, atol=1e-10)


def test_expected_values_are_means_over_moves(solved):
    """Between nodes too: what the moves that are simulated are worth on average."""
    world, solution = solved
    rng = np.random.default_rng(0)
    some = world.states(world.simulate(1, 4, 3, solution=solution)).to_numpy()
    for state in some[[0, 4, 8, 11]]:
        expected = world.interpolate(solution.following, state[None])[0]
        for action in range(world.n_actions):
            moved = world.move(np.tile(state, (4000, 1)), np.full(4000, action), rng)
            value = logsumexp(solution.q(moved), axis=1)
            # Five standard errors; where moves are certain, rounding.
            assert abs(value.mean() - expected[action]) <= 5 * value.std() / np.sqrt(4000) + 1e-9 * abs(
                value.mean()
            )


def test_decisions_have_the_frequencies_of_the_policy(solved):
    """Sums of decisions less their probabilities, by themselves and weighted by what the reward depends on."""
    world, solution = solved
    frame = world.simulate(0, 400, 25, solution=solution)
    policy = solution.policy(world.states(frame).to_numpy())
    surprise = np.eye(world.n_actions)[frame["action"]] - policy
    for weight in (np.ones(len(frame)), frame[world.columns[0]], frame[world.columns[-1]]):
        for a in range(world.n_actions):
            spread = np.sqrt((weight**2 * policy[:, a] * (1 - policy[:, a])).sum())
            assert abs((weight * surprise[:, a]).sum()) < 4 * spread  # 4 standard errors, fixed seed


@pytest.mark.parametrize("name", ["Kang", "TwoTypes"])
def test_worlds_of_states_agree_with_the_package(name):
    """Linear algebra of its own for the same equations."""
    world = WORLDS[name]
    nodes = world.nodes()
    model = IQLearnClassifier(world.transitions(), discount=world.discount).fit([[0]], [0])
    world_of = model.counterfactual(reward=world.rewards(nodes) @ world.coef)
    assert_allclose(world_of.policy_, world.solve().policy(nodes), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("fine", "half", "error"),
    [(Mileage(), Mileage(n_nodes=3001), 2e-6), (Machine(), Machine((151, 31)), 1.5e-3)],
    ids=["Mileage", "Machine"],
)
def test_half_the_nodes_hardly_change_the_policy(fine, half, error):
    """Linear interpolation: a fourfold error on half the grid, so that the policy's is a third of ``error``."""
    states = fine.states(fine.simulate(0, 100, 20)).to_numpy()
    assert np.abs(fine.solve().policy(states) - half.solve().policy(states)).max() < error


def test_expected_values_over_exponential_distances():
    """Of a value linear in mileage: the mileage and the mean distance, but for the end of the grid."""
    world = Mileage(n_nodes=601)
    grid = world.nodes()[:, 0]
    kept, replaced = world.expect(grid).T
    assert_allclose(kept, grid + 1 - np.exp(grid - 60), rtol=0, atol=1e-10)
    assert_allclose(replaced, kept[0], rtol=0, atol=1e-12)


def test_autoregression_on_points():
    points, kernel = tauchen(0.2, 3.0)
    assert_allclose(kernel.sum(axis=1), 1, rtol=0, atol=1e-15)
    assert_allclose(points.mean(), 0.5, rtol=0, atol=1e-15)  # the long run mean, 0.2 / 0.4
    # Six points are few: within a tenth of the mean of the autoregression away from the ends.
    assert_allclose((kernel @ points)[1:-1], 0.2 + 0.6 * points[1:-1], rtol=0, atol=0.1)


@pytest.mark.parametrize("name", ["TwoTypes", "Entry"])
def test_states_start_in_the_long_run(name):
    """The mean of every column is the same a period later, to four standard errors of the difference."""
    frame = WORLDS[name].simulate(0, 4000, 2)
    first, second = (frame[frame["step"] == step][list(WORLDS[name].columns)].to_numpy() for step in (0, 1))
    change = second - first
    assert (np.abs(change.mean(axis=0)) <= 4 * change.std(axis=0) / np.sqrt(4000)).all()


def test_what_is_forbidden_is_never_done():
    world = Machine()
    solution = world.solve(forbid=[1])
    frame = world.simulate(0, 50, 20, solution=solution)
    assert set(frame["action"]) == {0, 2}
    assert solution.value.max() < world.solve().value.max()


def test_columns_that_say_nothing_change_nothing():
    world = Kang()
    plain, noisy = (world.simulate(3, 20, 10, n_noise) for n_noise in (0, 4))
    assert_array_equal(noisy[list(plain.columns)], plain)
    assert list(noisy.columns[3:-1]) == [f"noise_{k}" for k in range(4)]
    assert_array_equal(np.sort(np.unique(noisy.filter(like="noise"))), np.arange(-10, 11))
    assert_array_equal(world.features(noisy), world.features(plain))


def test_errors_are_percentages_of_the_reward_of_held_out_decisions():
    world = Kang()
    fitted, held = measures.split(world.simulate(0, 10, 5))
    assert set(fitted["trajectory"]) == set(range(8))
    assert set(held["trajectory"]) == {8, 9}
    off = Found(None, None, lambda X: world.features(X) @ (world.coef * [1.1, 1.0]))
    assert_allclose(measures.percentage_error(off, world, held), 10 * (held["action"] == 0).mean(), rtol=1e-12)


def test_efficient_errors_are_those_of_the_fit():
    """Of a fit with known transitions, whose estimate is an error away from the truth."""
    world = TwoTypes()
    frame = world.simulate(0, 1000, 30)
    found = measures.estimate("transitions known", world, frame)
    spread = inference.covariance(found.model, found.rows, frame["action"])
    assert_allclose(measures.efficient_errors(world, (1000, 30)), np.sqrt(np.diag(spread)), rtol=0.03)


def test_known_transitions_find_the_truth():
    world = TwoTypes()
    found = measures.estimate("transitions known", world, world.simulate(0, 1000, 30))
    assert found.told == 0
    # Four standard deviations of 40 data sets: 0.067, 0.0032 and 0.039.
    assert (np.abs(found.coef - world.coef) < [0.27, 0.013, 0.16]).all()


def test_policies_of_changed_worlds():
    """Within the target of the board, 0.02, on 200 buses."""
    found = measures.counterfactual(Mileage(), {"coef": np.array([1.0, 1.5])}, (200, 50), range(1))
    assert found["states of the data"] < 0.02
    assert found["of the changed world"] < 0.02


def test_the_board_prints_tables():
    command = [sys.executable, Path(measures.__file__).parent, "--quick", "--sets", "2", "--parts", "two_types"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    head, rule, *rows = [line for line in printed.splitlines() if line.startswith("|")]
    assert head.startswith("| estimator | coefficient | truth | mean | sd |")
    assert set(rule) == set("|- ")
    assert [row.split(" | ")[1] for row in rows] == 3 * ["intercept", "mileage", "type"]
    assert all(row.count("|") == head.count("|") for row in rows)
