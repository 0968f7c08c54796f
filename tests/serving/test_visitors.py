from pathlib import Path
from typing import Any

import pytest
from serving_tools import HOST, app_of, ask
from starlette.datastructures import Headers

from hardmine.serving.visitors import HEADERS, Visitors


@pytest.fixture(scope="module")
def app(shared: Path) -> Any:
    return app_of(shared)


STRANGE = ("evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "localhost.evil.example:8000", "192.168.0.1:8000", "")


@pytest.mark.parametrize("host", [*STRANGE, None])
@pytest.mark.parametrize("target", ["/", "/about", "/search?row=3", "/thumbnail/3", "/page.js"])
def test_names_that_are_made_to_lead_here_are_refused(app: Any, host: str | None, target: str) -> None:
    reply = ask(app, target, host=host)
    assert (reply.status, list(reply.json)) == (403, ["error"])


@pytest.mark.parametrize("host", [HOST, "localhost:8000", "LOCALHOST:8000"])
def test_the_own_address_is_answered(app: Any, host: str) -> None:
    assert ask(app, "/search?row=3", host=host, origin=f"http://{host}").status == 200


def test_a_host_that_is_named_twice_is_refused() -> None:
    visitors = Visitors.of("127.0.0.1", "127.0.0.1", 8000)
    assert visitors.objection(Headers(raw=[(b"host", HOST.encode()), (b"host", b"evil.example")]), "/") is not None


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", f"https://{HOST}", "http://localhost:8000", "http://127.0.0.1"]
)
def test_pages_of_other_origins_are_refused(app: Any, origin: str) -> None:
    assert ask(app, "/search?k=3", b"picture", origin=origin).status == 403
    assert ask(app, "/about", origin=origin).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_pages_of_others_load_is_refused_but_a_link_leads_to_the_page(app: Any, site: str) -> None:
    assert ask(app, "/thumbnail/3", sec_fetch_site=site).status == 403
    assert ask(app, "/search?row=3", sec_fetch_site=site).status == 403
    assert ask(app, "/", sec_fetch_site=site).status == 200
    assert ask(app, "/thumbnail/3", sec_fetch_site="same-origin").status == 200


@pytest.mark.parametrize(
    ("target", "options", "status"),
    [
        ("/", {}, 200),
        ("/search?row=3", {}, 200),
        ("/thumbnail/3", {}, 200),
        ("/nothing", {}, 404),
        ("/about", {"method": "PUT"}, 405),
        ("/search", {"body": b"no picture"}, 422),
        ("/about", {"host": "evil.example"}, 403),
    ],
)
def test_every_answer_has_the_headers_that_keep_others_out(app: Any, target: str, options: dict, status: int) -> None:
    reply = ask(app, target, **options)
    assert reply.status == status
    assert {name: reply.headers.get(name.lower()) for name in HEADERS} == HEADERS
    assert "cache-control" in reply.headers
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_the_policy_allows_own_files_and_nothing_else() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert set(" ".join(policy.values()).split()) == {"'none'", "'self'", "blob:"}


def test_the_page_has_no_script_or_style_in_itself_and_names_no_other_server(app: Any) -> None:
    for target in ("/", "/page.css", "/page.js", "/page_results.js", "/icon.svg"):
        reply = ask(app, target)
        text = reply.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert reply.status == 200
        assert "://" not in text
        for word in ("innerHTML", "<style", " style=", " onclick", "@import", "url(", "eval("):
            assert word not in text
    page = ask(app, "/").body.decode()
    assert page.count("<script") == page.count('<script type="module" src="/page.js"></script>') == 1


def test_where_all_addresses_are_listened_on_addresses_are_answered_and_strange_names_are_not() -> None:
    visitors = Visitors.of("0.0.0.0", "0.0.0.0", 80)

    def refused(host: str) -> bool:
        return visitors.objection(Headers({"host": host}), "/about") is not None

    assert [refused(host) for host in ("192.168.0.7:80", "[fe80::1]:80", "localhost", "localhost:80")] == [False] * 4
    for host in ("192.168.0.7:81", "evil.example:80", "evil.example", "1.2.3.4.evil.example:80"):
        assert refused(host)


def test_addresses_with_colons_are_written_in_brackets() -> None:
    visitors = Visitors.of("::1", "::1", 8000)
    assert visitors.objection(Headers({"host": "[::1]:8000", "origin": "http://[::1]:8000"}), "/about") is None
    assert visitors.objection(Headers({"host": "::1:8000"}), "/about") is not None
