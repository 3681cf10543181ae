"""Serves the three pages of every process: `/health`, `/ready`, `/metrics`."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from models.errors import ConfigError
from streams.ports import check_port

Said = tuple[bool, dict[str, Any]]


class HttpServer:
    """A running server; `port` is the one it listens on."""

    def __init__(self, runner: web.AppRunner, port: int) -> None:
        self._runner = runner
        self.port = port

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()


async def serve(
    port: int,
    health: Callable[[], Said],
    ready: Callable[[], Said | Awaitable[Said]],
    metrics: Callable[[], bytes],
    *,
    host: str = "127.0.0.1",
    option: str = "--port",
) -> HttpServer:
    """Serve on `host` and `port` (0: any free one). `health` and `ready` return (ok, details): 200 or 503 with JSON.

    Raises ConfigError with `option`, which names the port, if the port is taken.
    """

    def page(ask: Callable[[], Said | Awaitable[Said]]) -> Callable[[web.Request], Any]:
        async def handler(_: web.Request) -> web.Response:
            answer = ask()
            ok, details = await answer if isawaitable(answer) else answer
            return web.json_response({"ok": ok, **details}, status=200 if ok else 503)

        return handler

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes(
        [
            web.get("/health", page(health)),
            web.get("/ready", page(ready)),
            web.get("/metrics", exposition),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        check_port(port, option)  # its error names the port
        raise ConfigError(option, f"port {port} of {host} cannot be listened on: {error}") from error
    return HttpServer(runner, runner.addresses[0][1])
