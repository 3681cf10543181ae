"""An HTTP server that stands for the chats' webhooks, and keeps what they get."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Message:
    """What a webhook got. `at`: POSIX seconds."""

    path: str
    body: Any
    at: float


class ChatServer:
    """An HTTP server that keeps what a chat's webhook gets. `refuses`: whether it refuses a message to a path."""

    def __init__(self, refuses: Callable[[str], bool] = lambda _: False) -> None:
        self.received: list[Message] = []
        self.refuses = refuses
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                refused = server.refuses(self.path)
                if not refused:
                    server.received.append(Message(self.path, json.loads(body), time.time()))
                self.send_response(503 if refused else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def messages(self, path: str) -> list[Any]:
        """Return what a path got."""
        return [message.body for message in self.received if message.path == path]

    def stop(self) -> None:
        """Stop it."""
        self._http.shutdown()
        self._http.server_close()
