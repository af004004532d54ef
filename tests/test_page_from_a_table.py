"""The snippets of the page about tables run and say what the page says."""

import re
from pathlib import Path

from numpy.testing import assert_allclose

PAGE = Path(__file__).parents[1] / "docs" / "from_a_table.md"


def test_the_snippets_of_the_page_run():
    page = PAGE.read_text(encoding="utf-8")
    names = {}
    exec(compile("\n".join(re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)), str(PAGE), "exec"), names)
    states = names["encoder"].states_
    assert len(states) == 12
    shown = re.findall(r"^(\d+) +([\d.]+) +(\S.*?) +(coast|inland)$", page, flags=re.MULTILINE)
    assert len(shown) == 4
    for state, wear, name, place in shown:
        told = states.loc[int(state)]
        assert_allclose(told["wear"], float(wear), atol=5e-7)  # as printed
        assert (told["wear_bin"], told["place"]) == (name, place)
    scores = names["search"].cv_results_["mean_test_score"]
    assert scores[0] < max(scores)
