"""The limit on BLAS threads is scoped."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import scipy.linalg  # noqa: F401  (its BLAS counts too)
from problems import as_rows, random_problem
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._threads import few_threads


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(limits=2, user_api="blas"):
        yield


def threads():
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


def test_the_limit_is_lifted_by_the_last_of_several():
    one, other = few_threads(90), few_threads(90)
    with one:
        other.__enter__()
        assert threads() == {1}
    assert threads() == {1}  # the other one still needs it
    other.__exit__(None, None, None)
    assert threads() == {2}


def test_an_error_lifts_it_too():
    with pytest.raises(RuntimeError), few_threads(90):
        raise RuntimeError
    assert threads() == {2}


def test_large_problems_keep_their_threads():
    with few_threads(10_000):
        assert threads() == {2}


def test_fits_leave_the_threads_as_they_were():
    transitions, counts, _ = random_problem(0)

    def fit(_):
        return IQLearnClassifier(transitions).fit(*as_rows(counts)).converged_

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(fit, range(20)))
    assert threads() == {2}
