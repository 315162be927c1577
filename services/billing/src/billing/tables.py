"""Billing's tables. What must be unique, balanced or unchangeable the database holds too: see migrations."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

_moment = DateTime(timezone=True)
_euros = Numeric(14, 2)

partners = Table(
    "partners",
    metadata,
    Column("partner_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", JSONB, nullable=False, doc="contracts.values.Address"),
    Column("language", Text, nullable=False),
    Column("customer_number", Text, nullable=False),
    Column("vat_id", Text),
    Column("tax_number", Text),
    Column(
        "self_billing", JSONB, nullable=False, doc="list of [valid_from, valid_until or null], days included"
    ),
    CheckConstraint("language IN ('de', 'en')", name="partners_language_known"),
    comment="A copy of the registry's partners, as far as documents need it.",
)

rate_cards = Table(
    "rate_cards",
    metadata,
    Column("rate_card_id", Uuid, primary_key=True),
    Column("newest_version", Integer, nullable=False),
    Column("versions", JSONB, nullable=False, doc="list of RateCardVersion, the newest last"),
    CheckConstraint("newest_version = jsonb_array_length(versions)", name="rate_cards_versions_counted"),
    comment="Published prices. A trigger lets the list of versions grow and nothing else.",
)

settlements = Table(
    "settlements",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("job_number", Text, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("contractor_id", Uuid, nullable=False),
    Column("postcode", Text, nullable=False, doc="of the place of work"),
    Column("kind_of_work", Text, nullable=False),
    Column("certifications", JSONB, nullable=False, doc="list of RequiredCertification"),
    Column("statement_version", Integer, nullable=False),
    Column("hours", Numeric(6, 2), nullable=False, doc="as approved, in quarters"),
    Column("performed_from", Date, nullable=False),
    Column("performed_to", Date, nullable=False),
    Column("travel_zone", SmallInteger, nullable=False),
    Column("rate_card_id", Uuid, nullable=False),
    Column("rate_card_version", Integer, nullable=False),
    Column("order_number", Text, doc="the client's own, for his invoice"),
    Column("cost_centre", Text, doc="the client's own, for his invoice"),
    Column("hold", Text, doc="why it is held; null: settled"),
    Column("waiting_for", Text, doc="<rows>/<id> whose arrival may resolve the hold"),
    Column("held_since", _moment, doc="kept after the hold is resolved"),
    Column("resolution_note", Text, doc="the clerk's remark, when a clerk resolved the hold"),
    Column("settled_at", _moment),
    CheckConstraint("(hold IS NULL) <> (settled_at IS NULL)", name="settlements_held_or_settled"),
    CheckConstraint("(hold IS NULL) = (waiting_for IS NULL)", name="settlements_hold_says_for_what"),
    CheckConstraint(
        "hold IN ('missing_rate_card', 'missing_partner', 'missing_self_billing_agreement')",
        name="settlements_hold_known",
    ),
    comment="One row per completed job: the facts it is billed by, and whether it is held or settled.",
)
Index(
    "settlements_waiting_for",
    settlements.c.waiting_for,
    postgresql_where=settlements.c.waiting_for.is_not(None),
)

documents = Table(
    "documents",
    metadata,
    Column("number", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("number_range", Text, nullable=False, doc="the counter the number comes from"),
    Column("running_number", BigInteger, nullable=False, doc="1, 2, 3 … in its range"),
    Column("job_id", Uuid, ForeignKey("settlements.job_id", name="documents_job"), nullable=False),
    Column(
        "partner_id",
        Uuid,
        nullable=False,
        doc="the client of an invoice, the contractor of a self-billed one",
    ),
    Column("issued_on", Date, nullable=False, doc="Berlin day"),
    Column("due_on", Date, nullable=False),
    Column("net", _euros, nullable=False),
    Column("vat", _euros, nullable=False),
    Column("gross", _euros, nullable=False),
    Column("data", JSONB, nullable=False, doc="all the document says; see domain/documents.py"),
    Column("sha256", Text, nullable=False, doc="of the canonical JSON of data"),
    UniqueConstraint("job_id", "kind", name="documents_once_per_job_and_kind"),
    UniqueConstraint("number_range", "running_number", name="documents_number_once"),
    CheckConstraint("kind IN ('invoice', 'self-billed-invoice')", name="documents_kind_known"),
    CheckConstraint("gross = net + vat", name="documents_add_up"),
    CheckConstraint("data ->> 'number' = number AND data ->> 'kind' = kind", name="documents_data_is_theirs"),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="documents_sha256_form"),
    comment="Issued documents. A trigger refuses UPDATE, DELETE and TRUNCATE.",
)

entries = Table(
    "entries",
    metadata,
    Column("entry_id", Text, primary_key=True, doc="the document's number"),
    Column("document_number", Text, ForeignKey("documents.number", name="entries_document"), nullable=False),
    Column("booked_on", Date, nullable=False),
    comment="What is booked together. A trigger refuses UPDATE, DELETE and TRUNCATE.",
)

postings = Table(
    "postings",
    metadata,
    Column("entry_id", Text, ForeignKey("entries.entry_id", name="postings_entry"), primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    Column("account", Text, nullable=False, doc="receivable/<partner>, payable/<partner>, or one of ours"),
    Column("amount", _euros, nullable=False, doc="euros; debit positive, credit negative"),
    CheckConstraint(
        "account IN ('revenue', 'cost-of-services', 'vat-out', 'vat-in') "
        "OR account ~ '^(receivable|payable)/[0-9a-f-]{36}$'",
        name="postings_account_known",
    ),
    comment="At commit each entry sums to zero: trigger entry_balances. No UPDATE, DELETE, TRUNCATE.",
)
Index("postings_account", postings.c.account)
