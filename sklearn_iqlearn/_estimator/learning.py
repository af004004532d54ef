"""The steps of a fit, to rows alone or together with those of earlier calls."""

import warnings
from dataclasses import replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from sklearn_iqlearn._estimator.advice import trouble
from sklearn_iqlearn._estimator.callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from sklearn_iqlearn._estimator.coefficients import FittedReward
from sklearn_iqlearn._estimator.first_step import is_estimated
from sklearn_iqlearn._estimator.fitting import assemble, outcome, solve, starting_point
from sklearn_iqlearn._estimator.reading import check_classes
from sklearn_iqlearn._estimator.telling import tell
from sklearn_iqlearn._estimator.validation import HeldOutScore
from sklearn_iqlearn._model.tally import Tally
from sklearn_iqlearn._model.transitions import check_transitions
from sklearn_iqlearn._numerics.checks import plain
from sklearn_iqlearn._numerics.threads import few_threads
from sklearn_iqlearn.exceptions import DataWarning


def _sums_up(estimator):
    """Whether rows become counts, which add up; else what an attribute error says."""
    if estimator.transitions is None or is_estimated(estimator.transitions):
        raise AttributeError(
            "partial_fit needs transitions that are given: without them rows tell what follows what, and their "
            "parts would have to be kept."
        )
    return True


class Learner(CallbackSupportMixin, FittedReward):
    """What fits."""

    def _learn(self, X, y, sample_weight, order, earlier=None):
        """Fit to rows, and to those of the ``Tally`` ``earlier``, from whose fit it then goes on."""
        demonstrations, problem, fitted = assemble(
            self, X, y, sample_weight, order, holding_out=self.early_stopping, earlier=earlier
        )
        tell(demonstrations.doubts, DataWarning, stacklevel=4)
        solver = self._solver()
        held_out = HeldOutScore(demonstrations.held_out, self.temperature) if self.early_stopping else None
        # Newton's method may have run away where it did not converge, as for an action not seen yet.
        warm = earlier is not None and (getattr(self, "converged_", False) or solver.needs != "hessian")
        with few_threads(problem.narrowest):
            problem, start = starting_point(self, problem, solver, fitted, warm or self.warm_start)
            former = [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]
            tasks = FitTasks(self, X, y, {"sample_weight": sample_weight}, self._max_iter(solver))
            problem, solution = solve(self, problem, solver, start, tasks, fitted, held_out)
            separation = problem.separation(solution.parameters)
            if separation is not None:
                solution = replace(solution, converged=False)
            fitted |= outcome(problem, solution, demonstrations, held_out)
            for name in former:
                delattr(self, name)  # an earlier fit may have had another form
            for name, value in fitted.items():
                setattr(self, name, value)
        tasks.end()
        if not self.converged_:
            warnings.warn(
                f"IQLearnClassifier did not converge: {trouble(self, problem, solver, solution, separation)}",
                ConvergenceWarning,
                stacklevel=4,
            )
        return self

    @available_if(_sums_up)
    @with_callbacks
    def partial_fit(self, X, y, sample_weight=None, *, classes=None, trajectory=None, step=None):
        """Learn from further decisions, together with all before: those of ``fit`` and of earlier calls.

        The fit is that of all rows at once, however they are split and ordered, to what ``tol`` leaves of either:
        rows enter by sums alone, which are kept, and the solver starts from the last Q. A call costs what a warm
        fit of the states does, whatever the number of rows so far. ``fit`` forgets them, and so does ``clone``.
        Without ``transitions``, or where they are to be estimated, there is no such method.

        Parameters
        ----------
        X : array or data frame of shape (n_rows, 1)
            State ids, as in ``fit``.
        y : array of shape (n_rows,)
            Actions.
        sample_weight : array of shape (n_rows,), optional
            Non-negative weights, some of them positive.
        classes : array of shape (A,), optional
            The actions. ``transitions`` tell them already: it is there for what calls every classifier alike, and
            checked.
        trajectory : array of shape (n_rows,), optional
            Id of each row's trajectory, in every call or in none. It tells which rows start one: for
            ``initial_distribution_``, and so for ``value_term="initial"``. An id that comes back is the same
            trajectory, which so may be cut anywhere. Whether moves fit the transitions is asked of each call's
            alone.
        step : array of shape (n_rows,), optional
            Integer time of each row in its trajectory, in every call or in none: rows then come in any order.
            Without it calls follow each other in time, and only a call's last trajectory can go on in the next.

        Returns
        -------
        self : IQLearnClassifier
            The fitted estimator.

        Raises
        ------
        AttributeError
            Where ``transitions`` are None or to be estimated.
        ValueError
            As in ``fit``; for other states, actions or columns than before; for ``early_stopping``, which would
            hold out part of each call.

        Warns
        -----
        DataWarning, IdentificationWarning, sklearn.exceptions.ConvergenceWarning
            As ``fit``. After few rows there may be no maximum yet: the next call of Newton's method starts anew.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_iqlearn import IQLearnClassifier
        >>> transitions = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
        >>> model = IQLearnClassifier(transitions, discount=0.9).partial_fit([[0], [0]], [1, 1])
        >>> model.partial_fit([[0], [1], [1], [1]], [0, 0, 0, 0]).counts_
        array([[1., 2.],
               [3., 0.]])
        >>> X, y = [[0], [0], [0], [1], [1], [1]], [1, 1, 0, 0, 0, 0]
        >>> whole = IQLearnClassifier(transitions, discount=0.9).fit(X, y)
        >>> bool(abs(model.policy_ - whole.policy_).max() < 1e-9)
        True
        """
        if self.early_stopping:
            raise ValueError("early_stopping must be False in partial_fit, which learns from all rows; got True.")
        if classes is not None:
            labels = check_transitions(self.transitions)[1]
            if not np.array_equal(check_classes(classes), labels):
                raise ValueError(
                    f"classes must be the actions of transitions, {plain(labels)}, got {plain(classes)}."
                )
        kept = vars(self).get("_tally")
        if kept is None and hasattr(self, "counts_"):
            raise ValueError(
                "partial_fit must have the sums of all earlier rows, got a fit that does not hold them (without "
                "transitions, of another version, or by without_rows): fit again."
            )
        earlier = kept and Tally.restored(kept)
        order = {"trajectory": trajectory, "step": step, "next_X": None, "terminal": None}
        if earlier is not None:
            validate_data(self, X, reset=False, skip_check_array=True)
        return self._learn(X, y, sample_weight, order, earlier)
