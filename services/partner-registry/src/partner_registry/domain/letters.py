"""What a partner reads when something happened to a job: its number, a link, what to do next.

Never who the end customer is or where: mail travels in the clear. The words are for dealers, who get many
mails: the subject says it all, the first paragraph says it again, the second what is expected of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from uuid import UUID

from chassis.decisions import Decision, Errand, Rejected
from contracts.partner_registry_commands_v1 import NotifyPartner
from contracts.partner_registry_notifications_v1 import NotificationSent
from contracts.values import Language, NoticeKind
from partner_registry.domain.partner import Partner, known

MAIL = "mail"
"""The kind of errand that is an e-mail; its payload: to, language, subject, text."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A template; `$number` is the job's number."""

    subject: str
    text: str


GREETING: dict[Language, str] = {"de": "Guten Tag $name,", "en": "Dear $name,"}
LINK: dict[Language, str] = {"de": "Zum Auftrag: $link", "en": "See the job: $link"}
CLOSING: dict[Language, str] = {
    "de": "Freundliche Grüße\nIhr Servicenetz",
    "en": "Kind regards\nServicenetz",
}

LETTERS: dict[tuple[NoticeKind, Language], Letter] = {
    (NoticeKind.offer, "de"): Letter(
        "Anfrage: Möchten Sie den Auftrag $number übernehmen?",
        "ein Fachhändler aus dem Servicenetz sucht Unterstützung, und Sie passen dazu: Wir fragen Sie "
        "für den Auftrag $number an.\n\n"
        "Was zu tun ist, wann, in welcher Gegend und was Sie verdienen, steht auf der Auftragsseite. "
        "Bitte sagen Sie dort zu oder ab, bevor die Anfrage abläuft; danach fragen wir den nächsten "
        "Kollegen.",
    ),
    (NoticeKind.offer, "en"): Letter(
        "Will you take job $number?",
        "a dealer in the Servicenetz needs a hand, and you are a good match: we would like to offer "
        "you job $number.\n\n"
        "The job page shows the work, the time, the area and what you earn. Please accept or decline "
        "there before the offer ends; after that we will ask the next partner.",
    ),
    (NoticeKind.assignment, "de"): Letter(
        "Auftrag $number gehört Ihnen",
        "der Auftrag $number ist an Sie vergeben. Vielen Dank, dass Sie einspringen!\n\n"
        "Den Arbeitsauftrag mit Ansprechpartner und Adresse finden Sie auf der Auftragsseite. Bitte "
        "treten Sie vor Ort im Namen des Auftraggebers auf, melden Sie Ihre Ankunft und senden Sie "
        "nach getaner Arbeit den Leistungsnachweis. Sollten Sie den Termin nicht halten können, geben "
        "Sie den Auftrag bitte so früh wie möglich zurück.",
    ),
    (NoticeKind.assignment, "en"): Letter(
        "Job $number is yours",
        "job $number has been assigned to you. Thank you for stepping in!\n\n"
        "You will find the work order with contact and address on the job page. Please act in the "
        "client's name on site, report your arrival, and send in your statement when the work is "
        "done. If you cannot keep the appointment, please release the job as early as possible.",
    ),
    (NoticeKind.assignment_client, "de"): Letter(
        "Für Ihren Auftrag $number ist ein Partner gefunden",
        "für Ihren Auftrag $number haben wir einen passenden Servicepartner gefunden. Er arbeitet in "
        "Ihrem Namen; Ihr Kunde bleibt Ihr Kunde.\n\n"
        "Sie brauchen jetzt nichts zu tun. Wer kommt und warum die Wahl auf ihn fiel, sehen Sie auf "
        "der Auftragsseite.",
    ),
    (NoticeKind.assignment_client, "en"): Letter(
        "We have found a partner for your job $number",
        "we have found a suitable service partner for your job $number. He works in your name; your "
        "customer remains your customer.\n\n"
        "There is nothing you need to do now. The job page shows who is coming and why he was chosen.",
    ),
    (NoticeKind.released, "de"): Letter(
        "Auftrag $number ist nicht mehr bei Ihnen",
        "der Auftrag $number liegt nicht mehr bei Ihnen. Bitte fahren Sie nicht mehr zum Termin und "
        "verwenden Sie den Arbeitsauftrag nicht weiter.\n\n"
        "Den Grund sehen Sie auf der Auftragsseite. Ihre Stunden sind wieder frei für andere "
        "Aufträge.",
    ),
    (NoticeKind.released, "en"): Letter(
        "Job $number is no longer yours",
        "job $number is no longer assigned to you. Please do not keep the appointment, and do not use "
        "the work order any further.\n\n"
        "The job page shows the reason. Your hours are free for other jobs again.",
    ),
    (NoticeKind.amended, "de"): Letter(
        "Auftrag $number hat sich geändert",
        "der Auftraggeber hat den Auftrag $number geändert. Er ist weiterhin an Sie vergeben.\n\n"
        "Was jetzt gilt, vor allem den Termin, sehen Sie auf der Auftragsseite; der neue Arbeitsauftrag "
        "ersetzt den alten. Sollten Sie den Auftrag so nicht übernehmen können, geben Sie ihn bitte so "
        "früh wie möglich zurück.",
    ),
    (NoticeKind.amended, "en"): Letter(
        "Job $number has changed",
        "the client has changed job $number. It is still assigned to you.\n\n"
        "The job page shows what holds now, above all the appointment; the new work order replaces the "
        "old one. If you cannot take the job as it is now, please release it as early as possible.",
    ),
    (NoticeKind.unfilled, "de"): Letter(
        "Für Ihren Auftrag $number fehlt noch ein Partner",
        "für Ihren Auftrag $number haben wir bisher leider niemanden gefunden, der ihn übernehmen "
        "darf und kann.\n\n"
        "Unsere Disposition sucht weiter. Sie helfen ihr mit einem größeren Zeitfenster oder einer "
        "höheren Reisezone. Bitte sprechen Sie uns an, oder stornieren Sie den Auftrag auf der "
        "Auftragsseite, wenn er sich erledigt hat.",
    ),
    (NoticeKind.unfilled, "en"): Letter(
        "No partner yet for your job $number",
        "so far we have unfortunately found nobody who may and can take your job $number.\n\n"
        "Our dispatchers keep looking. A wider time window or a higher travel zone would help them. "
        "Please talk to us, or cancel the job on its page if it is no longer needed.",
    ),
    (NoticeKind.settlement_client, "de"): Letter(
        "Ihr Auftrag $number ist abgerechnet",
        "Ihr Auftrag $number ist erledigt und abgerechnet. Die Rechnung trägt Ihre eigenen Nummern "
        "und liegt auf der Auftragsseite bereit.\n\n"
        "Bitte prüfen Sie sie und begleichen Sie sie bis zum angegebenen Datum. Stimmt etwas nicht, "
        "sprechen Sie uns bitte an.",
    ),
    (NoticeKind.settlement_client, "en"): Letter(
        "Your job $number has been settled",
        "your job $number is done and settled. The invoice carries your own reference numbers and is "
        "ready on the job page.\n\n"
        "Please check it and pay by the date given. If anything looks wrong, please talk to us.",
    ),
    (NoticeKind.settlement_contractor, "de"): Letter(
        "Ihre Gutschrift für den Auftrag $number ist da",
        "vielen Dank für Ihre Arbeit: Der Auftrag $number ist abgerechnet, und Ihre Gutschrift liegt "
        "auf der Auftragsseite bereit. Eine eigene Rechnung brauchen Sie nicht zu schreiben.\n\n"
        "Bitte prüfen Sie die Gutschrift. Sind Sie nicht einverstanden, widersprechen Sie ihr bitte "
        "umgehend.",
    ),
    (NoticeKind.settlement_contractor, "en"): Letter(
        "Your self-billed invoice for job $number is ready",
        "thank you for your work: job $number has been settled, and your self-billed invoice is ready "
        "on the job page. You do not need to write an invoice of your own.\n\n"
        "Please check it. If you do not agree with it, please object without delay.",
    ),
}


def notify(
    partner: Partner | None, command: NotifyPartner, notification_id: UUID, link_base_url: str
) -> Decision[Partner | None]:
    """Write to a partner, in his language. The mail is an errand; gateways are told of it at once."""
    of = known(partner)
    language = of.master.language
    letter = LETTERS.get((command.notice, language))
    if letter is None:
        raise Rejected("unknown-value", "This kind of notice is not known here.", "notice")
    link = f"{link_base_url}/jobs/{command.job_id}"
    subject = Template(letter.subject).substitute(number=command.job_number)
    paragraphs = (GREETING[language], letter.text, LINK[language], CLOSING[language])
    text = Template("\n\n".join(paragraphs)).substitute(
        number=command.job_number, name=of.master.name, link=link
    )
    sent = NotificationSent(
        partner_id=of.partner_id,
        notification_id=notification_id,
        notice=command.notice,
        job_id=command.job_id,
        job_number=command.job_number,
        link=link,
        language=language,
        subject_line=subject,
        channel="email",
    )
    mail = Errand(
        MAIL, {"to": of.master.email, "language": language, "subject": subject, "text": f"{text}\n"}
    )
    return Decision(partner, [sent], errands=[mail])
