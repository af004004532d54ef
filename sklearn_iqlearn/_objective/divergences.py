"""The convex penalties that a divergence puts on the reward.

IQ-Learn with reward regulariser psi (Garg et al. 2021, section 4 and table 2) penalises the reward of
the visited state-action pairs. Written as ``x - phi(x)``, every divergence becomes a convex function
``g`` with ``g(0) = g'(0) = 0``; with ``alpha`` as the scale of rewards that it allows,

    g_alpha(x) = alpha * g(x / alpha),    g_alpha'(x) = g'(x / alpha),    g_alpha''(x) = g''(x / alpha) / alpha.

Each class below is one ``g`` with its two derivatives and its open domain ``(lower, upper)``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Divergence(ABC):
    """A convex penalty ``g`` of the scaled reward ``u = reward / alpha``.

    ``g`` takes the array namespace to compute in, so that NumPy and JAX share one formula.
    """

    lower = -np.inf
    upper = np.inf

    @property
    def start_lower(self):
        """Least ``u`` to start from."""
        return self.lower

    @abstractmethod
    def g(self, u, xp=np): ...

    @abstractmethod
    def dg(self, u): ...

    @abstractmethod
    def d2g(self, u): ...

    @property
    def bounded(self):
        """Whether some rewards are forbidden."""
        return np.isfinite(self.lower) or np.isfinite(self.upper)

    def path(self):
        """Divergences to solve in turn, each from the optimum of the one before; ends with ``self``."""
        return (self,)


class Chi2(Divergence):
    """Pearson's chi-squared: ``u^2 / 4`` (the offline objective of Garg et al. 2021, section 5.2)."""

    def g(self, u, xp=np):
        return u * u / 4

    def dg(self, u):
        return u / 2

    def d2g(self, u):
        return np.full_like(u, 0.5)


class Hellinger(Divergence):
    """Squared Hellinger distance: ``u^2 / (1 + u)`` for ``u > -1``."""

    lower = -1.0

    def g(self, u, xp=np):
        return u / (1 + u) * u

    def dg(self, u):
        return u / (1 + u) * (1 + 1 / (1 + u))

    def d2g(self, u):
        return 2 * (1 / (1 + u)) ** 3


class KL(Divergence):
    """Kullback-Leibler: ``u - 1 + exp(-u)``."""

    start_lower = -5.0  # Newton's method climbs down an exponential one unit at a time

    def g(self, u, xp=np):
        return u + xp.expm1(-u)

    def dg(self, u):
        return -np.expm1(-u)

    def d2g(self, u):
        return np.exp(-u)


class JS(Divergence):
    """Jensen-Shannon: ``u - log(2 - exp(-u))`` for ``u > -log 2``."""

    lower = -np.log(2)

    def g(self, u, xp=np):
        return u - xp.log1p(-xp.expm1(-u))

    def dg(self, u):
        return -2 * np.expm1(-u) / (1 - np.expm1(-u))

    def d2g(self, u):
        return 2 * np.exp(-u) / (1 - np.expm1(-u)) ** 2


@dataclass(frozen=True)
class TV(Divergence):
    """Total variation: 0 where ``abs(u) < 1``, infinite elsewhere, as a logarithmic barrier.

    The barrier ``-mu * log(1 - u^2)`` is followed as ``mu`` falls from 1 to its final value: a small
    ``mu`` at once leaves Newton's method outside its region of convergence.
    """

    mu: float = 1e-3

    lower = -1.0
    upper = 1.0

    def g(self, u, xp=np):
        return -self.mu * xp.log1p(-u * u)

    def dg(self, u):
        return 2 * self.mu * u / ((1 - u) * (1 + u))

    def d2g(self, u):
        return 2 * self.mu * (1 + u * u) / ((1 - u) * (1 + u)) ** 2

    def path(self):
        return (*(TV(mu) for mu in (1.0, 0.1, 0.01) if mu > self.mu), self)


DIVERGENCES = {
    "chi2": Chi2(),
    "hellinger": Hellinger(),
    "js": JS(),
    "kl": KL(),
    "simple": TV(),
    "tv": TV(),
}
