"""One BLAS thread for small problems.

On matrices of a few hundred rows threads save nothing, and where other work shares the cores they wait for each
other: a fit of 90 states was measured to take 20 times as long.
"""

from contextlib import contextmanager
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController

# Up to this many states one thread is enough.
SMALL = 256

_in_force = Lock()


@cache
def _controller():
    return ThreadpoolController()


@contextmanager
def few_threads(n_states):
    """Limit BLAS to one thread where there are few states.

    Where fits run in several threads, the first one sets the limit and lifts it, as only the thread that set it
    may; the others do without.
    """
    if n_states > SMALL or not _in_force.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _in_force.release()
