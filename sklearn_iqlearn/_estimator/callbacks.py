"""scikit-learn's callbacks, experimental since its version 1.9; without them everything else works."""

from functools import wraps

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:
    # A class of the same name in each branch is what a guarded import is, and what mypy objects to.
    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""

    def with_callbacks(method):
        """One frame around a method, as scikit-learn's own has it: warnings then point to the caller."""

        @wraps(method)
        def plain_method(estimator, *args, **kwargs):
            return method(estimator, *args, **kwargs)

        return plain_method


class FitTasks:
    """The tasks of one fit as callbacks see them: the fit, and each iteration within it.

    Parameters
    ----------
    estimator : estimator
    X, y : training data
    metadata : dict
    max_iter : int
    """

    def __init__(self, estimator, X, y, metadata, max_iter):
        self.data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.context = None
        if hasattr(estimator, "_init_callback_context"):
            self.context = estimator._init_callback_context(max_subtasks=max_iter)
            self.context.call_on_fit_task_begin(**self.data)

    def iteration(self, attributes):
        """Tell of an iteration that led to fitted attributes; whether a callback wants to stop."""
        if self.context is None:
            return False
        task = self.context.subcontext(task_name="iteration")
        task.call_on_fit_task_begin(**self.data)
        return task.call_on_fit_task_end(**self.data, reconstruction_attributes=attributes)

    def end(self):
        if self.context is not None:
            self.context.call_on_fit_task_end(**self.data, reconstruction_attributes={})
