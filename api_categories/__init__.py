"""Categories: the shelves of the catalog, as a tree."""
