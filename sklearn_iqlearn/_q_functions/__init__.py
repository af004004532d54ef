"""Forms of Q, one file each, and what each of them gives."""

from sklearn_iqlearn._q_functions.base import CoefficientForm, Form, JaxForm, NewtonForm, RowForm
from sklearn_iqlearn._q_functions.linear import Linear
from sklearn_iqlearn._q_functions.neural import Neural
from sklearn_iqlearn._q_functions.sparse_linear import SparseLinear
from sklearn_iqlearn._q_functions.structural import Structural
from sklearn_iqlearn._q_functions.tabular import Tabular

Q_FUNCTIONS: dict[str, type[Form]] = {
    "tabular": Tabular,
    "linear": Linear,
    "neural": Neural,
    "structural": Structural,
}
# Of those: what Newton's method solves, what JAX differentiates, what has a covariance, what answers for rows.
NEWTON_FORMS: dict[str, type[NewtonForm]] = {"tabular": Tabular, "linear": Linear, "structural": Structural}
JAX_FORMS: dict[str, type[JaxForm]] = {"tabular": Tabular, "linear": Linear, "neural": Neural}
COEFFICIENT_FORMS: dict[str, type[CoefficientForm]] = {"linear": Linear, "structural": Structural}
# What takes the place of a form where rows of features are sparse.
SPARSE_FORMS: dict[type[Form], type[NewtonForm]] = {Linear: SparseLinear}
ROW_FORMS: dict[str, type[RowForm]] = {"tabular": Tabular, "linear": Linear, "neural": Neural}
