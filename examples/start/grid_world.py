"""
A grid world and the map of its reward
======================================

A walker on 36 cells looks for a goal and keeps away from hazards; every step costs. What does each cell mean to
it? The walks are simulated, the fit sees cells and moves, and knows where the moves lead. It gives each cell a
reward of its own, and one price to all moves.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.datasets import make_gridworld
from sklearn_iqlearn.displays import PolicyDisplay, RewardDisplay
from sklearn_iqlearn.exceptions import IdentificationWarning

SIDE = 6
grid = make_gridworld(150, 60, side=SIDE, discount=0.9, random_state=0)
n_states = SIDE**2

# %%
# The features of the reward: one for being in each cell but the first, whose reward is the zero of the scale,
# and one for moving. Decisions never tell the level of such a reward, so some cell has to be the zero. They do
# not tell the discount either, as a warning would say here; we know it, and hide the warning.

features = np.zeros((n_states, 5, n_states))
features[np.arange(1, n_states), :, np.arange(n_states - 1)] = 1.0
features[:, 1:, -1] = -1.0
model = IQLearnClassifier(grid.transitions, discount=0.9, q_type="structural", features=features)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", IdentificationWarning)
    model.fit(grid.data, grid.target)
covariance = inference.covariance(model, grid.data, grid.target, trajectory=grid.trajectory)

# %%
# As this is a simulation, the truth is known: each of the errors should be about as large as its standard error
# says.

truth = grid.reward[:, 0] - grid.reward[0, 0]
ratio = (model.coef_[:-1] - truth[1:]) / np.sqrt(np.diag(covariance))[:-1]
print(f"{len(grid.target):,} decisions. A move costs 0.5 in truth, {model.coef_[-1]:.3f} in the fit.")
print(f"Of {len(ratio)} cells {np.sum(np.abs(ratio) < 1.96)} are within 1.96 standard errors of the truth.")

# %%
# In the picture each cell has its reward, less that of the cell at the top left, with the standard error below.
# The goal at the bottom right is found, and so are the hazards. On the right is what a cell is worth with all
# that is to come, and where the policy goes on average.

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.8), layout="constrained")
image = left.imshow(truth.reshape(SIDE, SIDE), cmap="RdBu", vmin=-2.6, vmax=2.6)
figure.colorbar(image, ax=left, label="reward, less that of cell 0")
left.set(title="truth", xlabel="column of the grid", ylabel="row of the grid")
found = RewardDisplay.from_estimator(
    model, shape=(SIDE, SIDE), action=0, reference_state=0, errors=covariance
).plot(middle, vmin=-2.6, vmax=2.6)
found.colorbar_.set_label("reward, less that of cell 0")
middle.set_title("fit, with standard errors")
PolicyDisplay.from_estimator(model, shape=(SIDE, SIDE)).plot(right)
right.set_title("fit: value of a cell, and where one goes")
plt.show()
