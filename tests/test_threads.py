"""The limit on BLAS threads is scoped."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import scipy.linalg  # noqa: F401  (its BLAS counts too)
from problems import as_rows, random_problem
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn._numerics.threads import few_threads


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(limits=2, user_api="blas"):
        yield


def threads():
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


def test_a_fit_within_a_fit_leaves_the_limit_to_the_outer_one():
    with few_threads(90):
        with few_threads(90):
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == {2}


def test_overlapping_threads_lift_the_limit():
    """The first to come is the first to go, while the other one is still at work."""
    came, gone = Event(), Event()

    def first():
        with few_threads(90):
            came.set()
            other_came.wait(10)
        gone.set()

    def second():
        came.wait(10)
        with few_threads(90):
            other_came.set()
            gone.wait(10)

    other_came = Event()
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result()
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
