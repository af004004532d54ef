"""How Sphinx builds the site: `make docs`."""

import os
import sys
from pathlib import Path

import matplotlib as mpl
from sphinx_gallery.sorting import ExplicitOrder

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
import inventories  # noqa: E402

import sklearn_iqlearn  # noqa: E402

# Examples draw into files, and what they show of estimators links to the reference beside the gallery.
mpl.use("agg")
os.environ["SKLEARN_IQLEARN_DOCS"] = "../.."

project = "sklearn_iqlearn"
author = "The sklearn_iqlearn developers"
version = release = sklearn_iqlearn.__version__
html_show_copyright = False

extensions = [
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "README.md"]
nitpicky = True
# The configuration holds classes, which no cache keeps: it is read anew, and nothing is wrong with that.
suppress_warnings = ["config.cache"]

# Pages: Markdown, with $formulas$, :::directives and links to headings.
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

# Reference: a page for each public name, made from the `__all__` of each public module.
templates_path = ["_templates"]
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"
numpydoc_xref_param_type = True
# Only these words of a type are links.
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    "Bunch": "sklearn.utils.Bunch",
    "DataFrame": "pandas.DataFrame",
    "IQLearnClassifier": "sklearn_iqlearn.IQLearnClassifier",
    "LatentTypes": "sklearn_iqlearn.LatentTypes",
    "RandomState": "numpy.random.RandomState",
    "Resampled": "sklearn_iqlearn.inference.Resampled",
    "Series": "pandas.Series",
    "ndarray": "numpy.ndarray",
    "pandas.DataFrame": "pandas.DataFrame",
    "pandas.Index": "pandas.Index",
    "sklearn.utils.Bunch": "sklearn.utils.Bunch",
}

# Links to other projects, by the names that occur here: nothing is asked of the network.
intersphinx_mapping = inventories.mapping(HERE / "inventories", HERE / "_build" / "inventories")

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py",
    "ignore_pattern": r"__init__\.py|control_experts\.py",
    "subsection_order": ExplicitOrder(
        [f"../examples/{part}" for part in ("start", "economists", "labs", "imitation", "tables")]
    ),
    "within_subsection_order": "FileSizeSortKey",  # the smallest first
    "abort_on_example_error": True,
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib",),
    "doc_module": ("sklearn_iqlearn",),
    "backreferences_dir": "gallery/backreferences",
    "reference_url": {"sklearn_iqlearn": None},
    "inspect_global_variables": False,
    # Nothing that another run would tell otherwise.
    "min_reported_time": float("inf"),
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_iqlearn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_favicon = "_static/icon.svg"
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "sklearn_iqlearn"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "collapse_navigation": True,
    "footer_start": ["sphinx-version"],
    "footer_end": ["theme-version"],
}
