"""How well the form of a reward accounts for decisions.

Two numbers, for two questions. How much of what a free policy gains over the frequencies pi_0 of the actions does
the form gain? With the log-likelihood l(pi) = sum N log pi,

    explained = (l(pi_form) - l(pi_0)) / (max(l(pi), l(pi_form)) - l(pi_0)),

which falls where the form is wrong, and where the free policy has learned noise. Does the form hold? Pearson's
X2 = sum (N - N_s pi)^2 / (N_s pi) over the visited states has, however few the visits of each, mean and variance

    E = sum_s (A_s - 1) - K,    Var = sum_s 2 (A_s - 1) + (sum_a 1 / pi - A_s^2 - 2 A_s + 2) / N_s

under the form with K coefficients told by the data (Haldane 1937), so that misfit = (X2 - E) / sqrt(Var) is about
standard normal for many states (Osius and Rojek 1992). A likelihood ratio against the free policy is not: with few
visits a state its mean is far from its degrees of freedom.
"""

import numpy as np


def explained(counts, log_policy, log_form):
    """Share of the log-likelihood that a policy gains over the frequencies of the actions, gained by the form.

    Parameters
    ----------
    counts : ndarray of shape (S, A)
    log_policy, log_form : ndarray of shape (S, A)
        Minus infinity where an action does not exist.

    Returns
    -------
    share : float
        At most 1.
    """
    same = np.where(log_policy > -np.inf, counts.sum(axis=0), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_same = np.log(same / same.sum(axis=1, keepdims=True))

    taken = counts > 0

    def likelihood(logs):
        return counts[taken] @ logs[taken]

    gains = likelihood(log_form) - likelihood(log_same), likelihood(log_policy) - likelihood(log_same)
    return float(gains[0] / max(gains)) if max(gains) > 1e-12 * counts.sum() else 1.0


def misfit(counts, log_form, n_coefficients):
    """Pearson's statistic of a form, standardised: about N(0, 1) where the form holds.

    Parameters
    ----------
    counts : ndarray of shape (S, A)
    log_form : ndarray of shape (S, A)
    n_coefficients : int
        That the data tell.

    Returns
    -------
    misfit : float
    """
    visited = counts.any(axis=1)
    counts, logs = counts[visited], log_form[visited]
    exists, visits = logs > -np.inf, counts.sum(axis=1)
    choices = exists.sum(axis=1)
    with np.errstate(over="ignore"):
        rarity = np.where(exists, np.exp(-np.where(exists, logs, 0.0)), 0.0)
        pearson = np.sum((counts**2 * rarity).sum(axis=1) / visits - visits)
        excess = (rarity.sum(axis=1) - choices**2 - 2 * choices + 2) / visits
    mean, variance = np.sum(choices - 1) - n_coefficients, np.sum(2 * (choices - 1) + excess)
    return float((pearson - mean) / np.sqrt(variance)) if np.isfinite(variance) and variance > 0 else 0.0
