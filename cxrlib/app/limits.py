"""What the page takes at most, what every answer says, and what a refusal is."""

import dataclasses

NOT_CLINICAL = "not for clinical use"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one server.

    Args:
        body: int. Bytes of a whole request.
        bodies: int. Bytes of all open requests together.
        film: int. Bytes of one film. Pixels are limited by `cxrbase.films.formats`,
            before they are decoded.
        name: int. Characters of a file's name.
        sentence: int. Characters of a label or another field.
        decode_seconds: float. After that a film's decoder is killed.
        decode_memory: int. Bytes of address space that a decoder may have.
        upload_seconds: float. After that a slow upload is cut off.
        waiting: int. Diagnoses that may wait while one is computed.
        waiting_long: int. The same of reports, heat maps and outlines.
        edge: int. Pixels of the longer side of a film that is sent back.

    Example:
    ```python
    create_app(system, Limits(waiting=4))
    ```
    """

    body: int = 64 * 2**20
    bodies: int = 512 * 2**20
    film: int = 30 * 2**20
    name: int = 255
    sentence: int = 200
    decode_seconds: float = 20.0
    decode_memory: int = 3 * 2**30
    upload_seconds: float = 60.0
    waiting: int = 12
    waiting_long: int = 4
    edge: int = 1024


class Refusal(Exception):
    """An answer other than 200.

    Args:
        status: int. The status of HTTP.
        reason: string. One word that a program can act on.
        message: string. One sentence for people.
        retry_after: int or `None`. Seconds after which to try again.
        details: dict or `None`. What else the answer holds.

    Example:
    ```python
    raise Refusal(413, "too_large", "The film has more than 30 MB.")
    ```
    """

    def __init__(self, status, reason, message, retry_after=None, details=None):
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message
        self.retry_after, self.details = retry_after, details or {}
