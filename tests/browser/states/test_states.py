"""Pages when something is not well: one sentence, and right again without a reload."""

import pytest

from tests.browser.stub.answers import ANSWERS, change, job, jobs, request, service
from tests.support.polling import poll

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange")); }"""
NAMES = {
    "Latin": "Crème brûlée",
    "Greek": "Καφετιέρα",
    "Cyrillic": "Чайник",
    "Arabic": "إبريق الشاي",
    "Hebrew": "קומקום",
    "Chinese": "茶壶",
    "script": "<script>document.title = 'broken'</script>",
}
REFUSED = "Failed to load resource"  # Chromium's own message for each answer from 400 on


def until(page, check, what):
    """Poll while the page goes on; Playwright's events come only inside its own calls."""
    poll(lambda: page.wait_for_timeout(20) or check(), 60, what)


@pytest.fixture
def live(stub, open_page):
    """Open a page, and wait for its stream."""

    def live(path="/", **options):
        page = open_page(stub.url + path, expected=REFUSED, **options)
        until(page, lambda: stub.streams, "a stream")
        page.locator("main h1:not(.hidden)").wait_for()  # The hidden one is of a page that loads.
        return page

    return live


def test_an_answer_is_shown_with_its_source(live, stub):
    hit = {"Cache-Status": 'vitrine; hit; ttl=71; key="product:12"'}
    stub.answers["GET", "/services"] = (200, ANSWERS["GET", "/services"], hit)
    page = live()
    panel = page.get_by_role("region", name="Services").last
    panel.get_by_text("cache 0.3 ms, total 1.2 ms").wait_for()
    assert panel.get_by_text("5c1f0b7a9d3e4c21").get_attribute("href") is None
    assert panel.get_by_role("link", name="5c1f0b7a9d3e4c21").get_attribute("href")
    assert panel.get_by_text("hit", exact=True).is_visible()


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("curl", "curl -i 'http://127.0.0.1:5000/jobs?state=failed&per=50'"),
        ("PowerShell", "Invoke-RestMethod -Uri 'http://127.0.0.1:5000/jobs?state=failed&per=50'"),
    ],
)
def test_a_panel_is_copied_as_a_command(live, stub, name, command):
    page = live("/jobs")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=stub.url)
    until(page, lambda: stub.count("GET", "/services"), "the addresses")
    page.get_by_role("button", name=f"Copy products as {name}").click()
    page.get_by_text(f"Copied as {name}, without the token.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_names_of_every_script_are_text(live, stub):
    page = live("/changes")
    stub.send(
        "change", [change(item={"name": name}, id=at) for at, name in enumerate(NAMES.values())]
    )
    for name in NAMES.values():
        page.get_by_text(name, exact=True).wait_for()
    assert page.title() == "Changes · Vitrine"
    assert page.locator("script:not([src]):not([type=importmap])").count() == 0


def test_a_refusal_names_the_time_and_the_page_goes_on(live, stub):
    problem = {"title": "Too Many Requests", "status": 429, "detail": "Rate limit exceeded."}
    stub.answers["GET", "/api/products/jobs"] = (429, problem, {"Retry-After": "2"})
    page = live("/jobs")
    page.get_by_text("Rate limit exceeded. Retry in 2 s.").wait_for()
    del stub.answers["GET", "/api/products/jobs"]
    page.get_by_text("ImageUnreadable").wait_for()
    assert page.get_by_text("Rate limit exceeded").count() == 0


def test_a_service_that_is_down_is_named_and_comes_back(live, stub):
    down = service(0, "products") | {
        "state": "no answer",
        "ready": {},
        "problems": [{"text": "does not answer.", "remedy": "Start it with `vitrine up`."}],
    }
    others = [service(at, name) for at, name in enumerate(("products", "orders"))][1:]
    stub.answers["GET", "/services"] = (200, {"services": [down, *others]})
    page = live()
    page.get_by_text("does not answer. Start it with vitrine up.").wait_for()
    page.get_by_role("region", name="Services").first.get_by_text("no answer").wait_for()
    del stub.answers["GET", "/services"]
    page.get_by_text("does not answer").wait_for(state="detached")


def test_a_stack_that_stops_and_comes_back(live, stub):
    page = live()
    stub.go_down()
    page.get_by_text("The console does not answer.").wait_for()
    assert page.get_by_text("products").first.is_visible()  # what was known stays
    stub.is_down = False
    page.get_by_text("The console does not answer.").wait_for(state="detached")

    def is_shown():
        stub.send("change", [change()])  # The stream that is open may be the broken one.
        return page.get_by_text("Teapot").count()

    until(page, is_shown, "a change in a new stream")


@pytest.mark.long
def test_a_page_that_was_not_loaded_is_loaded_when_the_console_answers(live, stub):
    """A browser does not ask again for a module that did not come."""
    page = live()
    stub.go_down()
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_text("Not loaded.").wait_for()
    stub.is_down = False
    page.get_by_text("ImageUnreadable").wait_for()
    assert page.url == f"{stub.url}/jobs"


@pytest.mark.long
def test_too_many_tabs_are_told_so(live, stub):
    page = live()
    problem = {"status": 503, "detail": "24 streams are open, which is the limit."}
    stub.answers["GET", "/stream"] = (503, problem, {"Retry-After": "1"})
    stub.stop_streams()
    page.get_by_text("24 streams are open, which is the limit.").wait_for()
    del stub.answers["GET", "/stream"]
    page.get_by_text("24 streams are open").wait_for(state="detached")


def test_a_hidden_tab_gives_its_stream_back_and_resumes(live, stub):
    page = live("/changes")
    stub.send("change", [change()])
    page.get_by_text("Teapot").wait_for()
    page.evaluate(HIDE, True)
    until(page, lambda: not stub.streams, "the end of the stream")
    page.evaluate(HIDE, False)
    until(page, lambda: stub.streams, "a new stream")
    assert stub.resumed == ["", "6f1c-1"]


def test_many_events_are_rendered_at_most_four_times_a_second(live, stub):
    page = live("/cache")
    page.evaluate("""() => { window.times = 0; new MutationObserver(() => { window.times += 1; })
      .observe(document.querySelector("main"), {childList: true, subtree: true}); }""")
    started = page.evaluate("performance.now()")
    for round in range(100):
        stub.send("request", [request(id=f"{round}-{at}") for at in range(20)])
        page.wait_for_timeout(10)
    page.get_by_role("link").first.wait_for()
    seconds = (page.evaluate("performance.now()") - started) / 1000
    # Four a second, and between them the samples and the state of the services: one each at most.
    assert page.evaluate("window.times") <= 6 * seconds + 6


def test_one_signs_in_once_and_the_token_stays_in_the_tab(stub, open_page):
    stub.tokens = {"good": ["admin"]}
    page = open_page(stub.url, expected=REFUSED)
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.wait_for()
    dialog.get_by_label("Token").fill("Bearer good")
    dialog.get_by_role("button", name="Sign in").click()
    page.get_by_text("Signed in as").wait_for()
    assert page.context.cookies() == []
    assert page.evaluate("sessionStorage.getItem('vitrine.token')") == "good"
    page.reload()
    page.get_by_text("Signed in as").wait_for()
    second = page.context.new_page()
    second.goto(stub.url)
    second.get_by_text("Signed in as").wait_for()  # from the first tab


def test_a_token_in_the_address_is_taken_out_of_it(stub, open_page):
    stub.tokens = {"good": ["admin"]}
    page = open_page(f"{stub.url}/#token=good", expected=REFUSED)
    page.get_by_text("Signed in as").wait_for()
    assert page.url == f"{stub.url}/"
    assert not [path for _, path, _ in stub.seen if "token" in path]


def test_an_expired_token_is_asked_for_again_and_nothing_typed_is_lost(stub, open_page):
    stub.tokens = {"good": ["admin"], "new": ["admin"]}
    page = open_page(f"{stub.url}/jobs#token=good", expected=REFUSED)
    page.get_by_role("link", name="Trace", exact=True).click()
    page.get_by_role("textbox", name="Request id").fill("77ab-typed")
    del stub.tokens["good"]
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.wait_for()
    assert dialog.get_by_text("It has expired.").is_visible()
    dialog.get_by_label("Token").fill("new")
    dialog.get_by_role("button", name="Sign in").click()
    dialog.wait_for(state="detached")
    assert page.get_by_role("textbox", name="Request id").input_value() == "77ab-typed"


def test_a_write_waits_for_the_new_token(stub, open_page):
    stub.tokens = {"good": ["admin"], "new": ["admin"]}
    page = open_page(f"{stub.url}/jobs#token=good", expected=REFUSED)
    retry = page.get_by_role("button", name="Retry thumbnail-12-1")
    retry.wait_for()
    del stub.tokens["good"]
    retry.dispatch_event("click")  # Another request may have opened the dialog already.
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Token").fill("new")
    dialog.get_by_role("button", name="Sign in").click()
    page.get_by_text("make_thumbnails waits again.").wait_for()


def test_a_missing_scope_disables_and_says_why(stub, open_page):
    stub.tokens = {"reader": ["products:read"]}
    page = open_page(f"{stub.url}/doctor#token=reader", expected=REFUSED)
    page.get_by_text("This needs a token with the scope admin.").first.wait_for()
    for name in ("Prove it", "Check"):
        button = page.get_by_role("button", name=name)
        assert button.is_disabled()
        assert button.get_attribute("title") == "This needs a token with the scope admin."
    assert stub.count("GET", "/fuzz") == 0


def test_a_purge_says_first_how_many(live, stub):
    page = live("/cache")
    page.get_by_role("button", name="Purge").click()
    dialog = page.get_by_role("dialog", name="Purge the cache")
    dialog.get_by_text("3 entries of products begin with").wait_for()
    assert [path for method, path, _ in stub.seen if method == "DELETE"] == [
        "/api/products/__cache?prefix=product%3A&dry_run=1"
    ]
    dialog.get_by_role("button", name="Remove 3 entries").click()
    page.get_by_text("3 entries removed.").wait_for()
    assert stub.count("DELETE", "/api/products/__cache?prefix=product%3A") == 2


def test_a_failed_job_is_retried_by_one_click(live, stub):
    page = live("/jobs")
    page.get_by_role("button", name="Retry thumbnail-12-1").click()
    page.get_by_text("make_thumbnails waits again.").wait_for()
    stub.answers["GET", "/api/products/jobs"] = (200, jobs([job(7, "failed", error="E")], []))
    stub.send("job", [{"service": "products", "counts": {"failed": 1}, "workers": 2}])
    page.get_by_text("thumbnail-12-1").wait_for(state="detached")


def test_the_proof_counts_live_and_ends_with_a_verdict(live, stub):
    page = live("/doctor")
    page.get_by_role("button", name="Prove it", exact=True).click()
    page.get_by_text("Making documents of its own.").wait_for()
    running = ANSWERS["GET", "/fuzz"] | {"state": "running", "seconds": 30, "elapsed": 12.4}
    stub.send("fuzz", running | {"reads": 12_480, "hits": 9120, "writes": 310, "hand_writes": 92})
    page.get_by_text("12,480").wait_for()
    done = running | {"state": "done", "elapsed": 30, "reads": 30_100, "hits": 9, "writes": 800}
    stub.send("fuzz", done | {"hand_writes": 200})
    page.get_by_text("0 stale. Proven with 30,100 reads and 1,000 writes.").wait_for()


def test_a_proof_that_found_something_says_so(live, stub):
    page = live("/doctor")
    problem = "GET /products/12 answered revision 3 after revision 4 was acknowledged"
    run = ANSWERS["GET", "/fuzz"] | {"state": "done", "stale": 1, "problems": [problem]}
    until(page, lambda: stub.count("GET", "/fuzz"), "the state of the proof")
    stub.send("fuzz", run)
    page.get_by_text("1 stale. Please report this.").wait_for()
    assert page.get_by_text(problem).is_visible()


def test_separators_of_lines_in_a_text_lose_no_event(live, stub):
    """In JavaScript, U+2028 and U+2029 end a line; in JSON and in an event stream they do not."""
    page = live("/changes")
    names = ("line\u2028separator", "paragraph\u2029separator", "next\u0085line", "plain")
    stub.send("change", [change(item={"name": name}, id=at) for at, name in enumerate(names)])
    page.get_by_text("plain", exact=True).wait_for()
    assert page.get_by_role("row").filter(has_text="updated").count() == len(names)


def test_a_token_that_comes_later_replaces_the_session_and_its_stream(stub, open_page):
    stub.tokens = {"of-admin": ["admin"], "of-reader": ["products:read"]}
    page = open_page(f"{stub.url}/#token=of-admin", expected=REFUSED)
    until(page, lambda: stub.streams, "the stream")
    page.evaluate("location.hash = 'token=of-reader'")
    page.get_by_text("This needs a token with the scope admin.").first.wait_for()
    until(page, lambda: not stub.streams, "the end of the stream")
    assert page.evaluate("location.hash") == ""
    page.evaluate("location.hash = 'token=of-admin'")
    until(page, lambda: stub.streams, "the stream again")


def test_a_token_of_the_address_answers_the_dialog(stub, open_page):
    stub.tokens = {"of-admin": ["admin"]}
    page = open_page(stub.url, expected=REFUSED)
    page.get_by_role("dialog", name="Sign in").wait_for()
    page.evaluate("location.hash = 'token=of-admin'")
    page.get_by_role("dialog", name="Sign in").wait_for(state="detached")
    page.get_by_text("Signed in as maria").wait_for()


@pytest.mark.long
@pytest.mark.parametrize("path", ["/#token=%", "/#token=%E0%A4", "/trace/%", "/trace/%ff"])
def test_an_address_that_is_badly_encoded_shows_the_page(stub, open_page, path):
    page = open_page(stub.url + path, expected=REFUSED)
    page.locator("h1").wait_for()
    page.get_by_role("region", name="State of the services").get_by_text("products").wait_for()


def test_the_services_are_those_of_the_stack(stub, open_page):
    """A stack may have services of its own, and none of those of the shop."""
    own = service(0, "repairs") | {"item": "repair"}
    own["ready"]["queue"] = {"workers": 1, "waiting": 0}
    stub.session = lambda token: type(stub).session(stub, token) | {"services": ["repairs"]}
    stub.answers["GET", "/services"] = (200, {"services": [own]})
    stub.answers["GET", "/api/repairs/jobs"] = (200, jobs([job(3, "failed", error="broken")], []))
    stub.answers["GET", "/api/repairs/__cache"] = (200, {"entries": {}})
    page = open_page(f"{stub.url}/jobs", expected=REFUSED)
    page.get_by_role("region", name="repairs").get_by_text("broken").wait_for()
    page.goto(stub.url)
    page.get_by_text("1 job failed.").wait_for()
    page.goto(f"{stub.url}/cache")
    until(page, lambda: stub.count("GET", "/api/repairs/__cache"), "the keys")
    assert not stub.count("GET", "/api/products") + stub.count("GET", "/api/orders")


def test_a_change_that_comes_late_has_its_place_by_its_time(live, stub):
    """That of an edit by hand is known at once, and that of a request only with its author."""
    page = live("/changes")
    seconds = (1, 3, 2)
    for second in seconds:
        name, at = f"Change {second}", f"2026-11-30T14:00:0{second}.000Z"
        stub.send("change", [change(item={"name": name}, at=at)])
        page.get_by_text(name).wait_for()
    shown = page.get_by_role("row").filter(has_text="updated").all_inner_texts()
    assert [text.partition("Change ")[2][0] for text in shown] == ["3", "2", "1"]


def test_a_difference_is_that_of_the_moment_and_not_of_the_request(live, stub):
    """One request may change an item twice."""
    (entry,) = ANSWERS["GET", "/api/products/products/12/history"]["items"]
    later = entry | {"at": "2026-11-30T14:00:00.002Z", "request_id": "r"}
    earlier = later | {"at": "2026-11-30T14:00:00.001Z", "changes": {"name": {"to": "Earlier"}}}
    stub.answers["GET", "/api/products/products/12/history"] = (200, {"items": [later, earlier]})
    page = live("/changes")
    stub.send("change", [change(at=earlier["at"], request_id="r")])
    page.get_by_role("button", name="difference: products 12").click()
    page.get_by_text("Earlier").wait_for()


@pytest.mark.long
def test_a_difference_that_does_not_come_is_not_waited_for_for_ever(live, stub):
    path = "/api/products/products/12/history"
    stub.answers["GET", path] = (200, {"items": []})
    page = live("/changes")
    stub.send("change", [change()])
    page.get_by_role("button", name="difference: products 12").click()
    page.get_by_text("it follows within a second").wait_for()
    page.get_by_text("do not have this change").wait_for()


def test_the_request_to_try_has_the_address_of_the_service(live, stub):
    moved = [service(0, "products") | {"url": "http://127.0.0.1:7001"}]
    stub.answers["GET", "/services"] = (200, {"services": moved})
    page = live("/cache")
    page.get_by_text("curl http://127.0.0.1:7001/products").wait_for()


def test_the_events_of_a_trace_have_their_milliseconds(live):
    page = live("/trace/77ab19c04d2e4f55")
    page.get_by_text("+1,900 ms", exact=True).wait_for()


def test_a_job_that_fails_again_at_once_is_back_within_seconds(live, stub):
    """No number differs from one second to the next, so no event tells it."""
    running = jobs([], [])
    stub.answers["GET", "/api/products/jobs"] = (200, running)
    page = live("/jobs")
    page.get_by_text("No job of products has failed.").wait_for()
    stub.answers["GET", "/api/products/jobs"] = (200, jobs([job(7, "failed", error="E")], []))
    page.get_by_role("button", name="Retry thumbnail-7-1").wait_for(timeout=4000)
