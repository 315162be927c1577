"""Apache Kafka's own image for testcontainers, whose class knows only Confluent's start script."""

from __future__ import annotations

from typing import Any

from testcontainers.community.kafka import KafkaContainer

from contracts import catalogue

LARGEST = max(topic.max_message_bytes for topic in catalogue.TOPICS.values())


class ApacheKafkaContainer(KafkaContainer):
    """One broker in KRaft mode that creates no topics by itself and takes our largest message."""

    def __init__(self, image: str = "apache/kafka:4.3.1", **options: Any) -> None:
        super().__init__(image, **options)
        self.kraft_enabled = True
        for name in (
            "TRANSACTION_STATE_LOG_REPLICATION_FACTOR",
            "TRANSACTION_STATE_LOG_MIN_ISR",
            "SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR",
            "SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR",
        ):
            self.with_env(f"KAFKA_{name}", "1")
        self.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
        self.with_env("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
        self.with_env("KAFKA_MESSAGE_MAX_BYTES", str(LARGEST))

    def tc_start(self) -> None:
        """Tell the broker the port it is reached at, then start the image's own program."""
        outside = f"{self.listener_name}://{self.get_container_host_ip()}:{self.get_exposed_port(self.port)}"
        script = (
            "#!/bin/bash\n"
            f"export KAFKA_ADVERTISED_LISTENERS={outside},BROKER://$(hostname -i | cut -d' ' -f1):9092\n"
            # some builds of the image ship the configuration read-only that they overwrite at start
            "chmod -f u+w /opt/kafka/config/* /etc/kafka/docker/* || true\n"
            "exec /etc/kafka/docker/run\n"
        )
        self.create_file(script.encode(), self.TC_START_SCRIPT)
