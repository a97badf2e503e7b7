"""An executed run of the course as a site: small pages, small pictures, no script."""

import base64
import hashlib
import html
import pathlib
import posixpath
import re
import urllib.parse

import cv2
import numpy as np

from coursework.course import checkout
from coursework.pages.executed import executed_body
from coursework.pages.page import describe_notebook, page_templates
from coursework.pages.runs import read_runs
from coursework.results import read_results
from cxrbase.files import InputError, make_folder, write_whole
from cxrbase.grounds import GROUNDS

WIDEST = 1100  # Pixels of a picture.
QUALITY = 82  # Of WebP, in percent.
MOST = 15_000_000  # Bytes of a site.
CARDS = 3  # Reports that the first page shows.
STYLES = ("site", "cards")
POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
_IMAGE = re.compile(r'<img\b[^>]*?src="data:image/(?:png|jpeg);base64,([^"]+)"[^>]*>')
_TITLE = re.compile(r"<h1\b[^>]*>(?:\d+b?\s*·\s*)?(.*?)(?:<a\b.*?</a>)?</h1>", re.S)
_SECTION = re.compile(r'<h2 id="([^"]*)">(.*?)(?:<a class="anchor-link".*?</a>)?</h2>')
# The runner's own cell repeats what `start` prints.
_INJECTED = re.compile(
    r'<div class="cell [^"]*celltag_injected-parameters".*?(?=<div class="cell |\Z)',
    re.DOTALL,
)
# Films of somebody else's collection are shown where a notebook runs, not passed on.
_UNPUBLISHED = re.compile(
    r'<div class="cell [^"]*celltag_unpublished.*?(?=<div class="cell |\Z)', re.DOTALL
)
LEFT_OUT = (
    "<p><em>Films of a real collection are not passed on: run the notebook.</em></p>"
)
_LINK = re.compile(r'href="(?!\w+:|#)([^"#]+)([^"]*)"')
# The badge of Colab names the repository, where all else that is linked is found.
_BADGE = re.compile(r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+/blob/\w+)/")
_TAG = re.compile(r"<[^>]*>")


def write_site(run_dir, out, readme=None):
    """Write the executed notebooks of a run as a site: a page each, and `index.html`.

    Pictures become WebP files of at most 1,100 pixels' width, each written once. Those
    of a cell with the tag `unpublished` are left out.

    Args:
        run_dir: string or `pathlib.Path`. The folder of a run of the course.
        out: string or `pathlib.Path`. The folder of the site. Pages and pictures that
            are no longer part of it are removed.
        readme: path or `None`. A Markdown file with a table of the notebooks, whose
            third column gets the minutes that each took.

    Returns:
        The path of `index.html`.

    Raises:
        InputError: if no notebook of the course is done in the run, the site would be
            larger than 15 MB, or the table lacks a notebook.

    Example:
    ```python
    write_site("outputs/course", "docs/site")
    ```
    """
    run_dir, out = pathlib.Path(run_dir), pathlib.Path(out)
    folders = sorted(path.parent for path in run_dir.glob("[0-9]*_*/results.json"))
    pictures = {}
    names = {folder.name for folder in folders}
    pages = [_page(folder, pictures, names) for folder in folders]
    if not pages:
        raise InputError(f"{run_dir}: no notebook of the course is done here.")
    for before, after in zip(pages, pages[1:], strict=False):
        before["after"], after["before"] = after, before
    shown = _reports(run_dir, pictures)
    environment = page_templates()
    files = {f"pictures/{name}": content for name, content in pictures.items()}
    styles = [environment.get_template(f"{name}.css").render() for name in STYLES]
    files["site.css"] = "".join([*styles, _highlighting()]).encode()
    grounds = {page["ground"] for page in pages}
    for page in [None, *pages]:
        text = environment.get_template("site.html.j2").render(
            page=page,
            pages=pages,
            policy=POLICY,
            shown=shown,
            device=pages[-1]["device"],
            warnings=[GROUNDS[each] for each in GROUNDS if each in grounds - {"real"}],
        )
        files[f"{page['name'] if page else 'index'}.html"] = text.encode()
    _publish(files, out)
    if readme:
        _write_minutes(pages, pathlib.Path(readme))
    return out / "index.html"


def _write_minutes(pages, path):
    """Put the minutes of each notebook into its row of a table."""
    text = path.read_text(encoding="utf-8")
    for page in pages:
        row = rf"(\(notebooks/{page['name']}\.ipynb\) \|[^|\n]*\|)[^|\n]*\|"
        minutes = max(1, round(page["minutes"]))
        text, found = re.subn(row, rf"\g<1> {minutes} |", text)
        if found != 1:
            raise InputError(f"{path}: has no row for {page['name']}. Add one.")
    with write_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _reports(run_dir, pictures):
    """The notebook that has written reports, with its first cards; or `None`."""
    described = [
        describe_notebook(run, run_dir, CARDS) for run in read_runs(run_dir)[0]
    ]
    for notebook in described:
        if notebook["leads"]:
            for film in (f for card in notebook["cards"] for f in card["films"]):
                raw = (run_dir / urllib.parse.unquote(film["src"])).read_bytes()
                film["src"] = f"pictures/{_keep(raw, pictures)[0]}"
            return notebook
    return None


def _page(folder, pictures, names):
    """What the template shows of one notebook; its pictures are added."""
    body = _INJECTED.sub("", executed_body(folder / f"{folder.name}.ipynb"))
    body = _UNPUBLISHED.sub(lambda cell: _IMAGE.sub(LEFT_OUT, cell[0]), body)
    own = []

    def small(found):
        name, shown = _picture(found, pictures)
        own.append(name)
        return shown

    body = _IMAGE.sub(small, body)
    body = _linked(body.replace(f"{checkout()}/", ""), names)
    results = read_results(folder / "results.json")

    def heaviest(name):
        """Bytes of a picture: those of films, which show best what a page is about."""
        return len(pictures[name])

    title = _TITLE.search(body)
    title = _TAG.sub("", html.unescape(title[1])).strip() if title else folder.name
    short, _, gist = title.partition(": ")
    return {
        "name": folder.name,
        "number": folder.name.partition("_")[0],
        "title": title,
        "short": short,
        "gist": f"{gist[:1].upper()}{gist[1:]}." if gist else "",
        "minutes": results["durations"].get("notebook", 0) / 60,
        "device": results["environment"].get("device", ""),
        "ground": results["dataset"]["ground"],
        "sections": [(i, html.unescape(name)) for i, name in _SECTION.findall(body)],
        "picture": f"pictures/{max(own, key=heaviest)}" if own else "",
        "body": body,
        "before": None,
        "after": None,
    }


def _linked(body, names):
    """Point links at the pages of the site, and all others at the repository."""
    badge = _BADGE.search(body)

    def link(found):
        path, place = posixpath.normpath(f"notebooks/{found[1]}"), found[2]
        name = posixpath.basename(path).removesuffix(".ipynb")
        if path.endswith(".ipynb") and name in names:
            return f'href="{name}.html{place}"'
        return (
            f'href="https://github.com/{badge[1]}/{path}{place}"'
            if badge
            else 'href="#"'
        )

    return _LINK.sub(link, body)


def _picture(found, pictures):
    """A picture of a page as WebP: its name, and the `<img>` that shows it."""
    name, width, height = _keep(base64.b64decode(found[1]), pictures)
    image = re.sub(r'\s(width|height|loading)="[^"]*"', "", found[0])
    size = f'width="{width}" height="{height}" loading="lazy"'
    return name, re.sub(r'src="[^"]*"', f'src="pictures/{name}" {size}', image)


def _keep(raw, pictures):
    """Keep a picture, small; its name, width and height."""
    pixels = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise InputError(
            "A notebook shows a picture that cannot be read: run it again."
        )
    height, width = pixels.shape[:2]
    if width > WIDEST:
        height, width = round(height * WIDEST / width), WIDEST
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    name = f"{hashlib.sha256(raw).hexdigest()[:16]}.webp"
    _, content = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    pictures[name] = content.tobytes()
    return name, width, height


def _highlighting():
    """The style sheet of code colours."""
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(style="default").get_style_defs(".highlight")


def _publish(files, out):
    """Write all files, then remove what the site held before."""
    total = sum(map(len, files.values()))
    if total > MOST:
        raise InputError(f"{out}: {total / 1e6:.1f} MB; a site has at most 15 MB.")
    make_folder(out / "pictures")
    for name, content in files.items():
        with write_whole(out / name) as temporary:
            temporary.write_bytes(content)
    for path in [*out.glob("*.html"), *(out / "pictures").glob("*.webp")]:
        if path.relative_to(out).as_posix() not in files:
            path.unlink()
