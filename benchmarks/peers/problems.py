"""The data of each comparison, as arrays that any environment reads."""

import numpy as np

from sklearn_iqlearn.datasets import load_rust_bus, make_random_mdp
from sklearn_iqlearn.preprocessing import renewal_transitions

N_BINS, DISCOUNT = 90, 0.9999


def buses(quick):
    """Rust's panel, and his features: the monthly cost of an engine kept, and the price of a new one."""
    frame = load_rust_bus().frame
    frame = frame[frame["period"] > 1]  # the first month only opens the record
    features = np.zeros((N_BINS, 2, 2))
    features[:, 0, 0] = -0.001 * np.arange(N_BINS)
    features[:, 1, 1] = -1.0
    state = frame["mileage_bin"].to_numpy()
    return {
        "transitions": renewal_transitions(frame["increment"].to_numpy(), N_BINS),
        "features": features,
        "discount": DISCOUNT,
        "state": state,
        "action": frame["replaced"].to_numpy(),
        "next_state": np.append(state[1:], state[-1]),  # econirl asks for it, and does not use it here
        "trajectory": frame["bus_id"].to_numpy(),
        "alpha": 1.0,
    }


def random_world(quick):
    """A small random world whose pairs are all visited: a table then has a minimum without pseudo-visits."""
    world, rng = make_random_mdp(300, 100, random_state=0), np.random.default_rng(0)
    state, action = world.frame["state"].to_numpy(), np.asarray(world.target)
    anything = rng.integers(3, size=len(action))
    return {
        "transitions": np.asarray(world.transitions),
        "discount": world.discount,
        "state": state,
        "action": np.where(rng.random(len(action)) < 0.2, anything, action),
        "next_state": np.append(state[1:], state[-1]),
        "trajectory": np.asarray(world.trajectory),
        "alpha": 1.0,
    }


def many_rows(quick):
    """Decisions of a random policy in the bins of Rust's buses."""
    rng, data = np.random.default_rng(0), buses(quick)
    n_rows = 20_000 if quick else 1_000_000
    state = rng.integers(N_BINS, size=n_rows)
    action = (rng.random(n_rows) < rng.uniform(0.1, 0.9, size=N_BINS)[state]).astype(int)
    return {"transitions": data["transitions"], "discount": DISCOUNT, "state": state, "action": action}


def columns(n_rows, n_columns):
    """Rows of numbers, and one of four actions by a noisy function of them that is not linear."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_columns))
    utility = X @ rng.normal(size=(n_columns, 4)) / 2 + np.tanh(2 * X[:, :4])
    return {"X": X, "action": (utility + rng.gumbel(size=utility.shape)).argmax(axis=1)}


def wide(quick):
    return columns(5_000 if quick else 200_000, 20) | {"C": 1.0}


def for_network(quick, batch_size, epochs):
    """Without a ridge: our batches, and epochs, of which the peer has its own."""
    layers = {"layers": np.array([32, 32]), "batch_size": batch_size, "epochs": epochs}
    return columns(1_000 if quick else 5_000, 10) | layers | {"C": np.inf}
