"""Data sets of logged decisions."""

from sklearn_iqlearn.datasets._minari import from_minari
from sklearn_iqlearn.datasets._rust_bus import load_rust_bus
from sklearn_iqlearn.datasets._simulated import make_bus_engine, make_gridworld, make_random_mdp

__all__ = ["from_minari", "load_rust_bus", "make_bus_engine", "make_gridworld", "make_random_mdp"]
