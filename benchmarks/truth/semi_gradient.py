"""The linear semi-gradient of Adusumilli and Eckardt (arXiv 1912.09509, sections 3 and 6.1) on the entry of firms.

Expected discounted features h(a, x) and shocks g(a, x) are linear in functions of decisions, by temporal
differences of the 3,000 pairs of periods; then one pseudo-likelihood of the first decisions. Policies of the
second period come from a logit in states, squares and products.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from truth.estimators import Found, columns

N_ENTRY = 2  # coefficients of the cost of entry, whose h has functions of its own


def functions(states, action, entry_cost):
    """A constant, states and profits, and their products with the action; for the cost of entry its features
    too.
    """
    z1, z2, z3, z4, productivity, was_in = states.T
    scale = np.exp(productivity)
    base = np.column_stack([np.ones_like(z1), z1, z2, z3, z4, scale, z1 * scale, z2 * scale])
    own = np.column_stack([1 - was_in, z4 * (1 - was_in)]) * action[:, None]
    return np.hstack([base, base * action[:, None], own] if entry_cost else [base, base * action[:, None]])


def temporal_difference(here, there, discount, target):
    """Weights of functions whose differences from discounted next ones are the target."""
    return np.linalg.lstsq(here.T @ (here - discount * there), here.T @ target, rcond=None)[0]


def semi_gradient(world, frame):
    """Coefficients of the entry of firms, without the locally robust correction."""
    first, second = ((part, part["action"].to_numpy()) for _, part in frame.groupby("step"))
    (x, a), (later, b) = ((world.states(part).to_numpy(), taken) for part, taken in (first, second))
    logit = make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression(C=np.inf, max_iter=1000))
    logit.fit(columns(frame), frame["action"])
    log_chances = logit.predict_log_proba(columns(second[0]))
    shock = np.euler_gamma - log_chances[np.arange(len(b)), b]
    features = world.rewards(x)[:, 1]  # of entering; staying out has none
    ones, zeros = np.ones(len(x), dtype=int), np.zeros(len(x), dtype=int)

    def difference(target, entry_cost):
        """Of entering and staying out, in h or g."""
        here, there = functions(x, a, entry_cost), functions(later, b, entry_cost)
        weights = temporal_difference(here, there, world.discount, target)
        return (functions(x, ones, entry_cost) - functions(x, zeros, entry_cost)) @ weights

    n = features.shape[1]
    h = np.column_stack([difference(features[:, k] * a, k >= n - N_ENTRY) for k in range(n)])
    g = difference(world.discount * shock, False)

    def loss(coef):
        odds = h @ coef + g
        return np.logaddexp(0, np.where(a == 1, -odds, odds)).mean(), h.T @ (expit(odds) - a) / len(a)

    coef = minimize(loss, np.zeros(n), jac=True, method="BFGS").x
    return Found(None, columns(frame), lambda X: world.features(X) @ coef, coef)
