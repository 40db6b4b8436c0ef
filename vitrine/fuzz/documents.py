"""Documents that a fuzz run writes and reads, each at one version at a time.

The version is part of the name (``fuzz1a2b 3 v17``).  It also decides the document's category and
group, or that the document is deleted.  So a response by itself shows which versions it may be of.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from pymongo.database import Database

from vitrine.client import Client

DOCUMENTS_PER_SERVICE = 6
CATEGORIES = 3  # that products move between
GROUPS = 2  # that products are variants of, by turns
OPTION = "Version"  # of each product; its value is the name, so that no two are the same
LIST_SIZE = 100  # items a page, so that one page holds all documents of a run
DELETED = -1  # category number of a deleted document

_NAME = re.compile(r"(\S+) (\d+) v(\d+)\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """Narrowing of a list: the number of a category or a group; None for any."""

    category: int | None = None
    group: int | None = None


EVERYWHERE = Place()


@dataclass(frozen=True, slots=True)
class FuzzDocument:
    """One document of a run: its number in the run and its place in the API."""

    number: int
    service: str
    id: int
    slug: str

    @property
    def path(self) -> str:
        """The path of its id."""
        return f"/{self.service}/{self.id}"

    def category(self, version: int) -> int:
        """Return its category number at a version, or ``DELETED``; a pure function of both."""
        chance = crc32(f"{self.number}/{version}".encode()) % 12
        return DELETED if version and not chance else chance % CATEGORIES

    def group(self, version: int) -> int:
        """Return the number of its group at a version; a pure function of both."""
        return crc32(f"group of {self.number}/{version}".encode()) % GROUPS

    def is_at(self, place: Place, version: int) -> bool:
        """Return True if it is in a list that is narrowed to a place, at a version."""
        category = self.category(version)
        return category != DELETED and (
            place.category in (None, category) and place.group in (None, self.group(version))
        )

    def may_be_absent(self, place: Place, lowest: int, highest: int) -> bool:
        """Return True if it is deleted, or is not at a place, at any of these versions."""
        return not all(self.is_at(place, version) for version in range(lowest, highest + 1))


@dataclass(frozen=True, slots=True)
class FuzzNamespace:
    """Names of everything one run makes; ``clean`` removes all of it."""

    prefix: str = field(default_factory=lambda: f"fuzz{secrets.token_hex(4)}")

    def name(self, number: int, version: int) -> str:
        """Return the name of a document at a version."""
        return f"{self.prefix} {number} v{version}"

    def version(self, document: Mapping[str, Any]) -> tuple[int, int] | None:
        """Return number and version of a document of this run; None for any other document."""
        match = _NAME.match(str(document.get("name")))
        return (int(match[2]), int(match[3])) if match and match[1] == self.prefix else None

    def versions(self, items: Iterable[Mapping[str, Any]]) -> dict[int, int]:
        """Return the version of each document of this run in a list, by number.

        An item of a collapsed list shows those of all documents in its group.
        """
        shown = [
            {"name": name}
            for item in items
            for name in item.get("variants", {}).get("options", {}).get(OPTION, [item.get("name")])
        ]
        return dict(filter(None, map(self.version, shown)))

    def variant(self, document: FuzzDocument, version: int) -> dict[str, Any]:
        """Return the group and the options of a product at a version; nothing for the others."""
        if document.service != "products":
            return {}
        group = f"{self.prefix}-group-{document.group(version)}"
        return {"group": group, "options": {OPTION: self.name(document.number, version)}}

    def category_slug(self, number: int) -> str:
        """Return the slug of a category that products of this run are in."""
        return f"{self.prefix}-category-{number}"

    def create(self, clients: Mapping[str, Client]) -> list[FuzzDocument]:
        """Make the categories and every document, at version 0."""
        documents: list[FuzzDocument] = []
        if "categories" in clients:
            names = (f"{self.prefix} category {number}" for number in range(CATEGORIES))
            for name in (self.prefix, *names):
                clients["categories"].post("/categories", {"name": name})
        for service, client in clients.items():
            for number in range(len(documents), len(documents) + DOCUMENTS_PER_SERVICE):
                draft = FuzzDocument(number, service, 0, "")
                body: dict[str, Any] = {"name": self.name(number, 0), **self.fields(service)}
                body |= self.variant(draft, 0)
                if service == "products" and "categories" in clients:
                    body["category"] = self.category_slug(draft.category(0))
                created = client.post(f"/{service}", body)
                documents.append(
                    FuzzDocument(number, service, created["id"], created.get("slug", ""))
                )
        return documents

    def fields(self, service: str) -> dict[str, str]:
        """Return the field that all documents of a service share, so that a filter lists them."""
        return {
            "products": {"brand": self.prefix},
            "clients": {"city": self.prefix},
            "categories": {"parent": self.prefix},
        }[service]

    def lists(self, service: str, with_categories: bool) -> dict[str, Place]:
        """Return the paths of lists with this run's documents, and what each is narrowed to."""
        ((name, value),) = self.fields(service).items()
        paths = {
            f"/{service}?q={self.prefix}&per={LIST_SIZE}": EVERYWHERE,
            f"/{service}?{name}={value}&per={LIST_SIZE}&fields=id,name": EVERYWHERE,
        }
        if service != "products":
            return paths
        collapsed = f"/products?collapse=group&per={LIST_SIZE}"
        paths |= {
            f"{collapsed}&{name}={value}&ordering=-name": EVERYWHERE,
            f"{collapsed}&q={self.prefix}": EVERYWHERE,
        }
        for number in range(GROUPS):
            group = f"{self.prefix}-group-{number}"
            paths[f"/products?group={group}&per={LIST_SIZE}"] = Place(group=number)
        for number in range(CATEGORIES if with_categories else 0):
            slug = self.category_slug(number)
            paths[f"/products?category={slug}&per={LIST_SIZE}"] = Place(number)
            paths[f"{collapsed}&category={slug}"] = Place(number)
        return paths

    def clean(self, db: Database[dict[str, Any]]) -> None:
        """Remove everything of this run from the collections and from the trash."""
        for name in ("products", "clients", "categories"):
            for collection in (db[name], db[f"{name}.trash"]):
                collection.delete_many({"name": {"$regex": f"^{self.prefix}( |$)"}})
