"""The command line of the web page."""

import click

from cxrbase.commands.options import PATH
from cxrbase.files import InputError
from cxrlib.commands.group import KerasCommand


@click.command(cls=KerasCommand)
@click.option(
    "--model",
    type=PATH,
    help="A .keras file of a diagnosis' training, or phantom-report for the report "
    "model alone, instead of the course's own diagnosis.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; the page has no log-in, so that others need a reason.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A name that the server may be called by, besides localhost. May be repeated.",
)
def serve(model, host, port, names):
    """Serve the web page that reads a frontal chest film. Not for clinical use."""
    try:
        from cxrlib.app.server import run_server
    except ImportError as error:
        raise InputError(
            f"the web page needs {error.name}. In the course's folder run: pip install "
            "'.[train,dicom,app]'"
        ) from None

    run_server(model, host, port, names)
