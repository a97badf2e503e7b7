"""What all pages share: one style sheet, one script, and strict templates."""

import jinja2

HALF, STAND_IN = "\ufffd", "▯"


def templates(package, autoescape=True, **options):
    """The templates of a package, and beside them those of all pages.

    Args:
        package: string. It has a folder `templates`.
        autoescape: bool. Whether values are text, never markup.
        **options: of `jinja2.Environment`.

    Returns:
        A `jinja2.Environment`, in which a name that nothing fills is an error.

    Example:
    ```python
    templates("coursework.pages").get_template("index.html.j2")
    ```
    """
    folders = [jinja2.PackageLoader(each) for each in (package, "coursework")]
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(folders),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )


def without_halves(page):
    """Show a sign for what is only a part of a character, and say so.

    A tokeniser that works on bytes may cut a letter in two. What then stands in a
    text is U+FFFD, which looks like a fault of the page.

    Args:
        page: string of HTML.

    Returns:
        A string of HTML.

    Example:
    ```python
    without_halves("<body>\ufffd</body>")
    ```
    """
    if HALF not in page:
        return page
    note = f"<p><small>{STAND_IN} stands for a part of a character.</small></p>"
    page = page.replace(HALF, STAND_IN)
    return page.replace("</body>", f"{note}\n</body>", 1)
