"""How a fit came to its end."""

import numpy as np

from sklearn_iqlearn._estimator.parameters import choose
from sklearn_iqlearn.displays._drawing import axes_of, legend, next_style, styled
from sklearn_iqlearn.inference._covariance import find_fit

# Iterations up to which each has a marker.
MARKED = 50


class ConvergenceDisplay:
    """The objective along the iterations, its distance to the last one, and the score of decisions held out.

    Make one by ``from_estimator``; several into the same axes compare solvers or settings.

    Parameters
    ----------
    loss : ndarray of shape (n_iterations,)
        The objective.
    validation : ndarray of shape (n_epochs + 1,), optional
        Mean log-likelihood of decisions held out.
    converged : bool, default=True
        Whether the last value is that of the optimum.
    name : str, optional
        Of the model, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : Line2D
    best_ : Line2D or None
        The best epoch, of a validation curve.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> from sklearn_iqlearn.displays import ConvergenceDisplay
    >>> bus = make_bus_engine(100, random_state=0)
    >>> model = IQLearnClassifier(bus.transitions, discount=bus.discount).fit(bus.data, bus.target)
    >>> display = ConvergenceDisplay.from_estimator(model)
    >>> display.converged, bool(display.loss[-1] < display.loss[0])
    (True, True)
    """

    def __init__(self, loss, *, validation=None, converged=True, name=None):
        self.loss = loss
        self.validation = validation
        self.converged = converged
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, name=None):
        """The course of a fit.

        Parameters
        ----------
        estimator : IQLearnClassifier, or a Pipeline or search that ends in one
            Fitted to data.
        name : str, optional
            Of the model, for the legend; by default its class.

        Returns
        -------
        display : ConvergenceDisplay

        Raises
        ------
        ValueError
            For a world, which was solved and not fitted.
        """
        model, _ = find_fit(estimator)
        validation = getattr(model, "validation_scores_", None)
        return cls(
            np.asarray(model.loss_curve_, dtype=np.float64),
            validation=None if validation is None else np.asarray(validation, dtype=np.float64),
            converged=bool(model.converged_),
            name=type(estimator).__name__ if name is None else name,
        )

    def plot(self, ax=None, *, kind="auto", **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default new ones.
        kind : {"auto", "loss", "distance", "validation"}, default="auto"
            "loss": the objective. "distance": how far it is from its last value, on a log axis; what is 0 is not
            drawn. "validation": the score of the decisions held out. "auto": the distance where the fit converged,
            else the loss.
        **kwargs
            For ``Axes.plot``.

        Returns
        -------
        display : ConvergenceDisplay
            Itself, with the artists as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there is no such kind, or no validation curve.
        """
        draw = choose("kind", kind, KINDS, auto="distance" if self.converged else "loss")
        values, label, scale = draw(self)
        self.figure_, self.ax_ = axes_of(ax)
        look = next_style(self.ax_) | {"label": self.name, "markersize": 4}
        look |= {"marker": "o"} if len(values) <= MARKED else {}
        (self.line_,) = self.ax_.plot(np.arange(len(values)), values, **styled(look, kwargs))
        self.best_ = None
        if draw is ConvergenceDisplay._validation:
            best, color = int(np.argmax(values)), self.line_.get_color()
            (self.best_,) = self.ax_.plot([best], [values[best]], "*", markersize=12, color=color)
        self.ax_.set(xlabel="epoch" if self.best_ else "iteration", ylabel=label, yscale=scale)
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        legend(self.ax_)
        return self

    def _loss(self):
        return self.loss, "objective", "linear"

    def _distance(self):
        distance = np.abs(self.loss - self.loss[-1])
        return np.where(distance > 0, distance, np.nan), "distance of the objective to its last value", "log"

    def _validation(self):
        if self.validation is None:
            raise ValueError(
                "kind must be 'loss' or 'distance' for a fit without early_stopping, got 'validation'."
            )
        return self.validation, "held-out log-likelihood per decision", "linear"


KINDS = {
    "loss": ConvergenceDisplay._loss,
    "distance": ConvergenceDisplay._distance,
    "validation": ConvergenceDisplay._validation,
}
