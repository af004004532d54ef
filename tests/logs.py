"""A log of decisions with gaps, ends and weights, and what counting it must give, row by row."""

import math
from collections import defaultdict

import numpy as np
import pandas as pd

KEYS = {"state": "place", "action": "chosen"}
ORDER = {"trajectory": "who", "step": "when"}
CALLS = {
    "pairs": KEYS,
    "moves": KEYS | ORDER,
    "moves and ends": KEYS | ORDER | {"terminal": "over"},
    "next state": KEYS | {"next_state": "then", "terminal": "over"},
    "weights": KEYS | ORDER | {"terminal": "over", "weight": "visits"},
    "several columns": KEYS | ORDER | {"state": ["place", "kind"]},
}


def decision_log(seed=0, n_trajectories=30, length=12, n_states=5):
    """Shuffled rows, a tenth of them missing; some trajectories end; some weights are 0, others far apart."""
    rng = np.random.default_rng(seed)
    size = n_trajectories * length
    frame = pd.DataFrame(
        {
            # Ids that floating-point numbers would mix up.
            "who": np.repeat(np.arange(n_trajectories), length) + 2**60,
            "when": np.tile(np.arange(length), n_trajectories),
            "place": rng.integers(n_states, size=size),
            "kind": rng.choice(["old", "new"], size=size),
            "chosen": rng.integers(2, size=size) == 1,
            "then": rng.integers(n_states, size=size),
            "visits": rng.random(size) * 10.0 ** rng.integers(-3, 4, size) * (rng.random(size) < 0.9),
        }
    )
    frame["over"] = (frame["when"] == length - 1) & (frame["who"] % 2 == 0)
    return frame[rng.random(size) < 0.9].sample(frac=1, random_state=seed).reset_index(drop=True)


def count_rows(frame, *, state, action, next_state=None, trajectory=None, step=None, terminal=None, weight=None):
    """The counts as a dictionary: (state, action, next state, terminal) to the sum of the weights."""
    states = state if isinstance(state, list) else [state]
    rows = frame[frame[weight] > 0] if weight else frame
    at = {} if trajectory is None else {(row[trajectory], row[step]): row for row in rows.to_dict("records")}
    cells = defaultdict(list)
    for row in rows.to_dict("records"):
        ended = bool(terminal and row[terminal])
        key = [*(row[name] for name in states), row[action]]
        if trajectory is not None:
            following = at.get((row[trajectory], row[step] + 1))
            key += [None if following is None or ended else following[name] for name in states]
        if next_state is not None:
            key.append(None if ended else row[next_state])
        cells[(*key, *[ended] * bool(terminal))].append(row[weight] if weight else 1)
    return {key: math.fsum(weights) for key, weights in cells.items()}


def as_dictionary(counts):
    """A frame of counts in the form of ``count_rows``."""
    keys = counts.drop(columns="n").astype(object)
    keys = keys.where(keys.notna(), None)
    return dict(zip(keys.itertuples(index=False, name=None), counts["n"], strict=True))
