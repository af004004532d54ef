"""Doubts about data and what they tell, told once.

Python shows a warning once for each place in the code, unless filters say otherwise; but whoever saves and
restores the filters makes it forget, and a search does so with every fit.
"""

import os
import warnings
from contextlib import contextmanager

from sklearn.exceptions import ConvergenceWarning

from sklearn_iqlearn.exceptions import DataWarning, IdentificationWarning

_TOLD: set[str] = set()


def tell(doubts, category, stacklevel):
    """Warn of each of the sentences ``doubts``, unless it was told and Python is to show the first only."""
    for doubt in doubts:
        if not (doubt in _TOLD and _first_only(doubt, category)):
            warnings.warn(doubt, category, stacklevel=stacklevel + 1)
            _TOLD.add(doubt)


def _first_only(doubt, kind):
    for action, message, category, module, _ in warnings.filters:
        if issubclass(kind, category) and module is None and (message is None or message.match(doubt)):
            return action in ("default", "module", "once")
    return True


@contextmanager
def quiet(process=None, kinds=(ConvergenceWarning, IdentificationWarning, DataWarning)):
    """Without the warnings of single fits, which are told in sum.

    Filters belong to a process: those of ``process``, which has set them itself, stay as they are in its threads.
    """
    if process == os.getpid():
        yield
        return
    with warnings.catch_warnings():
        for kind in kinds:
            warnings.simplefilter("ignore", kind)
        yield
