import jwt
import pytest
from click.testing import CliRunner

from shared.config.parsers import KNOWN_SECRET
from vitrine.cli import main


@pytest.fixture
def run(monkeypatch):
    for name in ("AUTH_MODE", "SECRET_KEY", "AUTH_JWKS_URL"):
        monkeypatch.delenv(name, raising=False)
    return lambda *args, **options: CliRunner().invoke(main, ["token", *args], **options)


def test_a_token_is_made_and_explained(run):
    made = run("--scope", "products:write", "--scope", "orders:read", "--subject", "ann")
    token = made.output.strip()
    claims = jwt.decode(token, KNOWN_SECRET, ["HS256"], audience="vitrine")
    assert (claims["sub"], claims["scope"]) == ("ann", "products:write orders:read")
    assert claims["exp"] - claims["iat"] == 3600
    for shown in (run("--show", token), run("--show", "-", input=f"Bearer {token}\n")):
        assert shown.exit_code == 0
        assert "accepted      yes" in shown.output
        assert "for           ann" in shown.output


def test_tokens_without_a_subject_are_different_callers(run):
    tokens = [run("--scope", "admin").output.strip() for _ in range(2)]
    claims = [jwt.decode(each, KNOWN_SECRET, ["HS256"], audience="vitrine") for each in tokens]
    subjects = {each["sub"] for each in claims}
    assert len(subjects) == 2
    assert all(subject.startswith("vitrine-") for subject in subjects)


def test_the_reason_why_a_token_is_refused_is_shown(run, monkeypatch):
    token = run("--scope", "admin", "--expires", "30s").output.strip()
    monkeypatch.setenv("AUTH_MODE", "token")
    monkeypatch.setenv("SECRET_KEY", "0123456789abcdef0123456789abcdef")
    shown = run("--show", token)
    assert shown.exit_code == 1
    assert "no. Its signature is wrong" in shown.output


def test_control_characters_of_a_token_are_escaped(run):
    odd = "\x1b[2Jann\n"
    token = jwt.encode({"sub": odd, odd: 1}, "0" * 32, headers={"kid": odd})
    shown = run("--show", token).output
    assert "\x1b" not in shown
    assert "\\x1b[2Jann\\n" in shown


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["--scope", "everything"], "NAME:read, NAME:write or admin"),
        (["--scope", "admin", "--expires", "soon"], "30s, 15m, 8h or 7d"),
        (["--scope", "admin", "--expires", "0h"], "30s, 15m, 8h or 7d"),
        (["--scope", "admin", "--expires", "367d"], "at most a year"),
        (["--show", "abc"], "not a JSON Web Token"),
        (["--scope", "admin", "--subject", ""], "a name of 1 to 200"),
        (["--scope", "admin", "--subject", "a" * 201], "a name of 1 to 200"),
        (["--scope", " "], "--scope products:write"),
        ([], "--scope products:write"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(run, args, text):
    said = run(*args)
    assert said.exit_code != 0
    assert text in said.output
    assert "Traceback" not in said.output
