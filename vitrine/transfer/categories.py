"""Categories as files write them: names, paths such as "Men/Tops", or lists of ancestors.

``CategoryResolver`` finds the category of a product.  ``import_tree`` sends the rows of a file of
categories, parents first.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from slugify import slugify

from shared.schema.text import name_key
from vitrine.client import Client
from vitrine.errors import RequestRefused, StackError
from vitrine.transfer.columns.field_names import words_of
from vitrine.transfer.identity import reference

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_READ = "id,slug,name,parent,all_attributes"  # the fields of all categories, by one walk


class CategoryResolver:
    """Finds existing categories by slug, id, name or path, and may create missing ones."""

    def __init__(
        self,
        client: Client,
        create: bool,
        dry_run: bool,
        paths: "PathRules | None" = None,
    ):
        """Prepare a resolver.

        Args:
            client: The categories service.
            create: Create a missing category; otherwise it is an error.
            dry_run: Do as if a missing category was created.
            paths: How the texts of the files name several categories and paths.
        """
        self._client = client
        self._create = create
        self._dry_run = dry_run
        self._paths = paths or PathRules()
        self._tree: _Tree | None = None
        self._resolved: dict[str, tuple[str, list[str]]] = {}
        self._rules: dict[str, Mapping[str, Any]] = {}

    def resolve(self, item: dict[str, Any]) -> None:
        """Replace the category of an item by its slug.

        A text may name several categories.  The deepest becomes the category of the item, and all
        of them become its attribute ``categories``.

        Raises:
            StackError: A category does not exist and may not be created, or several have its name.
        """
        value = category_text(item)
        if not value:
            return
        if value not in self._resolved:
            self._resolved[value] = self._slug_and_paths(value)
        slug, paths = self._resolved[value]
        item["category"] = slug or None
        if paths:
            item["attributes"] = {**(item.get("attributes") or {}), "categories": paths}

    def create_missing(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Create the categories that items name and that are missing, a level at a time.

        ``resolve`` creates others one by one, and says why one cannot be created.
        """
        if not self._create or self._dry_run:
            return
        texts = dict.fromkeys(map(category_text, items))
        paths = list(filter(None, map(self._missing_path, texts)))
        steps = Counter(name_key(step) for path in paths for step in path)
        # A single name that is also part of a path means that category.
        paths = [path for path in paths if len(path) > 1 or steps[name_key(path[0])] == 1]
        for depth in range(max(map(len, paths), default=0)):
            self._create_level([path for path in paths if len(path) > depth], depth)

    def _missing_path(self, text: str) -> list[str]:
        """Return the path that a text names; empty if it exists or is refused."""
        if not text or text in self._resolved:
            return []
        tree = self._loaded()
        try:
            if self._find(text) or self._existing_paths(text):
                return []
            path = _deepest(self._paths.split(text))
            if tree.at(path) or (
                len(path) == 1 and (self._find(path[0]) or self._by_old_slug(path[0]))
            ):
                return []
            self._paths.check(text)
        except StackError:
            return []  # Its row says why.
        return path

    def _create_level(self, paths: Iterable[list[str]], depth: int) -> None:
        """Create the categories at one depth of paths, of which those above exist."""
        tree = self._loaded()
        missing: dict[tuple[str | None, str], str] = {}
        for path in paths:
            parent, step = tree.at(path[:depth]), path[depth]
            if (parent or not depth) and tree.below(parent, step) is None:
                missing.setdefault((parent, name_key(step)), step)
        if not missing:
            return
        new = [{"name": name, "parent": parent} for (parent, _), name in missing.items()]
        try:
            results = self._client.batch(new)["results"]
        except RequestRefused:
            return
        for ((parent, _), name), result in zip(missing.items(), results, strict=True):
            if result["result"] == "created":
                tree.add(parent, name, result["slug"], result["id"])
                self._rules[result["slug"]] = self._rules.get(parent or "", {})

    def path(self, text: str) -> str:
        """Return the path of the category that a text means, such as "Men/Tops"."""
        return "/".join(_deepest(self._paths.split(text)))

    def rules(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the attribute rules of the category of an item, by the names of attributes."""
        slug = item.get("category")
        if not isinstance(slug, str) or not slug:
            return {}
        if slug not in self._rules:
            path = f"/categories/{quote(slug, safe='')}"
            try:
                self._keep_rules(self._client.get(path, fields="all_attributes") | {"slug": slug})
            except RequestRefused:
                self._rules[slug] = {}  # The service refuses the category and says why.
        return self._rules[slug]

    def _slug_and_paths(self, text: str) -> tuple[str, list[str]]:
        """Return the slug that a text means, and all its paths if there are several."""
        if slug := self._find(text):
            return slug, []
        paths = self._existing_paths(text) or self._paths.split(text)
        several = ["/".join(path) for path in paths] if len(paths) > 1 else []
        return self._slug(_deepest(paths), text), several

    def _existing_paths(self, text: str) -> list[list[str]]:
        """Return the path that a text is if it leads to a category that exists."""
        for separator in self._paths.separators:
            path = _steps(text, separator)
            if len(path) > 1 and self._loaded().at(path):
                return [path]
        return []

    def _slug(self, path: list[str], text: str) -> str:
        """Return the slug of the category at a path of names, created if it is missing."""
        tree = self._loaded()
        if len(path) == 1:
            if slug := self._find(path[0]) or self._by_old_slug(path[0]):
                return slug  # A single name may stand anywhere in the tree.
            if not self._create:
                return path[0]  # The service refuses it and says why.
        parent: str | None = None
        for step in path:
            slug = tree.below(parent, step)
            if slug is None:
                if not self._create:
                    raise StackError(
                        f"There is no category {text!r}; create it, or add --create-categories."
                    )
                self._paths.check(text)
                if self._dry_run:
                    return ""  # It would be created; it has no slug before.
                created = self._client.post("/categories", {"name": step, "parent": parent})
                slug = created["slug"]
                tree.add(parent, step, slug, created.get("id"))
                self._keep_rules(created)
            parent = slug
        return parent or ""

    def _find(self, text: str) -> str | None:
        """Return the slug of a category as ``_Tree.find`` does; a name may be a whole path."""
        return self._loaded().find(text, is_path=self._paths.has_paths)

    def _by_old_slug(self, text: str) -> str | None:
        """Return the slug of the category that once had a slug."""
        if not _SLUG.fullmatch(text):
            return None
        try:
            answer = self._client.get(f"/categories/{text}", fields="slug")
        except RequestRefused:
            return None
        return str(answer["slug"])

    def _loaded(self) -> "_Tree":
        if self._tree is None:
            self._tree = _Tree()
            for category in self._client.items("/categories", fields=_READ):
                name = str(category["name"])
                self._tree.add(category["parent"], name, category["slug"], category.get("id"))
                self._keep_rules(category)
        return self._tree

    def _keep_rules(self, category: Mapping[str, Any]) -> None:
        """Keep the attribute rules of a category that was read or created."""
        rules = category.get("all_attributes")
        self._rules[category["slug"]] = rules if isinstance(rules, Mapping) else {}


class _Tree:
    """The categories that exist, by slug, id, name, and name below a parent."""

    def __init__(self) -> None:
        self._slugs: dict[str, str] = {}  # by slug and by id
        self._names: dict[str, list[str]] = {}
        self._places: dict[tuple[str | None, str], str] = {}
        self._parents: dict[str, str | None] = {}

    def add(self, parent: str | None, name: str, slug: str, id: Any) -> None:
        """Add a category."""
        self._slugs |= {slug: slug, str(id): slug}
        self._names.setdefault(name_key(name), []).append(slug)
        self._places.setdefault((parent, name_key(name)), slug)
        self._parents[slug] = parent

    def find(self, text: str, is_path: bool) -> str | None:
        """Return the slug of the category with a slug, id or name, at any place of the tree.

        Args:
            text: The slug, id or name.
            is_path: Of several categories with the name, a root is meant: the name is its path.

        Raises:
            StackError: Several categories have this name.
        """
        if text in self._slugs:
            return self._slugs[text]
        slugs = self._names.get(name_key(text), [])
        if len(slugs) > 1:
            root = self._places.get((None, name_key(text)))
            if is_path and root:
                return root
            raise StackError(
                f"Several categories are named {text!r}: {', '.join(slugs)}. Write one of these "
                "slugs, or the path."
            )
        return slugs[0] if slugs else None

    def below(self, parent: str | None, step: str) -> str | None:
        """Return the slug of a category by the slug of its parent, and its name or slug.

        A slug must be written as it is: "C" does not mean "c", the slug of "C++".
        """
        if slug := self._places.get((parent, name_key(step))):
            return slug
        return step if step in self._parents and self._parents[step] == parent else None

    def at(self, path: list[str]) -> str | None:
        """Return the slug of the category at a path, or None."""
        slug: str | None = None
        for step in path:
            slug = self.below(slug, step)
            if slug is None:
                return None
        return slug


SIGNS = (">", "/")  # between the names of a path


@dataclass(frozen=True, slots=True)
class PathRules:
    """How the texts of a column name categories: one name, a path of names, or several of them.

    Attributes:
        separator: The sign between the names of a path, by an option; "none" if there are none.
        has_arrows: Some texts are paths with ``>``, so that ``/`` is part of a name.
        has_slashes: The texts show that ``/`` separates the names of paths.
        has_several: A text names several categories, separated by commas.
        has_lines: Several categories stand on lines of their own, and only there.
    """

    separator: str | None = None
    has_arrows: bool = False
    has_slashes: bool = True
    has_several: bool = False
    has_lines: bool = False

    @classmethod
    def of(cls, column: str, texts: Iterable[str], separator: str | None) -> "PathRules":
        """Return the rules that all texts of a column follow.

        Args:
            column: The name of the column.
            texts: Its different texts.
            separator: The sign that an option names.
        """
        distinct = set(texts)
        with_slash = {text for text in distinct if "/" in text}
        first = Counter(text.split("/")[0].strip().casefold() for text in with_slash)
        alone = {text.strip().casefold() for text in distinct - with_slash}
        return cls(
            separator,
            has_arrows=any(">" in text for text in distinct),
            has_slashes=any(count > 1 or name in alone for name, count in first.items())
            or any(text.count("/") > 1 for text in with_slash),
            has_several=words_of(column)[:1] == ("categories",),
        )

    @property
    def has_paths(self) -> bool:
        """True if the texts of the column are paths of names, of which some have one name."""
        if self.separator:
            return self.separator != "none"
        return self.has_arrows or self.has_slashes

    @property
    def separators(self) -> tuple[str, ...]:
        """The signs that may separate the names of a path."""
        if self.separator:
            return () if self.separator == "none" else (self.separator,)
        return (">",) if self.has_arrows else SIGNS

    def split(self, text: str) -> list[list[str]]:
        """Return the paths in a text, each as the names from the root down."""
        sign = next((sign for sign in self.separators if sign in text), "")
        return [_steps(part, sign) for part in self._parts(text, sign)] or [[text]]

    def _parts(self, text: str, sign: str) -> list[str]:
        """Return the texts of single categories in a text."""
        parts = [part for part in text.split("\n") if part.strip()]
        if len(parts) > 1 or self.has_lines:
            return parts
        for mark in (mark for mark in (",", ";", "|") if mark != self.separator):
            parts = [part.strip() for part in text.split(mark) if part.strip()]
            if len(parts) < 2:
                continue
            # A comma in a name has a blank after it: "Food, Beverages & Tobacco > Bakery".
            if sign and (all(sign in part for part in parts) or f"{mark} " not in text):
                return parts
            if not sign and self.has_several:
                return parts
        return [text]

    def check(self, text: str) -> None:
        """Raise ``StackError`` if it is not certain that ``/`` separates names in a text."""
        is_doubtful = "/" in text and not (self.separator or self.has_arrows or self.has_slashes)
        if is_doubtful and "\n" not in text:
            raise StackError(
                f"The category {text!r} may be one name or a path. Say `vitrine import "
                "products FILE --path-separator /` for a path, or --path-separator none for a name."
            )


def category_text(item: Mapping[str, Any]) -> str:
    """Return the text that names the categories of an item, one a line; empty for none."""
    value = item.get("category")
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        value = "\n".join(value)
    return value if isinstance(value, str) and value.strip() else ""


def _steps(text: str, separator: str) -> list[str]:
    """Return the names of a path."""
    if not separator:
        return [text.strip()]
    return [step.strip() for step in text.split(separator) if step.strip()]


def _deepest(paths: list[list[str]]) -> list[str]:
    return max(reversed(paths), key=len)


@dataclass(slots=True)
class CategoryNode:
    """One category of a file.

    Attributes:
        item: Its fields.
        row: The number of its row; 0 for a category that occurs only in paths.
        ref: Its reference in the file.
        parent: The reference of its parent.
        ancestors: The references and names of the categories above it.
        has_outer_parent: The parent is not in the file.
        fault: Why the category cannot be sent.
    """

    item: dict[str, Any]
    row: int
    ref: str = ""
    parent: str | None = None
    ancestors: list[tuple[str, str]] = field(default_factory=list)
    has_outer_parent: bool = False
    fault: str = ""


def tree_levels(
    rows: Iterable[tuple[int, dict[str, Any]]], separator: str | None = None
) -> Iterator[list[CategoryNode]]:
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
        node = _node(row, item, separator)
        name = name_key(str(node.item.get("name") or ""))
        ref = str(node.item.get("external_ref") or node.item.get("slug") or name)
        node.ref = ref if ref and ref not in nodes else f"row {row}"
        nodes[node.ref] = node
    _find_parents(nodes)
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


def _find_parents(nodes: Mapping[str, CategoryNode]) -> None:
    """Replace the slugs and names of parents by their references in the file."""
    refs = _refs_by_name(nodes)
    slugs = {node.item.get("slug") for node in nodes.values()}
    named: dict[str, list[int]] = {}
    for node in nodes.values():
        named.setdefault(name_key(str(node.item.get("name") or "")), []).append(node.row)
    for node in nodes.values():
        if node.parent is None or node.parent in nodes:
            continue
        rows = named.get(name_key(node.parent), [])
        if len(rows) > 1 and node.parent not in slugs:
            node.fault = (
                f"Several rows are named {node.parent!r}: {', '.join(map(str, rows))}. Write the "
                "slug of one of them, or a path."
            )
            node.parent = None
            continue
        node.parent = refs.get(node.parent, refs.get(name_key(node.parent), node.parent))


def _refs_by_name(nodes: Mapping[str, CategoryNode]) -> dict[str, str]:
    """Return the reference of each category by its slug, its name, or the slug that it will get.

    A slug that is in the file wins over a name, a name over a slug that is made of one, and a first
    category over a later one.
    """
    backward = list(nodes.items())[::-1]
    named = {ref: str(node.item.get("name") or "") for ref, node in backward}
    names = {name_key(name): ref for ref, name in named.items()}
    made_slugs = {slugify(name): ref for ref, name in named.items()}
    slugs = {str(node.item["slug"]): ref for ref, node in nodes.items() if node.item.get("slug")}
    return made_slugs | names | slugs


def _node(row: int, item: dict[str, Any], separator: str | None) -> CategoryNode:
    """Return the category of a row, with the ancestors that its path names."""
    path = item.pop("path", None)
    if path is None:
        parent = item.get("parent")
        if isinstance(parent, (list, dict)):
            return CategoryNode(item, row, fault=f"The parent {parent!r} is not a text.")
        return CategoryNode(item, row, parent=None if parent is None else str(parent))
    if not isinstance(path, (str, list)):
        return CategoryNode(item, row, fault=f"The path {path!r} is neither a text nor a list.")
    if isinstance(path, str):
        path = _steps(path, separator or (">" if ">" in path else "/"))
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
    return reference({"names": names}, "path"), str(step)


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


def import_tree(
    rows: Iterable[tuple[int, dict[str, Any]]],
    send_level: SendLevel,
    separator: str | None = None,
) -> None:
    """Send the categories of a file level by level, so that each parent exists.

    Args:
        rows: Items with the numbers of their rows.
        send_level: Sends one level, but for the nodes with a fault, and returns the slug of each
            reference that has not failed.
        separator: The sign between the names of a path; None for > or /.
    """
    slugs: dict[str, str | None] = {}
    sent: set[str] = set()
    for level in tree_levels(rows, separator):
        for node in level:
            if node.parent is None:
                continue
            if node.parent in sent and node.parent not in slugs:
                node.fault = "Its parent has failed; correct that first."
            node.has_outer_parent = node.parent not in sent
            node.item["parent"] = slugs.get(node.parent, node.parent)
        slugs |= send_level(level)
        sent |= {node.ref for node in level}
