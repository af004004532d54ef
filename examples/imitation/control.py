"""
Imitating a controller from one demonstration
=============================================

A scripted expert balances a pole on a cart, one of Gymnasium's classic problems; we see its states and actions,
nothing else. Two classifiers learn its policy from the same features of the state:

* **Behavioural cloning**, here logistic regression, takes the decisions one by one.
* **IQ-Learn** also knows which state follows which, and keeps the reward that its action values imply small. The
  values of neighbouring moments then have to agree, which a single decision cannot tell.

Each policy is then run in episodes that start elsewhere. The closer its return to the expert's, the better. The
problems need ``pip install ".[examples]"``.
"""

import matplotlib.pyplot as plt
import pandas as pd
from control_experts import EXPERTS, OBSERVATIONS, demonstrate, roll_out
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_iqlearn import IQLearnClassifier

ENVIRONMENT = "CartPole-v1"  # or Acrobot-v1, or, from ten demonstrations, LunarLander-v3

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
# One demonstration of 500 decisions, and 20 new episodes of each policy. IQ-Learn balances for as long as the
# expert; cloning lets some carts roll off the track. It need not be so: from one demonstration of another seed,
# or from three, cloning may be as good, and it is in the other two problems that ``control_experts.py`` has
# (``make bench-control`` measures them). What IQ-Learn adds there is a value and a reward.

if __name__ == "__main__":
    demonstration = demonstrate(ENVIRONMENT, 1, 0)
    states = demonstration[OBSERVATIONS[ENVIRONMENT]].to_numpy()
    policies = {
        "expert": EXPERTS[ENVIRONMENT],
        "IQ-Learn": fit_iqlearn(states, demonstration).predict,
        "behavioural cloning": fit_cloning(states, demonstration).predict,
    }
    # Episodes that start where no demonstration did.
    episodes = {name: roll_out(policy, ENVIRONMENT, 20, [0, 1]) for name, policy in policies.items()}
    returns = pd.DataFrame({name: runs.groupby("trajectory")["reward"].sum() for name, runs in episodes.items()})
    print(f"{ENVIRONMENT}: return over {len(returns)} episodes, from {len(states)} decisions of the expert")
    print(returns.agg(["mean", "min", "max"]).T.round(1).to_string())

    worst = returns["behavioural cloning"].idxmin()
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for (name, runs), color, width in zip(
        episodes.items(), ["0.7", "#0072b2", "#d55e00"], [5, 1.5, 1.5], strict=True
    ):
        look = {"color": color, "linewidth": width, "label": name}
        left.plot(range(1, 21), sorted(returns[name]), marker="o", **look)
        run = runs[runs["trajectory"] == worst]
        right.plot(run["step"], run["x"], **look)
    left.set(
        xlabel="episode, from the worst to the best", ylabel="steps until pole or cart is lost", title="return"
    )
    left.set(ylim=(0, 520), xticks=[1, 5, 10, 15, 20])
    left.legend(loc="lower right")
    right.axhspan(-2.4, 2.4, color="0.95", zorder=0, label="the track")
    right.set(xlabel="step", ylabel="position of the cart", title="the episode that cloning found hardest")
    right.legend(loc="lower right")
    plt.show()
