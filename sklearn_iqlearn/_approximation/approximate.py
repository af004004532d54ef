"""From rows to approximate transitions: functions given or chosen, and whether they run away.

Which functions an action needs depends on the values, and these on the functions. So it begins with constants,
whose values are those of the features alone, chooses, finds the coefficients of pseudo-likelihood, and chooses
again with their values, until the choice stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sklearn_iqlearn._approximation.basis import Functions
from sklearn_iqlearn._approximation.carriers import Averaging
from sklearn_iqlearn._approximation.choice import MOST_ROWS, HatSearch, SplineSearch, Trial, choose
from sklearn_iqlearn._approximation.kernel import ApproximateTransitions, Rows
from sklearn_iqlearn._coefficients.pseudo_likelihood import MOST_ROUNDS, pseudo_likelihood
from sklearn_iqlearn._model.moves import CUT_OFF, count_moves
from sklearn_iqlearn.preprocessing._hats import Hats

# Rounds of pseudo-likelihood after each choice.
ROUNDS = 3
# Choices before the last one stands.
MOST_CHOICES = 4


@dataclass(frozen=True)
class Situation:
    """What a fit knows of its rows.

    Parameters
    ----------
    X : distinct states, in the form that they were given, (S, n_columns)
    columns : ndarray of shape (S, n_columns)
        The same as numbers.
    features : ndarray of shape (S, A, K)
    base_reward : ndarray of shape (S, A), or 0
    counts : ndarray of shape (S, A)
    exists : boolean ndarray of shape (S, A), or None
    rows : Rows
    fold : integer ndarray of shape (n_rows,)
        In which of ``N_FOLDS`` folds each row is held out.
    labels : ndarray of shape (A,)
    discount, temperature : float
    """

    X: Any
    columns: np.ndarray
    features: np.ndarray
    base_reward: np.ndarray | float
    counts: np.ndarray
    exists: np.ndarray | None
    rows: Rows
    fold: np.ndarray
    labels: np.ndarray
    discount: float
    temperature: float

    @cached_property
    def moves(self):
        """Between the states, by action, as ``count_moves`` counts them."""
        return count_moves(*self.rows, self.counts.shape)

    @cached_property
    def values(self):
        """The distinct values of each column, sorted."""
        return [np.unique(column) for column in self.columns.T]

    def transitions(self, functions):
        """The approximate transitions with these functions, one of each action."""
        values = {key: function(self.X) for key, function in {id(f): f for f in functions}.items()}
        carriers = []
        for a, function in enumerate(functions):
            found = values[id(function)]
            if self.exists is not None:
                found = _only(found, self.exists[:, a])
            moves = self.moves[a]
            carriers.append(function.way(found, sp.csr_array(moves[:, :-1]), moves.sum(axis=1)))
        return ApproximateTransitions(carriers, self.rows, self.exists)

    def solved(self, transitions, log_policy, most_rounds):
        """Pseudo-likelihood from a policy."""
        return pseudo_likelihood(
            self.features,
            self.counts,
            log_policy,
            transitions,
            self.discount,
            self.temperature,
            base_reward=self.base_reward,
            most_rounds=most_rounds,
        )

    def shares(self):
        """The log policy that has the shares of the actions everywhere."""
        exists = np.ones(self.counts.shape, dtype=bool) if self.exists is None else self.exists
        with np.errstate(divide="ignore"):
            shares = np.where(exists, self.counts.sum(axis=0) + 0.5, 0.0)
            return np.log(shares / shares.sum(axis=1, keepdims=True))

    def trial(self, action, value):
        """The rows of an action to judge functions by."""
        states, actions, successors, weight = self.rows
        taken = np.flatnonzero((actions == action) & (successors != CUT_OFF))
        n_rows, taken = len(taken), taken[:: -(-len(taken) // MOST_ROWS)]
        following = successors[taken]
        target = np.where(following >= 0, value[np.maximum(following, 0)], 0.0)
        return Trial(self.columns[states[taken]], self.fold[taken], weight[taken], target, n_rows)


@dataclass(frozen=True)
class Approximation:
    """What was found.

    Attributes
    ----------
    situation : Situation
    transitions : ApproximateTransitions
    functions : list of A Functions
    residuals : list of float, or nan
        Mean squared residual held out of each action, where functions were chosen.
    doubts : sequence of str
    """

    situation: Situation
    transitions: ApproximateTransitions
    functions: list
    residuals: Any
    doubts: Sequence[str] = ()

    def attributes(self):
        """Fitted attributes."""
        labels, carriers = self.situation.labels, self.transitions.carriers
        table = {
            "way": [carrier.way for carrier in carriers],
            "n_functions": [carrier.size for carrier in carriers],
            "weight": [carrier.known.sum() for carrier in carriers],
            "held_out_residual": self.residuals,
        }
        transformers = [function.transformer for function in self.functions]
        return {
            "basis_": dict(zip(labels.tolist(), transformers, strict=True)),
            "continuation_": pd.DataFrame(table, index=pd.Index(labels, name="action")),
            "_approximation": self,
        }


def approximate(situation, functions=None):
    """Transitions by functions that are given, one of each action, or chosen."""
    if functions is None:
        many = situation.columns.shape[1] > 1
        found = _chosen(situation, (HatSearch, SplineSearch) if many else (HatSearch,))
        return averaged(situation) if found is None else Approximation(situation, *found)
    settled = _settle(situation, functions)
    if settled is None:
        return averaged(situation, [_runs_away(situation.discount)])
    return Approximation(situation, settled[0], functions, np.nan, _empty(situation, settled[0]))


def averaged(situation, doubts=()):
    """The same by averages, which never run away."""
    return replace(Approximation(situation, *_chosen(situation, (HatSearch,))), doubts=doubts)


def _runs_away(discount):
    return (
        "basis runs away: under the policy of the decisions what its projection carries on grows from step to "
        f"step at discount={discount!r}, so that values are not the sum of what follows. Averages took its place: "
        "hats, in the columns that the rows bear out. Use fewer functions, a lower discount, or an averaging "
        "basis, preprocessing.Hats."
    )


def _chosen(situation, families):
    """Transitions by functions chosen, these, and their residuals; None where they run away."""
    constant = Functions(Hats(1).fit(situation.X), Averaging)
    functions, told, residuals = [constant] * len(situation.labels), None, None
    _, solved = _settle(situation, functions)
    for _ in range(MOST_CHOICES):
        picks = [
            choose(situation.trial(action, solved.value), situation.values, families)
            for action in range(len(functions))
        ]
        last, told = told, [repr(transformer) for transformer, _ in picks]
        residuals = [residual for _, residual in picks]
        if told == last:
            break
        functions = [Functions.of(transformer.fit(situation.X), situation.X) for transformer, _ in picks]
        settled = _settle(situation, functions, solved.log_policy, most_rounds=ROUNDS)
        if settled is None:
            return None
        _, solved = settled
    settled = _settle(situation, functions, solved.log_policy)
    return None if settled is None else (settled[0], functions, residuals)


def _settle(situation, functions, log_policy=None, most_rounds=MOST_ROUNDS):
    """The transitions, and the coefficients by pseudo-likelihood.

    None where a projection runs away: under the policy that was found, or because the rounds find none.
    """
    transitions = situation.transitions(functions)
    log_policy = situation.shares() if log_policy is None else log_policy
    solved = situation.solved(transitions, log_policy, ROUNDS if transitions.contracts else most_rounds)
    unsettled = not transitions.contracts and most_rounds == MOST_ROUNDS and not solved.settled
    if unsettled or transitions.runs_away(np.exp(solved.log_policy), situation.discount):
        return None
    return transitions.guessing(solved.log_policy), solved


def _empty(situation, transitions):
    """A sentence for each action some of whose functions have no rows."""
    doubts = []
    for label, carrier in zip(situation.labels.tolist(), transitions.carriers, strict=True):
        if not carrier.empty.any():
            continue
        seen = carrier.empty & (np.asarray(carrier.functions.sum(axis=0)).ravel() > 0)
        if seen.any():
            doubts.append(
                f"basis has {seen.sum()} of {carrier.size} functions without a row of action {label!r} that goes "
                f"on, the first is number {int(np.argmax(seen))}: they took the values of those that overlap with "
                "them, or the mean of the action where none does. Use fewer functions for this action, "
                "basis={action: transformer}, or none, to have them chosen."
            )
    return doubts


def _only(functions, exists):
    """Functions that are 0 where an action does not exist."""
    if sp.issparse(functions):
        return sp.csr_array(sp.diags_array(1.0 * exists) @ functions)
    return functions * exists[:, None]
