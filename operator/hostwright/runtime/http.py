"""/healthz, /readyz and /metrics: one small server of ours."""

from collections.abc import Callable

from aiohttp import web

from hostwright.runtime.metrics import Metrics
from hostwright.runtime.refusal import StartRefusedError

Probe = Callable[[], str]  # empty: fine; else what is wrong


async def serve(address: str, metrics: Metrics, healthy: Probe, ready: Probe) -> tuple[web.AppRunner, str]:
    """Start it; returns the runner and the address it listens on (port 0: any free one)."""
    host, _, port = address.rpartition(":")

    def probe(check: Probe) -> Callable[[web.Request], object]:
        async def answer(_: web.Request) -> web.Response:
            wrong = check()
            return web.Response(text=wrong or "ok", status=503 if wrong else 200)

        return answer

    async def scrape(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), content_type="text/plain", charset="utf-8")

    app = web.Application()
    app.router.add_get("/healthz", probe(healthy))  # type: ignore[arg-type] # aiohttp's Handler is a union of old styles
    app.router.add_get("/readyz", probe(ready))  # type: ignore[arg-type]
    app.router.add_get("/metrics", scrape)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host or "127.0.0.1", int(port))
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        text = f"cannot listen on {address} ({error.strerror}). Choose another with --http; port 0 is any free one."
        raise StartRefusedError(text) from error
    name = runner.addresses[0]
    return runner, f"http://{name[0]}:{name[1]}"
