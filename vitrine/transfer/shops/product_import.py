"""The import of the products of a shop: an importer for each of its files, with one identity."""

from collections.abc import Iterator, Sequence

from vitrine.client import Client
from vitrine.transfer.categories import CategoryResolver, PathRules
from vitrine.transfer.identity import VOLATILE, RowIdentity
from vitrine.transfer.importer import ImportReport, ItemImporter, WriteMode
from vitrine.transfer.shops.preparation import Prepared
from vitrine.transfer.shops.shop_rows import ShopRows


def importers(
    products: Client,
    categories: Client,
    prepared: Sequence[Prepared],
    dry_run: bool,
    report: ImportReport,
    source: str = "",
) -> Iterator[tuple[Prepared, ItemImporter]]:
    """Yield each file with its importer, to be run before the next one.

    Args:
        products: The service of products.
        categories: That of categories, which gets those that are missing.
        prepared: The files.
        dry_run: Have the services validate only.
        report: Collects the results.
        source: The shop, whose products are kept apart from those of others; empty for none.
    """
    identity = RowIdentity(products, None, VOLATILE, source)
    for one in prepared:
        report.file = one.source.path if len(prepared) > 1 else ""
        resolver = CategoryResolver(categories, True, dry_run, _paths(one))
        mode = WriteMode(dry_run, merges_attributes=True)
        yield one, ItemImporter(products, one.mapping, resolver, identity, mode, report)
    report.file = ""


def _paths(prepared: Prepared) -> PathRules:
    """Return how the texts of a file name categories."""
    if isinstance(prepared.source, ShopRows):
        return PathRules(">", has_lines=True)
    return PathRules.of(*prepared.mapping.texts("category"), None)


def photo_line(prepared: Prepared, where: str) -> str:
    """Return what becomes of the photos of a file; empty if it has none.

    Args:
        prepared: The file.
        where: A sentence that says where those are shown that wait or failed.
    """
    source = prepared.source
    if not isinstance(source, ShopRows) or not source.photos:
        return ""
    if not source.sends_photos:
        return f"Photos: {source.photos:,} left out"
    return f"Photos: {source.photos:,}; workers fetch the new ones. {where}"
