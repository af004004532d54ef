"""Forms of Q, one file each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sklearn_iqlearn._q_functions.linear import Linear
from sklearn_iqlearn._q_functions.neural import Neural
from sklearn_iqlearn._q_functions.structural import Structural
from sklearn_iqlearn._q_functions.tabular import Tabular

Q_FUNCTIONS: Mapping[str, Any] = MappingProxyType(
    {"tabular": Tabular, "linear": Linear, "neural": Neural, "structural": Structural}
)
