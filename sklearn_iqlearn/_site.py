"""Where the documentation is: the links of estimators as notebooks show them."""

import itertools
import os
from pathlib import Path

# `make docs` builds the site here, in a clone.
BUILT = Path(__file__).parents[1] / "docs" / "_build" / "html"
# Names another place: an address, or a path relative to the page that shows the estimator.
ELSEWHERE = "SKLEARN_IQLEARN_DOCS"


def page_of(estimator_class):
    """The address of the page of a public class, "" where there is none."""
    path = estimator_class.__module__.split(".")
    if path[0] != "sklearn_iqlearn":
        return ""
    public = itertools.takewhile(lambda part: not part.startswith("_"), path)
    page = f"api/generated/{'.'.join([*public, estimator_class.__name__])}.html"
    if elsewhere := os.environ.get(ELSEWHERE):
        return f"{elsewhere.rstrip('/')}/{page}"
    return (BUILT / page).as_uri() if (BUILT / page).is_file() else ""


class Documented:
    """An estimator whose HTML links to its page."""

    def _get_doc_link(self):  # scikit-learn asks for it
        return page_of(type(self))
