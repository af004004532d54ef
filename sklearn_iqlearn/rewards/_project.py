"""Coefficients of the reward of a fit."""

import warnings

from sklearn_iqlearn._coefficients.identification import OPEN
from sklearn_iqlearn._estimator.coefficients import project_reward
from sklearn_iqlearn._estimator.telling import tell
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn.exceptions import DataWarning, IdentificationWarning

# Standard deviations of Pearson's statistic above its mean that are no chance, skewed as it is.
MISFIT = 5.0


def project(estimator, features=None, *, method="pseudo-likelihood", shaping=True):
    """Coefficients of the reward behind a fitted policy.

    "pseudo-likelihood": the logit of the decisions whose action values, linear in the coefficients, are those of
    the policy; then from the policy of that logit, and so on until it settles. It settles where the likelihood of
    the decisions is stationary: at what ``q_type="structural"`` with ``alpha=inf`` fits, from any policy, in some
    ten rounds of one linear system each. So neither the penalty nor the form of Q play a role.

    "least-squares": minimises, over coefficients and a potential psi, the sum over the visited pairs of
    ``counts_ * (reward_ - features @ coef - psi + discount * P psi)**2``. No decision is solved for, and the
    answer inherits the noise of ``reward_`` in rarely visited pairs: it needs many decisions. On Rust's buses of
    group 4, 4,292 decisions, a table with ``alpha=1000`` gives (-0.10, 4.41) where the likelihood has its maximum
    at (2.29, 10.07).

    Parameters
    ----------
    estimator : IQLearnClassifier, or a Pipeline or search that ends in one
        Fitted with ``transitions``; of a counterfactual, which made no decisions, the policy stands for them in
        the states visited.
    features : array of shape (S, A, K) or (S, K), optional
        Features of the reward, by default the estimator's; those of shape (S, K) are paid whatever the action.
    method : {"pseudo-likelihood", "least-squares"}, default="pseudo-likelihood"
    shaping : bool, default=True
        False regresses ``reward_`` itself by least squares, without psi. That answers another question: how the
        features account for the reward that the penalty prefers. On simulated bus engines it misses the truth by
        more than half.

    Returns
    -------
    projection : sklearn.utils.Bunch
        A dictionary with these entries, also as attributes.

        coef : ndarray of shape (K,)
            Of least norm, in units of the features' largest absolute values, where directions are open.
        unidentified : ndarray of shape (n, K)
            Open directions: a multiple of a row, added to the coefficients, changes no choice in a visited state.
            So do features that are, alone or together, a shaping term (a constant), or collinear. For
            "least-squares" open is all that the rewards of the visited pairs do not tell; the form of the reward,
            which binds the other pairs too, tells more.
        potential : ndarray of shape (S,)
            psi: with it ``reward_`` is ``features @ coef + psi - discount * P psi``, as far as the form holds.
        explained : float
            At most 1. Of "pseudo-likelihood" the share of the log-likelihood that the policy gains over the
            frequencies of the actions, or the form if that gains more, that the form gains; of "least-squares" the
            share of the weighted sum of squares of the reward, shaping removed, that the features account for. Far
            from 1, the form is wrong or the data are few.
        misfit : float
            Only of "pseudo-likelihood": Pearson's statistic of the decisions in the visited states under the form,
            less its mean and divided by its standard deviation. About standard normal where the form holds,
            decisions are independent and each weighs 1; large where it does not.

    Raises
    ------
    ValueError
        If there are no features, their shape is not that of the states and actions, or ``method`` is unknown.

    Warns
    -----
    IdentificationWarning
        If directions are open.
    sklearn.exceptions.ConvergenceWarning
        If the likelihood has no maximum that can be found: as where one action explains all.
    DataWarning
        If ``misfit`` is above 5: the form of the reward does not hold.

    References
    ----------
    Hotz and Miller (1993). Conditional choice probabilities. Review of Economic Studies 60(3).

    Aguirregabiria and Mira (2002). Swapping the nested fixed point algorithm. Econometrica 70(4).

    Ng, Harada and Russell (1999). Policy invariance under reward transformations. ICML.

    Osius and Rojek (1992). Normal goodness-of-fit tests for multinomial models with large degrees of freedom.
    Journal of the American Statistical Association 87.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier, rewards
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> bus = make_bus_engine(random_state=0)
    >>> model = IQLearnClassifier(bus.transitions, discount=bus.discount, alpha=1000).fit(bus.data, bus.target)
    >>> bus.coef  # the truth
    array([0.01, 3.  ])
    >>> rewards.project(model, bus.features).coef.round(2)
    array([0.01, 2.99])
    >>> rewards.project(model, bus.features, shaping=False).coef.round(2)
    array([-0.02,  0.54])
    """
    found = project_reward(unwrap(estimator).model, features, method=method, shaping=shaping)
    tell([OPEN] * bool(len(found.unidentified)), IdentificationWarning, stacklevel=2)
    if found.get("misfit", 0.0) > MISFIT:
        warnings.warn(
            f"The form of the reward does not hold: its misfit is {found.misfit:.1f}, where chance gives about 0 "
            "to 2. Add features, let states be finer, or ask whether decision makers are of several kinds.",
            DataWarning,
            stacklevel=2,
        )
    return found
