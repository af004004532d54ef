"""How many types there are."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

from sklearn_iqlearn._estimator.parameters import check_seed
from sklearn_iqlearn._estimator.telling import quiet
from sklearn_iqlearn._model.demonstrations import check_weight, distinct_ids
from sklearn_iqlearn._numerics.checks import check_count
from sklearn_iqlearn.exceptions import DataWarning, IdentificationWarning
from sklearn_iqlearn.latent._predictions import check_types


@dataclass(frozen=True)
class TypeSelection:
    """Fits of several numbers of types, and which number is enough.

    Parameters
    ----------
    table : DataFrame
        A row for each number of types: log-likelihood, AIC and BIC of the fit to all data; the held-out
        log-likelihood per decision, its gain over the fewest types, and the standard error of the gain by
        trajectory.
    models : dict of int to LatentTypes
        The fits.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_iqlearn.latent import TypeSelection
    >>> TypeSelection(pd.DataFrame({"BIC": [310.0, 305.0]}, index=[1, 2]), models={}).by_bic
    2
    """

    table: pd.DataFrame
    models: dict

    @property
    def by_bic(self):
        """The number of types of least BIC."""
        return int(self.table.index[int(self.table["BIC"].argmin())])

    @property
    def by_held_out(self):
        """The least number of types that predicts as well as the best, to a standard error; None without folds."""
        if "held out" not in self.table:
            return None
        told, error = self.table["held out"].to_numpy(), self.table["standard error"].to_numpy()
        best = told.argmax()
        return int(self.table.index[int((told >= told[best] - error[best]).argmax())])

    @property
    def answer(self):
        """What both say, as a sentence."""
        numbers = {self.by_bic} if self.by_held_out is None else {self.by_bic, self.by_held_out}
        if numbers == {1}:
            return "One type is enough."
        if len(numbers) == 1:
            return f"{self.by_bic} types."
        return (
            f"BIC says {self.by_bic}, held-out decisions {self.by_held_out}: the decisions do not settle how many "
            "types there are."
        )

    def __repr__(self):
        """The table, and the answer."""
        return f"{self.table.to_string(float_format='{:.4f}'.format)}\n{self.answer}"


def select_types(
    types,
    X,
    y,
    sample_weight=None,
    *,
    n_types=(1, 2, 3),
    trajectory,
    step=None,
    cv=5,
    random_state=None,
    **fit_params,
):
    """How many types there are, by BIC and by the likelihood of trajectories that were held out.

    Parameters
    ----------
    types : LatentTypes
        Its own ``n_types`` does not matter.
    X, y, sample_weight : arrays of n_rows rows
        As for ``LatentTypes.fit``.
    n_types : sequence of int, default=(1, 2, 3)
        Numbers to try.
    trajectory, step : arrays of n_rows rows
        As for ``LatentTypes.fit``.
    cv : int, default=5
        Folds of whole trajectories that are held out in turn; 0 for none.
    random_state : int, RandomState or None, default=None
        Seed of the folds.
    **fit_params
        For the estimator's ``fit``.

    Returns
    -------
    selection : TypeSelection
        With ``table``, ``models``, ``by_bic``, ``by_held_out`` and the ``answer``.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If a fit to all data did not converge.

    References
    ----------
    Schwarz (1978). Estimating the dimension of a model. Annals of Statistics 6(2), 461-464.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier, LatentTypes, latent
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> bus = make_bus_engine(60, 60, discount=0.9, random_state=0)
    >>> one = IQLearnClassifier(bus.transitions, discount=0.9, q_type="structural", features=bus.features)
    >>> types = LatentTypes(one, n_init=2, random_state=0)
    >>> latent.select_types(types, bus.data, bus.target, n_types=(1, 2), trajectory=bus.trajectory, cv=0).answer
    'One type is enough.'
    """
    check_types(types)
    for number in n_types:
        check_count("n_types", number)
    check_count("cv", cv, least=0)
    rows, order = (X, y), {"trajectory": trajectory, "step": step}
    weight = check_weight(sample_weight, len(y))
    models, found = {}, {}
    for number in sorted(n_types):
        model = clone(types).set_params(n_types=number)
        with quiet(kinds=(IdentificationWarning,)):  # the table tells
            models[number] = model.fit(*rows, weight, **order, **fit_params)
        found[number] = {
            "log-likelihood": model.log_likelihood_,
            "AIC": model.aic(*rows, weight, **order),
            "BIC": model.bic(*rows, weight, **order),
        }
    table = pd.DataFrame.from_dict(found, orient="index").rename_axis("types")
    if cv:
        table = table.join(_held_out(models, rows, weight, order, cv, random_state, fit_params))
    return TypeSelection(table, models)


def _held_out(models, rows, weight, order, cv, random_state, fit_params):
    """Held-out log-likelihood per decision of each number of types, and what that gains over the fewest."""
    ids, number = distinct_ids(order["trajectory"], "trajectory", len(weight))
    members = np.unique(number[weight > 0])
    folds = KFold(cv, shuffle=True, random_state=check_seed(random_state)).split(members)
    found = np.zeros((len(ids), len(models)))
    for _, held in folds:
        away = np.isin(number, members[held])
        for column, model in enumerate(models.values()):
            with quiet(kinds=(ConvergenceWarning, DataWarning, IdentificationWarning)):
                fit = clone(model).fit(*rows, np.where(away, 0.0, weight), **order, **fit_params)
            told = fit.log_likelihood(*rows, np.where(away, weight, 0.0), **order)
            found[np.searchsorted(ids, told.index), column] = told
    gain = found[members] - found[members, :1]
    return pd.DataFrame(
        {
            "held out": found.sum(axis=0) / weight.sum(),
            "gain": gain.sum(axis=0) / weight.sum(),
            "standard error": gain.std(axis=0, ddof=1) * np.sqrt(len(members)) / weight.sum(),
        },
        index=list(models),
    )
