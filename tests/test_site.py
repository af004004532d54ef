"""What the site is made of, where no build would tell that something lacks."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from sphinx.util.inventory import InventoryFile
from test_docstrings import MODULES

import sklearn_iqlearn

ROOT = Path(sklearn_iqlearn.__file__).parents[1]


def test_the_reference_has_every_public_module():
    listed = re.findall(
        r"^   (sklearn_iqlearn\S*)$", (ROOT / "docs/api/index.rst").read_text(), flags=re.MULTILINE
    )
    assert sorted(listed) == sorted(MODULES)


@pytest.mark.parametrize("table", sorted((ROOT / "docs/inventories").glob("*.txt")), ids=lambda table: table.stem)
def test_inventories_are_read_as_they_are_written(table, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs/_ext")
    address, inventory = import_module("inventories").mapping(table.parent, tmp_path)[table.stem]
    assert address.startswith("https://")
    read = InventoryFile.loads(Path(inventory).read_bytes(), uri=address)
    names = sorted(name for names in read.data.values() for name in names)
    assert names == sorted(line.split()[0] for line in table.read_text().splitlines()[1:])


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^version: (.*)$", citation, flags=re.MULTILINE)[1] == sklearn_iqlearn.__version__
