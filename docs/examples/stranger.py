"""A stranger's program: posts a job and follows it to its settlement. No code of Servicenetz in it.

Needs `pip install confluent-kafka joserfc`. Everything it knows is in contracts/: the topics, the schemas, the headers.

    python stranger.py --stack .servicenetz/stack.json                      addresses of a local stack
    python stranger.py --bootstrap 127.0.0.1:9092 --sealing-key job-exchange.public.json --client-id 0198…

Without --client-id it posts as the first partner it finds who may post. Somebody has to take the job: on a stack of
your own run `servicenetz dealers` beside it. Exit code 0: settled; 1: refused, unfilled or not settled in time.
"""

import argparse
import json
import os
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey
from joserfc.registry import HeaderParameter

COMMANDS, REPLIES = "job-exchange.commands.v1", "job-exchange.replies.v1"
FOLLOWED = ("job-exchange.jobs.v1", "matching.assignments.v1", "billing.settlements.v1")
PARTNERS = "partner-registry.partners.v1"
END_CUSTOMER = {
    "name": "Gasthof Lindenhof",
    "contact": "Erika Beispiel",
    "street": "Marktplatz 3",
    "postcode": "24937",
    "city": "Flensburg",
    "phone": "+49 461 5550199",
    "email": None,
    "notes": "Bitte am Hintereingang klingeln.",
}


def uuid7() -> str:
    """Ids are UUIDv7 (RFC 9562): milliseconds, then random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    return str(uuid.UUID(int=value & ~(0x3 << 62) | (0x2 << 62)))


def seal(plaintext: dict[str, Any], public_jwk: dict[str, Any], job_id: str) -> str:
    """A compact JWE to job-exchange's published key; the job's id stands in the protected header."""
    registry = jwe.JWERegistry(
        header_registry={"job": HeaderParameter("the job this belongs to", "str")},
        algorithms=["ECDH-ES", "A256GCM"],
    )
    key = (ECKey if public_jwk["kty"] == "EC" else OKPKey).import_key(public_jwk)
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": public_jwk["kid"], "job": job_id}
    return jwe.encrypt_compact(header, json.dumps(plaintext).encode(), key, registry=registry)


def posting(job_id: str, client_id: str, sealed: str) -> dict[str, Any]:
    """PostJob, as contracts/schemas has it: decimals are text, times have an offset."""
    starts = (datetime.now(UTC) + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    return {
        "job_id": job_id,
        "client_id": client_id,
        "postcode": END_CUSTOMER["postcode"],
        "kind_of_work": "installation",
        "required_certifications": [],
        "window": {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=8)).isoformat()},
        "estimated_hours": "4.50",
        "response_time": "scheduled",
        "insurance_sum": None,
        "highest_zone": 4,
        "offer_policy": "sequential",
        "own_reference": {"order_number": "X-4711", "cost_centre": None},
        "summary": "Telefonanlage montieren",
        "end_customer": sealed,
    }


def headers(message_id: str, client_id: str, job_id: str) -> list[tuple[str, str | bytes | None]]:
    """CloudEvents 1.0 in Kafka's binary mode. ce_actor: in development our word is taken for who we are."""
    values = {
        "ce_specversion": "1.0",
        "ce_id": message_id,
        "ce_source": "/examples/stranger",
        "ce_type": "job-exchange.PostJob.v1",
        "ce_subject": job_id,
        "ce_time": datetime.now(UTC).isoformat(),
        "ce_dataschema": f"urn:servicenetz:schema:{COMMANDS}:PostJob",
        "ce_actor": f"partner:{client_id}",
        "content-type": "application/json",
    }
    return [(name, value.encode()) for name, value in values.items()]


def consumer(bootstrap: str) -> Consumer:
    """Reads without a group: offsets are kept by nobody."""
    return Consumer(
        {"bootstrap.servers": bootstrap, "group.id": f"stranger-{uuid.uuid4()}", "enable.auto.commit": False}
    )


def partitions(reader: Consumer, topic: str) -> list[int]:
    """The numbers of a topic's partitions."""
    return sorted(reader.list_topics(topic, timeout=20).topics[topic].partitions)


def somebody_who_may_post(bootstrap: str) -> str:
    """The id of a partner with a client agreement, from the compacted topic."""
    reader = consumer(bootstrap)
    reader.assign(
        [TopicPartition(PARTNERS, number, OFFSET_BEGINNING) for number in partitions(reader, PARTNERS)]
    )
    ends = time.monotonic() + 20
    try:
        while time.monotonic() < ends:
            record = reader.poll(1.0)
            if record is None or record.error() or not record.value():
                continue
            partner = json.loads(record.value() or b"{}")
            if partner["suspended"] or partner["customer_status"] != "active":
                continue
            for agreement in partner["agreements"]:
                if agreement["kind"] == "client" and agreement["highest_travel_zone"] >= 4:
                    return str(partner["partner_id"])
    finally:
        reader.close()
    sys.exit("No partner may post here. On a stack of your own: run `servicenetz dealers`.")


def from_now_on(bootstrap: str) -> Consumer:
    """Reads the replies and what happens to jobs; positioned before anything is sent."""
    reader = consumer(bootstrap)
    places = []
    for topic in (REPLIES, *FOLLOWED):
        for number in partitions(reader, topic):
            _, end = reader.get_watermark_offsets(TopicPartition(topic, number), timeout=20)
            places.append(TopicPartition(topic, number, end))
    reader.assign(places)
    return reader


def type_of(record: Message) -> str:
    """The message's name, such as JobAssigned."""
    name = dict(record.headers() or ())["ce_type"]
    return (name.decode() if isinstance(name, bytes) else str(name)).split(".")[1]


def follow(reader: Consumer, message_id: str, job_id: str, seconds: float) -> int:
    """Print what concerns us until the job is settled."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        record = reader.poll(1.0)
        if record is None:
            continue
        if record.error():
            raise KafkaException(record.error())
        if record.key() not in (message_id.encode(), job_id.encode()) or record.value() is None:
            continue
        name, body = type_of(record), json.loads(record.value() or b"{}")
        if name == "CommandRejected":
            print(f"refused: {body['code']}: {body['message']} (field {body['field']})")
            return 1
        if name == "CommandAccepted":
            prices = ", ".join(
                f"zone {p['zone']}: {p['per_hour']['amount']}/h + {p['travel']['amount']}"
                for p in body["price_by_zone"]
            )
            print(f"accepted: job {body['job_number']}; {prices} (EUR, net)")
        elif name == "JobAssigned":
            print(
                f"assigned: to {body['contractor_id']}, {body['distance_km']} km away, zone {body['travel_zone']}"
            )
        elif name == "JobUnfilled":
            print(f"unfilled: {body['looked_at']} partners looked at, {body['offers_made']} asked")
            return 1
        elif name == "JobSettled":
            print(f"settled: at {body['settled_at']}")
            return 0
        else:
            print(f"  {name}")
    print(f"not settled within {seconds:.0f} s")
    return 1


def main() -> int:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description="Post a job to Servicenetz with a plain Kafka client.")
    parser.add_argument("--stack", type=Path, help="a local stack's stack.json")
    parser.add_argument("--bootstrap", help="the broker, host:port")
    parser.add_argument("--sealing-key", type=Path, help="job-exchange's public key, a JWK file")
    parser.add_argument("--client-id", help="who posts: a partner's id")
    parser.add_argument("--within", type=float, default=90.0, help="seconds to wait for the settlement")
    options = parser.parse_args()
    if options.stack is not None:
        stack = json.loads(options.stack.read_text(encoding="utf-8"))
        options.bootstrap = options.bootstrap or stack["kafka"]
        options.sealing_key = options.sealing_key or Path(stack["sealing_public_key"])
    if not options.bootstrap or not options.sealing_key:
        parser.error("give --stack, or --bootstrap and --sealing-key")
    key = json.loads(options.sealing_key.read_text(encoding="utf-8"))
    client_id = options.client_id or somebody_who_may_post(options.bootstrap)
    job_id, message_id = uuid7(), uuid7()
    body = posting(job_id, client_id, seal(END_CUSTOMER, key, job_id))
    reader = from_now_on(options.bootstrap)
    try:
        producer = Producer({"bootstrap.servers": options.bootstrap, "acks": "all"})
        producer.produce(
            COMMANDS,
            json.dumps(body).encode(),
            job_id.encode(),
            headers=headers(message_id, client_id, job_id),
        )
        if producer.flush(20):
            sys.exit(f"The broker at {options.bootstrap} does not take the message.")
        print(f"posted: job {job_id} by partner {client_id}")
        return follow(reader, message_id, job_id, options.within)
    finally:
        reader.close()


if __name__ == "__main__":
    sys.exit(main())
