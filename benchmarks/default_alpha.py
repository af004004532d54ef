"""Which alpha predicts best where states are features? ``python benchmarks/default_alpha.py`` (some minutes).

Held-out log-likelihood per decision, by folds of whole trajectories, of constants and of the default "auto"; the
table is Markdown. ``--quick`` takes fewer data and constants.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _measure import parser
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "imitation"))

from control_experts import OBSERVATIONS, demonstrate

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import load_rust_bus, make_gridworld, make_random_mdp

ALPHAS = (0.3, 1, 3, 10, 30, 100, 300, 1000, np.inf)


def shoppers(n):
    """Users who let a need grow, or buy a little or a lot at a price that wanders: X, y, order, discount."""
    months, price, offer = (axis.ravel() for axis in np.indices((12, 4, 2)))
    origin = np.arange(months.size)
    transitions = np.zeros((3, months.size, months.size))
    for action, later in enumerate((np.minimum(months + 1, 11), 0 * months, 0 * months)):
        for change, chance in ((-1, 0.2), (0, 0.6), (1, 0.2)):
            for offered, share in ((0, 0.8), (1, 0.2)):
                to = (later * 4 + np.clip(price + change, 0, 3)) * 2 + offered
                np.add.at(transitions[action], (origin, to), chance * share)
    little = -1.0 - 0.5 * price + 0.8 * offer
    lot = -2.2 - 0.7 * price + 1.5 * offer + 0.1 * months
    world = IQLearnClassifier(transitions, discount=0.9).fit([[0]], [0])
    frame = world.counterfactual(reward=np.stack([-0.25 * months, little, lot], axis=1)).sample(
        n, 40, random_state=n
    )
    features = np.stack([months, price, offer], axis=1)[frame["state"]].astype(float)
    return features, frame["action"], {name: frame[name] for name in ("trajectory", "step")}, 0.9


def simulated(world, features):
    """A simulated world, its states told by features."""
    return features[world.data["state"]], world.target, {"trajectory": world.trajectory, "step": world.step}, 0.95


def grid(tabular=False):
    world = make_gridworld(60, 50, random_state=0)
    cells = np.arange(64)
    features = np.column_stack([*divmod(cells, 8), world.features[:, 0, :2]])
    return simulated(world, cells[:, None] if tabular else features)


def random_world(tabular=False):
    world = make_random_mdp(60, 50, random_state=0)
    return simulated(world, np.arange(20)[:, None] if tabular else world.features.reshape(20, -1))


def buses(tabular=False):
    bus = load_rust_bus()
    rows = bus.frame.loc[bus.data.index]
    miles = rows[["mileage_since_replacement"]].to_numpy()
    features = rows[["mileage_bin"]].to_numpy() if tabular else np.hstack([miles, miles**2])
    return features, bus.target, {"trajectory": bus.bus, "step": bus.period}, 0.9999


def control(env_id, n):
    frame = demonstrate(env_id, n, [0, 0])
    order = {name: frame[name] for name in ("trajectory", "step", "terminal")}
    return frame[OBSERVATIONS[env_id]].to_numpy(), frame["action"], order, 0.99


FORMS = {"linear": {}, "tabular": {}, "neural": {"hidden_layer_sizes": 32, "random_state": 0}}
DATA = {
    ("linear", "5 shoppers"): lambda: shoppers(5),
    ("linear", "20 shoppers"): lambda: shoppers(20),
    ("linear", "100 shoppers"): lambda: shoppers(100),
    ("linear", "random world"): random_world,
    ("linear", "grid"): grid,
    ("linear", "Rust's buses, mileage"): buses,
    ("linear", "Acrobot, 10 episodes"): lambda: control("Acrobot-v1", 10),
    ("linear", "CartPole, 5 episodes"): lambda: control("CartPole-v1", 5),
    ("tabular", "random world"): lambda: random_world(True),
    ("tabular", "grid"): lambda: grid(True),
    ("tabular", "Rust's buses, bins"): lambda: buses(True),
    ("neural", "20 shoppers"): lambda: shoppers(20),
    ("neural", "Acrobot, 4 episodes"): lambda: control("Acrobot-v1", 4),
}


def held_out(form, data, alpha):
    """Mean held-out log-likelihood per decision, and the last fold's alpha."""
    X, y, order, discount = data
    X, y = np.asarray(X), np.asarray(y)
    order = {name: np.asarray(values) for name, values in order.items()}
    total = 0.0
    for train, test in GroupKFold(2 if form == "neural" else 5).split(X, groups=order["trajectory"]):
        scale = StandardScaler().fit(X[train]).transform if form != "tabular" else np.asarray
        model = IQLearnClassifier(discount=discount, alpha=alpha, q_type=form, **FORMS[form])
        model.fit(scale(X[train]), y[train], **{name: values[train] for name, values in order.items()})
        total += len(test) * model.score(scale(X[test]), y[test])
    return total / len(y), model.alpha_


def main():
    quick = parser(__doc__).parse_args().quick
    warnings.simplefilter("ignore", ConvergenceWarning)  # of networks
    rows = {}
    for (form, name), make in DATA.items():
        data = make()
        if quick and (form == "neural" or len(data[1]) > 1000):
            continue
        scores = {alpha: held_out(form, data, alpha)[0] for alpha in (ALPHAS[1::3] if quick else ALPHAS)}
        scores["auto"], chosen = held_out(form, data, "auto")
        best = max(scores.values())
        rows[form, name] = scores | {"its alpha": chosen, "loss of auto": best - scores["auto"]}
    table = pd.DataFrame(rows).T
    constants = [column for column in table.columns if isinstance(column, int | float)]
    print("| Q | data | " + " | ".join(f"{column}" for column in table.columns) + " |")
    print("| --- " * (len(table.columns) + 2) + "|")
    for (form, name), row in table.iterrows():
        numbers = [f"{row[c]:.3g}" if c == "its alpha" else f"{row[c]:.4f}" for c in table.columns]
        print(f"| {form} | {name} | " + " | ".join(numbers) + " |")
    scores = table[[*constants, "auto"]]
    worst = scores.rsub(scores.max(axis=1), axis=0).max()
    print("\nWorst loss: " + ", ".join(f"{name}: {loss:.3f}" for name, loss in worst.items()))


if __name__ == "__main__":
    main()
