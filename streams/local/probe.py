"""Whether a process of ours says that it is ready."""

import http.client
from typing import Final
from urllib.parse import urlsplit

_PROBE_SECONDS: Final = 1.0


def answers_200(url: str) -> bool:
    """Tell whether a page answers with 200."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        address.hostname or "127.0.0.1", address.port, timeout=_PROBE_SECONDS
    )
    try:
        connection.request("GET", address.path or "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
