"""Requests as events, in every shape that AWS gives them, and what a function answers."""

import base64
import json
import time
from types import SimpleNamespace
from urllib.parse import quote, urlencode

from tests.support.services import ROOT

EVENTS = ROOT / "tests" / "deploy" / "events"
KINDS = sorted(path.stem for path in EVENTS.glob("*.json"))


def event(kind, method, path, query=(), headers=(), body=b"", address="203.0.113.7"):
    """Return the event of a request, in the shape that ``kind`` gives it."""
    made = json.loads((EVENTS / f"{kind}.json").read_text().replace("203.0.113.7", address))
    multi, single = ("multiValueQueryStringParameters", "queryStringParameters")
    if "version" in made:
        made["rawPath"] = made["rawPath"].replace("/products", quote(path))
        made["rawQueryString"] = urlencode(query)
        made["requestContext"]["http"]["method"] = method
    else:
        # A load balancer hands a query string over as it came; API Gateway decodes it.
        pairs = [(name, quote(value) if "alb" in kind else value) for name, value in query]
        made |= {"path": quote(path), "httpMethod": method}
        if multi in made:
            made[multi] = {name: [v for n, v in pairs if n == name] for name, _ in pairs}
        if single in made:
            made[single] = dict(pairs)
    for name, value in dict(headers).items():
        if "headers" in made:
            made["headers"][name] = value
        if "multiValueHeaders" in made:
            made["multiValueHeaders"][name] = [value]
    try:
        text, is_encoded = body.decode(), False
    except UnicodeDecodeError:
        text, is_encoded = base64.b64encode(body).decode(), True
    return made | {"body": text, "isBase64Encoded": is_encoded}


class Answer(SimpleNamespace):
    """Response to the caller of the function."""

    @classmethod
    def of(cls, answer):
        many = {k: v[0] for k, v in answer.get("multiValueHeaders", {}).items() if len(v) == 1}
        headers = {k.lower(): v for k, v in (answer.get("headers") or many).items()}
        body = answer["body"]
        data = base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()
        return cls(status=answer["statusCode"], headers=headers, data=data, raw=answer)

    @property
    def json(self):
        return json.loads(self.data)


class Context:
    """Context that Lambda gives a function with each request."""

    aws_request_id = "8f5e2c1a-1111-2222-3333-444455556666"

    def __init__(self, seconds=30.0):
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self):
        return int((self._end - time.monotonic()) * 1000)
