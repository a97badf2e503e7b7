"""The server: four questions, one page."""

import asyncio
import contextlib
import dataclasses
import errno
import ipaddress
import logging
import pathlib
import socket
import time

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

import cxrlib
from cxrbase.files import InputError
from cxrlib.app import answers
from cxrlib.app.desk import Desk
from cxrlib.app.gate import LungGate, size_gate
from cxrlib.app.guards import LOOPBACK, Guards, bracketed
from cxrlib.app.limits import NOT_CLINICAL, Limits, Refusal
from cxrlib.app.system import abilities, load_system
from cxrlib.app.uploads import read_form
from cxrlib.app.work import Work

STATIC = pathlib.Path(__file__).parent / "static"
log = logging.getLogger("cxrlib.app")

FILM = {"type": "string", "format": "binary", "description": "PNG, JPEG or DICOM"}
LABEL = {"type": "string", "maxLength": 200, "description": "one of the model's labels"}
STATUSES = {
    400: "The request is malformed.",
    403: "Another web page sent the request.",
    404: "The model can't answer this question.",
    408: "The upload took too long.",
    413: "The request or a film is too large.",
    415: "The request is no form.",
    421: "The server isn't called so.",
    422: "A film can't be read, or is no frontal chest film.",
    429: "The server is busy; Retry-After says when to try again.",
}
REFUSED = {
    status: {"model": answers.Refused, "description": words}
    for status, words in STATUSES.items()
}


def form_of(**fields):
    """How OpenAPI describes a form; its films are read by ourselves, in memory."""
    schema = {
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if name != "lateral"],
        "additionalProperties": False,
    }
    body = {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    return {"requestBody": body}


def create_app(system, limits=None, gate=size_gate, hosts=LOOPBACK):
    """Make the application that serves a system.

    Args:
        system: an object as `cxrlib.app.system` describes.
        limits: a `Limits`, or `None` for the usual ones.
        gate: callable. Takes a film, says why it is refused, `""` if it isn't.
        hosts: sequence of strings. The names that the server may be called by.

    Returns:
        A `fastapi.FastAPI`.

    Example:
    ```python
    uvicorn.run(create_app(system), host="127.0.0.1", port=8000)
    ```
    """
    limits = limits or Limits()
    desks = {
        "diagnosis": Desk("diagnosis", limits.waiting, 0.2),
        "heatmap": Desk("heatmap", limits.waiting_long, 1.0),
        "outline": Desk("outline", limits.waiting_long, 1.0),
        "report": Desk("report", limits.waiting_long, 8.0),
    }
    work = Work(system, limits, gate)

    @contextlib.asynccontextmanager
    async def lifespan(_):
        try:
            await asyncio.to_thread(work.start)
            yield
        finally:
            work.close()
            for desk in desks.values():
                desk.close()

    app = FastAPI(
        title="Chest X-rays, read by a course's model",
        description=f"**{NOT_CLINICAL.capitalize()}.** Nothing that is sent is kept.",
        version=cxrlib.__version__,
        lifespan=lifespan,
        docs_url=None,  # Their pages fetch scripts from elsewhere.
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.add_middleware(Guards, limits=limits, hosts=hosts)
    _refusals(app)

    @app.get("/api/health", response_model=answers.Health)
    async def health():
        """Whether the server answers, and which model does."""
        desk = desks["diagnosis"]
        return answers.Health(
            status="busy" if desk.here > desk.waiting else "ready",
            version=cxrlib.__version__,
            waiting=desk.here,
            model=work.model,
            limits={k: float(v) for k, v in dataclasses.asdict(limits).items()},
        )

    @app.post(
        "/api/predict",
        response_model=answers.Prediction,
        responses=REFUSED,
        openapi_extra=form_of(frontal=FILM, lateral=FILM),
    )
    async def predict(request: Request):
        """The probabilities of all labels for a frontal; a lateral is only checked."""
        return await asked(request, "diagnosis", work.predict)

    @app.post(
        "/api/heatmap",
        response_model=answers.HeatMap,
        responses=REFUSED,
        openapi_extra=form_of(frontal=FILM, label=LABEL),
    )
    async def heatmap(request: Request):
        """Grad-CAM: where the model looked for a label."""
        return await asked(request, "heatmap", work.heatmap, ("label",))

    @app.post(
        "/api/outline",
        response_model=answers.Outline,
        responses=REFUSED,
        openapi_extra=form_of(frontal=FILM),
    )
    async def outline(request: Request):
        """The outline of the lungs."""
        return await asked(request, "outline", work.outline)

    @app.post(
        "/api/report",
        responses={
            200: {
                "description": "One JSON object per line; the last is done or refused.",
                "content": {
                    "application/x-ndjson": {"schema": {"type": "string"}},
                },
            },
            **REFUSED,
        },
        openapi_extra=form_of(frontal=FILM, lateral=FILM),
    )
    async def report(request: Request):
        """The report of both views, with a line for each stage that is reached."""
        able("report")
        desk, stack = desks["report"], contextlib.ExitStack()
        await placed(stack, desk, request)
        try:
            form = await read_form(request, limits)
        except BaseException:
            stack.close()
            raise
        return answers.Told(stages(desk, form), stack)

    def able(name):
        if name != "diagnosis" and name not in abilities(system):
            raise Refusal(404, "not_able", f"This model has no {name}.")

    async def placed(stack, desk, request):
        try:
            stack.enter_context(desk.place())
        except Refusal:
            async for _ in request.stream():  # A browser reads no answer before.
                pass
            raise

    async def asked(request, name, question, words=()):
        """Take a place, receive the films, wait, answer, and log a hash."""
        able(name)
        begun, hashed, outcome = time.monotonic(), "-", "failed"
        with contextlib.ExitStack() as stack:
            try:
                await placed(stack, desks[name], request)
                form = await read_form(request, limits, words)
                hashed = form.hash
                answer = await desks[name].serve(question, form)
                outcome = "answered"
                return answer
            except Refusal as refusal:
                outcome = refusal.reason
                raise
            finally:
                took = 1000 * (time.monotonic() - begun)
                log.info("%s %s %s %.0f ms", name, hashed, outcome, took)

    async def stages(desk, form):
        begun, outcome = time.monotonic(), "left"
        queue = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(stage):
            loop.call_soon_threadsafe(queue.put_nowait, {"stage": stage})

        yield {"stage": "waiting", "expected_seconds": round(desk.wait, 1)}
        job = asyncio.ensure_future(desk.serve(work.report, form, tell))
        job.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (line := await queue.get()) is not None:
                yield line | {"expected_seconds": round(desk.seconds, 1)}
            try:
                outcome = "answered"
                yield {"stage": "done"} | job.result()
            except Refusal as refusal:
                outcome = refusal.reason
                yield {
                    "stage": "refused",
                    "reason": refusal.reason,
                    "message": refusal.message,
                }
            except Exception:
                log.exception("report %s", form.hash)
                words = "The report could not be written: a fault of the server."
                yield {"stage": "refused", "reason": "failed", "message": words}
        finally:
            job.cancel()
            took = 1000 * (time.monotonic() - begun)
            log.info("report %s %s %.0f ms", form.hash, outcome, took)

    app.mount("/", StaticFiles(directory=STATIC, html=True), name="page")
    return app


def _refusals(app):
    """Every error is answered in one form."""

    def refused(status, reason, message, retry_after=None, details=None):
        headers = {"retry-after": str(retry_after)} if retry_after else None
        body = answers.Refused(
            reason=reason, message=message, retry_after=retry_after, **(details or {})
        )
        return JSONResponse(body.model_dump(), status, headers)

    @app.exception_handler(Refusal)
    async def known(_, refusal):
        return refused(
            refusal.status, refusal.reason, refusal.message, refusal.retry_after,
            refusal.details,
        )  # fmt: skip

    @app.exception_handler(HTTPException)
    async def http(_, error):
        answer = refused(error.status_code, "http", str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RequestValidationError)
    async def invalid(_, error):
        return refused(422, "invalid", "The request does not fit its description.")


def run_server(model=None, host="127.0.0.1", port=8000, names=()):
    """Serve until Ctrl-C.

    Args:
        model: string, path or `None`. As in `load_system`.
        host: string. The address to listen on.
        port: int.
        names: sequence of strings. Names that the server may be called by, besides
            those of the loopback and `host`.

    Raises:
        InputError: if a model or a library is missing, or the port is taken.

    Example:
    ```python
    run_server(port=8000)
    ```
    """
    with _bound(host, port) as listening:  # Before the models, which take long.
        system, lungs = load_system(model)
        hosts = (*LOOPBACK, host, *names)
        app = create_app(system, gate=LungGate(lungs), hosts=hosts)
        _serve(app, system, host, listening)


def _bound(host, port):
    """A socket that listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            words = f"port {port}: is taken. Give another with --port."
        else:
            words = f"{host}, port {port}: can't be listened on ({error.strerror})."
        raise InputError(words) from None


def _serve(app, system, host, listening):
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("cxrlib.app").setLevel(logging.INFO)
    if not _is_loopback(host):
        logging.getLogger("cxrlib.app").warning(
            "listening on %s: whoever reaches this machine reaches the page", host
        )
    config = uvicorn.Config(
        app, access_log=False, log_level="warning",
        server_header=False, proxy_headers=False, timeout_keep_alive=30,
    )  # fmt: skip
    address = f"http://{bracketed(host)}:{listening.getsockname()[1]}"
    server = Announced(config)
    server.said = (
        f"{system.name}, trained on {system.trained_on}\n"
        f"{address}  ({NOT_CLINICAL}; Ctrl-C ends it)"
    )
    server.run(sockets=[listening])


class Announced(uvicorn.Server):
    """A server that prints what it serves, and where, once it answers."""

    async def startup(self, sockets=None):
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            print(self.said, flush=True)


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
