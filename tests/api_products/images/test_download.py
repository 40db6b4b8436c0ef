"""Downloads of photos: limits of size, time, redirects and addresses."""

import gzip
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api_products.images import download as downloads
from api_products.images.download import Bounds, PhotoRefused, PhotoUnavailable, download
from tests.support.photo_server import PhotoServer, Reply

HERE = Bounds(100_000, frozenset({"127.0.0.1"}))


@pytest.fixture
def server():
    with PhotoServer() as server:
        yield server


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(downloads, "SECONDS", 0.5)
    monkeypatch.setattr(downloads, "CONNECT_SECONDS", 0.2)


def test_the_bytes_and_the_validators_are_returned(server):
    server.replies["/a"] = Reply(b"photo", headers={"ETag": '"1"', "Last-Modified": "then"})
    photo = download(f"{server.url}/a", HERE)
    assert (photo.data, photo.etag, photo.modified) == (b"photo", '"1"', "then")
    ((_, headers),) = server.requests
    assert headers["Host"] == f"127.0.0.1:{server.port}"
    assert headers["Accept-Encoding"] == "identity"
    assert "If-None-Match" not in headers


def test_a_photo_that_has_not_changed_is_none(server):
    server.replies["/a"] = Reply(b"photo", headers={"ETag": '"1"'})
    assert download(f"{server.url}/a", HERE, '"1"', "then") is None
    assert server.requests[0][1]["If-Modified-Since"] == "then"
    assert download(f"{server.url}/a", HERE, '"2"').data == b"photo"


@pytest.mark.parametrize("etag", [f'"{"x" * 501}"', '"\xe4"', '"\x01"', ""])
def test_a_validator_that_cannot_be_sent_back_is_left_out(server, etag):
    server.replies["/a"] = Reply(b"photo", headers={"ETag": etag})
    assert download(f"{server.url}/a", HERE).etag is None


def test_a_304_that_was_not_asked_for_is_refused(server):
    server.replies["/a"] = Reply(status=304)
    with pytest.raises(PhotoRefused, match="without a condition"):
        download(f"{server.url}/a", HERE)


def test_a_compressed_body_is_limited_after_decompression(server):
    small, bomb = gzip.compress(b"photo"), gzip.compress(bytes(50_000_000))
    server.replies["/a"] = Reply(small, headers={"Content-Encoding": "gzip"})
    assert download(f"{server.url}/a", HERE).data == b"photo"
    server.replies["/b"] = Reply(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(PhotoRefused, match="too large"):
        download(f"{server.url}/b", HERE)
    server.replies["/c"] = Reply(b"photo", headers={"Content-Encoding": "gzip"})
    with pytest.raises(PhotoRefused, match="cannot be decoded"):
        download(f"{server.url}/c", HERE)


def test_an_endless_body_ends_at_the_limit(server):
    server.replies["/a"] = Reply(bytes(1000), endless=True)
    with pytest.raises(PhotoRefused, match="too large"):
        download(f"{server.url}/a", HERE)


@pytest.mark.parametrize("pause", ["head", "body"])
def test_a_slow_server_is_left_in_time(server, fast, pause):
    server.replies["/a"] = Reply(bytes(1000), pause=pause)
    with pytest.raises(PhotoUnavailable, match="takes more than"):
        download(f"{server.url}/a", HERE)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_server_in_trouble_may_answer_later(server, status):
    server.replies["/a"] = Reply(status=status)
    with pytest.raises(PhotoUnavailable, match=f"has answered {status}"):
        download(f"{server.url}/a", HERE)


@pytest.mark.parametrize("status", [201, 204, 206, 300, 400, 401, 403, 404, 410])
def test_another_answer_is_final(server, status):
    server.replies["/a"] = Reply(status=status)
    with pytest.raises(PhotoRefused, match=f"has answered {status}"):
        download(f"{server.url}/a", HERE)


def test_what_is_not_http_may_be_later():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(PhotoUnavailable, match="does not answer"):
        download(f"http://127.0.0.1:{port}/", HERE)


def test_a_body_that_breaks_off_may_be_whole_later(server):
    server.replies["/a"] = Reply(b"pho", headers={"Content-Length": "5"})
    with pytest.raises(PhotoUnavailable):
        download(f"{server.url}/a", HERE)


def redirect(location, status=302):
    return Reply(status=status, headers={"Location": location} if location else {})


def test_three_redirects_are_followed(server):
    server.replies |= {
        "/1": redirect("/x/2", 301),
        "/x/2": redirect("../3", 307),
        "/3": redirect(f"{server.url}/4", 308),
        "/4": Reply(b"photo"),
        "/0": redirect("/1"),
    }
    assert download(f"{server.url}/1", HERE).data == b"photo"
    with pytest.raises(PhotoRefused, match="more than 3 times"):
        download(f"{server.url}/0", HERE)


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "not public"),
        ("http://[::ffff:169.254.169.254]/", "not public"),
        ("http://0x7f.1/", "not public"),
        ("http://localhost/", "not public"),
        ("https://10.0.0.1/", "not public"),
        ("http://8.8.8.8:22/", "Port 22"),
        ("file:///etc/passwd", "not allowed"),
        ("ftp://shop.example/x", "not allowed"),
        ("http://user:secret@8.8.8.8/", "not allowed"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "not allowed"),
        ("", "to no URL"),
        ("http://[x/", "not a URL"),
        ("//[", "not a URL"),
    ],
)
def test_a_redirect_is_checked_like_the_first_url(server, location, why):
    server.replies["/a"] = redirect(location)
    with pytest.raises(PhotoRefused, match=why):
        download(f"{server.url}/a", HERE)


def test_a_private_host_is_not_asked_unless_it_is_named(server):
    for url in (server.url, f"http://localhost:{server.port}", f"http://2130706433:{server.port}"):
        with pytest.raises(PhotoRefused, match="PHOTO_HOSTS"):
            download(f"{url}/a", Bounds(1000))
    assert server.requests == []


def test_a_resolver_that_changes_its_answer_gains_nothing(server, fast, monkeypatch):
    """The name is public when it is checked, and this machine whenever it is asked again."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host, port, *args, **kwargs):
        asked.append(host)
        if host == "shop.example":
            address = "93.184.216.34" if asked.count(host) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with pytest.raises(PhotoUnavailable):
        download(f"http://shop.example:{server.port}/a", Bounds(1000))
    assert asked.count("shop.example") == 1
    assert set(asked) <= {"shop.example", "93.184.216.34"}
    with pytest.raises(PhotoRefused, match="not public"):
        download(f"http://shop.example:{server.port}/a", Bounds(1000))
    assert server.requests == []


@pytest.fixture
def named(monkeypatch):
    """Let the name shop.example stand for this machine."""
    real = socket.getaddrinfo

    def resolve(host, *args, **kwargs):
        return real("127.0.0.1" if host == "shop.example" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return Bounds(1000, frozenset({"shop.example"}))


@pytest.fixture
def tls_server(tmp_path, monkeypatch):
    """A server of TLS with a certificate for shop.example, which this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + certificate.public_bytes(pem))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with PhotoServer(context) as server:
        yield server


def test_tls_checks_the_name_of_the_url_on_the_pinned_address(tls_server, named):
    tls_server.replies["/a"] = Reply(b"photo")
    photo = download(f"https://shop.example:{tls_server.port}/a", named)
    assert photo.data == b"photo"
    assert tls_server.requests[0][1]["Host"] == f"shop.example:{tls_server.port}"
    with pytest.raises(PhotoRefused, match="certificate"):
        download(f"{tls_server.url}/a", HERE)


def test_a_certificate_that_is_not_trusted_is_refused(tls_server, named, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(PhotoRefused, match="certificate"):
        download(f"https://shop.example:{tls_server.port}/a", named)


def test_the_next_address_is_tried_if_one_does_not_answer(server, fast, monkeypatch):
    real = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host != "shop.example":
            return real(host, port, *args, **kwargs)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.2", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    server.replies["/a"] = Reply(b"photo")
    bounds = Bounds(1000, frozenset({"shop.example"}))
    assert download(f"http://shop.example:{server.port}/a", bounds).data == b"photo"
    assert ip_address("127.0.0.2").is_loopback
