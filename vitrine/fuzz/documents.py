"""Documents that a fuzz run writes and reads, each at one version at a time.

The version is part of the name (``fuzz1a2b 3 v17``).  It also decides the document's category, or
that the document is deleted.  So a response by itself shows which versions it may be of.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from pymongo.database import Database

from vitrine.client import Client

DOCUMENTS_PER_SERVICE = 6
CATEGORIES = 3  # that products move between
LIST_SIZE = 100  # items a page, so that one page holds all documents of a run
DELETED = -1  # category number of a deleted document

_NAME = re.compile(r"(\S+) (\d+) v(\d+)\Z")


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

    def may_be_absent(self, category: int | None, lowest: int, highest: int) -> bool:
        """Return True if it is deleted, or outside a category, at any of these versions.

        With None for the category, only deletion makes it absent.
        """
        numbers = {self.category(version) for version in range(lowest, highest + 1)}
        return DELETED in numbers or (category is not None and numbers != {category})


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
                body = {"name": self.name(number, 0), **self.fields(service)}
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

    def lists(self, service: str, with_categories: bool) -> dict[str, int | None]:
        """Return the paths of lists that hold this run's documents.

        The value is the number of the category the list is narrowed to, or None.
        """
        ((name, value),) = self.fields(service).items()
        paths: dict[str, int | None] = {
            f"/{service}?q={self.prefix}&per={LIST_SIZE}": None,
            f"/{service}?{name}={value}&per={LIST_SIZE}&fields=id,name": None,
        }
        if service == "products" and with_categories:
            for number in range(CATEGORIES):
                slug = self.category_slug(number)
                paths[f"/products?category={slug}&per={LIST_SIZE}"] = number
        return paths

    def clean(self, db: Database[dict[str, Any]]) -> None:
        """Remove everything of this run from the collections and from the trash."""
        for name in ("products", "clients", "categories"):
            for collection in (db[name], db[f"{name}.trash"]):
                collection.delete_many({"name": {"$regex": f"^{self.prefix}( |$)"}})
