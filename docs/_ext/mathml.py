"""Formulas as MathML, which browsers draw by themselves: no script, no font, nothing loaded from elsewhere."""

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml


def inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(tex2mathml(node.astext(), as_block=False))


def block(translator, node):
    """Write a formula on a line of its own, as wide as the page at most."""
    translator.body.append(f'<div class="formula" tabindex="0">{tex2mathml(node.astext(), as_block=True)}</div>\n')


def visiting(write):
    """Return the visitor that writes a node and skips what is in it."""

    def visit(translator, node):
        write(translator, node)
        raise SkipNode

    return visit


def setup(app):
    """Register the renderer, and choose it."""
    app.add_html_math_renderer("mathml", (visiting(inline), None), (visiting(block), None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
