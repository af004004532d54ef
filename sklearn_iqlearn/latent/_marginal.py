"""The marginal likelihood of types as a function of all their parameters, and its exact score.

By Fisher's identity the score of a trajectory is the expectation, over its types, of that of its decisions and
types together: the visits that each type is expected to have made, times the scores of their pairs, and for each
row of shares p of the types (weights, initial shares, transitions) with log-odds against the last type its
expected counts less their sum times p. The information is the negative derivative of this score, by central
differences.
"""

import numpy as np

from sklearn_iqlearn._estimator.fitted import as_told
from sklearn_iqlearn._estimator.fitting import assemble
from sklearn_iqlearn.inference._covariance import mapping_of
from sklearn_iqlearn.inference._information import Information

# Steps of differences, in standard errors.
STEP = 1e-3
NO_ORDER = {"trajectory": None, "step": None, "next_X": None, "terminal": None}


class Marginal:
    """The likelihood of a chain of decisions around a fit.

    Its parameters are those of the types' problems, one after the other, and the log-odds of the shares.
    """

    def __init__(self, chain, model):
        self.chain, decisions = chain, chain.decisions
        self.estimators = [as_told(estimator) for estimator in model.estimators]
        posed = [
            assemble(estimator, decisions.X, decisions.y, weight, NO_ORDER)
            for estimator, weight in zip(self.estimators, model.found.weight.T, strict=True)
        ]
        self.demonstrations, self.problems = [each[0] for each in posed], [each[1] for each in posed]
        states = np.ravel(decisions.X)
        self.pairs = states * len(self.estimators[0].classes_) + decisions.chosen
        found = [
            problem.recall(estimator) for problem, estimator in zip(self.problems, self.estimators, strict=True)
        ]
        self.shapes = [parameters.shape for parameters in found]
        odds = model.logs - model.logs[..., -1:]
        self.odds_shape = odds[..., :-1].shape
        self.solution = np.concatenate([*(each.ravel() for each in found), odds[..., :-1].ravel()])

    @property
    def penalised(self):
        return any(np.any(each.objective.penalty_weight) or np.any(each.ridge) for each in self.problems)

    def parts(self, vector):
        """The parameters of each type, and the logarithms of the shares."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        *parameters, odds = np.split(vector, ends)
        odds = odds.reshape(self.odds_shape)
        odds = np.concatenate([odds, np.zeros((*odds.shape[:-1], 1))], axis=-1)
        logs = odds - np.logaddexp.reduce(odds, axis=-1, keepdims=True)
        return [each.reshape(shape) for each, shape in zip(parameters, self.shapes, strict=True)], logs

    def at(self, vector):
        """Log-likelihoods (n_trajectories,) and scores (n_trajectories, n_parameters)."""
        parameters, logs = self.parts(vector)
        points = [problem.at(each) for problem, each in zip(self.problems, parameters, strict=True)]
        log_chosen = np.stack([np.log(point.policy.ravel()[self.pairs]) for point in points], axis=1)
        counts, visits = self.chain.by_trajectory(logs, log_chosen)
        scores = [
            visit @ Information.at(point, demonstrations, None).scores[self.pairs]
            for visit, point, demonstrations in zip(visits, points, self.demonstrations, strict=True)
        ]
        counts = counts.reshape(len(counts), *logs.shape)
        of_shares = counts - counts.sum(axis=-1, keepdims=True) * np.exp(logs)
        # Scores of pairs are those of the loss.
        scores = [-each for each in scores] + [of_shares[..., :-1].reshape(len(counts), -1)]
        return self.chain.expect(logs, log_chosen).log_likelihood, np.hstack(scores)

    def information(self, scores):
        """The negative Hessian of the log-likelihood at the solution: (n_parameters, n_parameters)."""
        sizes = STEP / np.sqrt(np.maximum(np.square(scores).sum(axis=0), 1.0))
        rows = []
        for unit, size in zip(np.eye(len(sizes)), sizes, strict=True):
            ahead, behind = (self.at(self.solution + sign * size * unit)[1].sum(axis=0) for sign in (1, -1))
            rows.append((behind - ahead) / (2 * size))
        hessian = np.array(rows)
        return (hessian + hessian.T) / 2

    def told(self):
        """Coefficients of the types and the shares, flat, and their derivative by the parameters."""
        parameters, logs = self.parts(self.solution)
        blocks, values = [], []
        for estimator, problem, each in zip(self.estimators, self.problems, parameters, strict=True):
            blocks.append(mapping_of(estimator, problem, each))
            values.append(blocks[-1] @ each.ravel())
        for shares in np.exp(np.atleast_2d(logs)):
            blocks.append((np.diag(shares) - np.outer(shares, shares))[:, :-1])
            values.append(shares)
        derivative = np.zeros((sum(len(each) for each in blocks), len(self.solution)))
        row = column = 0
        for block in blocks:
            derivative[row : row + block.shape[0], column : column + block.shape[1]] = block
            row, column = row + block.shape[0], column + block.shape[1]
        return np.concatenate(values), derivative
