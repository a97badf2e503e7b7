"""Why a request has no answer, in words that the page shows."""


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
