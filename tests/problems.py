"""Small decision problems and an objective of their own, shared by the tests."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn.datasets import load_rust_bus, make_random_mdp
from sklearn_iqlearn.preprocessing import renewal_transitions

DIVERGENCES = ("chi2", "hellinger", "js", "kl", "tv")
LOWER = {"chi2": -np.inf, "hellinger": -1.0, "js": -np.log(2), "kl": -np.inf, "tv": -1.0}
# The penalties as published (Garg et al. 2021, table 2, as x - phi(x)); TV with its final barrier.
PENALTY = {
    "chi2": lambda u: u**2 / 4,
    "hellinger": lambda u: u**2 / (1 + u),
    "js": lambda u: u - jnp.log(2 - jnp.exp(-u)),
    "kl": lambda u: u - 1 + jnp.exp(-u),
    "tv": lambda u: -1e-3 * jnp.log(1 - u**2),
}


def random_problem(seed, n_states=6, n_actions=3, *, ending=False):
    """Random transitions (A, S, S), integer counts (S, A) and an initial distribution."""
    rng = np.random.default_rng(seed)
    transitions = rng.dirichlet(np.full(n_states, 0.5), size=(n_actions, n_states))
    if ending:
        transitions *= rng.uniform(0.5, 1, size=(n_actions, n_states, 1))
    counts = rng.poisson(8, size=(n_states, n_actions)).astype(float)
    return transitions, counts, rng.dirichlet(np.ones(n_states))


def as_rows(counts):
    """All pairs as rows X, y with the counts as weights."""
    n_states, n_actions = counts.shape
    X = np.repeat(np.arange(n_states), n_actions)[:, None]
    y = np.tile(np.arange(n_actions), n_states)
    return X, y, counts.ravel()


def expand(counts):
    """One row per visit."""
    X, y, weight = as_rows(counts)
    repeat = weight.astype(int)
    return np.repeat(X, repeat, axis=0), np.repeat(y, repeat)


def rollouts(seed=0, n_states=8, n_trajectories=30, length=20):
    """Trajectories in a random problem: states, actions, ids, steps, and ends of every other one."""
    transitions, _, _ = random_problem(seed, n_states=n_states)
    rng = np.random.default_rng(seed)
    rows = []
    for trajectory in range(n_trajectories):
        state = rng.integers(n_states)
        for step in range(length):
            action = rng.integers(3)
            rows.append((state, action, trajectory, step, step == length - 1 and trajectory % 2 == 0))
            state = rng.choice(n_states, p=transitions[action, state])
    states, actions, ids, steps, terminal = np.array(rows).T
    return states[:, None], actions, {"trajectory": ids, "step": steps, "terminal": terminal.astype(bool)}


def world_of(kind, seed=0, n_states=12, **options):
    """A random world, with a fitted estimator of its decisions."""
    world = make_random_mdp(
        n_trajectories=20,
        n_states=n_states,
        sparse=kind == "sparse",
        ending=0.1 if kind == "substochastic" else 0.0,
        random_state=seed,
        **options,
    )
    model = IQLearnClassifier(
        world.transitions, discount=world.discount, features=world.features, q_type="tabular"
    )
    return world, model.fit(world.data, world.target)


def shaping(potential, transitions, discount):
    return potential[:, None] - discount * check_transitions(transitions)[0].expected_next(potential)


def objective(q, transitions, counts, p0, *, discount, divergence, alpha, temperature, smoothing, value_term):
    """J straight from its definition: mean log-likelihood, or equation 9, plus the penalty."""
    total = counts.sum()
    value = temperature * jax.nn.logsumexp(q / temperature, axis=1)
    reward = q - discount * jnp.einsum("ast,t->sa", transitions, value)
    if value_term == "expert":
        value_part = -jnp.sum(counts / total * (q - value[:, None]))
    else:
        value_part = -jnp.sum(counts / total * reward) + (1 - discount) * p0 @ value
    penalty = alpha * PENALTY[divergence](reward / alpha)
    return value_part + jnp.sum((counts + smoothing) / total * penalty)


def independent_optimum(transitions, counts, p0, **settings):
    """The optimum by JAX's derivatives and SciPy's trust-region method, started from a reward of 0."""
    shape = counts.shape
    with jax.enable_x64(True):

        def loss(flat):
            return objective(flat.reshape(shape), transitions, counts, p0, **settings)

        value, gradient, hessian = jax.jit(loss), jax.jit(jax.grad(loss)), jax.jit(jax.hessian(loss))
        q = np.zeros(shape)
        for _ in range(3000):  # soft value iteration
            v = settings["temperature"] * np.log(np.exp(q / settings["temperature"]).sum(axis=1))
            q = settings["discount"] * np.einsum("ast,t->sa", transitions, v)

        def finite(flat):
            found = float(value(flat))
            return found if np.isfinite(found) else 1e300

        found = scipy.optimize.minimize(
            finite,
            q.ravel(),
            jac=lambda flat: np.asarray(gradient(flat)),
            hess=lambda flat: np.asarray(hessian(flat)),
            method="trust-exact",
            options={"gtol": 1e-11, "maxiter": 5000, "initial_trust_radius": 0.1},
        )
    return found.x.reshape(shape), found.fun, np.abs(found.jac).max()


def soft_value_iteration(reward, transitions, discount, temperature, n_iter=400):
    """The soft action values of a reward by plain iteration, differentiable by JAX."""

    def step(_, q):
        value = temperature * jax.nn.logsumexp(q / temperature, axis=1)
        return reward + discount * jnp.einsum("ast,t->sa", transitions, value)

    return jax.lax.fori_loop(0, n_iter, step, jnp.zeros_like(reward))


def bus_problem(groups=(1, 2, 3, 4)):
    """Rust's buses: decisions X, y, order of the rows, transitions, and features of (theta, RC)."""
    bus = load_rust_bus()
    frame = bus.frame[bus.frame["group"].isin(groups)]
    increments = frame["increment"][frame["increment"] >= 0].to_numpy()
    features = np.zeros((90, 2, 2))
    features[:, 0, 0] = -0.001 * np.arange(90)
    features[:, 1, 1] = -1.0
    decisions = frame[frame["period"] > 1]
    order = {"trajectory": decisions["bus_id"], "step": decisions["period"]}
    return (
        decisions[["mileage_bin"]],
        decisions["replaced"],
        order,
        renewal_transitions(increments, 90),
        features,
    )


def standard_errors(*args, **options):
    """Of the coefficients, by ``inference.covariance``."""
    return np.sqrt(np.diag(inference.covariance(*args, **options)))
