"""A page elsewhere attacks the console and every service: forms, frames, fetch, DNS rebinding.

``evil.test`` leads to this machine, as any domain may. The pages under attack are of a stack in
open mode, where only the checks of the origin stand between a page and every right.
"""

import http.server
import threading

import pytest

from tests.support.polling import poll

FOREIGN = ("http://evil.test:{}", "http://localhost:{}")
PAGE = """<!doctype html><title>evil</title>
<img src="{url}{path}"><script src="{url}{path}"></script>
<iframe src="{url}{path}"></iframe><iframe src="{url}/"></iframe>
<form id="text" method="post" enctype="text/plain" action="{url}{path}" target="one">
  <input name='{{"name":"Evil text","x":"' value='"}}'></form>
<form id="plain" method="post" action="{url}{path}" target="two">
  <input name="name" value="Evil form"></form>
<form id="parts" method="post" enctype="multipart/form-data" action="{url}{path}"
  target="three"><input name="name" value="Evil multipart"></form>
<iframe name="one"></iframe><iframe name="two"></iframe><iframe name="three"></iframe>"""
ATTACKS = """async (address) => {
  const said = (promise) => promise.then((answer) => answer.type + answer.status, () => "blocked");
  const body = '{"name": "Evil fetch"}';
  const json = {"Content-Type": "application/json"};
  const own = {"X-Console": "1", ...json};
  navigator.sendBeacon(address, body);
  for (const form of document.forms) form.submit();
  return {
    read: await said(fetch(address)),
    opaque: await said(fetch(address, {mode: "no-cors"})),
    text: await said(fetch(address, {method: "POST", mode: "no-cors", body})),
    json: await said(fetch(address, {method: "POST", headers: json, body})),
    console: await said(fetch(address, {method: "POST", headers: own, body})),
    remove: await said(fetch(address, {method: "DELETE"})),
  };
}"""
SERVICES = ("products", "clients", "categories", "orders")


@pytest.fixture(params=[*SERVICES, "console", "console's stream", "console's doctor"])
def target(request, stack, console):
    """The server under attack, and a path of it that reads and writes."""
    if request.param in SERVICES:
        return stack.url(request.param), f"/{request.param}"
    paths = {"console": "/api/products/products", "console's stream": "/stream"}
    return console, paths.get(request.param, "/doctor/fix")


@pytest.fixture
def evil(target):
    """A server of the page that attacks; its port."""
    url, path = target
    body = PAGE.format(url=url, path=path).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_elsewhere_reads_and_writes_nothing(stack, target, evil, open_page, origin):
    url, path = target
    before = _totals(stack)
    page = open_page(expected=".")  # the browser reports each refusal
    answers = []
    page.on(
        "response",
        lambda answer: answers.append((answer.request.method, answer.url, answer.status)),
    )
    page.goto(origin.format(evil))
    said = page.evaluate(ATTACKS, url + path)
    poll(lambda: page.wait_for_timeout(50) or _forms(answers, url) >= 3, what="the forms")
    assert said["read"] == "blocked"
    assert {said[name] for name in ("json", "console", "remove")} == {"blocked"}
    assert _totals(stack) == before
    own = [answer for answer in answers if answer[1].startswith(url)]
    assert own
    assert {status for method, _, status in own if method not in ("GET", "OPTIONS")} <= {403}
    # No frame shows the console: its own pages forbid it, and a browser shows an error instead.
    frames = [frame for frame in page.frames if frame.parent_frame]
    assert not any("Vitrine" in (frame.title() or "") for frame in frames)


@pytest.mark.parametrize("host", ["rebind.test", "127.0.0.1.nip.test"])
def test_a_name_that_leads_here_is_refused(target, open_page, host):
    url, path = target
    page = open_page(expected="Failed to load resource|Cross-Origin-Opener-Policy")
    foreign = url.replace("127.0.0.1", host)
    for address in (foreign + path, f"{foreign}/", f"{foreign}/metrics"):
        answer = page.goto(address)
        assert answer.status == 403, address


def _forms(answers, url):
    return sum(method == "POST" and address.startswith(url) for method, address, _ in answers)


def _totals(stack):
    """The items of every service and the tags of its newest: a write would change them."""
    return [stack.get(name, f"/{name}?per=1") for name in SERVICES]
