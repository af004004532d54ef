"""The snippets of the section about transitions run and say what it says."""

import re
from pathlib import Path

from numpy.testing import assert_allclose

PAGE = Path(__file__).parents[1] / "docs" / "from_a_table.md"


def test_the_snippets_of_the_section_run():
    section = PAGE.read_text(encoding="utf-8").split("## Transitions\n")[1].split("\n## ")[0]
    names = {}
    snippets = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    exec(compile(snippets[0], str(PAGE), "exec"), names)
    assert f"```\n{names['found']}\n```" in section
    exec(compile(snippets[1], str(PAGE), "exec"), names)
    assert_allclose(names["model"].coef_, [0.249, 4.012], rtol=0, atol=5e-4)
    exec(compile("\n".join(snippets[2:]), str(PAGE), "exec"), names)
    assert names["wide"].transitions[0].shape == (40, 40)
    assert names["model"].converged_
    assert_allclose(names["lake"].reward.max(), 1 / 3, rtol=1e-15)
