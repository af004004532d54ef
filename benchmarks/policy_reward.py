"""How near ``rewards.PolicyReward`` comes to a known reward: ``python benchmarks/policy_reward.py`` (``--quick``).

The simulation of Kang, Yoganarasimhan and Jain (arXiv 2502.14131): a reward of -s for keeping and -5 for replacing
at s = 1 to 20, which rises by 1 to 4 and is 1 after replacing; discount 0.95, 100 decisions a trajectory, of which
80% are fitted. Printed is the mean absolute percentage error of the reward of the decisions held out, a mean over
data sets. Those for replacing have none in PolicyReward, which knows their reward.
"""

import numpy as np
import pandas as pd
from _measure import parser
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._model.simulation import simulate
from sklearn_iqlearn._model.soft_bellman import log_policy, solve_soft_bellman
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn.rewards import PolicyReward

N_STATES, N_STEPS, DISCOUNT = 20, 100, 0.95


def world():
    """Transitions, (A, S, S), features of the reward, (S, A, 2), and reward, (S, A)."""
    transitions, states = np.zeros((2, N_STATES, N_STATES)), np.arange(N_STATES)
    for rise in range(1, 5):
        transitions[0, states, np.minimum(states + rise, N_STATES - 1)] += 0.25
    transitions[1, :, 0] = 1.0
    features = np.zeros((N_STATES, 2, 2))
    features[:, 0, 0], features[:, 1, 1] = -(states + 1), -1.0
    return transitions, features, features @ [1.0, 5.0]


def decisions(n_trajectories, n_columns, seed):
    """Decisions, and X: the state and columns that say nothing."""
    transitions, _, reward = world()
    rng = np.random.RandomState(seed)
    kernel = check_transitions(transitions)[0]
    policy = np.exp(log_policy(solve_soft_bellman(reward, kernel, DISCOUNT, 1.0), 1.0))
    start = np.eye(N_STATES)[0]
    frame = pd.DataFrame(simulate(policy, kernel, start, n_trajectories, N_STEPS, rng))
    X = np.column_stack([frame["state"] + 1.0, rng.uniform(size=(len(frame), n_columns))])
    return frame, X


MODELS = {
    "PolicyReward, default": {},
    "PolicyReward, default, cross_fit=3": {"cross_fit": 3},
    "PolicyReward, splines": {
        "classifier": make_pipeline(SplineTransformer(), LogisticRegression(C=10.0, max_iter=1000)),
        "regressor": make_pipeline(SplineTransformer(), RidgeCV(np.logspace(-2, 4, 13))),
    },
}


def estimates(frame, X, fitted):
    """Rewards of all rows by each model, fitted to some of them."""
    y, order = frame["action"], {"trajectory": frame["trajectory"][fitted], "step": frame["step"][fitted]}
    for name, settings in MODELS.items():
        model = PolicyReward(discount=DISCOUNT, action=1, reward=-5.0, random_state=0, **settings)
        yield name, model.fit(X[fitted], y[fitted], **order).predict(X)
    transitions, features, _ = world()
    known = IQLearnClassifier(transitions, discount=DISCOUNT, q_type="structural", features=features)
    known.fit(frame[["state"]][fitted], y[fitted], **order)
    yield "structural, known transitions", (features @ known.coef_)[frame["state"]]


def errors(n_trajectories, n_columns, seed):
    frame, X = decisions(n_trajectories, n_columns, seed)
    held = (frame["trajectory"] >= 0.8 * n_trajectories).to_numpy()
    truth = world()[2][frame["state"], frame["action"]]
    for name, found in estimates(frame, X, ~held):
        chosen = found[np.arange(len(found)), frame["action"]]
        yield name, 100 * np.abs(chosen / truth - 1)[held].mean()


def main(quick=False):
    rows = [
        (n_columns, n_trajectories, *row)
        for n_columns in ((0,) if quick else (0, 20))
        for n_trajectories in ([50] if quick else [50, 250])
        for seed in range(1 if quick else 3)
        for row in errors(n_trajectories, n_columns, seed)
    ]
    table = pd.DataFrame(rows, columns=["further columns", "trajectories", "model", "error"])
    print("Mean absolute percentage error of the reward in decisions held out")
    print(
        table.groupby(["further columns", "model", "trajectories"])["error"].mean().unstack().round(1).to_string()
    )


if __name__ == "__main__":
    main(**vars(parser(__doc__).parse_args()))
