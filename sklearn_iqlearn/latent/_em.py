"""Maximum likelihood by expectation and maximisation (Dempster, Laird and Rubin 1977), accelerated.

An iteration maps what the types say, ``z`` = (their own shares, log-probabilities of the decisions), to what they
say after an E-step and an M-step. Anderson's (1965) acceleration takes the last few of these maps for linear and
goes where the linear map would end; the E-step from there and its M-step give a model again. So it needs no
coefficients, and serves every classifier. A model less likely than the last is given up for a plain step from
that: the likelihood never falls where the M-steps maximise it. Where plain steps lower it, the fits are penalised:
then the length of a step decides.

The size of a step is measured by what it tells: ``sum weight * (change of a log-probability)^2``, per decision.
"""

from dataclasses import dataclass, field

import numpy as np

from sklearn_iqlearn.latent._mixture import TINY, Expectation

# Steps that acceleration remembers, and by how many a stride begins.
MEMORY, STRIDE = 6, 4.0
# Falls of the log-likelihood, in units of its size, that are rounding, or show that a fit is penalised.
ROUNDING, PENALISED = 1e-13, 1e-9


@dataclass(frozen=True)
class Model:
    """Estimators of the types and their own parameters, with the E-step."""

    estimators: list
    logs: np.ndarray
    log_chosen: np.ndarray
    found: Expectation

    @property
    def vector(self):
        """Square roots of the types' own shares, in which a share of 0 is not far away, and log-probabilities."""
        return np.concatenate([np.exp(self.logs / 2).ravel(), self.log_chosen.ravel()])


@dataclass(frozen=True)
class Solution:
    """Where a start led."""

    model: Model
    converged: bool
    curve: list
    n_iter: int = 0


def maximise(chain, estimators, found):
    """The M-step, and the E-step after it."""
    logs = chain.maximise(found.counts)
    estimators = chain.decisions.refit(estimators, found.weight)
    log_chosen = chain.decisions.log_chosen(estimators)
    return Model(estimators, logs, log_chosen, chain.expect(logs, log_chosen))


def begin(chain, estimator, rng):
    """A model to start from: a random one."""
    estimators = chain.decisions.refit([estimator] * chain.n_types, chain.seeds(rng))
    return resume(chain, estimators, chain.start())


def resume(chain, estimators, logs):
    """A model of given estimators."""
    log_chosen = chain.decisions.log_chosen(estimators)
    return Model(estimators, logs, log_chosen, chain.expect(logs, log_chosen))


def climb(chain, model, *, max_iter, tol, verbose=0):
    """From a model to a maximum of the likelihood."""
    n, n_iter = chain.decisions.weight.sum(), 0
    path, stride, guided, last_size, curve = Path(), STRIDE, True, np.inf, [model.found.total]
    while n_iter < max_iter:
        for way, start in path.ways(model, stride if guided else 0.0):
            n_iter += 1
            found = model.found if way == "step" else _expect(chain, start, model)
            new = maximise(chain, model.estimators, found)
            residual, metric = new.vector - start, _metric(found)
            size = np.sqrt(metric @ residual**2 / n)
            fall = (model.found.total - new.found.total) / max(1.0, abs(model.found.total))
            if way == "step" or (fall <= ROUNDING if guided else size <= last_size):
                break
            path, stride = Path(), STRIDE if way == "stride" else stride
        stride = 2 * stride if way == "stride" else stride
        guided = guided and fall <= PENALISED
        model, last_size, path = new, size, path.after(new.vector, residual, metric)
        curve.append(model.found.total)
        if verbose and len(curve) % verbose == 0:
            print(f"iteration {n_iter:5d}  log-likelihood {curve[-1]:.10g}  step {size:.1e}")
        if size <= tol:
            return Solution(model, True, curve, n_iter)
    return Solution(model, False, curve, n_iter)


def _expect(chain, vector, model):
    """The E-step of what types say, be it a model or not."""
    roots, log_chosen = np.split(vector, [model.logs.size])
    shares = np.square(roots.reshape(model.logs.shape))
    logs = np.log(np.maximum(shares / shares.sum(axis=-1, keepdims=True), TINY))
    return chain.expect(logs, log_chosen.reshape(model.log_chosen.shape))


def _metric(found):
    """What the change of each entry of a vector tells, squared: Fisher's information of shares and decisions."""
    of_shares = np.broadcast_to(4 * found.counts.sum(axis=-1, keepdims=True), found.counts.shape)
    return np.concatenate([of_shares.ravel(), found.weight.ravel()])


@dataclass(frozen=True)
class Path:
    """The last results of the map, and their residuals."""

    results: tuple = ()
    residuals: tuple = ()
    metric: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def leaps(self):
        return len(self.results) > 1

    def after(self, result, residual, metric):
        return Path((*self.results, result)[-MEMORY:], (*self.residuals, residual)[-MEMORY:], metric)

    def ways(self, model, stride):
        """Where the next E-step may start, the boldest first; the last is the model itself."""
        if self.leaps:
            yield "leap", self._end()
        if self.leaps and stride:
            yield "stride", model.vector + stride * self.residuals[-1]
        yield "step", model.vector

    def _end(self):
        """Where the linear map through the last results has its fixed point."""
        root = np.sqrt(self.metric)
        changes = np.diff(np.stack(self.residuals), axis=0).T * root[:, None]
        share = np.linalg.lstsq(changes, self.residuals[-1] * root, rcond=1e-10)[0]
        return self.results[-1] - np.diff(np.stack(self.results), axis=0).T @ share
