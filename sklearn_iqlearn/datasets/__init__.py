"""Data sets of logged decisions."""

from sklearn_iqlearn.datasets._minari import from_minari
from sklearn_iqlearn.datasets._rust_bus import load_rust_bus

__all__ = ["from_minari", "load_rust_bus"]
