"""Maps of states that are cells of a grid."""

from dataclasses import dataclass

import numpy as np

from sklearn_iqlearn._estimator.worlds import fitted_transitions
from sklearn_iqlearn._numerics.checks import is_count, plain
from sklearn_iqlearn.displays._drawing import in_units, wrapped

# Cells up to which the numbers are written into them.
WRITTEN = 100
# Share of the largest number below which another is written as 0.
ROUNDING = 1e-9


def check_shape(shape, n_states):
    """Raise a ValueError unless ``shape`` is that of a grid of so many cells."""
    whole = isinstance(shape, tuple | list) and len(shape) == 2 and all(map(is_count, shape))
    if not whole or shape[0] * shape[1] != n_states:
        raise ValueError(f"shape must be (rows, columns) of a grid of {n_states} states, got {plain(shape)}.")


def draw_table(ax, table, label, *, centred=False, spread=None, **kwargs):
    """A heat map with its scale, cells without a value hatched, the numbers written where cells are few.

    Parameters
    ----------
    ax : matplotlib Axes
    table : ndarray of shape (rows, columns)
        NaN for what does not exist, or is unknown.
    label : str
        What the colours mean.
    centred : bool
        Whether 0 is in the middle of the colours.
    spread : ndarray of the shape of the table, optional
        Standard errors, written below the numbers.
    **kwargs
        For ``imshow``.

    Returns
    -------
    image : AxesImage
    texts : list of Text
    colorbar : Colorbar
    """
    shown = np.ma.masked_invalid(table)
    largest = float(np.abs(shown).max()) if shown.count() else 1.0
    limits = {"cmap": "RdBu", "vmin": -largest, "vmax": largest} if centred else {"cmap": "viridis"}
    image = ax.imshow(shown, **(limits | kwargs))
    ax.patch.set(facecolor="white", hatch="////", edgecolor="0.6")
    written = table.size <= WRITTEN
    told = label + " ± standard error" * (written and spread is not None)
    bar = ax.figure.colorbar(image, ax=ax, label=wrapped(told))
    texts = []
    for (row, column), value in np.ndenumerate(table) if written else ():
        if np.isfinite(value):
            red, green, blue, _ = image.cmap(image.norm(value))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            more = "" if spread is None else f"\n±{spread[row, column]:.2g}"
            place = {"ha": "center", "va": "center", "fontsize": "x-small", "color": "white" if dark else "black"}
            value = value if abs(value) > ROUNDING * largest else 0.0
            texts.append(ax.text(column, row, f"{value:.2g}{more}", **place))
    return image, texts, bar


@dataclass
class StateMap:
    """A value of each state on a grid, and arrows of where the policy goes.

    Parameters
    ----------
    values : ndarray of shape (S,)
    shape : tuple (rows, columns)
        States go row by row, the first one at the top left.
    label : str
        What the values are.
    arrows : ndarray of shape (S, 2), optional
        Down and to the right, in cells.
    centred : bool
        Whether 0 is in the middle of the colours.
    spread : ndarray of shape (S,), optional
        Standard errors.
    """

    values: np.ndarray
    shape: tuple
    label: str
    arrows: np.ndarray | None = None
    centred: bool = False
    spread: np.ndarray | None = None

    def draw(self, ax, **kwargs):
        """Draw into axes; the image, texts, colour bar and arrows as attributes of a display."""
        spread = None if self.spread is None else self.spread.reshape(self.shape)
        cells = self.values.reshape(self.shape)
        image, texts, bar = draw_table(ax, cells, self.label, centred=self.centred, spread=spread, **kwargs)
        found = {"image_": image, "texts_": texts, "colorbar_": bar, "quiver_": None}
        if self.arrows is not None:
            for text in texts:  # the arrows say more than the numbers below them
                text.remove()
            rows, columns = np.divmod(np.arange(len(self.values)), self.shape[1])
            down, right = self.arrows.T
            scale = {
                "angles": "xy",
                "scale_units": "xy",
                "scale": 1.2,
                "pivot": "mid",
                "width": 0.08 / max(self.shape),
            }
            look = {"color": "white", "edgecolor": "black", "linewidth": 0.6}
            found |= {"texts_": [], "quiver_": ax.quiver(columns, rows, right, down, **scale, **look)}
        ax.set(xlabel="column of the grid", ylabel="row of the grid")
        for axis in (ax.xaxis, ax.yaxis):
            axis.get_major_locator().set_params(integer=True)
        return found


def map_of_policy(model, policy, shape, chosen):
    """Soft values, or probabilities of one action, with the moves that the policy expects.

    Parameters
    ----------
    model : IQLearnClassifier
        Fitted with ``transitions``.
    policy : ndarray of shape (S, A)
        NaN for actions that do not exist.
    shape : tuple (rows, columns)
    chosen : ndarray of one position of an action, or None

    Returns
    -------
    grid : StateMap
    """
    kernel = fitted_transitions(model)
    check_shape(shape, kernel.n_states)
    if chosen is not None and len(chosen) > 1:
        raise ValueError(f"action must be one action for a map, got {len(chosen)}.")
    cells = np.divmod(np.arange(kernel.n_states, dtype=np.float64), shape[1])
    moves = [np.nansum(policy * kernel.expected_change(place), axis=1) for place in cells]
    values = model.value_ if chosen is None else policy[:, chosen[0]]
    label = (
        in_units("soft value", model) if chosen is None else f"probability of action {model.classes_[chosen[0]]}"
    )
    return StateMap(values, tuple(shape), label, np.stack(moves, axis=1))
