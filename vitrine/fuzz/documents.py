"""What a fuzz run writes and reads: some documents of its own, each at one version at a time.

A version is in the name (``fuzz1a2b 3 v17``) and decides where the document is: on which shelf,
or deleted.  So whoever reads an answer can tell which versions it may be of.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from pymongo.database import Database

from vitrine.client import Client

DOCUMENTS = 6  # of each service
SHELVES = 3
PER = 100
GONE = -1  # the shelf of a deleted one

_NAME = re.compile(r"(\S+) (\d+) v(\d+)\Z")


@dataclass(frozen=True, slots=True)
class Subject:
    """One document that is written: its number in the run and where it is read."""

    number: int
    service: str
    id: int
    slug: str

    @property
    def path(self) -> str:
        """The path of its id."""
        return f"/{self.service}/{self.id}"

    def shelf(self, version: int) -> int:
        """Return where it is at a version: a shelf's number or ``GONE``; always the same."""
        chance = crc32(f"{self.number}/{version}".encode()) % 12
        return GONE if version and not chance else chance % SHELVES

    def may_miss(self, shelf: int | None, lowest: int, highest: int) -> bool:
        """Whether at any of these versions it was not on a shelf, or nowhere for None."""
        places = {self.shelf(version) for version in range(lowest, highest + 1)}
        return GONE in places or (shelf is not None and places != {shelf})


@dataclass(frozen=True, slots=True)
class Scratch:
    """The namespace of one run; ``clean`` leaves nothing of it."""

    mark: str = field(default_factory=lambda: f"fuzz{secrets.token_hex(4)}")

    def name(self, number: int, version: int) -> str:
        """Return the name of a document at a version."""
        return f"{self.mark} {number} v{version}"

    def version(self, document: Mapping[str, Any]) -> tuple[int, int] | None:
        """Return the number and version of a document of ours, None for any other."""
        found = _NAME.match(str(document.get("name")))
        return (int(found[2]), int(found[3])) if found and found[1] == self.mark else None

    def shelf(self, number: int) -> str:
        """Return the slug of a shelf, a category that products are in."""
        return f"{self.mark}-shelf-{number}"

    def create(self, clients: Mapping[str, Client]) -> list[Subject]:
        """Make the shelves and every document, at version 0."""
        subjects: list[Subject] = []
        if "categories" in clients:
            for name in (self.mark, *(f"{self.mark} shelf {each}" for each in range(SHELVES))):
                clients["categories"].post("/categories", {"name": name})
        for service, client in clients.items():
            for number in range(len(subjects), len(subjects) + DOCUMENTS):
                draft = Subject(number, service, 0, "")
                body = {"name": self.name(number, 0), **self.fields(service)}
                if service == "products" and "categories" in clients:
                    body["category"] = self.shelf(draft.shelf(0))
                made = client.post(f"/{service}", body)
                subjects.append(Subject(number, service, made["id"], made.get("slug", "")))
        return subjects

    def fields(self, service: str) -> dict[str, str]:
        """Return what all our documents of a service have in common, to be listed by."""
        return {
            "products": {"brand": self.mark},
            "clients": {"city": self.mark},
            "categories": {"parent": self.mark},
        }[service]

    def lists(self, service: str, with_shelves: bool) -> dict[str, int | None]:
        """Return the paths of lists that hold our documents, and the shelf each is narrowed to."""
        ((name, value),) = self.fields(service).items()
        paths: dict[str, int | None] = {
            f"/{service}?q={self.mark}&per={PER}": None,
            f"/{service}?{name}={value}&per={PER}&fields=id,name": None,
        }
        if service == "products" and with_shelves:
            for each in range(SHELVES):
                paths[f"/products?category={self.shelf(each)}&per={PER}"] = each
        return paths

    def clean(self, db: Database[dict[str, Any]]) -> None:
        """Remove all that was made, from the collections and from the trash."""
        for name in ("products", "clients", "categories"):
            for collection in (db[name], db[f"{name}.trash"]):
                collection.delete_many({"name": {"$regex": f"^{self.mark}( |$)"}})
