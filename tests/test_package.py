"""What holds for the package as a whole: layers, imports, documentation, scripts."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpydoc.docscrape
import pandas as pd
import pytest

import sklearn_iqlearn
import sklearn_iqlearn.datasets
import sklearn_iqlearn.diagnostics
import sklearn_iqlearn.displays
import sklearn_iqlearn.inference
import sklearn_iqlearn.latent
import sklearn_iqlearn.preprocessing
import sklearn_iqlearn.rewards
from sklearn_iqlearn import IQLearnClassifier

ROOT = Path(sklearn_iqlearn.__file__).parents[1]
MODULES = sorted((ROOT / "sklearn_iqlearn").rglob("*.py"))

# What each room may import of the others: the picture in docs/explanation/design.md.
LAYERS = {
    "_version": set(),
    "_site": set(),
    "exceptions": set(),
    "_numerics": set(),
    "_model": {"_numerics"},
    "_objective": {"_model", "_numerics"},
    "_coefficients": {"_model", "_numerics", "_objective"},
    "_q_functions": {"_coefficients", "_model", "_numerics", "_objective"},
    "_solvers": {"_objective"},
    "_approximation": {"_coefficients", "_model", "_numerics", "preprocessing"},
    "_estimator": {
        "_approximation",
        "_coefficients",
        "_model",
        "_numerics",
        "_objective",
        "_q_functions",
        "_site",
        "_solvers",
        "_version",
        "exceptions",
        "preprocessing",
    },
    "rewards": {"_coefficients", "_estimator", "_model", "_numerics", "_site", "exceptions"},
    "inference": {
        "_approximation",
        "_coefficients",
        "_estimator",
        "_model",
        "_numerics",
        "_q_functions",
        "exceptions",
    },
    "latent": {"_coefficients", "_estimator", "_model", "_numerics", "_site", "inference", "exceptions"},
    "preprocessing": {"_model", "_numerics", "_site", "exceptions"},
    "diagnostics": {"_estimator", "_model", "_numerics", "exceptions"},
    "datasets": {"_estimator", "_model", "_numerics", "preprocessing"},
    "displays": {"_coefficients", "_estimator", "_model", "_numerics", "inference", "latent", "rewards"},
    "__init__": {"_estimator", "_version", "latent"},
}


def imports(path):
    """Dotted names imported by a module, with what is imported from them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_layers(path):
    relative = path.relative_to(ROOT / "sklearn_iqlearn")
    name = relative.parts[0] if len(relative.parts) > 1 else relative.stem
    used = {module.split(".")[1] for module, _ in imports(path) if module.startswith("sklearn_iqlearn.")}
    assert used <= LAYERS[name] | {name}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nothing_private_of_others(path):
    for module, name in imports(path):
        if not module.startswith("sklearn_iqlearn"):
            parts = [*module.split("."), name or ""]
            assert not any(part.startswith("_") and not part.startswith("__") for part in parts), parts


SEE_SCIKIT_LEARN = {"_estimator", "datasets", "displays", "inference", "latent", "preprocessing", "rewards"}


def test_only_the_estimator_sees_scikit_learn():
    for path in MODULES:
        if path.parent.name not in SEE_SCIKIT_LEARN:
            assert not any(module.split(".")[0] == "sklearn" for module, _ in imports(path)), path


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_and_newton_change_nothing_global():
    code = """
import sys, warnings
import numpy as np, pandas, scipy.sparse.linalg, sklearn.base
before = list(warnings.filters), np.geterr()
from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.datasets import load_rust_bus
bus = load_rust_bus()
model = IQLearnClassifier(np.stack([np.eye(90)] * 2)).fit(bus.data, bus.target)
print("jax" in sys.modules, model.converged_, (list(warnings.filters), np.geterr()) == before)
"""
    assert run(code) == "False True True\n"


def test_the_import_brings_no_more_than_that_of_linear_models():
    """Modules of others, counted in fresh processes: ``benchmarks/imports.py`` has the seconds."""
    imported = ("sklearn.linear_model", "sklearn_iqlearn")
    theirs, ours = (set(run(f"import {name}, sys; print(*sys.modules)").split()) for name in imported)
    new = {name for name in ours - theirs if name.split(".")[0] != "sklearn_iqlearn"}
    assert {name.split(".")[0] for name in new} <= {"sklearn"}
    assert len(new) < len(theirs - ours) / 2


def test_lbfgs_leaves_jax_in_single_precision():
    code = """
import jax, numpy as np
from sklearn_iqlearn import IQLearnClassifier
model = IQLearnClassifier(np.stack([np.eye(3)] * 2), discount=0.5, solver="lbfgs", tol=1e-6)
model.fit([[0], [1], [2], [2]], [0, 1, 1, 0])
print(jax.config.jax_enable_x64, model.q_table_.dtype, model.gradient_norm_ < 1e-6)
"""
    assert run(code) == "False float64 True\n"


NAMESPACES = [
    sklearn_iqlearn.datasets,
    sklearn_iqlearn.diagnostics,
    sklearn_iqlearn.displays,
    sklearn_iqlearn.inference,
    sklearn_iqlearn.latent,
    sklearn_iqlearn.preprocessing,
    sklearn_iqlearn.rewards,
]
PUBLIC = [
    IQLearnClassifier,
    *(getattr(module, name) for module in NAMESPACES for name in module.__all__ if not name.endswith("Warning")),
]
METHODS = [
    method
    for item in PUBLIC
    if inspect.isclass(item)
    for name, method in inspect.getmembers(item, inspect.isfunction)
    if not name.startswith(("_", "set_")) and method.__module__.startswith("sklearn_iqlearn")
]


@pytest.mark.parametrize("item", PUBLIC + METHODS, ids=lambda item: item.__name__)
def test_every_parameter_is_documented(item):
    document = (numpydoc.docscrape.ClassDoc if inspect.isclass(item) else numpydoc.docscrape.FunctionDoc)(item)
    documented = [name.lstrip("*") for parameter in document["Parameters"] for name in parameter.name.split(", ")]
    signature = inspect.signature(item)
    assert documented == [name for name in signature.parameters if name != "self"]
    if not inspect.isclass(item):
        assert document["Returns"]


def test_documented_attributes_are_those_of_fits():
    fits = [
        IQLearnClassifier([[[1.0]], [[1.0]]]).fit([[0], [0]], [0, 1]),
        IQLearnClassifier().fit(pd.DataFrame({"a": [0.0, 1.0]}), [0, 1]),
        IQLearnClassifier(q_type="neural", tol=1.0, hidden_layer_sizes=2, early_stopping=True).fit(
            [[0.0], [1.0]], [0, 1]
        ),
        IQLearnClassifier([[[1.0]], [[1.0]]], q_type="structural", features=[[[0.0], [1.0]]]).fit(
            [[0], [0]], [0, 1]
        ),
        IQLearnClassifier("estimate").fit([[0], [0], [0]], [0, 1, 0], trajectory=[0, 0, 0]),
        IQLearnClassifier(q_type="structural", features={0: [0], 1: []}).fit(
            [[0.0], [1.0], [0.0], [1.0]], [0, 1, 1, 0], trajectory=[0, 0, 0, 0]
        ),
    ]
    document = numpydoc.docscrape.ClassDoc(IQLearnClassifier)
    documented = {name for entry in document["Attributes"] for name in entry.name.split(", ")}
    fitted = {
        name
        for model in fits
        for name in [
            *vars(model),
            *(name for name, _ in inspect.getmembers(type(model), inspect.isdatadescriptor)),
        ]
        if name.endswith("_") and not name.startswith("_")
    }
    assert documented == fitted


def test_readme_commands_are_make_targets():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    shown = re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert set(shown) <= set(targets)
    assert {"demo", "test"} <= set(shown)


def script(path, *arguments, cwd):
    command = [sys.executable, "-W", "error", str(ROOT / path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd).stdout


def test_main_job(tmp_path):
    example = ROOT / "examples" / "economists" / "rust_bus.py"
    printed = script("docs/draw.py", example, "output/rust_bus.png", cwd=tmp_path)
    scores = dict(
        re.findall(r"^(IQ-Learn, best|IQ-Learn, defaults|Logistic|Action).* (-0\.\d+)$", printed, re.MULTILINE)
    )
    assert len(scores) == 4
    structural = re.search(r"^IQ-Learn, structural.* (-0\.\d+)$", printed, re.MULTILINE)
    assert float(structural[1]) >= -0.0376
    assert float(structural[1]) > float(scores["Logistic"])
    assert float(scores["IQ-Learn, best"]) > float(scores["Action"])
    for row in (
        "1, 2, 3, 4 2.6276 (0.617) 9.7558 (1.227) -300.250",
        "own kernels, the law where no row is 3.024 10.238 -297.890",
        "own kernels, the bin's moves where no row is 2.202 8.547 -283.532",
    ):
        assert row in " ".join(printed.split())
    assert (tmp_path / "output" / "rust_bus.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("speed.py", "bus, discount 0.9999"),
        ("structural.py", "sparse chain, 1,000 states"),
        ("scaling.py", "horizon 1 / (1 - discount)"),
        ("coverage.py", "direct regression"),
        ("networks.py", "predict_proba of 20,000 rows"),
        ("features.py", "Nystroem"),
        ("horizon.py", "table, factored"),
        ("warm.py", "two types of buses"),
        ("shrinkage.py", "grid of 25 cells"),
        ("counting.py", "with trajectory and step"),
        ("policy_reward.py", "structural, known transitions"),
        ("latent_types.py", "a walker who switches"),
    ],
)
def test_benchmarks_run(name, part, tmp_path):
    assert part in script(f"benchmarks/{name}", "--quick", cwd=tmp_path)
