"""The message path, once for all services: consume, decide, save, publish. No word of the business stands here."""

import sys

# structlog, and Mako for Alembic, load rich and Pygments where they find them (typer has brought them) to colour
# tracebacks: 7 MB of each service, which writes lines of JSON
_FOR_COLOURS = [name for name in ("rich", "pygments") if name not in sys.modules]
sys.modules |= dict.fromkeys(_FOR_COLOURS)  # type: ignore[arg-type]  # None: an import fails
try:
    import mako.exceptions  # type: ignore[import-untyped]  # noqa: F401
    import structlog  # noqa: F401
finally:
    for _name in _FOR_COLOURS:
        del sys.modules[_name]
