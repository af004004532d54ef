"""What was found in demonstrations: for a person as text or HTML, for a program as a dictionary."""

import html
import textwrap
from dataclasses import asdict, dataclass

WIDTH = 100


@dataclass(frozen=True)
class Finding:
    """Something in the rows that a fit refuses, doubts or should be told about.

    Attributes
    ----------
    severity : {"error", "warning", "note"}
        A fit refuses the rows; is likely to mislead; works, and this is worth knowing.
    text : str
    count : int
        Rows, states, pairs or others that the text is about.
    row : int or None
        Position of an example in X, the first.
    mend : str
        What to do, empty where nothing need be done.
    setting : tuple of str (parameter, value), or None
        A parameter of ``IQLearnClassifier`` or of its ``fit``, and what to pass, as code or in words.
    name : str
        Of the check.
    """

    severity: str
    text: str
    count: int = 1
    row: int | None = None
    mend: str = ""
    setting: tuple[str, str] | None = None
    name: str = ""

    def __str__(self):
        example = "" if self.row is None else f" Example: row {self.row}."
        return f"{self.text}{example}{' ' * bool(self.mend)}{self.mend}"


@dataclass(frozen=True, repr=False)
class Report:
    """What ``check_demonstrations`` found.

    Attributes
    ----------
    findings : list of Finding
        The errors first, then warnings and notes.
    summary : dict of str to number
        Figures of the rows, as far as they can be read.
    """

    findings: list[Finding]
    summary: dict[str, float]

    @property
    def settings(self):
        """Suggested parameters: a dictionary from name to ``{"value": ..., "reason": ...}``."""
        found: dict[str, dict[str, str]] = {}
        for finding in self.findings:
            if finding.setting is not None:
                name, value = finding.setting
                found.setdefault(name, {"value": value, "reason": finding.text})
        return found

    def to_dict(self):
        """The report as dictionaries, lists, strings and numbers, as JSON has them.

        Returns
        -------
        report : dict
            With ``summary``, ``findings`` and ``settings``.
        """
        return {
            "summary": self.summary,
            "findings": [asdict(finding) for finding in self.findings],
            "settings": self.settings,
        }

    def __str__(self):
        figures = ", ".join(f"{name} {_figure(value)}" for name, value in self.summary.items())
        lines = [_wrapped(f"Demonstrations: {figures or 'nothing could be read'}.", "")]
        lines += [_wrapped(f"{finding.severity}, {finding.name}: {finding}") for finding in self.findings]
        lines += [_wrapped(f"suggested: {name}={setting['value']}") for name, setting in self.settings.items()]
        return "\n".join(lines if self.findings else [*lines, "  Nothing looks wrong."])

    __repr__ = __str__

    def _repr_html_(self):
        figures = _table(("figure", "value"), [(name, _figure(value)) for name, value in self.summary.items()])
        found = [(finding.severity, finding.name, str(finding)) for finding in self.findings]
        asked = [(name, setting["value"], setting["reason"]) for name, setting in self.settings.items()]
        parts = [
            figures,
            _table(("severity", "check", "finding"), found) if found else "<p>Nothing looks wrong.</p>",
        ]
        parts += [_table(("parameter", "suggested", "reason"), asked)] if asked else []
        return "".join(parts)


def _wrapped(text, indent="  "):
    wrapper = textwrap.TextWrapper(
        WIDTH, initial_indent=indent, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return wrapper.fill(text)


def _figure(value):
    return f"{value:,.4g}" if isinstance(value, float) and not value.is_integer() else f"{int(value):,}"


def _table(heads, rows):
    def line(cells, tag):
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{line(heads, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"
