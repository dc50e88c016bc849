"""The official MCP client for Python (PyPI `mcp`) against this server, a person's part played by `Browser`.

    python mcp_client.py '{"server": "http://…/mcp", "login": "alice", "password": "…", "calls": []}'

| setting | meaning |
|---|---|
| server | the MCP endpoint |
| login, password | what the person types at the identity provider |
| mode | `auto` (newest revision first) or `legacy` (the `initialize` handshake) |
| client | a registered OAuth client; absent: the client registers itself (RFC 7591) |
| tokens | an access token from before; absent: none |
| calls | `[{"tool": …, "arguments": {…}}]`, made in order |

Prints one JSON object: the first answer without a token, the OAuth requests made, tools, results. Ends with 1 and
the error on standard error when the client gives up.
"""

import asyncio
import json
import sys
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlparse

import httpx2
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)

REDIRECT_URI = "http://127.0.0.1:1/callback"
MOST_STEPS = 20
PATIENCE = 60


class Storage:
    """Client and tokens in memory."""

    def __init__(self, client, tokens):
        self.client = client
        self.tokens = tokens

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


class Page(HTMLParser):
    """The forms of a page, action and fields, and where it goes on by itself."""

    def __init__(self, page):
        super().__init__()
        self.forms = []
        self.goes_on_at = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "form":
            self.forms.append((values.get("action", ""), {}))
        elif tag == "meta" and values.get("http-equiv") == "refresh":
            self.goes_on_at = values["content"].partition("url=")[2]
        elif tag == "input" and self.forms and values.get("name"):
            self.forms[-1][1][values["name"]] = values.get("value") or ""


class Browser:
    """Somebody who signs in and agrees: follows redirects and submits the first form of each page."""

    def __init__(self, login, password):
        self.http = httpx2.AsyncClient(timeout=PATIENCE, trust_env=False)
        self.typed = {"user": login, "login": login, "password": password}
        self.came_back_with = None
        self.asked = []

    async def open(self, url):
        """Goes to `url` and stays until the provider sends the browser back to the client."""
        self.asked.append({name: values[0] for name, values in parse_qs(urlparse(url).query).items()})
        response = await self.http.get(url)
        for _ in range(MOST_STEPS):
            target = self.next(response)
            if target is None:
                raise RuntimeError(f"stuck at {response.url}: {response.status_code} {response.text[:300]}")
            address, form = target
            if address.startswith(REDIRECT_URI):
                self.came_back_with = parse_qs(urlparse(address).query)
                return
            if form is None:
                response = await self.http.get(address)
            else:
                origin = "{0.scheme}://{0.netloc}".format(urlparse(address))
                response = await self.http.post(address, data=form, headers={"origin": origin})
        raise RuntimeError(f"redirected in circles, last to {response.url}")

    def next(self, response):
        """Where to go from a page, and with which form."""
        here = str(response.url)
        if response.is_redirect:
            return urljoin(here, response.headers["location"]), None
        page = Page(response.text)
        if page.goes_on_at:
            return urljoin(here, page.goes_on_at), None
        if response.status_code != 200 or not page.forms:
            return None
        action, fields = page.forms[0]
        filled = {name: self.typed.get(name, value) for name, value in fields.items()}
        return urljoin(here, action), filled

    async def callback(self):
        """What the provider sent the browser back with."""
        answer = {name: values[0] for name, values in self.came_back_with.items()}
        if "error" in answer:
            raise RuntimeError(f"the provider refused: {answer}")
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))


async def first_answer(server):
    """What somebody without a token is told."""
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
        response = await http.post(server, json=hello, headers=headers)
    return {"status": response.status_code, "challenge": response.headers.get("www-authenticate")}


def content(result):
    """A tool's result, as far as the tests look at it."""
    return {
        "is_error": bool(result.is_error),
        "structured": result.structured_content,
        "text": [block.text for block in result.content if block.type == "text"],
    }


async def run(settings):
    server = settings["server"]
    report = {"first": await first_answer(server), "requests": [], "results": []}
    browser = Browser(settings["login"], settings["password"])
    known, tokens = settings.get("client"), settings.get("tokens")
    storage = Storage(
        OAuthClientInformationFull(redirect_uris=[REDIRECT_URI], **known) if known else None,
        OAuthToken(**tokens) if tokens else None,
    )
    oauth = OAuthClientProvider(
        server_url=server,
        client_metadata=OAuthClientMetadata(client_name="Official Python client", redirect_uris=[REDIRECT_URI]),
        storage=storage,
        redirect_handler=browser.open,
        callback_handler=browser.callback,
    )

    async def note(response):
        request = response.request
        report["requests"].append([request.method, str(request.url), response.status_code])

    http = httpx2.AsyncClient(auth=oauth, timeout=PATIENCE, trust_env=False, event_hooks={"response": [note]})
    async with http, browser.http:
        transport = streamable_http_client(server, http_client=http)
        async with Client(transport, mode=settings.get("mode", "auto")) as client:
            report["protocol"] = client.protocol_version
            report["tools"] = [tool.name for tool in (await client.list_tools()).tools]
            for call in settings.get("calls", []):
                result = await client.call_tool(call["tool"], call.get("arguments", {}))
                report["results"].append({"tool": call["tool"], **content(result)})
            report["tools_at_the_end"] = [tool.name for tool in (await client.list_tools()).tools]
    report["asked"] = browser.asked
    report["client_id"] = storage.client.client_id
    report["scope"] = storage.tokens.scope
    report["has_refresh_token"] = storage.tokens.refresh_token is not None
    return report


if __name__ == "__main__":
    print(json.dumps(asyncio.run(asyncio.wait_for(run(json.loads(sys.argv[1])), PATIENCE))))
