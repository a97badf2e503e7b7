"""A form with films, held in memory."""

import dataclasses
import functools
import hashlib

import python_multipart  # noqa: F401  Starlette tells of a missing one at the first film.
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from cxrlib.app.limits import Refusal

VIEWS = ("frontal", "lateral")
MOST_HEADER = 2048  # Bytes of one header of a part, which holds the file's name.


class InMemory(MultiPartParser):
    """Starlette's parser, which else writes what is larger than 1 MB to a disk."""

    def __init__(self, headers, stream, limits):
        self.spool_max_size = limits.body + 1
        super().__init__(
            headers,
            stream,
            max_files=2,
            max_fields=4,
            max_part_size=4 * limits.sentence,
        )

    def on_header_value(self, data, start, end):
        """Refuse a giant name before it is put together."""
        if len(self._current_partial_header_value) + end - start > MOST_HEADER:
            raise MultiPartException("A file's name is too long.")
        super().on_header_value(data, start, end)


@dataclasses.dataclass
class Form:
    """What a request brought: films by view, and words by name."""

    films: dict[str, bytes]
    words: dict[str, str]

    @functools.cached_property
    def hash(self):
        """Twelve letters that stand for the films in a log, and lead back to none."""
        digest = hashlib.sha256()
        for view, data in sorted(self.films.items()):
            digest.update(f"{view}{len(data)}".encode())
            digest.update(data)
        return digest.hexdigest()[:12]


async def read_form(request, limits, words=()):
    """Read a request's films and words.

    Args:
        request: a `starlette.requests.Request`.
        limits: a `Limits`.
        words: sequence of strings. The fields that may come, besides the films.

    Returns:
        A `Form`.

    Raises:
        Refusal: if it is no form, has no frontal, a field that is not known, a name or
            a film that is too large.

    Example:
    ```python
    form = await read_form(request, Limits(), words=("label",))
    ```
    """
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        words = "Send the film as multipart/form-data, in the field 'frontal'."
        raise Refusal(415, "no_form", words)
    try:
        items = await InMemory(request.headers, request.stream(), limits).parse()
    except MultiPartException as error:
        words = f"The form can't be read: {error.message}"
        raise Refusal(422, "bad_form", words) from None
    try:
        return await _sorted(items.multi_items(), limits, words)
    finally:
        await items.close()


async def _sorted(items, limits, known):
    form = Form({}, {})
    for name, value in items:
        if name in form.films or name in form.words:
            raise Refusal(422, "bad_form", "A field came twice.")
        if isinstance(value, UploadFile) and name in VIEWS:
            form.films[name] = await _film(name, value, limits)
        elif isinstance(value, str) and name in known:
            if len(value) > limits.sentence:
                most = f"{limits.sentence} characters at most"
                raise Refusal(422, "too_long", f"A field may have {most}.")
            form.words[name] = value
        else:
            raise Refusal(422, "bad_form", "The form has a field that is not known.")
    if "frontal" not in form.films:
        raise Refusal(422, "no_frontal", "Send a film in the field 'frontal'.")
    return form


async def _film(view, file, limits):
    if len(file.filename or "") > limits.name:
        most = f"{limits.name} characters at most"
        raise Refusal(422, "name_too_long", f"A file's name may have {most}.")
    if (file.size or 0) > limits.film:
        most = limits.film // 2**20
        raise Refusal(413, "too_large", f"The {view} has more than {most} MB.")
    data = await file.read()
    if not data:
        raise Refusal(422, "empty", f"The {view} is an empty file.")
    return data
