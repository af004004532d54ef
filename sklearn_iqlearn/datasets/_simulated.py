"""Decisions simulated in worlds whose reward, values and policy are known."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import Bunch

from sklearn_iqlearn._estimator.parameters import check_number, check_seed
from sklearn_iqlearn._model.endings import check_endings
from sklearn_iqlearn._model.simulation import simulate
from sklearn_iqlearn._model.soft_bellman import log_policy, soft_value, solve_soft_bellman
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn._numerics.checks import check_bool, check_count, real_array
from sklearn_iqlearn.preprocessing import renewal_transitions


def make_bus_engine(
    n_trajectories=500,
    n_steps=100,
    *,
    n_bins=90,
    operating_cost=0.01,
    replacement_cost=3.0,
    discount=0.9999,
    temperature=1.0,
    random_state=None,
):
    """Simulate bus engine replacement as in Rust (1987).

    Every month a bus's engine is kept (action 0), at a cost proportional to its mileage bin, or replaced (action
    1) at a fixed price, which sets its mileage back to 0. Mileage grows by 0, 1 or 2 bins with probability 0.35,
    0.64 and 0.01, about what the real buses do. All buses start new.

    Parameters
    ----------
    n_trajectories : int, default=500
        Buses.
    n_steps : int, default=100
        Months.
    n_bins : int, default=90
        Mileage bins, the states.
    operating_cost : float, default=0.01
        Monthly cost per bin.
    replacement_cost : float, default=3.0
        Cost of a new engine.
    discount : float in [0, 1), default=0.9999
        What a reward is worth a step later.
    temperature : float > 0, default=1.0
        Scale of the shocks to choices.
    random_state : int, RandomState or None, default=None
        Seed of what is drawn, or the generator that draws it.

    Returns
    -------
    data : sklearn.utils.Bunch
        The decisions: ``frame`` (DataFrame with columns trajectory, step, state, action, terminal), and of it
        ``data`` (the state), ``target`` (the action), ``trajectory`` and ``step``. The world: ``transitions``
        (A, S, S), ``features`` (S, A, K) with ``feature_names``, ``discount``, ``temperature``,
        ``initial_distribution`` (S,). The truth: ``coef`` (K,) and ``reward`` (S, A), which is features @ coef,
        ``q_table`` (S, A), ``value`` (S,) and ``policy`` (S, A). And ``DESCR``.

    References
    ----------
    Rust (1987). Optimal replacement of GMC bus engines. Econometrica 55(5), 999-1033.

    Examples
    --------
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> bus = make_bus_engine(n_trajectories=10, n_steps=20, random_state=0)
    >>> bus.frame.shape, bus.transitions.shape, bus.coef
    ((200, 5), (2, 90, 90), array([0.01, 3.  ]))
    """
    check_count("n_bins", n_bins)
    costs = {"operating_cost": operating_cost, "replacement_cost": replacement_cost}
    features = np.zeros((n_bins, 2, 2))
    features[:, 0, 0] = -np.arange(n_bins)
    features[:, 1, 1] = -1.0
    start = np.zeros(n_bins)
    start[0] = 1.0
    return _simulated(
        transitions=renewal_transitions(np.repeat([0, 1, 2], [35, 64, 1]), n_bins),
        features=features,
        feature_names=["operating_cost", "replacement_cost"],
        coef=np.array([real_array(name, cost, ()) for name, cost in costs.items()]),
        initial_distribution=start,
        world=(discount, temperature),
        size=(n_trajectories, n_steps),
        rng=check_seed(random_state),
        description=make_bus_engine.__doc__,
    )


def make_gridworld(
    n_trajectories=100,
    n_steps=100,
    *,
    side=8,
    slip=0.1,
    goal_reward=2.0,
    hazard_cost=2.0,
    move_cost=0.5,
    discount=0.95,
    temperature=1.0,
    sparse=False,
    random_state=None,
):
    """Simulate a walker on a square grid with a goal and hazards.

    Actions are stay (0), down (1), right (2), up (3) and left (4); at a wall the walker stays. The reward is
    ``goal_reward`` for each step that begins in the last cell, less ``hazard_cost`` in a hazard (one cell in
    eight, at random) and ``move_cost`` for any action but staying. Walkers start anywhere.

    Parameters
    ----------
    n_trajectories : int, default=100
        Trajectories.
    n_steps : int, default=100
        Decisions in each trajectory.
    side : int, default=8
        Cells in a row; there are side * side states, row by row.
    slip : float in [0, 1), default=0.1
        Probability that one of the five actions, at random, takes the place of the one chosen.
    goal_reward, hazard_cost, move_cost : float, default=2.0, 2.0, 0.5
        What the goal pays a step, a hazard and a move cost.
    discount : float in [0, 1), default=0.95
        What a reward is worth a step later.
    temperature : float > 0, default=1.0
        Scale of the shocks to choices.
    sparse : bool, default=False
        Whether the transitions are CSR arrays.
    random_state : int, RandomState or None, default=None
        Seed of what is drawn, or the generator that draws it.

    Returns
    -------
    data : sklearn.utils.Bunch
        As from ``make_bus_engine``.

    Examples
    --------
    >>> from sklearn_iqlearn.datasets import make_gridworld
    >>> grid = make_gridworld(side=4, random_state=0)
    >>> grid.policy.shape, grid.feature_names
    ((16, 5), ['goal', 'hazard', 'move'])
    """
    check_count("side", side, least=2)
    check_number("slip", slip, like="chance")
    check_bool("sparse", sparse)
    parts = {"goal_reward": goal_reward, "hazard_cost": hazard_cost, "move_cost": move_cost}
    rng = check_seed(random_state)
    n_states = side * side
    row, column = divmod(np.arange(n_states), side)
    moves = []
    for down, right in ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)):
        to = np.clip(row + down, 0, side - 1) * side + np.clip(column + right, 0, side - 1)
        moves.append(
            sp.coo_array((np.ones(n_states), (np.arange(n_states), to)), shape=(n_states, n_states)).tocsr()
        )
    anywhere = sum(moves) / len(moves)
    transitions = [sp.csr_array((1 - slip) * move + slip * anywhere) for move in moves]
    features = np.zeros((n_states, 5, 3))
    features[-1, :, 0] = 1.0
    features[rng.choice(n_states - 1, size=max(1, n_states // 8), replace=False), :, 1] = 1.0
    features[:, 1:, 2] = 1.0
    return _simulated(
        transitions=transitions if sparse else np.stack([matrix.toarray() for matrix in transitions]),
        features=features,
        feature_names=["goal", "hazard", "move"],
        coef=np.array([real_array(name, part, ()) for name, part in parts.items()]) * [1, -1, -1],
        initial_distribution=np.full(n_states, 1 / n_states),
        world=(discount, temperature),
        size=(n_trajectories, n_steps),
        rng=rng,
        description=make_gridworld.__doc__,
    )


def make_random_mdp(
    n_trajectories=100,
    n_steps=100,
    *,
    n_states=20,
    n_actions=3,
    n_features=3,
    n_successors=5,
    ending=0.0,
    discount=0.95,
    temperature=1.0,
    sparse=False,
    random_state=None,
):
    """Simulate decisions in a random world.

    Each state-action pair leads to ``n_successors`` random states with random probabilities; features and
    coefficients of the reward are standard normal. Trajectories start anywhere.

    Parameters
    ----------
    n_trajectories : int, default=100
        Trajectories.
    n_steps : int, default=100
        Decisions in each trajectory.
    n_states : int, default=20
        States.
    n_actions : int, default=3
        Actions, which exist everywhere.
    n_features : int, default=3
        Features of a pair.
    n_successors : int, default=5
        At most ``n_states``.
    ending : float in [0, 1), default=0.0
        Probability that an episode ends after a decision.
    discount : float in [0, 1], default=0.95
        1 needs an ``ending`` above 0.
    temperature : float > 0, default=1.0
        Scale of the shocks to choices.
    sparse : bool, default=False
        Whether the transitions are CSR arrays.
    random_state : int, RandomState or None, default=None
        Seed of what is drawn, or the generator that draws it.

    Returns
    -------
    data : sklearn.utils.Bunch
        As from ``make_bus_engine``.

    Raises
    ------
    ValueError
        If ``n_successors`` exceeds ``n_states``.

    Examples
    --------
    >>> from sklearn_iqlearn.datasets import make_random_mdp
    >>> world = make_random_mdp(n_states=6, random_state=0)
    >>> world.features.shape, world.reward.shape
    ((6, 3, 3), (6, 3))
    """
    counts = {"n_states": n_states, "n_actions": n_actions, "n_features": n_features, "n_successors": n_successors}
    for name, value in counts.items():
        check_count(name, value)
    check_number("ending", ending, like="chance")
    check_bool("sparse", sparse)
    if n_successors > n_states:
        raise ValueError(f"n_successors must be at most n_states={n_states}, got {n_successors}.")
    rng = check_seed(random_state)
    origin = np.repeat(np.arange(n_states), n_successors)
    transitions = []
    for _ in range(n_actions):
        targets = [rng.choice(n_states, size=n_successors, replace=False) for _ in range(n_states)]
        shares = (1 - ending) * rng.dirichlet(np.ones(n_successors), size=n_states)
        entries = (shares.ravel(), (origin, np.concatenate(targets)))
        transitions.append(sp.coo_array(entries, shape=(n_states, n_states)).tocsr())
    return _simulated(
        transitions=transitions if sparse else np.stack([matrix.toarray() for matrix in transitions]),
        features=rng.normal(size=(n_states, n_actions, n_features)),
        feature_names=[f"feature_{k}" for k in range(n_features)],
        coef=rng.normal(size=n_features),
        initial_distribution=np.full(n_states, 1 / n_states),
        world=(discount, temperature),
        size=(n_trajectories, n_steps),
        rng=rng,
        description=make_random_mdp.__doc__,
    )


def _simulated(transitions, features, feature_names, coef, initial_distribution, world, size, rng, description):
    """Solve a world and simulate decisions in it."""
    n_trajectories, n_steps = size
    check_count("n_trajectories", n_trajectories)
    check_count("n_steps", n_steps)
    check_number("discount", world[0])
    check_number("temperature", world[1])
    kernel = check_transitions(transitions)[0]
    discount, temperature = world
    check_endings(discount, kernel)
    reward = features @ coef
    q_table = solve_soft_bellman(reward, kernel, discount, temperature)
    policy = np.exp(log_policy(q_table, temperature))
    frame = pd.DataFrame(simulate(policy, kernel, initial_distribution, n_trajectories, n_steps, rng))
    return Bunch(
        frame=frame,
        data=frame[["state"]],
        target=frame["action"],
        trajectory=frame["trajectory"],
        step=frame["step"],
        transitions=transitions,
        features=features,
        feature_names=feature_names,
        coef=coef,
        reward=reward,
        q_table=q_table,
        value=soft_value(q_table, temperature),
        policy=policy,
        discount=discount,
        temperature=temperature,
        initial_distribution=initial_distribution,
        DESCR=description,
    )
