"""The message path, once for all services: consume, decide, save, publish. No word of the business stands here."""

import contextlib
import sys

# structlog, and Mako for Alembic, load rich and Pygments where they find them (typer has brought them) to colour
# tracebacks: 7 MB of each service, which writes lines of JSON
if not {"rich", "pygments"} & sys.modules.keys():
    sys.modules |= {"rich": None, "pygments": None}  # type: ignore[dict-item]  # their imports fail
    try:
        import structlog  # noqa: F401

        with contextlib.suppress(ImportError):
            import mako.exceptions  # type: ignore[import-untyped]  # noqa: F401
    finally:
        del sys.modules["rich"], sys.modules["pygments"]
