"""Texts of the course without what a student should not read before the deadline."""

import json
import posixpath
import re

import yaml

from coursework.grade.rubric import CONDITIONS
from coursework.grade.rubric_file import read_rubric

RIGHT = ("names", "largest", "smallest", "begins", *CONDITIONS, "by", "tolerance")
HEAD = """\
# What is asked for. What is right stands in the teacher's rubric, which grades what you
# hand in; in its place, `words: 1` asks here for any answer.
"""
_LINK = re.compile(r"(?<!!)\[([^\[\]]*)\]\(([^()\s#]+)(#[^()\s]*)?\)")


def student_rubric(path=None):
    """The rubric without its answers, as a file of the same schema.

    An item about an exercise keeps its points and words; in the place of the condition
    it has `words: 1`, any answer, so that it is left to the teacher. Items about scores
    and cells stay as they are: they say what is asked for.

    Args:
        path: string or `pathlib.Path`. By default the course's own rubric.

    Returns:
        A string of YAML.

    Raises:
        InputError: if the rubric has an error.

    Example:
    ```python
    student_rubric()
    ```
    """
    rubric = read_rubric(path)
    content = rubric.model_dump(exclude_unset=True, mode="json")
    for name, notebook in content["notebooks"].items():
        for item, asked in zip(
            notebook["items"], rubric.notebooks[name].items, strict=True
        ):
            if asked.exercise:
                for field in RIGHT:
                    item.pop(field, None)
                item.setdefault("words", 1)
    return HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def unlinked(text, path, kept):
    """Turn links to files that are left out into their words.

    Args:
        text: string of Markdown.
        path: string. Where the text is, from the course's folder.
        kept: callable from such a path to whether it is there.

    Returns:
        A string.

    Example:
    ```python
    unlinked("[solutions](notebooks/solutions)", "README.md", lambda p: False)
    ```
    """

    def replace(match):
        words, target = match[1], match[2]
        if re.match(r"[a-z]+:|/", target):
            return match[0]
        there = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        return match[0] if kept(there) else words

    return _LINK.sub(replace, text)


def unlinked_notebook(text, path, kept):
    """The same for the prose of a notebook; its code stays as it is.

    Args:
        text: string, the notebook as it is stored.
        path, kept: see `unlinked`.

    Returns:
        A string; the very same one if no link leads to what is left out.

    Example:
    ```python
    unlinked_notebook(text, "notebooks/01_data.ipynb", kept)
    ```
    """
    notebook, changed = json.loads(text), False
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            source = "".join(cell["source"])
            new = unlinked(source, path, kept)
            if new != source:
                cell["source"], changed = new.splitlines(keepends=True), True
    if not changed:
        return text
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def without_tests(makefile):
    """The Makefile without the targets that run files which are left out.

    Args:
        makefile: string.

    Returns:
        A string: the blocks, separated by blank lines, in which neither `tests/` nor
        `PYTEST` occurs.

    Example:
    ```python
    without_tests("test:\\n\\t$(BIN)/python $(PYTEST)\\n")
    ```
    """
    blocks = re.split(r"\n{2,}", makefile)
    kept = [block for block in blocks if not re.search(r"\btests/|PYTEST", block)]
    return "\n\n".join(kept).rstrip("\n") + "\n"
