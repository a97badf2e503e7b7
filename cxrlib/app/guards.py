"""What every request passes before it is read, and every answer before it leaves.

A server on the loopback is reached by any page that the user's browser opens. So the
name that it is called by, and the page that calls, are looked at: otherwise a page of
the web could send films here, or, by a name that resolves to 127.0.0.1, read answers.
"""

import asyncio
import json
import logging
import urllib.parse

from starlette.requests import ClientDisconnect

from cxrlib.app.limits import NOT_CLINICAL

HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
    "x-intended-use": NOT_CLINICAL,
}
HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
log = logging.getLogger("cxrlib.app")


class TooLarge(Exception):
    """More came than a request may have."""


class TooMany(Exception):
    """More came than all open requests together may have."""


class TooSlow(Exception):
    """A request did not end in time."""


class Guards:
    """Middleware that bounds requests and adds the headers of security.

    Args:
        app: an ASGI application.
        limits: a `Limits`.
        hosts: sequence of strings. The names that the server may be called by; `"*"`
            for any.

    Example:
    ```python
    app.add_middleware(Guards, limits=Limits())
    ```
    """

    def __init__(self, app, limits, hosts=LOOPBACK):
        self.app, self.limits = app, limits
        self.hosts = tuple(bracketed(host).lower() for host in hosts)
        self.held = 0  # Bytes of all open requests.

    async def __call__(self, scope, receive, send):
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # The page has no web sockets.
            await send({"type": "websocket.close"})
            return
        begun, come = False, [0]  # The bytes of this request so far.

        async def guarded(message):
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                sent = {name for name, _ in message["headers"]}
                more = [each for each in HEADERS if each[0] not in sent]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        if refused := self._refused(scope):
            await _answer(guarded, *refused)
            return
        try:
            await self.app(scope, self._bounded(receive, come), guarded)
        except TooLarge:
            if not begun:
                await _answer(guarded, *self._too_large())
        except TooMany:
            if not begun:
                words = "The server is busy. Try again in 2 s."
                await _answer(guarded, 429, "busy", words, retry_after=2)
        except TooSlow:
            if not begun:
                words = "The upload did not end in time. Try again."
                await _answer(guarded, 408, "too_slow", words)
        except ClientDisconnect:  # Whoever has left hears no answer.
            return
        except Exception:
            if begun:
                raise
            log.exception("fault")
            words = "A fault of the server; nothing was kept."
            await _answer(guarded, 500, "fault", words)
        finally:
            self.held -= come[0]

    def _refused(self, scope):
        """Status, reason and message, if a look at the headers is enough."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if "*" not in self.hosts and _without_port(host) not in self.hosts:
            words = (
                "This server isn't called so. Open the address that it printed, or "
                "start it with --name HOST."
            )
            return 421, "wrong_host", words
        if scope["method"] not in ("GET", "HEAD") and _is_foreign(headers, host):
            words = "Another web page sent this. Only the server's own page may."
            return 403, "other_origin", words
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            return 400, "bad_length", "The Content-Length is no number."
        if int(length[:20]) > self.limits.body:
            return self._too_large()
        return None

    def _too_large(self):
        most = self.limits.body // 2**20
        return 413, "too_large", f"A request may have {most} MB at most."

    def _bounded(self, receive, come):
        """Count the bytes, and the time until the body has come."""
        ended = False
        deadline = asyncio.get_running_loop().time() + self.limits.upload_seconds

        async def bounded():
            nonlocal ended
            if ended:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise TooSlow from None
            size = len(message.get("body", b""))
            come[0] += size
            self.held += size
            if come[0] > self.limits.body:
                raise TooLarge
            if self.held > self.limits.bodies:
                raise TooMany
            ended = not message.get("more_body", False)
            return message

        return bounded


def bracketed(host):
    """A host as addresses write it: `::1` → `[::1]`."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _is_foreign(headers, host):
    """Whether another page than the server's own sent the request."""
    if headers.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none"):
        return True
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    try:
        return bool(origin) and urllib.parse.urlsplit(origin).netloc != host
    except ValueError:
        return True


def _without_port(host):
    """`[::1]:8000` → `[::1]`."""
    end = host.rfind(":")
    return host[:end] if end > host.rfind("]") else host


async def _answer(send, status, reason, message, retry_after=None):
    body = {"intended_use": NOT_CLINICAL, "reason": reason, "message": message}
    body["retry_after"] = retry_after
    body = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    headers.append((b"content-length", str(len(body)).encode()))
    if retry_after:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
