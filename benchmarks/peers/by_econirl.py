"""Fits of econirl, at its fastest settings that were found, without standard errors.

Panel, utility and problem are made beforehand, and take no part in the seconds.
"""

import numpy as np
from econirl.core.types import DDCProblem, TrajectoryPanel
from econirl.estimation.ccp import CCPEstimator
from econirl.estimation.iq_learn import IQLearnEstimator
from econirl.estimation.mce_irl import MCEIRLEstimator
from econirl.estimation.nfxp import NFXPEstimator
from econirl.preferences.action_reward import ActionDependentReward
from econirl.preferences.linear import LinearUtility


def fitting(data, estimator, utility_type, features):
    """A call that fits."""
    n_actions, n_states = data["transitions"].shape[:2]
    names = [f"coefficient {k}" for k in range(features.shape[2])]
    panel = TrajectoryPanel.from_numpy(*(data[name] for name in ("state", "action", "next_state", "trajectory")))
    problem = DDCProblem(num_states=n_states, num_actions=n_actions, discount_factor=float(data["discount"]))
    utility = utility_type(features, parameter_names=names)
    return lambda: estimator.estimate(panel, utility, problem, data["transitions"])


def coefficients(result):
    return {"coef": np.asarray(result.parameters, dtype=float)}


def nfxp(data):
    estimator = NFXPEstimator(inner_solver="nk", compute_hessian=False)
    return fitting(data, estimator, LinearUtility, data["features"]), coefficients


def ccp(data):
    """Nested pseudo-likelihood, until it stands: the maximum of the likelihood."""
    estimator = CCPEstimator(mode="npl", compute_hessian=False)
    return fitting(data, estimator, LinearUtility, data["features"]), coefficients


def mce_irl(data):
    estimator = MCEIRLEstimator(compute_se=False, inner_solver="policy")
    return fitting(data, estimator, ActionDependentReward, data["features"]), coefficients


def iqlearn(data):
    form = "linear" if "features" in data else "tabular"
    n_actions, n_states = data["transitions"].shape[:2]
    features = data.get("features", np.ones((n_states, n_actions, 1)))  # of the reward, where Q is a table
    estimator = IQLearnEstimator(q_type=form, divergence="chi2", alpha=float(data["alpha"]), max_iter=5000)

    def read(result):
        return {"q": np.asarray(result.metadata["q_table"])}

    return fitting(data, estimator, ActionDependentReward, features), read
