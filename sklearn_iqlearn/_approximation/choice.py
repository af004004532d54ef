"""Which functions carry the continuation of an action: as many as its rows bear out.

A continuation is a regression, over the rows of an action, of the value of the next state on the state. So
functions are judged by the residual of Bellman's equation in rows that their weights have not seen, by folds of
whole trajectories. They begin with a constant; a column comes in, or becomes finer, where that lowers the sum of
squared residuals by more than ``log(n)`` of their mean, which columns that say nothing hardly ever do (Schwarz
1978).

Two families compete: averages of products of hats, in at most two columns, which never run away, and projections
on additive splines in any number of columns, or polynomials of a few, which must be better by the same margin.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sklearn_iqlearn._approximation.carriers import RIDGE
from sklearn_iqlearn.preprocessing._hats import Hats, hats, nodes_of
from sklearn_iqlearn.preprocessing._polynomials import Polynomials
from sklearn_iqlearn.preprocessing._splines import Splines, spline_of

N_FOLDS = 5
# Rows of an action that judge: more of them change no choice to speak of.
MOST_ROWS = 20_000
# Nodes at least, of one column of hats and of each of two.
FEWEST = (20, 10)
# Nodes of one column for a row.
DENSITY = 1.25
# Columns of polynomials, at most.
MOST_TOGETHER = 4
# Share of the target's squares below which residuals are rounding.
EXACT = 1e-20


@dataclass(frozen=True)
class Trial:
    """Rows of an action to judge functions by.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Their states.
    fold : integer ndarray of shape (n,)
        The fold that each is held out in.
    weight : ndarray of shape (n,)
    target : ndarray of shape (n,)
        Values of their next states, 0 where the episode ended.
    n_rows : int
        All rows of the action, of which these are some.
    """

    X: np.ndarray
    fold: np.ndarray
    weight: np.ndarray
    target: np.ndarray
    n_rows: int

    @cached_property
    def folds(self):
        return self.fold == np.arange(N_FOLDS)[:, None]


class HatSearch:
    """Averages: products of hats, by the cube root of the rows as many nodes in one column, by the fourth in each
    of two.

    At these numbers the bias and the variance of averages over cells are of one size (Scott 1979). They are not
    chosen by residuals, which prefer the nodes on which the present values rest.
    """

    levels = (0, 1)
    most = 2

    def __init__(self, trial, values):
        self.trial, self.values = trial, values

    def counts(self, levels):
        """Nodes of each column."""
        n_columns = max(sum(levels), 1)
        count = max(FEWEST[n_columns - 1], round(DENSITY * self.trial.n_rows ** (1 / (2 + n_columns))))
        return [count if level else 1 for level in levels]

    def loss(self, levels):
        """Weighted squared residuals in the folds held out."""
        trial = self.trial
        nodes = [nodes_of(column, count) for column, count in zip(self.values, self.counts(levels), strict=True)]
        functions = hats(trial.X, nodes)
        spread = trial.folds * trial.weight
        mass, total = functions.T @ spread.T, functions.T @ (spread * trial.target).T
        mass, total = mass.sum(axis=1, keepdims=True) - mass, total.sum(axis=1, keepdims=True) - total
        rows = mass.sum(axis=0)
        means = total.sum(axis=0) / np.where(rows > 0, rows, 1.0)  # 0 where all rows are in one fold
        weights = np.where(mass > 0, total / np.where(mass > 0, mass, 1.0), means)
        misses = trial.target - (functions @ weights)[np.arange(len(trial.target)), trial.fold]
        return float(trial.weight @ misses**2)

    def candidates(self, levels, loss):
        """Transformers and their losses, from the levels that the search has found."""
        yield Hats(self.counts(levels)), loss


class Moments:
    """Sums of squares and products of functions in each fold, by which least squares on any of them is judged.

    Parameters
    ----------
    trial : Trial
    functions : ndarray of shape (n, J)
        Beside them there is a constant.
    """

    def __init__(self, trial, functions):
        functions = functions - np.average(functions, axis=0, weights=trial.weight)
        whole = np.concatenate([np.ones((len(functions), 1)), functions], axis=1)
        self.grams, self.products = np.empty((N_FOLDS, *whole.shape[1:] * 2)), np.empty((N_FOLDS, whole.shape[1]))
        for fold, rows in enumerate(trial.folds):
            spread = whole[rows] * trial.weight[rows, None]
            self.grams[fold], self.products[fold] = spread.T @ whole[rows], spread.T @ trial.target[rows]
        self.squares = (trial.folds * trial.weight) @ trial.target**2

    def loss(self, taken):
        """Weighted squared residuals, in the folds held out, of least squares on some of the functions."""
        taken = np.concatenate([[0], 1 + taken])
        grams, products = self.grams[:, taken[:, None], taken], self.products[:, taken]
        train = grams.sum(axis=0) - grams
        ridge = RIDGE * np.einsum("fjj->fj", train)
        ridge[:, 0] = 0.0
        train[:, np.arange(len(taken)), np.arange(len(taken))] += ridge + np.finfo(float).tiny
        weights = np.linalg.solve(train, (products.sum(axis=0) - products)[..., None])[..., 0]
        fitted = np.einsum("fj,fjk,fk->f", weights, grams, weights)
        return float(np.sum(self.squares - 2 * np.einsum("fj,fj->f", weights, products) + fitted))


class SplineSearch:
    """Projections: additive splines; and of two to four columns, those that these take, polynomials together."""

    levels = (0, 1, 5)
    most = np.inf

    def __init__(self, trial, values):
        self.trial = trial
        parts = [np.empty((len(trial.X), 0))]
        self.places, size = {}, 0
        for level in self.levels[1:]:
            for column, distinct in enumerate(values):
                spline = spline_of(distinct, level)
                part = spline.transform(trial.X[:, [column]]) if spline else parts[0]
                self.places[column, level] = size + np.arange(part.shape[1])
                parts.append(part)
                size += part.shape[1]
        self.moments = Moments(trial, np.concatenate(parts, axis=1))

    def loss(self, levels):
        """Weighted squared residuals in the folds held out."""
        places = [self.places[column, level] for column, level in enumerate(levels) if level]
        return self.moments.loss(np.concatenate([np.empty(0, dtype=np.intp), *places]))

    def candidates(self, levels, loss):
        """Transformers and their losses, from the levels that the search has found."""
        yield Splines(list(levels)), loss
        columns = [column for column, level in enumerate(levels) if level]
        if 2 <= len(columns) <= MOST_TOGETHER:
            together = Polynomials(columns=columns).fit(self.trial.X)
            functions = together.transform(self.trial.X)
            yield together, Moments(self.trial, functions).loss(np.arange(functions.shape[1]))


def search(family, n_columns, n):
    """Levels of the columns by a stepwise search, and their loss."""
    ladder = family.levels
    best = (ladder[0],) * n_columns
    loss = family.loss(best)
    nothing = EXACT * (family.trial.weight @ family.trial.target**2)
    while True:
        trials = []
        for column, level in enumerate(best):
            free = level != ladder[0] or sum(other != ladder[0] for other in best) < family.most
            for finer in ladder[ladder.index(level) + 1 :] if free else ():
                levels = (*best[:column], finer, *best[column + 1 :])
                trials.append((family.loss(levels), levels))
        found = min(trials, default=(np.inf, None))
        if loss <= nothing or not found[0] < loss * (1 - np.log(n) / n):
            return best, loss
        loss, best = found


def choose(trial, values, families):
    """A transformer, not fitted to all states, and its mean squared residual held out.

    Parameters
    ----------
    trial : Trial
    values : list of d ndarrays
        The distinct values of each column, sorted.
    families : sequence
        Which compete: a later one must be better by the margin.
    """
    n, least, best = len(trial.target), np.inf, None
    for kind in families:
        family = kind(trial, values)
        for transformer, loss in family.candidates(*search(family, len(values), n)):
            if best is None or loss < least * (1 - np.log(n) / n):
                best, least = transformer, loss
    return best, least / trial.weight.sum()
