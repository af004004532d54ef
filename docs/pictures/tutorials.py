"""The figures that tutorials draw: ``python docs/pictures/tutorials.py`` writes them into docs/images."""

import re
from pathlib import Path

import matplotlib.pyplot as plt

DOCS = Path(__file__).resolve().parents[1]
PAGES = ("ten_minutes", "lab")


def draw(page):
    """Run the snippets of a page, and save the last figure."""
    text = (DOCS / "tutorials" / f"{page}.md").read_text(encoding="utf-8")
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)), {})
    plt.savefig(DOCS / "images" / f"{page}.png", dpi=110)
    plt.close("all")


if __name__ == "__main__":
    for page in PAGES:
        draw(page)
