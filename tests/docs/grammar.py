"""Grammar of PowerShell: finds syntax errors of a script, and reads its tree."""

from functools import cache

import pytest


class Unknown(Exception):
    """A form of PowerShell that the tests do not support."""


@cache
def parser():
    """Return a parser of PowerShell, or skip the test, visibly."""
    grammar = pytest.importorskip("tree_sitter_powershell")
    tree_sitter = pytest.importorskip("tree_sitter")
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))


def parse(text):
    """Return the tree of a script, or raise ``Unknown`` with the place of a syntax error."""
    root = parser().parse(text.encode()).root_node
    if root.has_error:
        row, column = _first_error(root).start_point
        raise Unknown(f"syntax error in line {row + 1}, column {column + 1}")
    return root


def _first_error(node):
    for child in node.children:
        if child.has_error or child.is_missing:
            return child if child.type == "ERROR" or child.is_missing else _first_error(child)
    return node


def text(node):
    return node.text.decode()


def first(node, kind):
    return next(iter(every(node, kind)))


def every(node, kind):
    """Return the nodes of a kind below a node, but not those inside one another."""
    if node.type == kind:
        return [node]
    return [found for child in node.named_children for found in every(child, kind)]


def is_block(node):
    return bool(
        node.type == "script_block_expression"
        or (node.named_child_count == 1 and is_block(node.named_children[0]))
    )
