"""XML in and out: elements with prefixed names, and a parser that believes no DTD."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from lxml import etree
from lxml.etree import _Element as XmlElement

CII: Final = MappingProxyType(
    {
        "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
        "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
        "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
        "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
    }
)
UBL: Final = MappingProxyType(
    {
        "ubl": "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2",
        "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
        "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    }
)
_TAGS: Final = {prefix: f"{{{uri}}}" for prefix, uri in (CII | UBL).items()}

Content = XmlElement | str | None | Iterable[XmlElement | None]


class Unreadable(Exception):
    """Not XML that we read; the sentence says why."""


def node(name: str, /, *content: Content, **attributes: str) -> XmlElement | None:
    """An element `prefix:Name`. What has nothing to say is left out: no content but None gives None."""
    prefix, _, local = name.partition(":")
    element = etree.Element(_TAGS[prefix] + local, attributes)
    empty = True
    for part in content:
        if part is None or part == "":
            continue
        if isinstance(part, str):
            element.text = part
            empty = False
            continue
        for child in (part,) if isinstance(part, XmlElement) else part:
            if child is not None:
                element.append(child)
                empty = False
    return None if empty else element


def document(name: str, namespaces: MappingProxyType[str, str], content: Iterable[Content]) -> bytes:
    """The whole file, UTF-8, indented for people."""
    prefix, _, local = name.partition(":")
    root = etree.Element(_TAGS[prefix] + local, nsmap=dict(namespaces))
    for part in content:
        for child in (part,) if part is None or isinstance(part, XmlElement) else part:
            if isinstance(child, XmlElement):
                root.append(child)
    etree.cleanup_namespaces(root, keep_ns_prefixes=list(namespaces))
    etree.indent(root, space="  ")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def parse(file: bytes) -> XmlElement:
    """The root element. Nothing is expanded, loaded or fetched: a DTD, with or without a bomb, is refused."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(file, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(f"not well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("has a document type declaration (DTD)")
    return root
