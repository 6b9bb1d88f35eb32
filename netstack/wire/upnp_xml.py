"""A strict little XML reader for what gateways send: no document types, no entities, bounded depth and size."""

from collections.abc import Iterator
from xml.parsers import expat

import msgspec

from netstack.errors import DecodeError

MAX_BYTES = 65_536
MAX_DEPTH = 32
MAX_ELEMENTS = 4096


class Element(msgspec.Struct):
    """An element: its name without namespace, its text without outer blanks, its children."""

    name: str
    text: str = ""
    children: list["Element"] = []

    def find(self, name: str) -> "Element | None":
        """The first child of that name."""
        return next((child for child in self.children if child.name == name), None)

    def text_of(self, name: str) -> str:
        """The text of the first child of that name, empty where there is none."""
        found = self.find(name)
        return found.text if found else ""

    def descendants(self) -> Iterator["Element"]:
        """The element and everything below it, in the document's order."""
        yield self
        for child in self.children:
            yield from child.descendants()


def parse(data: bytes) -> Element:
    """Reads a document. Raises DecodeError, for a document type too."""
    if len(data) > MAX_BYTES:
        raise DecodeError(DecodeError.Reason.OVERSIZED, "XML")
    top = Element("")
    open_: list[Element] = [top]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:  # noqa: ARG001
        nonlocal count
        count += 1
        if len(open_) > MAX_DEPTH or count > MAX_ELEMENTS:
            raise DecodeError(DecodeError.Reason.OVERSIZED, "XML of too many elements")
        element = Element(name.rpartition(":")[2])
        open_[-1].children.append(element)
        open_.append(element)

    def end(name: str) -> None:  # noqa: ARG001
        element = open_.pop()
        element.text = element.text.strip()

    def text(data: str) -> None:
        open_[-1].text += data

    def refuse(*_: object) -> None:
        raise DecodeError(DecodeError.Reason.MALFORMED, "XML with a document type")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise DecodeError(DecodeError.Reason.MALFORMED, f"XML: {error}") from None
    except (ValueError, LookupError) as error:  # an encoding that expat does not know
        raise DecodeError(DecodeError.Reason.MALFORMED, f"XML: {error}") from None
    return top.children[0]
