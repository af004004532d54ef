"""The penalties against published formulas and JAX's derivatives."""

import jax
import numpy as np
import pytest
from problems import DIVERGENCES, LOWER, PENALTY

from sklearn_iqlearn._objective.divergences import DIVERGENCES as CLASSES
from sklearn_iqlearn._objective.divergences import TV


def inside(name):
    """Points of the domain, close to its edges too."""
    lower = max(LOWER[name], -4.0)
    upper = 1.0 if name == "tv" else 8.0
    return lower + (upper - lower) * np.array([1e-4, 0.01, 0.2, 0.5, 0.7, 0.9, 0.9999])


@pytest.mark.parametrize("name", DIVERGENCES)
def test_formula_and_derivatives(name):
    divergence, u = CLASSES[name], inside(name)
    with jax.enable_x64(True):
        reference = [
            np.array([f(x) for x in u])
            for f in (PENALTY[name], jax.grad(PENALTY[name]), jax.grad(jax.grad(PENALTY[name])))
        ]
    for found, expected in zip((divergence.g(u), divergence.dg(u), divergence.d2g(u)), reference, strict=True):
        # The published formulas cancel near the edges; ten digits are left.
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    assert (divergence.d2g(u) > 0).all()


@pytest.mark.parametrize("name", DIVERGENCES)
def test_no_reward_costs_nothing(name):
    zero = np.zeros(1)
    assert CLASSES[name].g(zero)[0] == 0
    assert CLASSES[name].dg(zero)[0] == 0


@pytest.mark.parametrize("name", DIVERGENCES)
def test_domain(name):
    assert CLASSES[name].lower == LOWER[name]
    assert CLASSES[name].upper == (1.0 if name == "tv" else np.inf)
    assert CLASSES[name].bounded == (name in ("hellinger", "js", "tv"))


def test_tv_path_falls_to_its_barrier():
    path = CLASSES["tv"].path()
    assert [stage.mu for stage in path] == [1.0, 0.1, 0.01, 1e-3]
    assert path[-1] == TV()
    assert CLASSES["simple"] == CLASSES["tv"]
