"""What all displays share: axes, colours, actions by name, and which of them exist."""

import textwrap

import numpy as np

from sklearn_iqlearn._estimator.reading import are_labels, check_actions, read_y
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._numerics.checks import any_array, plain
from sklearn_iqlearn.latent import LatentTypes

# Okabe and Ito's colours, which the colour-blind tell apart too, without yellow, which is faint on white.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
LINES = ("-", "--", ":", "-.")
BAND_ALPHA = 0.2
# Area of the marker of the largest group, and the least area, in square points.
LARGEST, LEAST = 150.0, 6.0
# Entries up to which a legend is within the axes.
MANY = 5
# Characters in a line of a label.
LONGEST = 48
# Of what is no result: zero lines, diagonals.
QUIET = {"color": "0.4", "linewidth": 1.0, "linestyle": ":"}


def axes_of(ax):
    """The figure and axes to draw in, new ones where ``ax`` is None."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plot needs matplotlib: pip install "sklearn_iqlearn[plot]".') from error
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    return ax.figure, ax


def next_style(ax, color=None):
    """A colour, or that given, with a line style that no line in the axes has; the first where all are used."""
    used = {(str(line.get_color()).lower(), line.get_linestyle()) for line in ax.lines}
    styles = [(one, line) for line in LINES for one in (COLORS if color is None else [color])]
    color, line = next((style for style in styles if style not in used), styles[0])
    return {"color": color, "linestyle": line}


def styled(look, kwargs):
    """Keywords of a line, those of the caller before ours, by whatever of their names."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return look | normalize_kwargs(kwargs, Line2D)


def legend(ax):
    """A legend where there is something to tell apart, beside the axes where it is long."""
    entries = len(ax.get_legend_handles_labels()[0])
    if entries:
        place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if entries > MANY else {"loc": "best"}
        ax.legend(fontsize="small", **place)


def wrapped(label):
    """A label in lines that are hardly longer than an axis."""
    return textwrap.fill(label, LONGEST)


def in_units(label, model):
    """What a reward or value is, with its unit, which the choice shocks set."""
    return f"{label} (choice shocks of scale {model.temperature:g})"


def positions(action, classes):
    """Places in ``classes`` of one action, of several, or of all where ``action`` is None."""
    if action is None:
        return np.arange(len(classes))
    found = np.atleast_1d(any_array("action", action))
    if found.ndim != 1 or not len(found) or not are_labels(found, classes).all():
        raise ValueError(f"action must be one or several of {plain(classes)}, got {plain(action)}.")
    return np.array([int(np.flatnonzero(classes == label)[0]) for label in found])


def exists_at(estimator, X):
    """Which actions exist in rows of X: booleans that broadcast to (n_rows, A)."""
    if isinstance(estimator, LatentTypes):
        return exists_at(estimator.estimators_[0], X)
    try:
        seen = unwrap(estimator)
    except TypeError:  # another classifier, which knows of no mask
        return np.ones((1, len(estimator.classes_)), dtype=bool)
    return seen.model.q_values(seen.data(X)) > -np.inf


def taken_by(y, classes, n_rows):
    """Which action each row took: booleans, (n_rows, A)."""
    actions = check_actions(read_y(np.empty((n_rows, 1)), y), classes)
    return actions[:, None] == np.arange(len(classes))


def area_of(counts, largest):
    """Areas of markers, in proportion to counts but for the smallest, which are to be seen."""
    return np.maximum(LARGEST * counts / largest, LEAST)


def probabilities_at(estimator, X):
    """The policy in rows of X, NaN for actions that do not exist: (n_rows, A)."""
    return np.where(exists_at(estimator, X), estimator.predict_proba(X), np.nan)
