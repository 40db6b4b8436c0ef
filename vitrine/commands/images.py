"""``vitrine images``: list the images of products by their state, and have photos fetched again."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import click
from rich.console import Console

from shared.config.settings import Settings
from vitrine.client import Client, threads_for
from vitrine.errors import RequestRefused

FAILED = "failed"
STATES = ("queued", "processing", "ready", FAILED)
MAX_SHOWN = 10  # refusals

console = Console(highlight=False, soft_wrap=True)


def _state_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    states = click.Choice(STATES)
    return click.option("--state", type=states, default=FAILED, show_default=True, help=help)


@click.group("images")
def images_command() -> None:
    """List images that have failed, and have the photos of URLs fetched again."""


@images_command.command("list")
@_state_option("Images in this state.")
def list_images(state: str) -> None:
    """List the images of products that are in a state, with their URLs and what went wrong."""
    count = 0
    for image in _images(_client(), state):
        count += 1
        parts = (f"/products/{image['product']}/images/{image['id']}", image["url"])
        reason = f": {image['reason']}" if image["reason"] else ""
        console.print(" ".join(filter(None, parts)) + reason, markup=False)
    console.print(f"{state} images: {count:,}")
    if count and state == FAILED:
        console.print("`vitrine images retry` has the photos of URLs fetched again.")


@images_command.command("retry")
@_state_option("Images in this state; ready to look for photos that have changed.")
def retry_images(state: str) -> None:
    """Have the photos of URLs fetched again; uploaded pictures are left out.

    A photo that has not changed stays. The exit status is 1 if an image was refused.
    """
    client = _client()

    def fetch(image: dict[str, Any]) -> str:
        """Return the reason why an image was refused, or an empty text."""
        try:
            client.post(f"/products/{image['product']}/images/{image['id']}/fetch", None)
        except RequestRefused as error:
            return str(error)
        return ""

    # All of them first: an image that is queued leaves the list.
    images = list(_images(client, state))
    photos = [image for image in images if image["url"]]
    with ThreadPoolExecutor(threads_for(client.service)) as pool:
        refusals = Counter(filter(None, pool.map(fetch, photos)))
    console.print(f"{state} images that are fetched again: {len(photos) - refusals.total():,}")
    if uploaded := len(images) - len(photos):
        console.print(f"uploaded, which only a new upload replaces: {uploaded:,}")
    for text, count in islice(refusals.items(), MAX_SHOWN):
        console.print(f"  {text} ({count:,})", markup=False)
    sys.exit(1 if refusals else 0)


def _client() -> Client:
    return Client.find("products", Settings.from_env())


def _images(client: Client, state: str) -> Iterator[dict[str, Any]]:
    """Yield the images of all products that are in a state."""
    yield from client.items("/products:images", state=state)
