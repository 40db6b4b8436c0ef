"""Findings of the checks that a service makes of its documents and files, in sentences."""

# Sentences for the kinds of findings that the checks of the services report.
KINDS = {
    "lacking": "documents that lack fields which every write sets",
    "broken": "documents that do not fit the schema",
    "unreachable": "documents with an id that no URL can have",
    "twice": "documents that are in the collection and in the trash",
    "astray": "products whose category does not exist",
    "misplaced": "products whose category path is outdated",
    "parentless": "categories whose parent does not exist",
    "circular": "categories that are below themselves",
    "unsettled": "categories whose ancestors differ from those of their parent",
    "orphans": "files that no document names",
    "missing": "images that lack some files",
    "lost": "images whose picture is gone: upload it again, unless only MEDIA_URL is wrong",
    "stuck": "images that wait without a job",
}


def case_line(case: object) -> str:
    """Return one case of a finding as text."""
    if isinstance(case, dict) and "why" in case:
        return f"{case['path'] or repr(case['id'])}: {case['why']}"
    if isinstance(case, dict):
        return ", ".join(f"{name} {value}" for name, value in case.items())
    return str(case)
