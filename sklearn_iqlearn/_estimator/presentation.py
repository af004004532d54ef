"""An estimator at a prompt: what it was told beyond the defaults, arrays by their shape."""

import inspect
import reprlib
import textwrap

import numpy as np

# Up to this many numbers an array is printed as it is.
SHORT = 6
WIDTH = 79


class Brief(reprlib.Repr):
    """Values in few words."""

    def repr_instance(self, x, level):
        if hasattr(x, "get_params"):
            return repr(x)
        if hasattr(x, "shape") and np.prod(x.shape) > SHORT:
            return f"<{type(x).__name__} {x.shape}>"
        return super().repr_instance(x, level)


brief = Brief()
brief.maxlist = brief.maxtuple = 4
brief.maxlevel = 3


def present(estimator):
    """``Name(parameter=value, ...)`` with the parameters that are not the defaults."""
    name = type(estimator).__name__
    defaults = {key: value.default for key, value in inspect.signature(type(estimator)).parameters.items()}
    told = [
        f"{key}={brief.repr(value)}"
        for key, value in estimator.get_params(deep=False).items()
        if not _same(value, defaults[key])
    ]
    # A line may break between parameters, not within one.
    joined = ", ".join(one.replace(" ", "\0") for one in told)
    lines = textwrap.wrap(joined, WIDTH - len(name) - 1, break_long_words=False, break_on_hyphens=False)
    indented = ("\n" + " " * (len(name) + 1)).join(lines)
    return f"{name}({indented})".replace("\0", " ")


def _same(value, default):
    """Whether a parameter has its default, without a look into arrays."""
    return value is default or (type(value) is type(default) and not hasattr(value, "shape") and value == default)
