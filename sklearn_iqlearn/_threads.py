"""One BLAS thread for small problems.

On matrices of a few hundred rows threads save nothing, and where other work shares the cores they wait for each
other: a fit of 90 states was measured to take 20 times as long.
"""

import threading
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

# Up to this many states one thread is enough.
SMALL = 256

_lock = threading.Lock()
_limits: list = []  # the limit in force, once for each user: fits may run in threads


@cache
def _controller():
    return ThreadpoolController()


@contextmanager
def few_threads(n_states):
    """Limit BLAS to one thread where there are few states; the last of several users lifts the limit."""
    if n_states > SMALL:
        yield
        return
    with _lock:
        _limits.append(_limits[-1] if _limits else _controller().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            limit = _limits.pop()
            if not _limits:
                limit.restore_original_limits()
