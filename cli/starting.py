"""Is imported before all else of the `firstclaim` command, so that its imports are quick."""

import sys
from typing import Any

from streams.garbage import expect_imports


def import_structlog_without_rich() -> None:
    """Import structlog as where rich is not installed.

    With rich, structlog imports a seventh of all that a command imports, to colour tracebacks. Our log has them as
    text. Afterwards, rich can be imported.
    """
    if "rich" in sys.modules or "structlog" in sys.modules:
        return
    modules: dict[str, Any] = sys.modules
    modules["rich"] = None
    try:
        import structlog  # noqa: F401  # see above
    finally:
        del modules["rich"]


expect_imports()
import_structlog_without_rich()
