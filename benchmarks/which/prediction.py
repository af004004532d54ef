"""Claims about what is done next in the same world."""

import time

import numpy as np
import scipy.sparse as sp
from data import DIVERGENCES, SEEDS, WORLDS, loss, lost, means, searched, told, world_and_rows
from scipy.special import expit
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import make_bus_engine


def same_columns_predict_alike():
    """Prediction in the same world from the same columns: logistic regression is as good."""
    gaps = []
    for make in WORLDS.values():
        for seed in SEEDS:
            world, columns, _ = make(200, 0.95, seed)
            X = columns[world.data["state"]]
            order = {"iqlearnclassifier__trajectory": world.trajectory}
            ours = make_pipeline(StandardScaler(), IQLearnClassifier(discount=0.95)).fit(X, world.target, **order)
            logit = make_pipeline(StandardScaler(), LogisticRegression(C=100, max_iter=2000)).fit(X, world.target)
            states = world.frame["state"]
            gaps.append(
                loss(ours.predict_proba(columns), world.policy, states)
                - loss(logit.predict_proba(columns), world.policy, states)
            )
    return np.max(
        np.abs(gaps)
    ) < 10, f"of {len(gaps)} data sets the largest difference is {np.abs(gaps).max():.1f}"


def controller(n_episodes, seed, n_steps=50):
    """Pushes of a cart in a hilly valley, by its place and speed: states, actions, episodes."""
    rng = np.random.default_rng(seed)
    place, speed, rows = rng.normal(size=n_episodes), rng.normal(size=n_episodes), []
    for _ in range(n_steps):
        pushes = rng.random(n_episodes) < expit(6 * np.sin(3 * place) - 2 * speed)
        rows.append(np.column_stack([place, speed, pushes, np.arange(n_episodes)]))
        speed = 0.9 * speed + 0.3 * (2 * pushes - 1) - 0.1 * place + 0.1 * rng.normal(size=n_episodes)
        place = place + 0.2 * speed
    rows = np.stack(rows, axis=1).reshape(-1, 4)
    return rows[:, :2], rows[:, 2].astype(int), rows[:, 3].astype(int)


def features_before_networks():
    """Curved policies: 100 kernel components before a linear Q come near a network, in a fraction of the time."""
    scores, seconds = {}, {}
    X_new, y_new, _ = controller(200, 100)
    for seed in range(3):
        X, y, episode = controller(20, seed)
        network = {"q_type": "neural", "hidden_layer_sizes": (32, 32), "early_stopping": True}
        network |= {"learning_rate": 0.01, "n_iter_no_change": 30, "random_state": 0}
        kernel = Nystroem(n_components=100, random_state=0)
        learners = {
            "linear": [IQLearnClassifier(discount=0.95)],
            "kernel": [kernel, IQLearnClassifier(discount=0.95)],
            "kernel, logistic": [kernel, LogisticRegression(C=10, max_iter=2000)],
            "network": [IQLearnClassifier(discount=0.95, **network)],
        }
        for name, steps in learners.items():
            model = make_pipeline(StandardScaler(), *steps)
            order = {"iqlearnclassifier__trajectory": episode} if isinstance(steps[-1], IQLearnClassifier) else {}
            begin = time.process_time()
            model.fit(X, y, **order)
            seconds.setdefault(name, []).append(time.process_time() - begin)
            chosen = model.predict_proba(X_new)[np.arange(len(y_new)), y_new]
            scores.setdefault(name, []).append(np.log(chosen).mean())
    found, spent = means(scores), {name: np.median(each) for name, each in seconds.items()}
    near = found["kernel"][0] > found["network"][0] - 0.05 > found["linear"][0] + 0.1
    figures = (f"{name} {found[name][0]:.3f} ({found[name][1]:.3f}) in {spent[name]:.2f} s" for name in learners)
    return near and spent["kernel"] < spent["network"] / 3, "log-likelihood " + ", ".join(figures)


def many_sparse_columns_stay_sparse():
    """Thousands of columns: a linear Q of sparse rows, by the default solver."""
    rng = np.random.default_rng(0)
    n, K = 5_000, 20_000
    entries = np.ones(3 * n), (np.repeat(np.arange(n), 3), rng.integers(K, size=3 * n))
    X = sp.csr_array(entries, shape=(n, K))
    y = rng.integers(3, size=n)
    begin = time.process_time()
    model = IQLearnClassifier(discount=0.9).fit(X, y, trajectory=np.arange(n) // 50)
    spent = time.process_time() - begin
    return model.converged_ and spent < 10, f"{n:,} rows x {K:,} columns in {spent:.1f} s"


def a_table_wants_its_alpha_searched():
    """A table over known transitions: search alpha; its default predicts worse."""
    values = {}
    for n in (10, 200):
        for seed in SEEDS:
            world, rows = world_and_rows(n, seed)
            model = IQLearnClassifier(world.transitions, discount=world.discount)
            values.setdefault(f"{50 * n} decisions, default", []).append(lost(model.fit(**rows), world))
            values.setdefault(f"{50 * n} decisions, searched", []).append(lost(searched(model, rows), world))
    found = means(values)
    default, best, default_of_many, best_of_many = (mean for mean, _ in found.values())
    return best < default and best_of_many < default_of_many / 3, told(found)


def divergences_predict_alike():
    """Each with its own alpha, the smooth divergences predict alike; tv needs more decisions."""
    values = {}
    for n in (10, 200):
        for divergence in DIVERGENCES:
            for seed in SEEDS:
                world, rows = world_and_rows(n, seed)
                model = IQLearnClassifier(world.transitions, discount=world.discount, divergence=divergence)
                values.setdefault(f"{50 * n} {divergence}", []).append(lost(searched(model, rows), world))
    found = means(values)
    few, many = (np.array([found[f"{50 * n} {name}"][0] for name in DIVERGENCES]) for n in (10, 200))
    smooth = np.ptp(few[:4]) < 0.25 * few[0] and np.ptp(many) < 0.25 * many[0]
    return smooth and few[4] > 1.2 * few[:4].max(), told(found)


def the_expert_term_predicts_better():
    """value_term "expert" predicts at least as well as "initial", each with its own alpha."""
    values = {}
    for term in ("expert", "initial"):
        for seed in SEEDS:
            world, rows = world_and_rows(10, seed)
            model = IQLearnClassifier(world.transitions, discount=world.discount, value_term=term)
            values.setdefault(term, []).append(lost(searched(model, rows), world))
    gap = np.subtract(values["initial"], values["expert"])
    return gap.mean() > -gap.std(ddof=1) / np.sqrt(len(gap)), told(means(values))


def newton_reaches_the_optimum():
    """The solver "auto" is Newton's method wherever it can be: L-BFGS takes longer, and ends above the optimum."""
    bus = make_bus_engine(random_state=0)
    found = {}
    for solver in ("newton", "lbfgs"):
        model = IQLearnClassifier(bus.transitions, discount=bus.discount, solver=solver, alpha=10)
        model.fit(bus.data, bus.target)  # the first fit compiles
        begin = time.process_time()
        model.fit(bus.data, bus.target)
        found[solver] = time.process_time() - begin, model.objective_, model.gradient_norm_
    holds = found["newton"][0] < found["lbfgs"][0] / 5 and found["newton"][2] < 1e-8
    above = found["lbfgs"][1] - found["newton"][1]
    seconds = ", ".join(f"{name} {each[0]:.3f} s, gradient {each[2]:.0e}" for name, each in found.items())
    return holds and above > 0, f"{seconds}; L-BFGS ends {above:.0e} above"


CLAIMS = (
    same_columns_predict_alike,
    features_before_networks,
    many_sparse_columns_stay_sparse,
    a_table_wants_its_alpha_searched,
    divergences_predict_alike,
    the_expert_term_predicts_better,
    newton_reaches_the_optimum,
)
