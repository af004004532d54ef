"""The documentation of every public name is whole, and well formed."""

import inspect
import pkgutil
from importlib import import_module

import numpydoc.validate
import pytest

import sklearn_iqlearn

MODULES = ["sklearn_iqlearn"] + [
    f"sklearn_iqlearn.{module.name}"
    for module in pkgutil.iter_modules(sklearn_iqlearn.__path__)
    if not module.name.startswith("_")
]
NAMES = [
    f"{module}.{name}" for module in MODULES for name in import_module(module).__all__ if name != "__version__"
]
MEMBERS = [
    f"{name}.{member}"
    for name in NAMES
    if inspect.isclass(item := numpydoc.validate.Validator._load_obj(name))
    for member, value in inspect.getmembers(item)
    if not member.startswith("_")
    and str(getattr(getattr(value, "fget", value), "__module__", "")).startswith("sklearn_iqlearn")
]

# What numpydoc asks for and is not asked for here.
NOT_ASKED = {
    "ES01": "some things are said in a line",
    "PR06": "in 'boolean array' the word is the array's dtype, not a type of Python",
    "RT02": "results have names",
    "SA01": "not everything has a neighbour",
    "SS05": "a summary may be a noun, and nouns may end in s",
}
OF_MEMBERS = {"EX01": "the example of a class shows its methods"}


@pytest.mark.parametrize(
    ("name", "not_asked"),
    [(name, NOT_ASKED) for name in NAMES] + [(name, NOT_ASKED | OF_MEMBERS) for name in MEMBERS],
)
def test_numpydoc_finds_nothing(name, not_asked):
    errors = numpydoc.validate.validate(name)["errors"]
    assert [error for error in errors if error[0] not in not_asked] == []
