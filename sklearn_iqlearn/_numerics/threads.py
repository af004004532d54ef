"""One BLAS thread for small or thin matrices.

Where the smallest dimension of a product is below some hundreds, a second thread saves little, and where other
work shares the cores the threads wait for each other. A'A of (n, p), two threads in multiples of the time of one,
on two cores with four times as much other work:

    n, p     200,000, 22   200,000, 44   50,000, 200   20,000, 400   10,000, 800   1,500, 1,500
    multiple        2            44             9.5           2.6          1.3           1.2

On idle cores two threads take at best half the time.
"""

from contextlib import contextmanager
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController

# Up to this smallest dimension one thread is enough.
SMALL = 256

_in_force = Lock()


@cache
def _controller():
    return ThreadpoolController()


@contextmanager
def few_threads(narrowest):
    """Limit BLAS to one thread where ``narrowest``, the smallest dimension of the largest products, is small.

    Where fits run in several threads, the first one sets the limit and lifts it, as only the thread that set it
    may; the others do without.
    """
    if narrowest > SMALL or not _in_force.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _in_force.release()
