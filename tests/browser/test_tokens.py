"""Sign-in at a real stack with ``AUTH_MODE=token``: one's rights, and the end of a token."""

import pytest

from shared.config.settings import Settings
from shared.http.tokens import Tokens
from tests.support.stack import running_stack
from vitrine import stack as stacks
from vitrine.commands.console import way_to

pytestmark = pytest.mark.long
KEY = "0123456789abcdef" * 4
REFUSED = "Failed to load resource"


@pytest.fixture(scope="module")
def console():
    """The address of the console of a stack that asks for tokens."""
    with running_stack(console=True, WORKERS="1", AUTH_MODE="token", SECRET_KEY=KEY) as stack:
        yield stacks.read(stack.folder).console_url


def mint(*scopes, seconds=600):
    return Tokens(Settings(secret_key=KEY)).mint("maria", list(scopes), seconds)


def test_a_token_is_asked_for_and_a_wrong_one_is_refused_with_the_reason(console, open_page):
    page = open_page(console, expected=REFUSED)
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Token").fill("not a token")
    dialog.get_by_role("button", name="Sign in").click()
    dialog.get_by_text("The token is not valid.").wait_for()
    dialog.get_by_label("Token").fill(mint("admin"))
    dialog.get_by_role("button", name="Sign in").click()
    page.get_by_text("Signed in as maria").wait_for()
    page.get_by_text("All is well.").wait_for()
    assert page.context.cookies() == []


def test_a_token_that_ends_is_asked_for_again(console, open_page):
    page = open_page(f"{console}/trace#token={mint('admin', seconds=6)}", expected=REFUSED)
    page.get_by_text("Signed in as maria").wait_for()
    page.get_by_role("textbox", name="Request id").fill("typed")
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.wait_for()
    dialog.get_by_label("Token").fill(mint("admin"))
    dialog.get_by_role("button", name="Sign in").click()
    dialog.wait_for(state="detached")
    assert page.get_by_role("textbox", name="Request id").input_value() == "typed"


def test_a_reader_sees_the_state_and_why_the_rest_is_closed(console, open_page):
    page = open_page(f"{console}/doctor#token={mint('products:read')}", expected=REFUSED)
    page.get_by_text("This needs a token with the scope admin.").first.wait_for()
    assert page.get_by_role("button", name="Prove it", exact=True).is_disabled()
    page.get_by_role("region", name="State of the services").get_by_text("products").wait_for()


def test_the_file_of_the_command_leads_to_the_console(console, open_page, tmp_path):
    """A browser gets the token by a file, since every user sees the arguments of a process."""
    with way_to(f"{console}/jobs#token={mint('admin')}", tmp_path) as file:
        page = open_page(file.as_uri(), expected=REFUSED)
        page.get_by_text("Signed in as maria").wait_for()
    assert page.url == f"{console}/jobs"
