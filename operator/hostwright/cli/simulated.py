"""`hostwright simulated`: a simulated site as a process of its own."""

import asyncio
from pathlib import Path

import click

from hostwright.providers.simulated.serve import Options, serve
from hostwright.providers.simulated.state import StateError


@click.group(short_help="A backend whose machines are only remembered.")
def simulated() -> None:
    """A simulated site: machines that are only remembered, for demos, tests and CI.

    \b
    Example:
      hostwright simulated serve --state site.db --http 127.0.0.1:9191
    """  # noqa: D301 - click needs the character itself


def address(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, int]:
    """What `--http` was given, or what is wrong with it."""
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit():
        raise click.BadParameter(f"{value!r} is not HOST:PORT, such as 127.0.0.1:9191 (port 0: any free one).")
    return host.strip("[]"), int(port)


@simulated.command("serve")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file that keeps the machines over restarts; made if it is not there.",
)
@click.option(
    "--http",
    "address",
    default="127.0.0.1:0",
    show_default=True,
    callback=address,
    help="Where to listen; port 0: any.",
)
@click.option(
    "--latency", default=0.05, show_default=True, type=click.FloatRange(0), help="Seconds before each answer."
)
@click.option(
    "--build-seconds", default=1.0, show_default=True, type=click.FloatRange(0), help="How long a build takes."
)
@click.option("--token", default="", help="Ask for this token (key `token` of the Provider's Secret).")
@click.option(
    "--port-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the port once the site answers.",
)
def serve_command(
    *, state: Path, address: tuple[str, int], latency: float, build_seconds: float, token: str, port_file: Path | None
) -> None:
    """Run a simulated site until SIGTERM. Its HTTP API is in providers/simulated/README.md.

    \b
    Example:
      hostwright simulated serve --state site.db --http 127.0.0.1:9191 --latency 0.2
      curl http://127.0.0.1:9191/v1/machines
      curl -X PATCH http://127.0.0.1:9191/control/settings -d '{"quotaMachines": 10}'
    """  # noqa: D301 - click needs the character itself
    host, port = address
    options = Options(state, host, port, latency, build_seconds, token, port_file)

    def listening(at: str, number: int) -> None:
        shown = f"[{at}]" if ":" in at else at
        click.echo(f"The simulated site answers at http://{shown}:{number} and keeps its machines in {state}.")

    try:
        asyncio.run(serve(options, listening))
    except StateError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error}. Choose another with --http, or port 0 for any free one."
        ) from error
