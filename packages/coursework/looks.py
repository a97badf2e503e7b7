"""What all pages share: one style sheet, one script, and strict templates."""

import jinja2


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
