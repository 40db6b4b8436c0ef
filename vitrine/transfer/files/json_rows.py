"""Rows of JSON and JSON lines, read one by one.

A JSON file is an array of objects, one object, or an object with the array in a member such as
``items``, ``products`` or ``@graph``.  The answers of shops have it deeper: ``_embedded.items``, or
``data.products.edges`` with each object in a ``node``.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO, Self

import ijson

from vitrine.errors import StackError
from vitrine.transfer.files.csv_rows import Row
from vitrine.transfer.texts import TOO_DEEP, clean_row

MAX_PLACED = 20_000_000  # bytes of a file in which the place of a fault is looked for
MAX_LEVELS = 1_000  # of a file; a row may have fewer
_CHUNK = 1 << 20
_PAIR = 12  # bytes of the longest escape: a surrogate pair
# An escape; the group is half of a surrogate pair.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
# Members that hold the rows of a file, by what is imported; an object without them may be a row.
_RESOURCES = {
    "products": ("products",),
    "clients": ("clients", "customers"),
    "categories": ("categories",),
    "orders": ("orders",),
}
_RESOURCE_MEMBERS = tuple(name for names in _RESOURCES.values() for name in names)
ROW_MEMBERS = (
    *("items", *_RESOURCE_MEMBERS, "@graph", "data", "results", "rows", "records", "entries"),
)
# Members of answers that wrap the rows, those that wrap one row, and what wraps each of a list.
_WRAPPERS = frozenset(
    {
        *("data", "_embedded", "result", "results", "response", "payload", "products", "product"),
        *("items", "edges", "nodes", "hits", "customers", "orders", "collections", "search"),
    }
)
_ALONE = ("product", "item")
# The members of a list of GraphQL, which has its objects in edges or in nodes.
_CONNECTION = {"edges", "nodes", "pageInfo", "totalCount", "__typename"}
_INNER = {"edges": ".node", "hits": "._source"}
_NAMES = ("name", "title", "sku")  # of an object that is a row
ROW_ALONE = ("sku", "price", "email", "uuid")  # of a row, and not of a file with a name


def json_lines(file: BinaryIO) -> Iterator[Row]:
    """Yield the object of each line with the line's number."""
    for number, line in enumerate(file, 1):
        if line.strip():
            yield number, _json_object(line)


def json_rows(file: BinaryIO, path: str, resource: str = "") -> Iterator[Row]:
    """Yield the objects of a JSON file, numbered from 1.

    Args:
        file: The file.
        path: Its name, for errors.
        resource: What is imported, such as products: the list with its name is read.

    Raises:
        StackError: Several members of the object hold objects, the file is one value, is nested
            too deep, or has half a character.
    """
    start = file.tell()
    _check_characters(file)
    file.seek(start)
    _check_depth(file)
    file.seek(start)
    first = file.read(1)
    while first.isspace():
        first = file.read(1)
    file.seek(start)
    if first == b"[":
        yield from _numbered(_objects(file, "item"))
        return
    if first != b"{":
        raise StackError(f"{path} has no rows: it is one value, and no object or array of objects.")
    members = _Members.of(file)
    file.seek(start)
    member = _row_member(members, path, resource)
    if member is not None:
        place = f"{member}.item"
    elif members.are_only_wrapping:
        place = _inner_place(file)
        file.seek(start)
    else:
        place = ""
    yield from _numbered(_objects(file, place))


def fault_of(file: BinaryIO, error: Exception) -> str:
    """Return what is wrong with a JSON file, with its line and column if it is not too large."""
    file.seek(0)
    data = file.read(MAX_PLACED + 1)
    if not data.strip():
        return "it is empty"
    if len(data) <= MAX_PLACED:
        try:
            json.loads(data)
        except json.JSONDecodeError as fault:
            return f"{fault.msg} in line {fault.lineno:,}, column {fault.colno:,}"
        except (ValueError, RecursionError):
            pass  # The reason of the first parser stays.
    return str(error).partition("\n")[0].rstrip(". ")[:250]


def _check_characters(file: BinaryIO) -> None:
    """Check the escapes of a file: ijson reads half of a surrogate pair as a question mark.

    Raises:
        StackError: There is half of a pair.
    """
    data, line, is_end = b"", 1, False
    while not is_end:
        chunk = file.read(_CHUNK)
        data, is_end, done = data + chunk, not chunk, 0
        for escape in _ESCAPE.finditer(data):
            if escape.start() > len(data) - _PAIR and not is_end:
                break  # The rest of it may be in the next chunk.
            if escape[1]:
                line += data.count(b"\n", 0, escape.start())
                raise StackError(
                    f"The JSON has half a character in line {line:,}: {escape[0].decode()}. "
                    "Correct or remove it."
                )
            done = escape.end()
        done = max(done, len(data) - _PAIR)
        line += data.count(b"\n", 0, done)
        data = data[done:]


def _check_depth(file: BinaryIO) -> None:
    """Check the nesting of a file: ijson keeps the path of each level, so many take any memory.

    Raises:
        StackError: It is nested too deep.
        ijson.JSONError: It is not JSON; names the object after which it is not.
    """
    depth = 0
    done: Counter[int] = Counter()  # objects by their depth; those of rows are the outermost ones
    try:
        for event, _ in _read(file, "basic_parse"):
            if event in ("start_map", "start_array"):
                depth += 1
            elif event in ("end_map", "end_array"):
                depth -= 1
                done[depth] += event == "end_map"
            if depth > MAX_LEVELS:
                raise StackError(f"The JSON is nested too deep: more than {MAX_LEVELS:,} levels.")
    except ijson.JSONError as error:
        # Without a drawing of the place, and without a number of a million digits.
        reason = str(error).partition("\n")[0].rstrip(". ")[:200]
        if done:
            reason += f", after object {done[min(done)]:,}"
        raise ijson.JSONError(reason) from error


# Knows numbers of any length, and is many times slower.
_EXACT = ijson.get_backend("python")
_OVERFLOW = "overflow"  # in the error of the fast parser
_COMPOUND = (Decimal, list, dict)


class _Object(dict[str, Any]):
    """An object that remembers a name that two of its members have, of which one is lost."""

    repeated = ""

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self:
            self.repeated = name
        super().__setitem__(name, value)


def _objects(file: BinaryIO, place: str) -> Iterator[Any]:
    """Yield the values at a place of a JSON file."""
    yield from _read(file, "items", place, map_type=_Object)


def _read(file: BinaryIO, method: str, *args: Any, **options: Any) -> Iterator[Any]:
    """Yield what a method of ijson reads.

    The fast parser stops at a number of more than 64 bits.  Then the slow one reads the file again.
    """
    start, done = file.tell(), 0
    try:
        for value in getattr(ijson, method)(file, *args, use_float=True, **options):
            yield value
            done += 1
        return
    except ijson.JSONError as error:
        if _OVERFLOW not in str(error):
            raise
    file.seek(start)
    yield from islice(getattr(_EXACT, method)(file, *args, **options), done, None)


def _with_floats(value: Any) -> Any:
    """Return a value with the decimals of the slow parser as those of the fast one."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list) and any(isinstance(item, _COMPOUND) for item in value):
        return [_with_floats(item) for item in value]
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, _COMPOUND):
                dict.__setitem__(value, name, _with_floats(item))
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of pairs, or raise ``ValueError`` if two have one name."""
    value = dict(pairs)
    if len(value) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {name!r} occurs twice in one object")
    return value


def _numbered(values: Iterator[Any]) -> Iterator[Row]:
    for number, value in enumerate(values, 1):
        if not isinstance(value, dict):
            yield number, "Not a JSON object."
        elif name := _repeated_name(value):
            yield number, f"The key {name!r} occurs twice in one object."
        else:
            yield number, _row(value)


def _row(value: dict[str, Any]) -> dict[str, Any] | str:
    """Return an object as a row, or a text that says why it is none.

    An object of GraphQL may be alone in a ``node``.
    """
    node = value.get("node")
    if isinstance(node, dict) and value.keys() <= {"node", "cursor", "__typename"}:
        value = node
    try:
        return clean_row(_with_lists(_with_floats(value)))
    except RecursionError:
        return TOO_DEEP
    except StackError as error:
        return str(error)


def _with_lists(value: Any, name: str = "") -> Any:
    """Return a value of GraphQL with each list of ``edges`` or ``nodes`` as a list of objects.

    Raises:
        StackError: The answer has only the first objects of a list.
    """
    if isinstance(value, list):
        return [_with_lists(item, name) for item in value]
    if not isinstance(value, dict):
        return value
    if "edges" in value and value.keys() <= _CONNECTION and isinstance(value["edges"], list):
        nodes = [each.get("node") if isinstance(each, dict) else each for each in value["edges"]]
    elif "nodes" in value and value.keys() <= _CONNECTION and isinstance(value["nodes"], list):
        nodes = value["nodes"]
    else:
        # Not by a new dict: this one knows a name that it has twice.
        for member, inner in value.items():
            if isinstance(inner, (dict, list)):
                dict.__setitem__(value, member, _with_lists(inner, member))
        return value
    info = value.get("pageInfo")
    if isinstance(info, dict) and info.get("hasNextPage"):
        raise StackError(
            f"{name}: has only the first {len(nodes)}, because hasNextPage is true; have the query "
            "ask for more of them."
        )
    return [_with_lists(node, name) for node in nodes]


def _repeated_name(value: dict[str, Any]) -> str:
    """Return a name that an object or an object in it has twice, or an empty text."""
    objects = (item for item in (value, *value.values()) if isinstance(item, _Object))
    return next((item.repeated for item in objects if item.repeated), "")


@dataclass(slots=True)
class _Members:
    """The members of an object that may be a row, or a file with rows in a member.

    Attributes:
        values: Those with texts, numbers and the like.
        lists: Those with lists of objects, and the names in the first of these.
        empty: Those with empty lists.
        objects: Those with objects.
    """

    values: set[str] = field(default_factory=set)
    lists: dict[str, set[str]] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    objects: set[str] = field(default_factory=set)

    @property
    def are_only_wrapping(self) -> bool:
        """True if the rows may be in an object of a member, as in the answers of shops."""
        return bool(self.objects & {*_WRAPPERS}) and not self.values & {*_NAMES, *ROW_ALONE}

    @classmethod
    def of(cls, file: BinaryIO) -> Self:
        """Return the members of the object in a file."""
        members = cls()
        depth, member, previous = 0, "", ""
        first_of = ""  # the list whose first object is being read
        for event, value in _read(file, "basic_parse"):
            if event in ("end_map", "end_array"):
                depth -= 1
                if depth == 1 and previous == "start_array":
                    members.empty.append(member)
                if depth == 2:
                    first_of = ""
            elif event == "map_key" and depth == 1:
                member = value
            elif event == "map_key" and depth == 3 and first_of:
                members.lists[first_of].add(value)
            elif depth == 1 and event not in ("start_map", "start_array"):
                members.values.add(member)
            elif depth == 1 and event == "start_map":
                members.objects.add(member)
            elif depth == 2 and event == "start_map" and previous == "start_array":
                members.lists[member] = set()
                first_of = member
            if event in ("start_map", "start_array"):
                depth += 1
            previous = event
        return members


def _row_member(members: _Members, path: str, resource: str) -> str | None:
    """Return the member that holds the rows of an object; None if the object is the row."""
    own = _RESOURCES.get(resource, (resource,))
    lists = [name for name in ROW_MEMBERS if name in members.lists]
    named = [name for name in lists if members.lists[name] & {*_NAMES}]
    if members.values & {*ROW_ALONE} or (members.values & {*_NAMES} and not named):
        return None
    for name in own:
        if name in members.lists:
            return name
    if resource and lists and all(name in _RESOURCE_MEMBERS for name in lists):
        raise StackError(
            f"{path} has {', '.join(lists)}, but no {resource}. Import it as what it is, or write "
            "the list to import as an array."
        )
    candidates = lists or list(members.lists)
    if len(candidates) > 1:
        names = ", ".join(candidates)
        raise StackError(f"{path} has several lists: {names}. Write the one to import as an array.")
    if candidates:
        return candidates[0]
    return next((name for name in (*own, *ROW_MEMBERS) if name in members.empty), None)


def _inner_place(file: BinaryIO) -> str:
    """Return the place of the rows in members that only wrap them; empty if the object is a row.

    It is the first list there, or else one object, such as the ``product`` of an answer.
    """
    single = ""
    lists = (*_INNER, "nodes")
    for place, event, _ in _read(file, "parse"):
        steps = place.split(".")
        # A query of GraphQL names its objects as it likes: data.shop.goods.edges.
        is_list = steps[0] == "data" and steps[-1] in lists and "item" not in steps
        if not is_list and not (place and all(step in _WRAPPERS for step in steps)):
            continue
        if event == "start_array":
            return f"{place}.item{_INNER.get(steps[-1], '')}"
        if event == "start_map" and steps[-1] in _ALONE:
            single = single or place
    return single


def _json_object(line: bytes) -> dict[str, Any] | str:
    """Return the object in a line, or a text that says why there is none."""
    try:
        # Unlike faster parsers, json keeps a number of 30 digits, so that its field is named.
        value = json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        return f"Not JSON: {error.msg} at column {error.colno}"
    except RecursionError:
        return TOO_DEEP
    except ValueError as error:
        return f"Not JSON: {error}"
    return _row(value) if isinstance(value, dict) else "Not a JSON object."


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{name} is not a number")
