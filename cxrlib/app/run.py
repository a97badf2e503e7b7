"""From the command line to a server that listens."""

import ipaddress
import logging

from cxrbase.files import InputError
from cxrlib.app.gate import LungGate
from cxrlib.app.guards import LOOPBACK
from cxrlib.app.limits import NOT_CLINICAL
from cxrlib.app.system import load_system


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
    try:
        import uvicorn

        from cxrlib.app.server import create_app
    except ImportError as error:
        raise InputError(
            f"the web page needs {error.name}. In the course's folder run: pip install "
            "'.[train,dicom,app]'"
        ) from None
    system, lungs = load_system(model)
    app = create_app(system, gate=LungGate(lungs), hosts=(*LOOPBACK, host, *names))
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("cxrlib.app").setLevel(logging.INFO)
    if not _is_loopback(host):
        logging.getLogger("cxrlib.app").warning(
            "listening on %s: whoever reaches this machine reaches the page", host
        )
    config = uvicorn.Config(
        app, host=host, port=port, access_log=False, log_level="warning",
        server_header=False, proxy_headers=False, timeout_keep_alive=30,
    )  # fmt: skip
    listening = config.bind_socket()
    address = f"http://{host}:{listening.getsockname()[1]}"
    print(f"{address}  ({NOT_CLINICAL}; Ctrl-C ends it)", flush=True)
    uvicorn.Server(config).run(sockets=[listening])


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
