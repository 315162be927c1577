"""The registry's own tables. The migrations create them; this is what code sees."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, MetaData, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData()

partners = Table(
    "partners",
    metadata,
    Column("partner_id", UUID(as_uuid=True), primary_key=True),
    Column("customer_number", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", JSONB, nullable=False, doc="street, postcode, city, country"),
    Column("email", Text, nullable=False, doc="where notifications go; never leaves but in a mail"),
    Column("language", Text, nullable=False, doc="of the notifications: de or en"),
    Column("customer_status", Text, nullable=False),
    Column("customer_group", Text, doc="code of a group of companies"),
    Column("vat_id", Text),
    Column("tax_number", Text),
    Column("certifications_said", JSONB, nullable=False, doc="as the CRM or the registration said them last"),
    Column("certifications_held", JSONB, nullable=False, doc="as they hold, and as others see them"),
    Column("agreements", JSONB, nullable=False),
    Column(
        "policies", JSONB, nullable=False, doc="liability insurances by first day; no day is in two of them"
    ),
    Column("availability", JSONB),
    Column("suspended_for", Text, doc="the distributor's reason; null: not suspended"),
    Column("excluded_partner_ids", JSONB, nullable=False),
    Column("sealing_key", JSONB, doc="public JWK"),
    Column("billing", JSONB, doc="BillingFacts: for documents and taxes, with their days"),
    UniqueConstraint("customer_number", name="partners_customer_number_once"),
    CheckConstraint("language IN ('de', 'en')", name="partners_language_known"),
    CheckConstraint(
        "customer_status IN ('active', 'blocked', 'ended', 'unknown')", name="partners_customer_status_known"
    ),
    comment="A partner, whole. Its lock is what whoever changes a partner takes.",
)

customers = Table(
    "customers",
    metadata,
    Column("customer_number", Text, primary_key=True),
    Column("partner_id", UUID(as_uuid=True), nullable=False, doc="given once; a trigger refuses another one"),
    Column(
        "record", JSONB, nullable=False, doc="what the CRM or the registration said last, e-mail included"
    ),
    UniqueConstraint("partner_id", name="customers_partner_once"),
    comment="Which partner a customer number belongs to, whoever spoke of it first.",
)

correspondence = Table(
    "correspondence",
    metadata,
    Column("job_id", UUID(as_uuid=True), primary_key=True),
    Column("job_number", Text, nullable=False),
    Column("client_id", UUID(as_uuid=True)),
    Column("contractor_id", UUID(as_uuid=True)),
    Column("settled", Boolean, nullable=False, doc="after this nothing older is said any more"),
    comment="A job as far as letters about it are concerned.",
)
