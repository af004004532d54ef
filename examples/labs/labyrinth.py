"""
Mice in a labyrinth
===================

A mouse in a labyrinth of 50 cells makes for the water or for its nest, and shuns dead ends. It has eight moves,
to each neighbour and across corners, but walls leave only some of them in each cell. What drives it, and where
will it go when the water is moved?

The walks are simulated: 800 of 25 moves, each from a random cell. The fit sees cells and moves.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from sklearn_iqlearn import IQLearnClassifier, inference, rewards
from sklearn_iqlearn.displays import CoefficientDisplay, PolicyDisplay

# %%
# The labyrinth
# -------------
# A tree of passages through all cells, drawn at random, with some further walls taken away. Two cells are open
# to each other where there is a passage; a mouse cuts a corner where both ways around it are open. It cannot stay
# where it is, so that it goes to and fro about a place that it likes.
#
# The seed of the labyrinth is chosen: in this one mice part their time between water and nest. In that of seed 0
# they are next to never at the water, before it is moved or after.

ROWS, COLUMNS = 5, 10
MOVES = {
    "N": (-1, 0),
    "E": (0, 1),
    "S": (1, 0),
    "W": (0, -1),
    "NE": (-1, 1),
    "SE": (1, 1),
    "SW": (1, -1),
    "NW": (-1, -1),
}
cells = np.arange(ROWS * COLUMNS)
row, column = np.divmod(cells, COLUMNS)
rng = np.random.default_rng(2)

near = (np.abs(row[:, None] - row) + np.abs(column[:, None] - column)) == 1
walls = coo_array(np.triu(near * rng.random(near.shape)))
passages = (minimum_spanning_tree(walls).toarray() > 0) | (np.triu(near) & (rng.random(near.shape) < 0.45))
is_open = passages | passages.T | np.eye(len(cells), dtype=bool)

transitions, exists = np.zeros((8, 50, 50)), np.zeros((50, 8), dtype=bool)
for action, (down, right) in enumerate(MOVES.values()):
    inside = (row + down >= 0) & (row + down < ROWS) & (column + right >= 0) & (column + right < COLUMNS)
    here = cells[inside]
    corners = [here + down * COLUMNS, here + right]  # the ways around; of a straight move the ends themselves
    there = here + down * COLUMNS + right
    free = np.all([is_open[here, corner] & is_open[corner, there] for corner in corners], axis=0)
    exists[here[free], action] = True
    transitions[action, here[free], there[free]] = 1.0
print(
    f"{exists.sum()} of {exists.size} pairs of cell and move exist; {exists.sum(axis=1).mean():.1f} moves a cell."
)

# %%
# The reward
# ----------
# Three places that may matter, and the length of a move. Dead ends have one passage.

WATER, NEST, NEW = 49, 0, 44
dead_end = is_open.sum(axis=1) == 2
NAMES = ["water", "nest", "dead end", "length of a move"]
features = np.zeros((50, 8, 4))
features[WATER, :, 0] = features[NEST, :, 1] = features[dead_end, :, 2] = 1.0
features[:, :, 3] = [-np.hypot(*move) for move in MOVES.values()]
TRUTH = np.array([2.5, 2.0, -0.5, 0.3])

# %%
# 800 walks
# ---------
# A world is a fit whose reward is given instead of found; it simulates.

settings = {"discount": 0.9, "features": features, "action_mask": exists}
some_move = exists.argmax(axis=1)
world = IQLearnClassifier(transitions, q_type="tabular", **settings).fit(cells[:, None], some_move)
world = world.counterfactual(reward_coef=TRUTH)
walks = world.sample(800, 25, initial_distribution=np.full(50, 1 / 50), random_state=0)
X, y, trajectory = walks[["state"]], walks["action"], walks["trajectory"]

# %%
# What drives a mouse
# -------------------
# The structural fit has a standard error for each drive. The bare frequencies of moves fit these very decisions
# as well, with a number for each pair in place of four, but they have no drives.

model = IQLearnClassifier(transitions, q_type="structural", **settings).fit(X, y)
drives = inference.summary(model, X, y, trajectory=trajectory, feature_names=NAMES)
drives.insert(0, "truth", TRUTH)
print(drives[["truth", "coefficient", "standard error"]].to_string(float_format="{:.3f}".format))
frequencies = (model.counts_ / model.counts_.sum(axis=1, keepdims=True))[X["state"], y]
log_likelihoods = {
    "fit": model.score(X, y),
    "frequencies": np.log(frequencies).mean(),
    "any move alike": -np.log(exists.sum(axis=1)[X["state"]]).mean(),
}
print("Log-likelihood per decision:", *(f"{name} {value:.4f}" for name, value in log_likelihoods.items()))

# %%
# The water is moved
# ------------------
# Out of its corner to the middle of the bottom row. The drives stay, the policy is solved for again, and what
# is predicted is a mouse that has learned of the move. Frequencies of the old moves can only go on to the old
# place.

moved = features.copy()
moved[:, :, 0] = 0.0
moved[NEW, :, 0] = 1.0
later = model.counterfactual(reward=moved @ model.coef_)
truly = world.counterfactual(reward=moved @ TRUTH)
for name, fit in {"before, fit": model, "after, fit": later, "after, truth": truly}.items():
    share = rewards.occupancy(fit, long_run=True).sum(axis=1)
    print(f"{name:14}time at the old place {share[WATER]:.1%}, at the new {share[NEW]:.1%}")


# %%
# The pictures: what each cell is worth to a mouse, with arrows of where it goes on average, before and after;
# and the drives beside the truth.


def draw_walls(axes):
    """Lines between neighbours without a passage, and around the labyrinth."""
    for one, other in np.argwhere(np.triu(near) & ~is_open):
        if other - one == 1:
            axes.plot([column[other] - 0.5] * 2, [row[one] - 0.5, row[one] + 0.5], "k", lw=3)
        else:
            axes.plot([column[one] - 0.5, column[one] + 0.5], [row[other] - 0.5] * 2, "k", lw=3)
    axes.spines[:].set_linewidth(3)
    axes.set(xticks=[], yticks=[], xlabel="", ylabel="")


figure = plt.figure(figsize=(9, 9), layout="constrained")
panels = figure.subplot_mosaic([["before"], ["after"], ["drives"]], height_ratios=[4, 4, 3])
low, high = np.quantile([model.value_, later.value_], [0, 1])
for axes, fit, water, title in [
    (panels["before"], model, WATER, "as it was"),
    (panels["after"], later, NEW, "with the water moved: a prediction"),
]:
    PolicyDisplay.from_estimator(fit, shape=(ROWS, COLUMNS)).plot(axes, vmin=low, vmax=high)
    draw_walls(axes)
    for place, name in {NEST: "nest", water: "water"}.items():
        label = {"ha": "center", "weight": "bold", "bbox": {"facecolor": "white", "pad": 1.5, "linewidth": 0}}
        axes.text(column[place], row[place] + 0.38, name, **label)
    axes.set_title(title)
CoefficientDisplay.from_summaries(drives).plot(panels["drives"], numbers=False)
panels["drives"].plot(TRUTH, range(4), "kx", markersize=9, label="truth")
panels["drives"].legend()
plt.show()
