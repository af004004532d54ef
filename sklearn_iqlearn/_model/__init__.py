"""The mathematics of decisions: kernels, decisions summarised, soft-Bellman equations, simulation."""
