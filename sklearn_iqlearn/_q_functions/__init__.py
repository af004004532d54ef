"""Forms of Q, one file each, and what each of them gives."""

from collections.abc import Mapping
from types import MappingProxyType

from sklearn_iqlearn._q_functions.base import CoefficientForm, Form, JaxForm, NewtonForm, RowForm
from sklearn_iqlearn._q_functions.linear import Linear
from sklearn_iqlearn._q_functions.neural import Neural
from sklearn_iqlearn._q_functions.sparse_linear import SparseLinear
from sklearn_iqlearn._q_functions.structural import Structural
from sklearn_iqlearn._q_functions.tabular import Tabular

Q_FUNCTIONS: Mapping[str, type[Form]] = MappingProxyType(
    {"tabular": Tabular, "linear": Linear, "neural": Neural, "structural": Structural}
)
# Of those: what Newton's method solves, what JAX differentiates, what has a covariance, what answers for rows.
NEWTON_FORMS: Mapping[str, type[NewtonForm]] = MappingProxyType(
    {"tabular": Tabular, "linear": Linear, "structural": Structural}
)
JAX_FORMS: Mapping[str, type[JaxForm]] = MappingProxyType({"tabular": Tabular, "linear": Linear, "neural": Neural})
COEFFICIENT_FORMS: Mapping[str, type[CoefficientForm]] = MappingProxyType(
    {"linear": Linear, "structural": Structural}
)
# What takes the place of a form where rows of features are sparse.
SPARSE_FORMS: Mapping[type[Form], type[NewtonForm]] = MappingProxyType({Linear: SparseLinear})
ROW_FORMS: Mapping[str, type[RowForm]] = MappingProxyType({"tabular": Tabular, "linear": Linear, "neural": Neural})
