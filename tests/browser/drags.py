"""Drags by the mouse, as people make them."""

MOVES = 10  # of the mouse: a browser lets nothing drop that came over its target only once


def drag(source, target):
    """Drag an element onto another one."""
    source.drag_to(target, steps=MOVES)
