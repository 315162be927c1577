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
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
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
    Column("details", JSONB, nullable=False, doc="registration, addresses, account, and dated tax facts"),
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
    Column("issued_version", Integer, doc="the statement that the live documents are about"),
    Column("invoice_number", Text, doc="the client's live document"),
    Column("self_billed_number", Text, doc="the contractor's; null: none, or his own invoice"),
    Column("objected_on", Date, doc="the contractor objected to it on this Berlin day"),
    Column("building_tax", Text, nullable=False),
    Column("paid", _euros, nullable=False, doc="to the contractor, for this job"),
    Column("more", JSONB, doc="what is seldom there: see store.py"),
    CheckConstraint("hold IS NOT NULL OR settled_at IS NOT NULL", name="settlements_held_or_settled"),
    CheckConstraint("(hold IS NULL) = (waiting_for IS NULL)", name="settlements_hold_says_for_what"),
    CheckConstraint("(settled_at IS NULL) = (issued_version IS NULL)", name="settlements_settled_says_which"),
    comment="One row per completed job: the facts it is billed by, and whether it is held or settled.",
)
Index(
    "settlements_waiting_for",
    settlements.c.waiting_for,
    postgresql_where=settlements.c.waiting_for.is_not(None),
)

Index(
    "settlements_own_number_once",
    settlements.c.contractor_id,
    text("(more -> 'own_booked' ->> 'number')"),
    unique=True,
    postgresql_where=text("more ? 'own_booked'"),
)

work_classes = Table(
    "work_classes",
    metadata,
    Column("kind_of_work", Text, primary_key=True),
    Column("classes", JSONB, nullable=False, doc="list, in the order in which they were made"),
    comment="Building work or not, by kind of work and day; kept by clerks.",
)

fee_classes = Table(
    "fee_classes",
    metadata,
    Column("fee", Text, primary_key=True),
    Column("classes", JSONB, nullable=False, doc="list, in the order in which they were made"),
    comment="Remuneration or damages, by kind of fee and day; kept by clerks.",
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
    Column("statement_version", Integer, nullable=False),
    Column(
        "preceding",
        Text,
        ForeignKey("documents.number", name="documents_preceding"),
        doc="of a correction: the document that it reverses",
    ),
    Column("chain_sha256", Text, nullable=False, doc="over the link before it and sha256; set by a trigger"),
    UniqueConstraint("preceding", name="documents_reversed_once"),
    UniqueConstraint("number_range", "running_number", name="documents_number_once"),
    CheckConstraint(
        "kind IN ('invoice', 'self-billed-invoice', 'invoice-correction', 'self-billed-correction')",
        name="documents_kind_known",
    ),
    CheckConstraint(
        "(kind LIKE '%-correction') = (preceding IS NOT NULL)", name="documents_corrections_correct_something"
    ),
    CheckConstraint("gross = net + vat", name="documents_add_up"),
    CheckConstraint("data ->> 'number' = number AND data ->> 'kind' = kind", name="documents_data_is_theirs"),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="documents_sha256_form"),
    comment="Issued documents. A trigger refuses UPDATE, DELETE and TRUNCATE. Kept 8 years: domain/retention.py.",
)

Index(
    "documents_once_per_statement_and_kind",
    documents.c.job_id,
    documents.c.kind,
    documents.c.statement_version,
    unique=True,
    postgresql_where=documents.c.preceding.is_(None),
)

entries = Table(
    "entries",
    metadata,
    Column("entry_id", Text, primary_key=True, doc="<source>/<happened>"),
    Column("source", Text, nullable=False, doc="a document's number, or what stands for one"),
    Column("happened", Text, nullable=False, doc="issued, objected, withdrawn, own-invoice, paid …"),
    Column("leg", Text, nullable=False),
    Column("job_id", Uuid, nullable=False),
    Column("document_number", Text, ForeignKey("documents.number", name="entries_document")),
    Column("booked_on", Date, nullable=False),
    UniqueConstraint("source", "happened", "leg", name="entries_once"),
    CheckConstraint("leg IN ('client', 'contractor')", name="entries_leg_known"),
    CheckConstraint(
        "(happened = 'issued') = (document_number IS NOT NULL)", name="entries_issued_has_document"
    ),
    comment="What is booked together. A trigger refuses UPDATE, DELETE and TRUNCATE. Kept 10 years by law.",
)

postings = Table(
    "postings",
    metadata,
    Column("entry_id", Text, ForeignKey("entries.entry_id", name="postings_entry"), primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    Column("account", Text, nullable=False, doc="receivable/<partner>, payable/<partner>, or one of ours"),
    Column("amount", _euros, nullable=False, doc="euros; debit positive, credit negative"),
    CheckConstraint(
        "account IN ('revenue', 'cost-of-services', 'vat-out', 'vat-in', 'vat-out-reverse', 'vat-in-reverse', "
        "'withheld-building-tax', 'suspense', 'bank') OR account ~ '^(receivable|payable)/[0-9a-f-]{36}$'",
        name="postings_account_known",
    ),
    comment="At commit each entry sums to zero: trigger entry_balances. No UPDATE, DELETE, TRUNCATE. Kept 10 years.",
)
Index("postings_account", postings.c.account)

renderings = Table(
    "renderings",
    metadata,
    Column(
        "document_number",
        Text,
        ForeignKey("documents.number", name="renderings_document"),
        primary_key=True,
    ),
    Column("format", Text, primary_key=True, doc="zugferd (a PDF), xrechnung_cii or xrechnung_ubl"),
    Column("profile", Text, nullable=False, doc="version of the standard, in words"),
    Column("file_name", Text, nullable=False),
    Column("content", LargeBinary, nullable=False, doc="the exact bytes that everybody gets"),
    Column("sha256", Text, nullable=False, doc="of content"),
    Column("report", JSONB, nullable=False, doc="what was checked, and what it was made with"),
    Column("document_sha256", Text, nullable=False, doc="of the frozen data it was made from"),
    Column("made_at", _moment, nullable=False, server_default=func.now()),
    CheckConstraint(
        "format IN ('zugferd', 'xrechnung_cii', 'xrechnung_ubl')", name="renderings_format_known"
    ),
    CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="renderings_sha256_fits"),
    comment="E-invoices, made once. A trigger refuses UPDATE, DELETE and TRUNCATE. Kept 8 years, with their document.",
)

refused_renderings = Table(
    "refused_renderings",
    metadata,
    Column(
        "document_number",
        Text,
        ForeignKey("documents.number", name="refused_renderings_document"),
        primary_key=True,
    ),
    Column("reason", Text, nullable=False, doc="why its files could not be made, the last time"),
    Column("since", _moment, nullable=False),
    Column("last_tried_at", _moment, nullable=False),
    comment="Issued documents whose files could not be made. Gone when they are made: see the worklist.",
)

received_invoices = Table(
    "received_invoices",
    metadata,
    Column("job_id", Uuid, ForeignKey("settlements.job_id", name="received_invoices_job"), primary_key=True),
    Column("sha256", Text, primary_key=True, doc="of content: the same file again is the same invoice"),
    Column("contractor_id", Uuid, nullable=False),
    Column("number", Text, nullable=False, doc="the contractor's own"),
    Column("received_at", _moment, nullable=False),
    Column("content", LargeBinary, nullable=False, doc="the exact bytes that came"),
    CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="received_invoices_sha256_fits"),
    comment="Contractors' own e-invoices as they came. A trigger refuses UPDATE, DELETE and TRUNCATE. Kept 8 years.",
)

APPEND_ONLY = (documents.name, entries.name, postings.name, renderings.name, received_invoices.name)
"""What the service's own role may write and read, and nothing more: no UPDATE, no DELETE."""
