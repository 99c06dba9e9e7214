"""Find the file and line of every value of a loaded tenant."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.record.document import Document
from infra.record.fault import Fault, Path, show_path


@dataclass(frozen=True)
class Source:
    """The documents that a tenant was loaded from. applications: by id."""

    tenant: Document
    applications: Mapping[str, Document]

    def fault(self, path: Path, message: str) -> Fault:
        """Say that the value at this path of `Tenant` is wrong."""
        document, inner = self._find(path)
        return document.fault(inner, message)

    def cite(self, path: Path) -> str:
        """Name another value and its line, as `servers.app01.address (line 41)`."""
        document, inner = self._find(path)
        if document is not self.tenant:
            return document.cite(inner)
        return f"{show_path(inner)} (line {document.line(inner)})"

    def order(self, path: Path) -> tuple[str, int]:
        """Give the order of reading, to tell which of two values came second."""
        document, inner = self._find(path)
        return document.name, document.line(inner)

    def _find(self, path: Path) -> tuple[Document, Path]:
        match path:
            case ("applications", str(key), *rest):
                return self.applications[key], tuple(rest)
            case _:
                return self.tenant, path
