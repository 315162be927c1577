"""W3C trace context through headers: every message continues the trace of the one that caused it."""

from __future__ import annotations

import secrets
from uuid import UUID

from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, TraceFlags

tracer = trace.get_tracer("servicenetz.chassis")

_SAMPLED = "01"


def child_of(traceparent: str | None, message_id: UUID) -> str:
    """The traceparent of a message caused by one with `traceparent`, with a span id of its own.

    Without a cause that carries one a trace begins, named by the message's id. A malformed one is replaced, never
    passed on. Written by hand since it runs for each message; the format is W3C Trace Context, version 00.
    """
    span_id = secrets.token_hex(8)
    context = _parse(traceparent) if traceparent else None
    if context is None:
        return f"00-{message_id.hex}-{span_id}-{_SAMPLED}"
    trace_id, flags = context
    return f"00-{trace_id}-{span_id}-{flags}"


def link_to(traceparent: str | None) -> Link | None:
    """A link from a batch's span to the message's own trace."""
    context = _parse(traceparent) if traceparent else None
    if context is None or traceparent is None:
        return None
    trace_id, flags = context
    span_id = traceparent[36:52]
    return Link(
        SpanContext(
            int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
        )
    )


def _parse(traceparent: str) -> tuple[str, str] | None:
    parts = traceparent.split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2]:
        return None
    try:
        if int(parts[1], 16) == 0 or int(parts[2], 16) == 0:
            return None
        int(parts[3], 16)
    except ValueError:
        return None
    return parts[1], parts[3]
