"""An executed run of the course as a static site: small pages, small pictures, no script."""

import base64
import hashlib
import pathlib
import re

import cv2
import numpy as np

from coursework.looks import templates
from coursework.pages.executed import executed_body
from coursework.results import read_results
from cxrbase.files import InputError, make_folder, write_whole

WIDEST = 1100  # Pixels of a picture.
QUALITY = 82  # Of WebP, in percent.
MOST_BYTES = 15_000_000
_PICTURE = re.compile(r'<img\b[^>]*?src="data:image/(png|jpeg);base64,([^"]+)"[^>]*>')
_TITLE = re.compile(r"<h1\b[^>]*>(.*?)(?:<a\b.*?</a>)?</h1>", re.DOTALL)
_SECTION = re.compile(r'<h2 id="([^"]*)">(.*?)(?:<a class="anchor-link".*?</a>)?</h2>')


def write_site(run_dir, out):
    """Write the executed notebooks of a run as a site: a page each, and `index.html`.

    Pictures become WebP files of at most 1,100 pixels' width, each written once.

    Args:
        run_dir: string or `pathlib.Path`. The folder of a run of the course.
        out: string or `pathlib.Path`. The folder of the site; what it held before goes.

    Returns:
        The path of `index.html`.

    Raises:
        InputError: if a notebook of the run is not done, there is none, or the site
            would be larger than 15 MB.

    Example:
    ```python
    write_site("outputs/course", "docs/site")
    ```
    """
    run_dir, out = pathlib.Path(run_dir), pathlib.Path(out)
    folders = sorted(p.parent for p in run_dir.glob("[0-9]*_*/results.json"))
    if not folders:
        raise InputError(f"{run_dir}: no notebook of the course has run here.")
    pictures, pages = {}, []
    for folder in folders:
        body = executed_body(folder / f"{folder.name}.ipynb")
        body = _PICTURE.sub(lambda found: _small(found, pictures), body)
        results = read_results(folder / "results.json")
        title = _TITLE.search(body)
        pages.append(
            {
                "name": folder.name,
                "title": title[1].strip() if title else folder.name,
                "minutes": results["durations"].get("notebook", 0) / 60,
                "sections": _SECTION.findall(body),
                "body": body,
                "ground": results["dataset"]["ground"],
            }
        )
    files = {f"pictures/{name}": content for name, content in pictures.items()}
    site = templates("coursework.pages")
    for page in [None, *pages]:
        text = site.get_template("site.html.j2").render(page=page, pages=pages)
        files[f"{page['name'] if page else 'index'}.html"] = text.encode()
    _publish(files, out)
    return out / "index.html"


def _small(found, pictures):
    """Keep a picture as WebP; return the `<img>` that shows it."""
    raw = base64.b64decode(found[2])
    pixels = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        return found[0]
    height, width = pixels.shape[:2]
    if width > WIDEST:
        height, width = round(height * WIDEST / width), WIDEST
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    name = f"{hashlib.sha256(raw).hexdigest()[:16]}.webp"
    _, content = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    pictures[name] = content.tobytes()
    size = f'width="{width}" height="{height}" loading="lazy"'
    kept = re.sub(r'\s(width|height|loading)="[^"]*"', "", found[0])
    return re.sub(r'src="[^"]*"', f'src="pictures/{name}" {size}', kept)


def _publish(files, out):
    """Write all files, then remove what the site held before."""
    total = sum(map(len, files.values()))
    if total > MOST_BYTES:
        raise InputError(f"{out}: {total / 1e6:.1f} MB; a site has at most 15 MB.")
    make_folder(out / "pictures")
    for name, content in files.items():
        with write_whole(out / name) as temporary:
            temporary.write_bytes(content)
    for path in [*out.glob("*.html"), *(out / "pictures").glob("*")]:
        if path.relative_to(out).as_posix() not in files:
            path.unlink()
