"""Sets the address of the course everywhere; `make publish URL=…` calls it.

    python deploy/publish.py https://github.com/OWNER/NAME [FOLDER]

The line `COURSE_URL = …` of a module says what it is now. That address is replaced in
every text of FOLDER (by default this repository): badges, the first cells of the
notebooks, README, docs, CITATION.cff. A second call with it changes nothing.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?"
ADDRESS = re.compile(rf"https://github\.com/({OWNER}/[\w.-]+?)(?:\.git)?/?", re.ASCII)
SET = re.compile(r'^COURSE_URL = "https://github\.com/(.+)"$', re.M)
TEXTS = {".py", ".ipynb", ".md", ".cff", ".toml", ".html", ".yaml", ".yml", ".txt"}
NOT_OURS = {"outputs", "data", "build", "node_modules"}  # And what begins with a dot.
EXAMPLES = {"owner", "cxr-report-course"}  # Owners; the first cells refuse the last.


def publish(url, root=ROOT):
    """Replace the address in all texts below a folder.

    Args:
        url: string, `https://github.com/OWNER/NAME`.
        root: string or path. A checkout of the course.

    Returns:
        A list of paths, the files that changed.

    Raises:
        ValueError: if the url is none of GitHub's, or an example's; or no module sets
            `COURSE_URL`.

    Example:
    ```python
    publish("https://github.com/somebody/radiographs")
    ```
    """
    given = ADDRESS.fullmatch(url)
    if not given or given[1].lower().split("/")[0] in EXAMPLES:
        raise ValueError(
            f"{url!r}: is not the address of your repository. Give it as "
            "make publish URL=https://github.com/OWNER/NAME"
        )
    texts = {
        path: path.read_text(encoding="utf-8") for path in files(pathlib.Path(root))
    }
    set_by = [SET.search(text) for path, text in texts.items() if path.suffix == ".py"]
    now = {match[1] for match in set_by if match}
    if len(now) != 1:
        raise ValueError(f'{root}: {len(now)} lines COURSE_URL = "…", not one.')
    # Badges name the repository below colab.research.google.com/github/ as well.
    old = re.compile(
        rf"(github\.com/|google\.com/github/){re.escape(now.pop())}(?![\w-])"
    )
    changed = []
    for path, text in texts.items():
        new = old.sub(rf"\g<1>{given[1]}", text)
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def files(root):
    """Yield the texts of a checkout."""
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name in NOT_OURS or path.is_symlink():
            continue
        if path.is_dir():
            yield from files(path)
        elif path.suffix in TEXTS:
            yield path


if __name__ == "__main__":
    try:
        changed = publish(*sys.argv[1:3])
    except (TypeError, ValueError) as error:
        sys.exit(f"publish: {error}" if sys.argv[1:] else __doc__)
    for path in changed:
        print(path)
    print(f"{len(changed)} files changed" if changed else "nothing to change")
    owner, name = ADDRESS.fullmatch(sys.argv[1])[1].split("/")
    print(
        "The executed course: choose Settings → Pages → main, /docs on GitHub. It is "
        f"then at https://{owner.lower()}.github.io/{name}/site/"
    )
