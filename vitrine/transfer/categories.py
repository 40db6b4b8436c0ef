"""Categories as files write them: names, paths such as "Men/Tops", or lists of ancestors."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slugify import slugify

from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.transfer.mapping import reference


class Shelves:
    """The categories that exist, found by their names from the root down."""

    def __init__(self, categories: Client, create: bool, dry_run: bool):
        self._categories = categories
        self._create = create
        self._dry_run = dry_run
        self._slugs: dict[tuple[str | None, str], str] | None = None
        self._resolved: dict[str, tuple[str, list[str]]] = {}

    def place(self, item: dict[str, Any]) -> None:
        """Turn an item's category into a slug, or raise ``StackError`` naming what is missing.

        Several paths in one text, on lines of their own or behind commas, are several categories:
        the deepest is the item's, and all of them become its attribute ``categories``.
        """
        text = item.get("category")
        if not isinstance(text, str) or not text.strip():
            return
        if text not in self._resolved:
            self._resolved[text] = self._resolve(text)
        slug, several = self._resolved[text]
        item["category"] = slug or None
        if several:
            item["attributes"] = {**(item.get("attributes") or {}), "categories": several}

    def _resolve(self, text: str) -> tuple[str, list[str]]:
        if not ("/" in text or "\n" in text or self._create):
            return text, []  # A slug or a name: the service knows whether it exists.
        paths = _paths(text)
        several = ["/".join(path) for path in paths] if len(paths) > 1 else []
        return self._slug(_deepest(paths)), several

    def _slug(self, path: list[str]) -> str:
        if self._slugs is None:
            self._slugs = {}
            for each in self._all():
                for name in (each["name"], each["slug"]):
                    self._slugs.setdefault((each["parent"], str(name).casefold()), each["slug"])
        parent: str | None = None
        for step in path:
            key = (parent, step.casefold())
            if key not in self._slugs:
                # A single name may stand anywhere in the tree.
                anywhere = [s for (_, name), s in self._slugs.items() if name == step.casefold()]
                if len(path) == 1 and anywhere:
                    return anywhere[0]
                if self._create and self._dry_run:
                    return ""  # It would be made; until then nothing can be said of it.
                if not self._create:
                    raise StackError(
                        f"There is no category {'/'.join(path)!r}; add --create-categories."
                    )
                made = self._categories.post("/categories", {"name": step, "parent": parent})
                self._slugs[key] = made["slug"]
            parent = self._slugs[key]
        return parent or ""

    def _all(self) -> Iterator[dict[str, Any]]:
        return self._categories.items("/categories", fields="slug,name,parent")


def named(text: str) -> str:
    """Return the path of the category that a text means, such as "Men/Tops"."""
    return "/".join(_deepest(_paths(text)))


def _paths(text: str) -> list[list[str]]:
    """Return the categories that a text names, each as the names from the root down."""
    lines = text.split("\n") if "\n" in text else text.split(",") if "/" in text else [text]
    return [[step.strip() for step in line.split("/") if step.strip()] for line in lines]


def _deepest(paths: list[list[str]]) -> list[str]:
    return max(reversed(paths), key=len)


@dataclass(slots=True)
class Node:
    """One category of a file, its reference in the file, and that of the one above it."""

    item: dict[str, Any]
    row: int
    ref: str = ""
    parent: str | None = None
    above: list[tuple[str, str]] = field(default_factory=list)


def levels(rows: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[list[Node]]:
    """Yield the categories of a file level by level, each after the one above it.

    ``path`` in an item says where it hangs: names from the root ("Men/Tops" or a list), or
    objects with ``id`` and ``name``, with or without the category itself at the end.  What occurs
    only in such a path is made from it.  Without a path, ``parent`` names one by its slug.
    """
    nodes: dict[str, Node] = {}
    found = list(rows)
    with_paths = any("path" in item for _, item in found)
    for row, item in found:
        if with_paths:
            item.setdefault("path", [])
        node = _node(row, item)
        name = slugify(str(node.item.get("name") or ""))
        ref = str(node.item.get("external_ref") or node.item.get("slug") or name)
        node.ref = ref if ref and ref not in nodes else f"row {row}"
        nodes[node.ref] = node
    known = _known(nodes)
    for node in nodes.values():
        if node.parent is not None and node.parent not in nodes:
            node.parent = known.get(node.parent, known.get(slugify(node.parent), node.parent))
    for node in list(nodes.values()):
        above = None
        for ref, name in node.above:
            # Row 0 tells that no row of the file brought this category.
            nodes.setdefault(ref, Node({"external_ref": ref, "name": name}, 0, ref, above))
            above = ref
    depths: dict[str, int] = {}
    for ref in nodes:
        _depth(ref, nodes, depths)
    for depth in range(max(depths.values(), default=-1) + 1):
        yield [nodes[ref] for ref, at in depths.items() if at == depth]


def _known(nodes: Mapping[str, Node]) -> dict[str, str]:
    """Map what parents are called to their references; a slug tells more than a name."""
    names = {
        slugify(str(node.item.get("name") or "")): ref
        for ref, node in reversed(list(nodes.items()))
    }
    slugs = {str(node.item["slug"]): ref for ref, node in nodes.items() if node.item.get("slug")}
    return names | slugs


def _node(row: int, item: dict[str, Any]) -> Node:
    path = item.pop("path", None)
    if path is None:
        return Node(item, row, parent=item.get("parent"))
    if isinstance(path, str):
        path = [step.strip() for step in path.split("/") if step.strip()]
    steps = [_step(each, path[:number]) for number, each in enumerate(path)]
    name = str(item.get("name"))
    own = item.get("external_ref") or _step(name, path)[0]
    if steps and (steps[-1][0] == own or (steps[-1][1] == name and not item.get("external_ref"))):
        own = steps[-1][0]
        steps = steps[:-1]
    item["external_ref"] = own
    return Node(item, row, parent=steps[-1][0] if steps else None, above=steps)


def _step(step: Any, above: list[Any]) -> tuple[str, str]:
    """Return the reference and the name of one step of a path."""
    if isinstance(step, Mapping):
        return str(step.get("id") or step.get("name")), str(step.get("name") or step.get("id"))
    names = [*(str(each) for each in above), str(step)]
    return reference({"names": names}, "path", ()), str(step)


def _depth(ref: str, nodes: Mapping[str, Node], depths: dict[str, int]) -> int:
    """Return how far below a root a category is; one that would be below itself counts as root."""
    trail: list[str] = []
    at = ref
    while at in nodes and at not in depths and at not in trail:
        trail.append(at)
        at = nodes[at].parent or ""
    depth = depths.get(at, -1)
    for each in reversed(trail):
        depth += 1
        depths[each] = depth
    return depths[ref]


Send = Callable[[list[Node]], Mapping[str, str | None]]


def import_tree(rows: Iterable[tuple[int, dict[str, Any]]], send: Send) -> None:
    """Send the categories of a file level by level; ``send`` returns the slug of each reference."""
    slugs: dict[str, str | None] = {}
    for level in levels(rows):
        for node in level:
            if node.parent is not None:
                node.item["parent"] = slugs.get(node.parent, node.parent)
        slugs |= send(level)
