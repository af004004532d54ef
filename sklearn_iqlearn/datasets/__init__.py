"""Data sets of logged decisions."""

from sklearn_iqlearn.datasets._rust_bus import load_rust_bus

__all__ = ["load_rust_bus"]
