"""
Imitating a controller from one demonstration
=============================================

A scripted expert controls one of Gymnasium's classic problems; we see its states and actions, nothing else.
Two classifiers learn its policy from the same features of the state:

* **Behavioural cloning**, here logistic regression, takes the decisions one by one.
* **IQ-Learn** also knows which state follows which, and keeps the reward that its action values imply small.
  The values of neighbouring moments then have to agree, which a single decision cannot tell.

Each policy is then run in episodes that start elsewhere. The closer its return to the expert's, the better::

    python examples/control.py --env LunarLander-v3 --trajectories 10

The problems need ``pip install "gymnasium[box2d]"``.
"""

import argparse

import pandas as pd
from control_experts import EXPERTS, OBSERVATIONS, demonstrate, evaluate
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_iqlearn import IQLearnClassifier

# %%
# Features
# --------
# Either model is linear in its features: the state itself, and a kernel's view of it for what is not linear.


def on_features(classifier, n_rows, seed):
    """A pipeline that ends in ``classifier``.

    Parameters
    ----------
    classifier : estimator
        Linear in its features.
    n_rows : int
        Rows to fit on, which bound the kernel's components.
    seed : int
        Chooses the kernel's components.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
    """
    kernel = Nystroem(gamma=0.1, n_components=min(100, n_rows), random_state=seed)
    features = FeatureUnion([("linear", "passthrough"), ("kernel", kernel)])
    return make_pipeline(StandardScaler(), features, classifier)


# %%
# Two ways to imitate
# -------------------
# The states and actions are the same. IQ-Learn is told besides which rows follow each other, and where an
# episode ended for good: there, the future is worth nothing. Time running out says no such thing.


def fit_iqlearn(states, decisions, seed=0):
    """Imitate with IQ-Learn.

    Parameters
    ----------
    states : ndarray of shape (n_rows, n_features)
    decisions : pandas.DataFrame
        Columns ``action``, ``trajectory`` and ``terminal``, a row per state, in order.
    seed : int, default=0
        Seed of the features.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
        Fitted.
    """
    return on_features(IQLearnClassifier(discount=0.99, alpha=50), len(states), seed).fit(
        states,
        decisions["action"],
        iqlearnclassifier__trajectory=decisions["trajectory"],
        iqlearnclassifier__terminal=decisions["terminal"],
    )


def fit_cloning(states, decisions, seed=0):
    """Imitate by behavioural cloning, with the same features and the same ridge penalty.

    Parameters
    ----------
    states, decisions, seed
        As for ``fit_iqlearn``; of the decisions only ``action`` matters.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
        Fitted.
    """
    classifier = LogisticRegression(C=100, max_iter=2000)
    return on_features(classifier, len(states), seed).fit(states, decisions["action"])


# %%
# Return
# ------


def main():
    parser = argparse.ArgumentParser(description="Imitate a controller from a few demonstrations.")
    parser.add_argument("--env", choices=EXPERTS, default="CartPole-v1")
    parser.add_argument("--trajectories", type=int, default=1, help="demonstrations to learn from")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    decisions = demonstrate(args.env, args.trajectories, args.seed)
    states = decisions[OBSERVATIONS[args.env]].to_numpy()
    policies = {
        "expert": EXPERTS[args.env],
        "IQ-Learn": fit_iqlearn(states, decisions, args.seed).predict,
        "behavioural cloning": fit_cloning(states, decisions, args.seed).predict,
    }
    returns = pd.DataFrame(
        # Episodes that start where no demonstration did.
        {name: evaluate(policy, args.env, 20, [args.seed, 1]) for name, policy in policies.items()}
    )
    print(f"{args.env}: return over {len(returns)} episodes, from {len(states)} decisions of the expert")
    print(returns.agg(["mean", "min", "max"]).T.round(1).to_string())


if __name__ == "__main__":
    main()
