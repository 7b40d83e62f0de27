"""Reading what a page says: its elements with their attributes and texts, as a browser would take them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"})


@dataclass
class Element:
    """One element; ``text`` is all text inside, with white space collapsed."""

    tag: str
    attrs: dict[str, str]
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    @property
    def raw(self) -> str:
        return "".join(self.parts)


class Markup(HTMLParser):
    """A parsed page or fragment."""

    def __init__(self, source: str | bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(source if isinstance(source, str) else source.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice: {attrs}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.parts.append(data)

    def all(self, tag: str = "", **attrs: str) -> Iterator[Element]:
        """Yield elements of a tag that have these attributes; ``_`` in a name stands for ``-``."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attrs.items()}
        for one in self.elements:
            if tag in ("", one.tag) and wanted.items() <= one.attrs.items():
                yield one

    def id(self, name: str) -> Element:
        """Return the one element with this id."""
        (found,) = self.all(id=name)
        return found

    def ids(self) -> list[str]:
        """Return every id."""
        return [one.attrs["id"] for one in self.elements if "id" in one.attrs]
