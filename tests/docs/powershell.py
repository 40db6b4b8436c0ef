"""Interpreter of the few forms of PowerShell that the documents and scripts use.

Many machines that run the tests have no PowerShell.  So a grammar finds errors of syntax, and this
module sends the requests.  A form that it does not support raises ``Unknown``.
"""

import os
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.docs.grammar import Unknown, every, first, is_block, parse, text


@dataclass
class Timed:
    """Result of Measure-Command."""

    totalmilliseconds: float


@dataclass
class Answer:
    """Result of Invoke-WebRequest."""

    headers: dict
    content: str


@dataclass
class PowerShell:
    """Session with its variables, its output, and the statuses of its requests."""

    send: Any  # (method, url, headers, body) -> an answer of urllib3
    variables: dict = field(default_factory=dict)
    output: list = field(default_factory=list)
    statuses: list = field(default_factory=list)

    def run(self, text):
        """Run a script."""
        self._do(parse(text))

    def _do(self, node):
        """Run statements and print their values; return the last value."""
        value = None
        for child in node.named_children:
            if child.type in ("comment", "statement_block_open"):
                continue
            if child.type == "param_block":
                self._declare(child)
            elif child.type in ("statement_list", "script_block", "script_block_body"):
                value = self._do(child)
            elif child.type == "if_statement":
                self._choose(child)
            else:
                value = self._value(child)
                if value is not None:
                    self.output.append(value)
        return value

    def _declare(self, block):
        for each in every(block, "script_parameter"):
            name = text(first(each, "variable"))
            default = [c for c in each.named_children if c.type == "script_parameter_default"]
            if _key(name) not in self.variables:
                self._set(name, self._value(default[0].named_children[0]) if default else None)

    def _choose(self, node):
        condition, *rest = node.named_children
        if self._value(condition):
            self._do(rest[0])
        elif len(rest) > 1:
            self._do(first(rest[1], "statement_block"))

    def _value(self, node):
        while node.type not in _FORMS and node.named_child_count == 1:
            node = node.named_children[0]
        if node.type not in _FORMS:
            raise Unknown(f"{node.type}: {text(node)[:80]}")
        return getattr(self, f"_{node.type}")(node)

    def _pipeline_chain(self, node):
        first, *rest = [child for child in node.named_children if child.type != "comment"]
        value = self._value(first)
        for each in rest:
            value = self._command(each, [value])
        return value

    def _assignment_expression(self, node):
        left, _, right = [child for child in node.named_children if child.type != "comment"]
        value = self._value(right)
        while left.type not in ("variable", "element_access"):
            (left,) = left.named_children
        if left.type == "variable":
            self._set(text(left), value)
        else:
            holder, key = left.named_children
            self._value(holder)[self._value(key)] = value

    def _command(self, node, piped=()):
        name, *rest = node.named_children
        words = rest[0].named_children if rest else []
        do = _COMMANDS.get(text(name).lower())
        if do is None:
            raise Unknown(text(name))
        return getattr(self, do)(list(piped), *self._arguments(words))

    def _arguments(self, words):
        """Return the named arguments by name, and the other arguments in order."""
        named, rest, waiting = {}, [], ""
        for word in words:
            if word.type == "command_argument_sep":
                continue
            if word.type == "command_parameter":
                waiting = text(word).lower()
                named[waiting] = True
                if waiting in _SWITCHES:
                    waiting = ""
                continue
            value = word if is_block(word) else self._value(word)
            if waiting:
                named[waiting], waiting = value, ""
            else:
                rest.append(value)
        return named, rest

    def _invoke(self, piped, named, rest):
        unknown = set(named) - {"-method", "-uri", "-body", "-contenttype", "-headers"} - _SWITCHES
        if unknown or piped or len(rest) > 1:
            raise Unknown(f"irm {unknown} {rest}")
        headers = dict(named.get("-headers", {}))
        if "-contenttype" in named:
            headers["Content-Type"] = named["-contenttype"]
        body = named.get("-body")
        if body is not None and not isinstance(body, str):
            raise Unknown("a -Body that is no text")
        method = named.get("-method", "GET").upper()
        url = named.get("-uri") or rest[0]
        answer = self.send(method, url, headers, None if body is None else body.encode())
        self.statuses.append(answer.status)
        return answer

    def _rest(self, *arguments):
        """Return the parsed body of a response, as Invoke-RestMethod does."""
        answer = self._invoke(*arguments)
        return orjson.loads(answer.data) if answer.data else ""

    def _web(self, *arguments):
        answer = self._invoke(*arguments)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(headers, answer.data.decode())

    def _to_json(self, piped, named, rest):
        if named.keys() - {"-depth", "-compress"} or rest:
            raise Unknown("ConvertTo-Json")
        depth = int(named.get("-depth", 2))
        if _depth(piped[0]) > depth:
            raise Unknown(f"more than {depth} levels; PowerShell would cut them off: -Depth")
        return orjson.dumps(piped[0], option=orjson.OPT_INDENT_2).decode()

    def _measure(self, piped, named, rest):
        started = time.perf_counter()
        kept, self.output = self.output, []
        self._do(rest[0])
        self.output = kept  # The measured block prints nothing.
        return Timed((time.perf_counter() - started) * 1000)

    def _print(self, piped, named, rest):
        self.output += rest

    def _member_access(self, node):
        holder, name = node.named_children
        value, key = self._value(holder), text(name)
        if isinstance(value, dict):
            return value.get(key)
        return getattr(value, key.lower())

    def _element_access(self, node):
        holder, key = node.named_children
        value, index = self._value(holder), self._value(key)
        return value.get(index, value.get(str(index).lower()))  # Headers are in lower case.

    def _variable(self, node):
        name = _key(text(node))
        if name.startswith("env:"):
            return os.environ.get(name.removeprefix("env:").upper())
        known = self.variables | {"true": True, "false": False, "null": None}
        if name not in known:
            raise Unknown(f"${name} was never set")
        return known[name]

    def _expandable_string_literal(self, node):
        text, start = node.text, node.start_byte
        result, at = b"", 1
        for child in node.named_children:
            result += text[at : child.start_byte - start]
            inner = child.named_children[0] if child.type == "sub_expression" else child
            result += str(self._value(inner)).encode()
            at = child.end_byte - start
        plain = (result + text[at:-1]).decode()
        return plain.replace('""', '"').replace("`n", "\n")

    def _verbatim_string_characters(self, node):
        return text(node)[1:-1].replace("''", "'")

    def _hash_literal_expression(self, node):
        pairs = [each.named_children[:2] for each in every(node, "hash_entry")]
        return {text(key).strip("'\""): self._value(value) for key, value in pairs}

    def _parenthesized_expression(self, node):
        return self._value(node.named_children[0])

    def _generic_token(self, node):
        return text(node)

    def _decimal_integer_literal(self, node):
        return int(text(node))

    def _real_literal(self, node):
        return float(text(node))

    def _set(self, name, value):
        self.variables[_key(name)] = value


_FORMS = {name[1:] for name in vars(PowerShell) if name.startswith("_") and name[1:2] != "_"}
_COMMANDS = {
    "irm": "_rest",
    "invoke-restmethod": "_rest",
    "iwr": "_web",
    "invoke-webrequest": "_web",
    "convertto-json": "_to_json",
    "measure-command": "_measure",
    "write-output": "_print",
    "write-host": "_print",
}
_SWITCHES = {"-usebasicparsing", "-compress"}


def _depth(value):
    """Return how many levels are below the first one."""
    if isinstance(value, dict | list):
        below = value.values() if isinstance(value, dict) else value
        return max(
            (1 + _depth(each) if isinstance(each, dict | list) else 0 for each in below), default=0
        )
    return 0


def _key(name):
    return name.removeprefix("$").strip("{}").lower()
