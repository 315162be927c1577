"""The local stack with every service process started by the laboratory's launcher and hung on cables."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from laboratory.cable import Cable, Cables
from laboratory.orders import Orders
from servicenetz.ports import free_port
from servicenetz.service import Instance
from servicenetz.stack import Stack

PACKAGES = Path(__file__).parents[1]


class LaboratoryStack(Stack):
    """As `Stack`, under test."""

    def __init__(self, folder: Path, *, replicas: int, environment: Mapping[str, str]) -> None:
        super().__init__(folder, replicas=replicas, environment=environment)
        self._cables = Cables()
        self.to_broker: dict[str, Cable] = {}
        self.to_database: dict[str, Cable] = {}
        self._orders: dict[str, Orders] = {}

    def _build(self) -> None:
        super()._build()
        for instance in self.instances:
            self._put_under_test(instance)

    def stop(self) -> None:
        super().stop()
        self._cables.remove()

    def orders(self, instance: Instance) -> Orders:
        """Where this process looks for orders."""
        return self._orders[instance.name]

    def another(self, service: str, number: int) -> Instance:
        """One more replica, not started and watched by nobody. Numbers count up from the stack's own."""
        taken = {instance.http_port for instance in self.instances}
        port = free_port(taken)
        prefix = service.upper().replace("-", "_")
        settings = self.services[service]._environment | {f"{prefix}_HTTP_PORT": str(port)}
        instance = Instance(self, service, number, port, settings)
        self._put_under_test(instance)
        return instance

    def _put_under_test(self, instance: Instance) -> None:
        name = instance.name
        if name not in self.to_broker:
            self.to_broker[name] = self._cables.lay(self.kafka.port)
            self.to_database[name] = self._cables.lay(self.postgres.port)
        folder = self.folder / "orders" / name
        self._orders[name] = Orders(folder)
        cables = {
            self.kafka.port: self.to_broker[name].port,
            self.postgres.port: self.to_database[name].port,
        }
        own = instance._command
        instance._command = lambda: [
            sys.executable,
            "-m",
            "laboratory.launcher",
            instance.service,
            *own()[1:],
        ]
        instance._environment |= {
            "PYTHONPATH": str(PACKAGES),
            "LABORATORY_ORDERS": str(folder),
            "LABORATORY_CABLES": json.dumps(cables),
        }
