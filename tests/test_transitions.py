"""The transition kernel: products, forms and what is refused."""

import numpy as np
import pytest
import scipy.sparse as sp
from problems import random_problem

from sklearn_iqlearn._model.transitions import SMALL, Transitions, check_transitions

DENSE = random_problem(0, n_states=5, n_actions=3)[0]
FORMS = {
    "array": DENSE,
    "list": list(DENSE),
    "csr": [sp.csr_array(matrix) for matrix in DENSE],
    "coo matrix": [sp.coo_matrix(matrix) for matrix in DENSE],
    "mapping": {"c": DENSE[2], "a": sp.csr_array(DENSE[0]), "b": DENSE[1]},
}


@pytest.mark.parametrize("form", FORMS)
def test_products_in_every_form(form):
    kernel, labels = check_transitions(FORMS[form])
    assert labels.tolist() == (["a", "b", "c"] if form == "mapping" else [0, 1, 2])
    rng = np.random.default_rng(0)
    value, weights = rng.normal(size=5), rng.normal(size=(5, 3))
    many, many_weights = rng.normal(size=(5, 2)), rng.normal(size=(5, 3, 2))
    np.testing.assert_allclose(kernel.expected_next(value), np.einsum("ast,t->sa", DENSE, value))
    np.testing.assert_allclose(kernel.expected_next(many), np.einsum("ast,tk->sak", DENSE, many))
    np.testing.assert_allclose(kernel.flow(weights), np.einsum("ast,sa->t", DENSE, weights))
    np.testing.assert_allclose(kernel.flow(many_weights), np.einsum("ast,sak->tk", DENSE, many_weights))
    mixed = kernel.mix(weights)
    mixed = mixed.toarray() if sp.issparse(mixed) else mixed
    np.testing.assert_allclose(mixed, np.einsum("ast,sa->st", DENSE, weights))


def test_an_explicit_zero_is_no_link():
    stored = sp.csr_array(([1.0, 0.0, 1.0], [0, 1, 1], [0, 2, 3]), shape=(2, 2))
    kernel, _ = check_transitions([stored])
    assert kernel.links.toarray().tolist() == [[1, 0], [0, 1]]
    assert kernel.components.tolist() == [0, 1]
    assert stored.nnz == 3


def test_dense_input_is_shared_not_copied():
    kernel, _ = check_transitions(DENSE)
    assert all(np.shares_memory(matrix, DENSE) for matrix in kernel.matrices)
    csr = sp.csr_array(DENSE[0])
    assert np.shares_memory(check_transitions([csr])[0].matrices[0].data, csr.data)


def test_a_mostly_empty_dense_array_becomes_sparse():
    large = np.zeros((1, SMALL + 1, SMALL + 1))
    large[0, :, 0] = 1
    assert sp.issparse(check_transitions(large)[0].matrices[0])


def test_algebra_follows_fill():
    n = 2000
    chain = sp.diags_array([1.0], offsets=[1], shape=(n, n), format="csr")
    assert not Transitions([chain, chain]).prefers_dense()
    assert Transitions([sp.random(n, n, density=0.05, format="csr")] * 10).prefers_dense()


@pytest.mark.parametrize(
    ("transitions", "message"),
    [
        (DENSE[0], r"shape \(n_actions, n_states, n_states\).*got ndarray of shape \(5, 5\)"),
        (DENSE.transpose(1, 0, 2), r"got \(5, 3, 5\).*transpose\(1, 0, 2\)"),
        (np.ones((2, 3, 4)), r"got \(2, 3, 4\)\.$"),
        ([], "at least one action"),
        ({}, "at least one action"),
        ({"stay": DENSE[0], 1: DENSE[1]}, "labels must be of one kind"),
        ([DENSE[0], DENSE[0][:4, :4]], r"action 1 must have shape \(5, 5\), got \(4, 4\)"),
        (
            [DENSE[0], np.where(DENSE[1] == DENSE[1][2, 3], -0.5, DENSE[1])],
            r"action 1 must be non-negative, got -0.5",
        ),
        ([DENSE[0] * np.nan], "action 0 must be finite, got nan"),
        (
            [DENSE[0], DENSE[1] * np.array([1, 1, 1, 1.5, 1])[:, None]],
            r"action 1, state 3, must sum to at most 1, got 1.5",
        ),
    ],
)
def test_refused(transitions, message):
    with pytest.raises(ValueError, match=message):
        check_transitions(transitions)


def test_ends_and_changes():
    kernel = Transitions([DENSE[0], 0.25 * DENSE[1], sp.csr_array(DENSE[2])])
    np.testing.assert_allclose(kernel.ends, [[0, 0.75, 0]] * 5, rtol=0, atol=1e-15)
    assert (kernel.ends[:, [0, 2]] == 0).all()  # not their rounding
    value = np.random.default_rng(0).normal(size=5)
    expected = kernel.expected_next(value) - (1 - kernel.ends) * value[:, None]
    np.testing.assert_allclose(kernel.expected_change(value), expected, rtol=0, atol=1e-14)
    # A level of 1e12 has a rounding of 1e-4 itself; whole numbers have none.
    steps = np.arange(5.0)
    np.testing.assert_array_equal(kernel.expected_change(steps + 1e12), kernel.expected_change(steps))


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_rows_rounded_above_one_are_normalised(form):
    """Within single precision; times a discount, their sum could reach 1."""
    given = DENSE[0] * np.array([1 + 9e-7, 1, 0.5, 1, 1])[:, None]
    matrix = form(given)
    kept = matrix.copy()
    found = check_transitions([matrix])[0].matrices[0]
    np.testing.assert_allclose(found.sum(axis=1), [1, 1, 0.5, 1, 1], rtol=1e-15)
    found = found.toarray() if sp.issparse(found) else found
    np.testing.assert_allclose(found[0], DENSE[0][0], rtol=1e-14)
    np.testing.assert_array_equal(found[1:], given[1:])
    assert abs(matrix - kept).max() == 0
