"""What the demo says, in English and German."""

from typing import Literal

Language = Literal["en", "de"]

_WORDS: dict[str, tuple[str, str]] = {
    "start": (
        "Starting Kafka, PostgreSQL, a mail catcher and four services …",
        "Kafka, PostgreSQL, ein Postfach und vier Dienste starten …",
    ),
    "settled_in": (
        "{count} dealers are registered ({seconds:.1f} s)",
        "{count} Fachhändler sind angemeldet ({seconds:.1f} s)",
    ),
    "tidied_up": (
        "{count} jobs of an interrupted run are cancelled",
        "{count} Aufträge eines abgebrochenen Laufs sind storniert",
    ),
    "settling": ("dealers register", "Fachhändler melden sich an"),
    "story": ("One job, step by step", "Ein Auftrag, Schritt für Schritt"),
    "s1": ("Half the team is ill", "Das halbe Team ist krank"),
    "s1_text": (
        (
            "[bold]{client}[/] has promised {customer} a new telephone system. It is to be installed "
            "[bold]tomorrow in Flensburg[/], 700 km away, by somebody certified for {product}, level "
            "{level}. So Huber posts the job. The end customer's data is sealed before it leaves the "
            "house."
        ),
        (
            "[bold]{client}[/] hat {customer} eine neue Telefonanlage zugesagt. Sie soll [bold]morgen in "
            "Flensburg[/] montiert werden, 700 km entfernt, von jemandem mit der Zertifizierung "
            "{product}, Stufe {level}. Huber schreibt den Auftrag aus. Die Daten des Endkunden werden "
            "versiegelt, bevor sie das Haus verlassen."
        ),
    ),
    "number": (
        "Job number [bold]{number}[/]. What it will cost Huber, known before anybody is asked:",
        "Auftragsnummer [bold]{number}[/]. Was es Huber kostet, bekannt, bevor jemand gefragt wird:",
    ),
    "zone": ("travel zone", "Anfahrtszone"),
    "per_hour": ("per hour", "je Stunde"),
    "travel": ("travel, flat", "Anfahrt pauschal"),
    "estimate": ("{hours} h in all", "{hours} Std. gesamt"),
    "net": ("net", "netto"),
    "s2": ("What everybody sees", "Was alle sehen"),
    "s2_text": (
        "On the board there is a postcode and the kind of work. Who the end customer is, nobody learns.",
        "Am Brett stehen Postleitzahl und Art der Arbeit. Wer der Endkunde ist, erfährt niemand.",
    ),
    "place": ("place", "Ort"),
    "work": ("work", "Arbeit"),
    "needs": ("needs", "verlangt"),
    "when": ("when", "wann"),
    "hours": ("estimated", "geschätzt"),
    "customer": ("end customer", "Endkunde"),
    "sealed": (
        "sealed; not even as ciphertext on this topic",
        "versiegelt; auf diesem Topic nicht einmal verschlüsselt",
    ),
    "s3": ("Who may and can", "Wer darf und kann"),
    "s3_text": (
        "Of {looked} partners {eligible} pass the gate. The others were kept out by:",
        "Von {looked} Partnern kommen {eligible} durch die Prüfung. Woran es bei den anderen lag:",
    ),
    "partners": ("partners", "Partner"),
    "constraint": ("constraint", "Bedingung"),
    "s4": ("They are asked, one after the other", "Sie werden gefragt, einer nach dem anderen"),
    "offer": (
        "{name} is asked: {per_hour} an hour and {travel} travel, about {total} in all (net).",
        "{name} wird gefragt: {per_hour} je Stunde und {travel} Anfahrt, etwa {total} (netto).",
    ),
    "declines": (
        "  He declines: his people are out on another job.",
        "  Er lehnt ab: seine Leute sind unterwegs.",
    ),
    "accepts": ("  He accepts.", "  Er nimmt an."),
    "s5": ("Why he, and why not the others", "Warum er und warum nicht die anderen"),
    "partner": ("partner", "Partner"),
    "distance": ("distance", "Entfernung"),
    "verdict": ("verdict", "Ergebnis"),
    "chosen": ("assigned · score {score}", "vergeben · Punkte {score}"),
    "eligible": ("could too · score {score}", "könnte auch · Punkte {score}"),
    "level": ("level with him; the lower id counts", "gleichauf; die kleinere Nummer zählt"),
    "term distance": ("distance", "Nähe"),
    "term response-fit": ("response time", "Reaktionszeit"),
    "term rating": ("rating", "Bewertung"),
    "term acceptance": ("acceptance", "Zusagen"),
    "term free-load": ("free time", "freie Zeit"),
    "term reciprocity": ("give and take", "Geben und Nehmen"),
    "term volunteered": ("volunteered", "hat sich gemeldet"),
    "s6": ("The work order", "Der Arbeitsauftrag"),
    "s6_text": (
        "Now, and only now, [bold]{name}[/] can open it, with his key:",
        "Jetzt, und erst jetzt, kann [bold]{name}[/] ihn öffnen, mit seinem Schlüssel:",
    ),
    "s6_other": (
        "{name} tries with his: [red]{error}[/]. Whoever reads the topic sees this: [dim]{cipher}…[/]",
        "{name} versucht es mit seinem: [red]{error}[/]. Wer das Topic liest, sieht: [dim]{cipher}…[/]",
    ),
    "in_name_of": ("in the name of", "im Namen von"),
    "contact": ("contact", "Ansprechpartner"),
    "address": ("address", "Anschrift"),
    "phone": ("phone", "Telefon"),
    "notes": ("notes", "Hinweise"),
    "s7": ("Done", "Erledigt"),
    "s7_text": (
        (
            "(The demo does not wait until tomorrow.) {name} arrives, works, and states {hours} h of the "
            "{estimated} h estimated. That is within the limits Huber agreed to: approved by {approved}."
        ),
        (
            "(Die Demo wartet nicht bis morgen.) {name} kommt an, arbeitet und meldet {hours} Std. bei "
            "geschätzten {estimated} Std. Das liegt im Rahmen, den Huber vereinbart hat: freigegeben "
            "durch {approved}."
        ),
    ),
    "limits": ("the agreement itself", "die Vereinbarung selbst"),
    "client_approves": ("Huber", "Huber"),
    "s8": ("One statement, two documents", "Ein Leistungsnachweis, zwei Belege"),
    "document": ("document", "Beleg"),
    "for": ("for", "für"),
    "vat": ("VAT", "USt"),
    "gross": ("gross", "brutto"),
    "invoice": ("invoice", "Rechnung"),
    "self_billed": ("self-billed invoice", "Gutschrift"),
    "margin": ("The distributor keeps {margin} net.", "Dem Distributor bleiben {margin} netto."),
    "s9": ("Mail that was sent", "Verschickte Mails"),
    "s9_text": (
        "A job number and a link; never the end customer.",
        "Auftragsnummer und Link, nie der Endkunde.",
    ),
    "crowd": ("{jobs} jobs all over Germany", "{jobs} Aufträge in ganz Deutschland"),
    "crowd_text": (
        "People accept, decline or don't answer, come late or never, and send right and wrong statements.",
        (
            "Man sagt zu, lehnt ab, antwortet nicht, kommt zu spät oder gar nicht und meldet richtige "
            "und falsche Leistungsnachweise."
        ),
    ),
    "summary": ("What came of it", "Was daraus wurde"),
    "posted": ("jobs posted", "Aufträge ausgeschrieben"),
    "refused": ("postings refused", "Ausschreibungen abgewiesen"),
    "assigned": ("assigned", "vergeben"),
    "settled": ("settled", "abgerechnet"),
    "unfilled": ("unfilled", "unbesetzt"),
    "cancelled": ("cancelled", "storniert"),
    "open": ("without an end", "ohne Ende"),
    "time_to_assign": ("time to assign", "Zeit bis zur Vergabe"),
    "documents": ("documents", "Belege"),
    "two_each": ("two for each settled job", "zwei je abgerechnetem Auftrag"),
    "not_two_each": ("NOT two for each settled job", "NICHT zwei je abgerechnetem Auftrag"),
    "invoiced": ("invoiced to clients", "Rechnungen an Auftraggeber"),
    "paid_out": ("self-billed to contractors", "Gutschriften an Auftragnehmer"),
    "ledger": ("ledger sum", "Summe im Hauptbuch"),
    "mails": ("mails", "Mails"),
    "orders": ("work orders opened by their contractor", "Arbeitsaufträge vom Auftragnehmer geöffnet"),
    "commands": ("commands", "Befehle"),
    "refused_commands": ("other commands refused", "andere Befehle abgewiesen"),
    "went_wrong": ("what people did", "was Menschen so tun"),
    "people": (
        "{no_shows} did not come, {given_back} gave the job back, {disputed} statements disputed",
        "{no_shows} kamen nicht, {given_back} gaben den Auftrag zurück, {disputed} Nachweise bestritten",
    ),
    "checking": ("checking what must always be true …", "prüfen, was immer gelten muss …"),
    "files": ("The story's papers", "Die Papiere der Geschichte"),
    "good": (
        "All of it holds: {settled} jobs settled, {documents} documents, {seconds:.0f} s in all.",
        "Alles stimmt: {settled} Aufträge abgerechnet, {documents} Belege, {seconds:.0f} s insgesamt.",
    ),
    "bad": ("Not as it should be: {why}", "Nicht so, wie es sein soll: {why}"),
    "stopping": ("Stopping …", "Wird beendet …"),
    "interrupted": ("Interrupted; nothing keeps running.", "Abgebrochen; es läuft nichts weiter."),
}


class Words:
    """Says things in one language: `words("net")`."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._column = 0 if language == "en" else 1

    def __call__(self, key: str, **values: object) -> str:
        """The text of this key, with the values put in."""
        return _WORDS[key][self._column].format(**values)

    def amount(self, amount: object) -> str:
        """Euros as this language writes them: 1,234.50 € or 1.234,50 €."""
        text = f"{amount:,.2f}"
        return (text if self._column == 0 else text.translate(str.maketrans(",.", ".,"))) + " €"
