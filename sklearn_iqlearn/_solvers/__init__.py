"""Newton's method, L-BFGS and Adam, and the path to an optimum."""
