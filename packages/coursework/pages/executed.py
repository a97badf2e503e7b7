"""An executed notebook as a page that runs nothing and fetches nothing.

The notebook is not trusted: scripts, frames and external content are removed from its
outputs, and a policy in the page's head forbids the browser the rest. Formulas are set
in MathML, which needs no script.
"""

import base64
import html
import re

from coursework.looks import alternative_text, without_halves
from coursework.notebook_file import read_notebook
from cxrbase.files import write_whole

POLICY = (
    "default-src 'none'; img-src 'self' file: data:; font-src data:; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
MATH = (
    "math mfrac mi mn mo mover mpadded mroot mrow mspace msqrt mstyle msub msubsup "
    "msup mtable mtd mtext mtr munder munderover"
)
TAGS = (
    f"{MATH} a abbr b big blockquote br caption center cite code col colgroup dd del "
    "details dfn div dl dt em figcaption figure font h1 h2 h3 h4 h5 h6 hr i img ins "
    "kbd li mark ol p pre q s samp small span strike strong sub summary sup table "
    "tbody td tfoot th thead tr tt u ul var"
)
ATTRIBUTES = (
    "align alt border class color colspan columnalign dir display fence form height "
    "href id lang mathvariant name open rowspan scope src start stretchy style "
    "tabindex title valign width"
)
# Formats that run no code, the best first.
SHOWN = {"text/plain", "text/latex", "text/html", "text/markdown"}
IMAGES = ("image/svg+xml", "image/png", "image/jpeg")  # Each within an <img>.
SHOWN |= set(IMAGES)
_STYLE = re.compile(r"<style\b[^>]*>([^<]*)</style>", re.IGNORECASE)
LEFT_OUT = "<em>[A frame or a program was here; this page holds none.]</em>"
_BLOCKS = re.compile(
    r"<(script|style|iframe|object)\b.*?(</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
# A formula as Markdown leaves it, except dollars in code.
_FORMULA = re.compile(
    r"<(?P<code>pre|code)\b.*?</(?P=code)>"
    r"|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+?)\$",
    re.DOTALL,
)
LONGEST = 2000  # Letters of a formula that is set.
MOST_LINES = 25  # Lines that a cell prints; more are folded. A page wraps them.
WIDTH = 130
STYLE = """<style>
.jp-RenderedHTMLCommon table { display: block; max-width: 100%; overflow-x: auto; }
.jp-OutputArea-output table { max-height: 40rem; overflow: auto; }
.jp-OutputArea-output thead { position: sticky; top: 0; background: #fff; }
.jp-RenderedHTMLCommon summary { cursor: pointer; }
.jp-RenderedHTMLCommon details + :not(details) { margin-top: 1em; }
.jp-RenderedHTMLCommon .highlight + * { margin-top: 1em; }
.jp-RenderedHTMLCommon details pre { font-size: 90%; white-space: pre-wrap; }
.jp-OutputArea-output img { max-width: 100%; height: auto; }
.jp-RenderedHTMLCommon pre, .highlight pre { overflow-x: auto; }
</style>"""
_HEADING = re.compile(r"^#+\s+(.+?)\s*$", re.MULTILINE)
_MARKUP = re.compile(
    r"<[^>]*>|\]\([^)]*\)|[\[\]`*$]"
)  # Left out of an alternative text.
# An external image: its alternative text replaces it.
_NO_IMAGE = re.compile(r'<img(?![^>]*\ssrc=)(?:[^>]*?\salt="([^"]*)")?[^>]*>')


def write_executed(notebook, path):
    """Write an executed notebook as HTML.

    Args:
        notebook: string or `pathlib.Path`. The `.ipynb` file.
        path: string or `pathlib.Path`. The page.

    Example:
    ```python
    write_executed("outputs/demo/01_data/01_data.ipynb", "outputs/01_data.html")
    ```
    """
    page = executed_page(notebook)
    with write_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def executed_body(notebook):
    """Turn an executed notebook into HTML for a page of another style.

    Args:
        notebook: string or `pathlib.Path`. The `.ipynb` file.

    Returns:
        A string of HTML without head, style and script.
    """
    return _converted(notebook, template_name="basic")


def executed_page(notebook):
    """Turn an executed notebook into a page.

    Args:
        notebook: string or `pathlib.Path`. The `.ipynb` file.

    Returns:
        A string of HTML.
    """
    page = _converted(notebook, mathjax_url="")
    # The template's own scripts: they typeset formulas and draw diagrams.
    page = re.sub(r"<script\b.*?</script\s*>", "", page, flags=re.DOTALL)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    page = page.replace("<head>", f"<head>\n{policy}", 1)
    return page.replace("</head>", f"{STYLE}\n</head>", 1)


def _converted(notebook, **options):
    import jinja2
    from nbconvert import HTMLExporter

    class Exporter(HTMLExporter):
        """Cleans the HTML of Markdown, in a cell or an output."""

        @jinja2.pass_context
        def markdown2html(self, context, source):
            return clean(typeset(super().markdown2html(context, source)))

    content = read_notebook(notebook)
    content.metadata.pop("widgets", None)
    section = ""
    for cell in content.cells:
        if cell.cell_type == "markdown":
            section = (_HEADING.findall(cell.source) or [section])[-1]
            section = _MARKUP.sub("", section)
        if cell.cell_type == "raw":
            cell.source = clean(cell.source)
        if "outputs" in cell:
            cell.outputs = [_shown(output, section) for output in cell.outputs]
    named = {"metadata": {"name": getattr(notebook, "stem", "")}}
    return without_halves(Exporter(**options).from_notebook_node(content, named)[0])


def _shown(output, section):
    """An output as the page shows it: harmless, described, long text folded."""
    if output.output_type == "stream":
        return _folded(output)
    if "data" not in output:
        return output
    output.data = {
        kind: clean(shown) if kind == "text/html" else shown
        for kind, shown in output.data.items()
        if kind in SHOWN
    } or {"text/plain": "[This page cannot show this output.]"}
    for kind in IMAGES:
        if kind in output.data and "text/html" not in output.data:
            output.data = {"text/html": _image(output, kind, section)}
    return output


def _image(output, kind, section):
    """An image as HTML; the exporter's template would leave its description out."""
    content, said = str(output.data[kind]), output.metadata.get(kind)
    said = said if isinstance(said, dict) else {}
    words = said.get("alt") or alternative_text(content) or f"Figure in: {section}"
    size = "".join(
        f' {name}="{said[name]}"'
        for name in ("width", "height")
        if isinstance(said.get(name), int)
    )
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    source = html.escape(f"data:{kind};base64,{''.join(content.split())}")
    return f'<img src="{source}" alt="{html.escape(str(words))}"{size}>'


def _folded(output):
    """What a cell printed, only the last state of a progress bar; folded if long."""
    from nbconvert.filters import ansi2html
    from nbformat.v4 import new_output

    lines = [line.rstrip("\r").split("\r")[-1] for line in output.text.split("\n")]
    output.text = "\n".join(lines)
    lines = output.text.rstrip().split("\n")
    if sum(1 + len(line) // WIDTH for line in lines) <= MOST_LINES:
        return output
    text = f"<pre>{ansi2html(output.text)}</pre>"
    folded = f"<details><summary>{len(lines)} lines of output</summary>{text}</details>"
    return new_output("display_data", data={"text/html": folded})


def typeset(page):
    """Set the formulas of HTML in MathML.

    Args:
        page: string. Formulas in it are TeX between dollars.

    Returns:
        A string of HTML, not yet clean. What is no TeX stays as it was typed.

    Example:
    ```python
    typeset("<p>$x^2$</p>")
    ```
    """
    from latex2mathml.converter import convert

    def formula(found):
        tex = found["block"] or found["inline"]
        if not tex or len(tex) > LONGEST:
            return found[0]
        kind = "block" if found["block"] else "inline"
        try:
            return convert(html.unescape(tex), display=kind)
        except Exception:  # It raises about ten kinds.
            return found[0]

    return _FORMULA.sub(formula, page)


def _is_of_a_table(style):
    """Whether a style only says how a table of pandas looks, and names no address."""
    *rules, rest = style.split("}")
    for selectors, _, body in (rule.partition("{") for rule in rules):
        own = (re.fullmatch(r"#T_[\w\s.:>-]+", e.strip()) for e in selectors.split(","))
        if not all(own) or not re.fullmatch(r"[\w\s.:;,#%()-]*", body):
            return False
    return not rest.strip() and "url" not in style.lower()


def clean(page):
    """Remove from HTML what runs, embeds or fetches.

    Args:
        page: string.

    Returns:
        A string of HTML.

    Example:
    ```python
    clean("<b onclick='x()'>bold</b>")  # "<b>bold</b>"
    ```
    """
    from nbconvert.preprocessors.sanitize import SanitizeHTML

    def allowed(tag, name, value):
        if tag == "img" and name == "src":
            return not re.match(r"\s*([\w+.-]+:|[/\\]{2})", value)  # Not external.
        return name in ATTRIBUTES.split()

    def left_out(block):
        return "" if block[1].lower() == "style" else LEFT_OUT

    kept = filter(_is_of_a_table, _STYLE.findall(page))
    page = _BLOCKS.sub(left_out, page)
    cleaner = SanitizeHTML(tags=TAGS.split(), attributes={"*": allowed})
    page = cleaner.sanitize_html_tags(page)
    page = _NO_IMAGE.sub(lambda image: image[1] or "", page)
    return "".join(f"<style>{each}</style>" for each in kept) + page
