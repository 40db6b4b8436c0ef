"""Categories as files write them: names, paths such as "Men/Tops", or lists of ancestors.

``CategoryResolver`` finds the category of a product.  ``import_tree`` sends the rows of a file of
categories, parents first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slugify import slugify

from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.transfer.mapping import reference


class CategoryResolver:
    """Finds existing categories by their names from the root down, and may create missing ones."""

    def __init__(self, client: Client, create: bool, dry_run: bool):
        """Prepare a resolver.

        Args:
            client: The categories service.
            create: Create a missing category; otherwise it is an error.
            dry_run: Do as if a missing category was created.
        """
        self._client = client
        self._create = create
        self._dry_run = dry_run
        self._slugs: dict[tuple[str | None, str], str] | None = None
        self._resolved: dict[str, tuple[str, list[str]]] = {}

    def resolve(self, item: dict[str, Any]) -> None:
        """Replace the category of an item by its slug.

        A text may hold several paths, on lines of their own or separated by commas.  The deepest
        becomes the category of the item, and all of them become its attribute ``categories``.

        Raises:
            StackError: A category does not exist and may not be created.
        """
        text = item.get("category")
        if not isinstance(text, str) or not text.strip():
            return
        if text not in self._resolved:
            self._resolved[text] = self._slug_and_paths(text)
        slug, paths = self._resolved[text]
        item["category"] = slug or None
        if paths:
            item["attributes"] = {**(item.get("attributes") or {}), "categories": paths}

    def _slug_and_paths(self, text: str) -> tuple[str, list[str]]:
        """Return the slug that a text means, and all its paths if there are several."""
        if not ("/" in text or "\n" in text or self._create):
            return text, []  # A slug or a name; the service refuses one that does not exist.
        paths = _paths(text)
        several = ["/".join(path) for path in paths] if len(paths) > 1 else []
        return self._slug(_deepest(paths)), several

    def _slug(self, path: list[str]) -> str:
        """Return the slug of the category at a path of names, created if it is missing."""
        if self._slugs is None:
            self._slugs = self._existing_slugs()
        parent: str | None = None
        for step in path:
            key = (parent, step.casefold())
            if key not in self._slugs:
                # A single name may stand anywhere in the tree.
                anywhere = [
                    slug for (_, name), slug in self._slugs.items() if name == step.casefold()
                ]
                if len(path) == 1 and anywhere:
                    return anywhere[0]
                if self._create and self._dry_run:
                    return ""  # It would be created; it has no slug before.
                if not self._create:
                    raise StackError(
                        f"There is no category {'/'.join(path)!r}; add --create-categories."
                    )
                created = self._client.post("/categories", {"name": step, "parent": parent})
                self._slugs[key] = created["slug"]
            parent = self._slugs[key]
        return parent or ""

    def _existing_slugs(self) -> dict[tuple[str | None, str], str]:
        """Return the slug of each category by the slug of its parent and its name or slug."""
        slugs: dict[tuple[str | None, str], str] = {}
        for category in self._client.items("/categories", fields="slug,name,parent"):
            for name in (category["name"], category["slug"]):
                slugs.setdefault((category["parent"], str(name).casefold()), category["slug"])
        return slugs


def deepest_path(text: str) -> str:
    """Return the path of the category that a text means, such as "Men/Tops"."""
    return "/".join(_deepest(_paths(text)))


def _paths(text: str) -> list[list[str]]:
    """Return the paths in a text, each as the names from the root down."""
    lines = text.split("\n") if "\n" in text else text.split(",") if "/" in text else [text]
    return [[step.strip() for step in line.split("/") if step.strip()] for line in lines]


def _deepest(paths: list[list[str]]) -> list[str]:
    return max(reversed(paths), key=len)


@dataclass(slots=True)
class CategoryNode:
    """One category of a file: its item, its row, its reference in the file and its ancestors."""

    item: dict[str, Any]
    row: int  # 0 for a category that occurs only in paths
    ref: str = ""
    parent: str | None = None
    ancestors: list[tuple[str, str]] = field(default_factory=list)  # references and names


def tree_levels(rows: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[list[CategoryNode]]:
    """Yield the categories of a file level by level, parents before children.

    ``path`` of an item is its place: names from the root ("Men/Tops" or a list), or objects with
    ``id`` and ``name``, with or without the category itself at the end.  A category that occurs
    only in paths is made from them.  Without a path, ``parent`` names a category by its slug.
    """
    nodes: dict[str, CategoryNode] = {}
    numbered_items = list(rows)
    with_paths = any("path" in item for _, item in numbered_items)
    for row, item in numbered_items:
        if with_paths:
            item.setdefault("path", [])
        node = _node(row, item)
        name = slugify(str(node.item.get("name") or ""))
        ref = str(node.item.get("external_ref") or node.item.get("slug") or name)
        node.ref = ref if ref and ref not in nodes else f"row {row}"
        nodes[node.ref] = node
    refs = _refs_by_slug(nodes)
    for node in nodes.values():
        if node.parent is not None and node.parent not in nodes:
            node.parent = refs.get(node.parent, refs.get(slugify(node.parent), node.parent))
    for node in list(nodes.values()):
        parent = None
        for ref, name in node.ancestors:
            nodes.setdefault(ref, CategoryNode({"external_ref": ref, "name": name}, 0, ref, parent))
            parent = ref
    depths: dict[str, int] = {}
    for ref in nodes:
        _set_depth(ref, nodes, depths)
    for level in range(max(depths.values(), default=-1) + 1):
        yield [nodes[ref] for ref, depth in depths.items() if depth == level]


def _refs_by_slug(nodes: Mapping[str, CategoryNode]) -> dict[str, str]:
    """Return the reference of each category by its slug, or by its name as a slug.

    A slug that is in the file wins over a name, and a first name over a later equal one.
    """
    names = {
        slugify(str(node.item.get("name") or "")): ref
        for ref, node in reversed(list(nodes.items()))
    }
    slugs = {str(node.item["slug"]): ref for ref, node in nodes.items() if node.item.get("slug")}
    return names | slugs


def _node(row: int, item: dict[str, Any]) -> CategoryNode:
    """Return the category of a row, with the ancestors that its path names."""
    path = item.pop("path", None)
    if path is None:
        return CategoryNode(item, row, parent=item.get("parent"))
    if isinstance(path, str):
        path = [step.strip() for step in path.split("/") if step.strip()]
    ancestors = [_ref_and_name(step, path[:position]) for position, step in enumerate(path)]
    name = str(item.get("name"))
    ref = item.get("external_ref") or _ref_and_name(name, path)[0]
    if ancestors:
        last_ref, last_name = ancestors[-1]
        # The path may end with the category itself.
        if last_ref == ref or (last_name == name and not item.get("external_ref")):
            ref = last_ref
            ancestors = ancestors[:-1]
    item["external_ref"] = ref
    return CategoryNode(
        item, row, parent=ancestors[-1][0] if ancestors else None, ancestors=ancestors
    )


def _ref_and_name(step: Any, above: list[Any]) -> tuple[str, str]:
    """Return the reference and the name of one step of a path, below the steps above it."""
    if isinstance(step, Mapping):
        return str(step.get("id") or step.get("name")), str(step.get("name") or step.get("id"))
    names = [*(str(name) for name in above), str(step)]
    return reference({"names": names}, "path", ()), str(step)


def _set_depth(ref: str, nodes: Mapping[str, CategoryNode], depths: dict[str, int]) -> None:
    """Set the depth of a category and of its ancestors.

    In a cycle of parents, the category where it closes is a root.
    """
    trail: list[str] = []
    current = ref
    while current in nodes and current not in depths and current not in trail:
        trail.append(current)
        current = nodes[current].parent or ""
    depth = depths.get(current, -1)
    for descendant in reversed(trail):
        depth += 1
        depths[descendant] = depth


SendLevel = Callable[[list[CategoryNode]], Mapping[str, str | None]]


def import_tree(rows: Iterable[tuple[int, dict[str, Any]]], send_level: SendLevel) -> None:
    """Send the categories of a file level by level, so that each parent exists.

    Args:
        rows: Items with the numbers of their rows.
        send_level: Sends one level and returns the slug of each reference.
    """
    slugs: dict[str, str | None] = {}
    for level in tree_levels(rows):
        for node in level:
            if node.parent is not None:
                node.item["parent"] = slugs.get(node.parent, node.parent)
        slugs |= send_level(level)
