"""An executed notebook's page runs nothing and fetches nothing."""

import base64
import html.parser
import re

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
    new_raw_cell,
)
from small_notebooks import notebook

from coursework.pages.executed import clean, executed_page, typeset
from coursework.run.runner import run_notebooks

HOSTILE = [
    "<script>alert(1)</script>",
    "<script src=http://e.example/x.js></script>",
    "<SCRIPT\n>alert(1)",
    "<scr<script>ipt>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=http://e.example/p.png><img src=//e.example/p.png>",
    "<img src='\\\\e.example\\p.png' srcset='http://e.example/q.png 2x'>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe src=http://e.example></iframe><iframe srcdoc='<script>x</script>'>",
    "<object data=http://e.example></object><embed src=http://e.example>",
    "<a href=javascript:alert(1)>x</a><a href=' java\nscript:alert(1)'>x</a>",
    "<link rel=stylesheet href=http://e.example/x.css>",
    "<style>@import url(http://e.example/x.css)</style>",
    "<div style=\"background: url('http://e.example/p.png'); color: red\">x</div>",
    "<meta http-equiv=refresh content='0;url=http://e.example'>",
    "<base href=http://e.example><form action=http://e.example><button>x</form>",
    "<video src=http://e.example poster=http://e.example></video>",
    "</main></body></html><script>alert(1)</script>",
]


class Loads(html.parser.HTMLParser):
    """Notes what a browser would run or fetch."""

    TAGS = {"script", "iframe", "frame", "object", "embed", "link", "base", "form"}
    TAGS |= {"svg", "mglyph", "video", "audio", "source", "template", "applet"}

    def __init__(self):
        super().__init__()
        self.found, self.tags, self._style = [], [], False

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self._style = tag == "style"
        values = {name: value or "" for name, value in attributes}
        if tag in self.TAGS or values.get("http-equiv", "").lower() == "refresh":
            self.found.append((tag, attributes))
        for name, value in values.items():
            squeezed = re.sub(r"\s", "", value).lower()
            fetched = name in ("src", "srcset", "poster", "background", "style")
            if (
                name.startswith("on")
                or "javascript:" in squeezed
                or (fetched and re.match(r"([a-z]+:)?[/\\]{2}|.*url\(", squeezed))
            ):
                self.found.append((tag, name, value))

    def handle_data(self, data):
        if self._style and re.search(r"@import|url\(\s*['\"]?(https?:)?//", data):
            self.found.append(("style", data[:80]))

    def handle_endtag(self, tag):
        self._style = False


def loaded(page):
    parser = Loads()
    parser.feed(page)
    return parser.found


def page_of(tmp_path, *cells, **metadata):
    nbformat.write(new_notebook(cells=list(cells), metadata=metadata), tmp_path / "a")
    return executed_page(tmp_path / "a")


def shows(kind, content):
    output = new_output("display_data", data={kind: content, "text/plain": "plain"})
    return new_code_cell("x", outputs=[output])


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_cells_run_and_fetch_nothing(tmp_path, html):
    assert loaded(html) or "<scr<" in html  # The test would see it.
    page = page_of(
        tmp_path,
        new_markdown_cell(f"# A {html}\n\n{html}\n\n- [x](javascript:alert(1))"),
        new_raw_cell(html, metadata={"raw_mimetype": "text/html"}),
        *(shows(f"text/{kind}", html) for kind in ("html", "markdown", "latex")),
        shows("image/svg+xml", f"<svg xmlns='http://www.w3.org/2000/svg'>{html}</svg>"),
        shows("application/javascript", "alert(1)"),
        shows("application/vnd.jupyter.widget-view+json", {"model_id": "a"}),
        title=html,
        widgets={"application/vnd.jupyter.widget-state+json": {"state": {}}},
    )
    assert loaded(page) == []
    policy, _, after = page.partition("Content-Security-Policy")[2].partition(">")
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert "<style" in after  # Nothing stands before it that it would not bind.


def test_what_is_harmless_is_shown(tmp_path):
    table = "<style scoped>.a {}</style><table border='1' class='dataframe'><thead>"
    table += "<tr style='text-align: right;'><th>n</th></tr></thead></table>"
    page = page_of(
        tmp_path,
        new_markdown_cell(
            "## Two & a<b\n\n| a |\n|---|\n| `x < y` |\n\n![film](film.png)\n\n$$x^2$$"
            "\n\n[link](https://example.org)\n\n```python\nif 1 < 2: pass\n```"
        ),
        shows("text/html", table),
        shows("image/png", "iVBORw0KGgo="),
        new_code_cell("1", outputs=[new_output("stream", text="a <b> \x1b[31mred\n")]),
    )
    for words in (
        "<h2", "Two &amp; a&lt;b", "<code>x &lt; y</code>", 'src="film.png"',
        "<msup><mi>x</mi>",
        'href="https://example.org"', 'class="dataframe"', "text-align: right",
        "data:image/png;base64,iVBORw0KGgo=", "a &lt;b&gt;", "ansi-red",
    ):  # fmt: skip
        assert words in page, words
    assert ".a {}" not in page and loaded(page) == []
    assert clean("<b onclick='x()'>bold</b>") == "<b>bold</b>"
    badge = '<a href="https://a.b/c"><img src="https://a.b/c.svg" alt="Open"></a>'
    assert clean(badge) == '<a href="https://a.b/c">Open</a>'
    assert clean('<img src="https://a.b/c.svg">') == ""
    assert clean('<img src="figures/a.png" alt="A">').startswith("<img")


def test_long_output_is_folded(tmp_path):
    def printed(n):
        text = "".join(f"line <{i}> \x1b[31mred\x1b[0m\n" for i in range(n))
        return new_code_cell("x", outputs=[new_output("stream", text=text)])

    page = page_of(tmp_path, printed(25))
    assert "<details>" not in page and "line &lt;24&gt;" in page
    page = page_of(tmp_path, printed(26))
    assert "<details><summary>26 lines of output</summary>" in page
    assert "line &lt;25&gt;" in page and "ansi-red" in page and loaded(page) == []
    bar = new_output(
        "stream", name="stderr", text="".join(f"\r{i} %" for i in range(9))
    )
    page = page_of(tmp_path, new_code_cell("x", outputs=[bar]))
    assert "8 %" in page and "7 %" not in page
    # Long lines are wrapped, and so count as the lines that a reader sees.
    text = f"{'loss: 0.5 - ' * 30}\n" * 9
    page = page_of(
        tmp_path, new_code_cell("x", outputs=[new_output("stream", text=text)])
    )
    assert "<summary>9 lines of output</summary>" in page


def test_every_image_says_what_it_shows(tmp_path):
    pixel = "iVBORw0KGgoAAAANSUhEUg=="
    said = b"\x89PNG\r\n\x1a\n\0\0\0\x16tEXtDescription\0Two <bars>"
    cells = [
        new_markdown_cell("# A\n\nwords\n\n## The classes"),
        shows("image/png", pixel),
    ]
    cells += [shows("image/png", base64.b64encode(said).decode())]
    own = shows("image/png", pixel)
    own.outputs[0].metadata["image/png"] = {"alt": "A film"}
    page = page_of(tmp_path, *cells, own)
    assert re.findall('alt="([^"]*)"', page) == [
        *("Figure in: The classes", "Two &lt;bars&gt;", "A film")
    ]
    assert "No description" not in page


def test_a_part_of_a_character_has_a_sign(tmp_path):
    halved = new_code_cell("x", outputs=[new_output("stream", text="a\ufffdb\n")])
    page = page_of(tmp_path, halved)
    assert "\ufffd" not in page and "a▯b" in page
    assert "▯ stands for a part of a character" in page
    assert "▯" not in page_of(tmp_path, new_markdown_cell("words"))


def test_formulas_are_set_without_a_script():
    page = clean(typeset(r"<p>$$\frac{a}{b}$$ $x &lt; y$ <code>$x$</code> 5 $</p>"))
    assert '<math display="block"><mrow><mfrac>' in page
    assert "<mo>&#x0003C;</mo>" in page and "<code>$x$</code> 5 $" in page
    hostile = (
        r"$\text{&lt;script&gt;alert(1)&lt;/script&gt;}$ $\href{javascript:a()}{x}$"
    )
    assert not re.search("script|href", clean(typeset(hostile)))
    for odd in (r"$\frac{$", "$" + "{" * 3000 + "$"):  # As they were typed.
        assert typeset(odd) == odd


def test_the_page_that_a_run_leaves(tmp_path):
    show = "from IPython.display import HTML, Javascript, display\n"
    show += "display(Javascript('alert(1)'))\nHTML({!r})".format("".join(HOSTILE))
    path = notebook(tmp_path / "n", "01_a", "x = 1", show, "1")
    assert run_notebooks([path], tmp_path / "out") == 0
    assert loaded((tmp_path / "out" / "01_a" / "01_a.html").read_text()) == []


def test_a_table_keeps_the_look_that_pandas_gave_it():
    table = pd.DataFrame({"what": ["a"], "share": [0.5]}).style.hide()
    left = [{"selector": "td, th", "props": "text-align: left"}]
    table = table.set_table_styles(left).set_properties(**{"color": "#0072b2"})
    page = clean(table.background_gradient(cmap="PuOr", vmin=-1).to_html())
    assert "text-align: left" in page and "color: #0072b2" in page
    assert "background-color: #" in page and "0.500000" in page


@pytest.mark.parametrize(
    "rule",
    [
        "body { display: none }",
        "#T_1 td { background: url(http://e.example/p.png) }",
        "#T_1 td { background: URL(//e.example) }",
        "@import 'http://e.example/x.css';",
        "#T_1 { color: red } </style><script>alert(1)</script>",
        "#T_1, body { display: none }",
        "#T_1 td { content: '\\3c' }",
    ],
    ids=["other", "url", "letters", "import", "script", "list", "escape"],
)
def test_no_other_style_is_kept(rule):
    page = clean(f"<style>{rule}</style><b>x</b>")
    assert "<script" not in page and "e.example" not in page
    assert "display" not in page and "content" not in page and "<b>x</b>" in page
