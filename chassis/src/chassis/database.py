"""The connection pool, with the time-outs that free what a frozen process holds."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chassis.settings import ServiceSettings

SESSION = {
    "application_name": "",
    "timezone": "UTC",
    "lock_timeout": "10s",
    "statement_timeout": "20s",
    # above the 10 s that acks may take, below the 300 s poll interval: a frozen replica lets go long before
    "idle_in_transaction_session_timeout": "15s",
    "transaction_timeout": "45s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    # rows are few and keys are arrays: a compiled plan costs more than it saves
    "jit": "off",
}


def connect(settings: ServiceSettings, service: str, *, as_owner: bool = False) -> AsyncEngine:
    """The service's engine. No connection is made yet.

    as_owner: as who owns the tables, where that is somebody else than the service's own role.
    """
    owner = settings.owner_database_url if as_owner else None
    return create_async_engine(
        str(owner or settings.database_url),
        pool_size=settings.database_pool_size,
        max_overflow=0,
        hide_parameters=True,  # an SQL error that is logged must not quote rows
        pool_timeout=10,
        pool_recycle=1800,
        connect_args={
            "server_settings": SESSION | {"application_name": f"servicenetz {service}"},
            "timeout": 5,
            "command_timeout": 30,
        },
    )
