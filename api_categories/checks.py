"""Check of the category tree: finds categories with a wrong parent or place."""

from api_categories.stored_tree import read_tree
from api_categories.tree import ancestors, is_in_cycle, parents_of
from shared.endpoints.document_checks import Kind
from shared.storage.documents import has_values


def find_tree_faults() -> dict[str, Kind]:
    """Return the faults in the tree, by kind.

    * ``parentless``: the parent does not exist
    * ``circular``: the category is its own descendant, or too deep
    * ``unsettled``: the stored parent or ancestors differ from the tree; a write corrects them
    """
    faults = {"parentless": Kind(), "circular": Kind(), "unsettled": Kind()}
    stored = read_tree()
    parents = parents_of(stored.values())
    for id, category in stored.items():
        slug = category["slug"]
        case = {"id": id, "path": f"/categories/{slug}"}
        parent = parents[slug]
        if is_in_cycle(slug, parents):
            faults["circular"].add(case | {"why": f"is below itself, by {parent!r}"}, False)
            continue
        if parent is not None and parent not in parents:
            faults["parentless"].add(case | {"why": f"there is no category {parent!r}"}, False)
        above = ancestors(slug, parents)
        if not has_values(category, {"parent": parent, "ancestors": above or None}):
            place = "/".join([*above, slug])
            faults["unsettled"].add(case | {"why": f"belongs at {place}"}, True)
    return faults
