"""What other projects call their pages: tables of text in place of the files that their sites offer.

A file ``inventories/NAME.txt`` begins with the address of a site; each further line is an entry of its inventory,
``name domain:role priority address title``, where ``$`` stands for the name and ``-`` for the same title.
"""

import zlib

HEADER = (
    "# Sphinx inventory version 2\n# Project: {name}\n# Version: \n# The remainder is compressed using zlib.\n"
)


def mapping(tables, compressed):
    """Compress each table to the form that intersphinx reads; return the mapping for it."""
    compressed.mkdir(parents=True, exist_ok=True)
    found = {}
    for table in sorted(tables.glob("*.txt")):
        address, entries = table.read_text(encoding="utf-8").split("\n", 1)
        inventory = compressed / f"{table.stem}.inv"
        inventory.write_bytes(HEADER.format(name=table.stem).encode() + zlib.compress(entries.encode()))
        found[table.stem] = (address, str(inventory))
    return found
