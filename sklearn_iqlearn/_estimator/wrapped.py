"""A fitted classifier within a pipeline or a search, and the data as the steps before it hand them on."""

from typing import Any, NamedTuple

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_iqlearn._estimator.fitted import as_fitted
from sklearn_iqlearn._estimator.policy import FittedPolicy


class Unwrapped(NamedTuple):
    """The classifier, and what came before it.

    Attributes
    ----------
    model : FittedPolicy
        With the parameters that it was fitted with.
    before : tuple of fitted Pipelines
        Which turned X into what the classifier was fitted to.
    transforms_next : bool
        Whether ``next_X`` went through them too.
    """

    model: Any
    before: tuple = ()
    transforms_next: bool = False

    def data(self, X):
        """X as the classifier saw it."""
        for steps in self.before:
            X = steps.transform(X)
        return X

    def next_data(self, next_X):
        """``next_X`` as the classifier saw it."""
        return self.data(next_X) if self.transforms_next and next_X is not None else next_X

    def feature_names(self, given):
        """The names given, else those that the steps before give to the columns of X; None if there are none."""
        if given is not None:
            return given
        if not self.before or self.model.transitions is not None:  # X then holds state ids
            return None
        try:
            return [str(name) for name in self.before[-1].get_feature_names_out()]
        except (AttributeError, ValueError):  # a step that names nothing
            return None


def unwrap(estimator):
    """Find the fitted classifier.

    Parameters
    ----------
    estimator : IQLearnClassifier, or a Pipeline or finished search that ends in one

    Returns
    -------
    unwrapped : Unwrapped

    Raises
    ------
    TypeError
        If it is something else; says what.
    sklearn.exceptions.NotFittedError
    """
    if isinstance(estimator, FittedPolicy):
        return Unwrapped(as_fitted(estimator))
    if hasattr(estimator, "refit"):  # searches have no public base
        if not estimator.refit:
            raise TypeError("estimator must be fitted to all data, got a search with refit=False.")
        check_is_fitted(estimator, "best_estimator_")
        return unwrap(estimator.best_estimator_)
    if isinstance(estimator, Pipeline) and estimator.steps:
        check_is_fitted(estimator)
        last = unwrap(estimator.steps[-1][1])
        if len(estimator.steps) == 1:
            return last
        transforms_next = "next_X" in (getattr(estimator, "transform_input", None) or ())
        return last._replace(before=(estimator[:-1], *last.before), transforms_next=transforms_next)
    what = type(estimator).__name__
    if hasattr(estimator, "estimator"):
        what += f" around {type(estimator.estimator).__name__}"
    raise TypeError(
        "estimator must be an IQLearnClassifier, or a Pipeline or finished search whose last step is one, got "
        f"{what}."
    )
