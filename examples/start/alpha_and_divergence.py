"""
Choosing alpha and the divergence
=================================

A free table of Q has no form, so how much reward it may find has to be held back: by ``alpha``, the scale of
rewards that the penalty allows, and by the divergence, its shape. Both are chosen as any setting in
scikit-learn, by decisions that were held out: whole trajectories, since decisions of one walker hang together.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import make_gridworld
from sklearn_iqlearn.displays import PathDisplay

grid = make_gridworld(40, 50, side=6, random_state=0)
search = GridSearchCV(
    IQLearnClassifier(grid.transitions, discount=grid.discount),
    {"alpha": [0.1, 0.3, 1, 3, 10, 30, 100], "divergence": ["chi2", "hellinger", "js", "kl", "tv"]},
    cv=GroupKFold(5),
).fit(grid.data, grid.target, groups=grid.trajectory)
results = pd.DataFrame(search.cv_results_)
table = results.pivot(index="param_alpha", columns="param_divergence", values="mean_test_score")
print(table.to_string(float_format="{:.4f}".format))
print(f"Best: {search.best_params_}, {search.best_score_:.4f}; the default {table.loc[1, 'chi2']:.4f}")

# %%
# What could be had at best? The walks are simulated, and the policy behind them scores the upper dotted line.
# Just below is a structural fit, which is told that the reward is one of a goal, hazards and moves: it needs no
# ``alpha``, and what it is told is worth more than the best choice of settings.

truth = np.log(grid.policy[grid.data["state"], grid.target]).mean()
form = IQLearnClassifier(grid.transitions, discount=grid.discount, q_type="structural", features=grid.features)
told = cross_val_score(form, grid.data, grid.target, groups=grid.trajectory, cv=GroupKFold(5)).mean()
print(f"True policy {truth:.4f}, structural fit {told:.4f}")

# %%
# Between the divergences there is little at their best ``alpha``, and much beside it. The bars are standard
# errors over five folds; the folds are the same for all, so that differences are more certain than the bars. A
# larger ``alpha`` allows larger rewards, though not for total variation, which only bounds them.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
path = PathDisplay.from_search(search, grid.data, grid.target)
path.plot(left, elinewidth=0.5)
left.axhline(truth, color="k", linestyle=":", label="true policy")
left.axhline(told, color="0.5", linestyle="-.", label="structural fit")
left.set_ylim(-1.5, -1.04)
left.legend(fontsize="small", loc="lower right")
path.plot(right, quantity="reward_norm")
right.set_yscale("log")
left.set_title("held-out walks choose alpha")
right.set_title("how large the rewards are that it allows")
plt.show()
