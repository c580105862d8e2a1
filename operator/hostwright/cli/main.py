"""`hostwright`: the operator, the sandbox, the simulated site."""

import asyncio
import ipaddress
import os
import sys

import click

from hostwright import __version__
from hostwright.cli.demo import demo
from hostwright.cli.sandbox import sandbox
from hostwright.cli.simulated import address, simulated


def networks(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """What `--refuse-probes` was given, or what is wrong with it."""
    for value in values:
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            raise click.BadParameter(f"{error}. Write a network, such as 10.96.0.0/12.") from error
    return values


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Kubernetes resources in, running machines out."""


@main.command(
    short_help="Run the operator in the foreground.",
    epilog="Example: hostwright operator --kubeconfig .sandbox/operator.kubeconfig --http 127.0.0.1:0",
)
@click.option(
    "--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="Default: $KUBECONFIG, else the pod's own."
)
@click.option(
    "--namespace", "namespaces", multiple=True, help="Watch only this namespace; may be repeated. Default: all."
)
@click.option(
    "--http",
    default="127.0.0.1:8080",
    show_default=True,
    metavar="HOST:PORT",
    callback=lambda context, option, value: value if address(context, option, value) else None,
    help="Where /healthz, /readyz and /metrics are. Port 0: any.",
)
@click.option("--identity", help="Holder of the Lease. Default: host name and pid.")
@click.option("--cluster-id", help="Default: kept in a ConfigMap, at first the uid of kube-system.")
@click.option("--operator-namespace", help="Default: $POD_NAMESPACE, else hostwright-system.")
@click.option(
    "--refuse-probes",
    multiple=True,
    metavar="CIDR",
    callback=networks,
    help="A network that no readiness probe connects to: the cluster's Pods, Services and nodes. May be repeated.",
)
@click.option(
    "--visibility-lag",
    type=float,
    help="Seconds a created thing may stay invisible; overrides the backend's. For tests.",
)
@click.option(
    "--capacity-retry",
    type=click.FloatRange(min=0.1),
    help="Seconds before the first retry where there is no room, doubled up to 15 min. Default: 60. For tests.",
)
@click.option(
    "--compare-every",
    type=click.FloatRange(min=0.1),
    help="Seconds between comparisons of what is watched with a list. Default: 600. For tests.",
)
@click.option("--without-lease", is_flag=True, help="Act without holding the Lease. For tests of two writers only.")
@click.option(
    "--log-level", default="info", type=click.Choice(["debug", "info", "warning", "error"]), show_default=True
)
@click.option("--log-format", default="auto", type=click.Choice(["auto", "console", "json"]), show_default=True)
def operator(**flags: object) -> None:
    """Run the operator in the foreground; SIGTERM ends it within 25 s."""
    # Here, and not above: the sandbox and the simulated site need none of it, and start faster without.
    from hostwright.runtime.app import Operator  # noqa: PLC0415
    from hostwright.runtime.logs import configure  # noqa: PLC0415
    from hostwright.runtime.settings import Settings  # noqa: PLC0415

    configure(str(flags.pop("log_level")), str(form := flags.pop("log_format")))
    without_lease = flags.pop("without_lease")
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    settings = Settings(**given, lease=not without_lease, log_format=str(form))  # type: ignore[arg-type] # click's own types
    code = asyncio.run(_run(Operator, settings))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a thread busy in a backend's call would hold the exit


async def _run(make: object, settings: object) -> int:
    return await make(settings).run()  # type: ignore[operator,no-any-return] # imported late: the sandbox needs none of it


main.add_command(demo)
main.add_command(sandbox)
main.add_command(simulated)

if __name__ == "__main__":
    main()
