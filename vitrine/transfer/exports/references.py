"""The references of items: a category by the names of its path, and photos by URL."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin

Item = Mapping[str, Any]

# The picture that is served for an uploaded photo; the photo itself is never served.
_SIZE, _FORMAT = "large", "jpeg"


class CategoryPaths:
    """The names of the path of each category, from the root.

    Args:
        categories: All categories, with ``slug``, ``name`` and ``path``.
    """

    def __init__(self, categories: Iterable[Item]):
        self._categories = {str(each["slug"]): each for each in categories}

    def names(self, slug: str) -> list[str]:
        """Return the names from the root to a category; its slug if it is gone."""
        category = self._categories.get(slug)
        if category is None:
            return [slug]
        path = [self._categories.get(each) for each in category["path"]]
        return [str(each["name"]) if each else slug for each in path]


class PhotoAddresses:
    """The URLs of photos.

    Args:
        base_url: The address of the shop, under which its photos are; empty if it is not known.

    Attributes:
        without: The number of uploaded photos that have no URL, because of an empty address.
    """

    def __init__(self, base_url: str):
        self._base_url = base_url.rstrip("/") + "/" if base_url else ""
        self.without = 0

    def of(self, item: Item) -> list[str]:
        """Return the URLs of an item's photos, the main one first."""
        sources = [_url(each) for each in item.get("image_urls", ())]
        # A photo that came from a URL has both, and the shop's file gets the one it came from.
        uploaded = [image for image in item.get("images", ()) if not image.get("url")]
        return list(dict.fromkeys([*sources, *filter(None, map(self._uploaded, uploaded))]))

    @staticmethod
    def texts(item: Item) -> dict[str, str]:
        """Return the texts of an item's photos by URL, for those that have one."""
        photos = (each for each in item.get("image_urls", ()) if isinstance(each, dict))
        return {photo["url"]: photo["alt"] for photo in photos if photo.get("alt")}

    def _uploaded(self, image: Item) -> str:
        thumbnail = (image.get("thumbnails") or {}).get(_SIZE) or {}
        if not self._base_url or _FORMAT not in thumbnail:
            self.without += 1
            return ""
        return urljoin(self._base_url, str(thumbnail[_FORMAT]).lstrip("/"))


def _url(photo: Any) -> str:
    return str(photo["url"] if isinstance(photo, dict) else photo)
