"""What is read off pictures, drawn without a window."""

import matplotlib
import numpy as np

matplotlib.use("Agg")


def corners(band):
    """Low and high bounds of a band along its x, from its polygon, which goes there and back."""
    path = band.get_paths()[0].vertices
    half = (len(path) - 3) // 2
    return path[1 : half + 1], path[half + 2 : -1][::-1]


def bars(container):
    """Ends of the error bars: (n, 2, 2)."""
    return np.array(container[2][0].get_segments())
