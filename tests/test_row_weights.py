"""Weights repeat rows or leave them out; the order of the rows does not matter."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from walks import assert_same, differ, fitted, linear, small, walks

Q_TYPES = ["tabular", "linear", "neural"]


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("q_type", Q_TYPES)
def test_weight_two_is_a_row_twice(q_type, follow):
    d = walks(decimals=1 if q_type == "neural" else 0, n_actions=3)
    weight = 1.0 + (np.arange(len(d.y)) % 3 == 0)
    twice = np.repeat(np.arange(len(d.y)), weight.astype(int))
    rows = {"next_X": d.next_X, "terminal": d.terminal} if follow else {}
    weighted = fitted(small(q_type), d.X, d.y, sample_weight=weight, **rows)
    repeated = fitted(
        small(q_type), d.X[twice], d.y[twice], **{name: column[twice] for name, column in rows.items()}
    )
    once = fitted(small(q_type), d.X, d.y, **rows)
    assert_same(weighted, repeated, d.X, atol=1e-10)
    assert_allclose(weighted.objective_, repeated.objective_, rtol=1e-12)
    assert differ(weighted, once, d.X) > 1e-5


@pytest.mark.parametrize("follow", ["trajectory", "next_X"])
@pytest.mark.parametrize("q_type", Q_TYPES)
def test_weight_zero_is_a_row_left_out(q_type, follow):
    d = walks(n_actions=3, decimals=1)
    kept = np.random.default_rng(0).uniform(size=len(d.y)) < 0.8
    names = ("trajectory", "step", "terminal") if follow == "trajectory" else ("next_X", "terminal")
    rows = {name: getattr(d, name) for name in names}
    weighted = fitted(small(q_type), d.X, d.y, sample_weight=1.0 * kept, **rows)
    fewer = fitted(small(q_type), d.X[kept], d.y[kept], **{name: column[kept] for name, column in rows.items()})
    assert_same(weighted, fewer, d.X, atol=1e-10)
    assert_allclose(weighted.objective_, fewer.objective_, rtol=1e-12)
    assert differ(weighted, fitted(small(q_type), d.X, d.y, **rows), d.X) > 1e-5


@pytest.mark.parametrize("q_type", Q_TYPES)
def test_any_order_of_the_rows(q_type):
    d = walks(n_actions=3, decimals=0)
    order = np.random.default_rng(0).permutation(len(d.y))
    weight = np.random.default_rng(1).uniform(0.5, 2, size=len(d.y))
    straight, shuffled = (
        fitted(
            small(q_type),
            d.X[rows],
            d.y[rows],
            sample_weight=weight[rows],
            trajectory=d.trajectory[rows],
            step=d.step[rows],
        )
        for rows in (np.arange(len(d.y)), order)
    )
    assert_same(straight, shuffled, d.X, atol=1e-10)
    with pytest.raises(ValueError, match="contiguous and in order"):
        linear().fit(d.X[order], d.y[order], trajectory=d.trajectory[order])
