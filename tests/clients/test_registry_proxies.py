"""Proxies, as the environment names them."""

from contextlib import suppress

import pytest
from tests.clients.registry_places import run
from tests.clients.registry_trouble import Say, troubled
from tests.components.shapes import Registry as Started

from tidemill.clients.http.proxies import proxy_for
from tidemill.clients.registry.registry import registry as opened
from tidemill.clients.registry.trust import Trust
from tidemill.errors import Unreachable

BOTH = {"HTTP_PROXY": "http://plain:1", "HTTPS_PROXY": "http://tls:2"}


@pytest.mark.parametrize(
    ("scheme", "host", "more", "wanted"),
    [
        ("https", "ghcr.io", {}, "http://tls:2"),
        ("http", "ghcr.io", {}, "http://plain:1"),
        ("https", "ghcr.io", {"https_proxy": "other:3"}, "http://other:3"),
        ("https", "localhost", {}, None),
        ("https", "127.1.2.3", {}, None),
        ("https", "::1", {}, None),
        ("https", "ghcr.io", {"NO_PROXY": "*"}, None),
        ("https", "ghcr.io", {"NO_PROXY": "a.example, ghcr.io"}, None),
        ("https", "ghcr.io", {"no_proxy": "GHCR.io"}, None),
        ("https", "a.ghcr.io", {"NO_PROXY": "ghcr.io"}, None),
        ("https", "a.ghcr.io", {"NO_PROXY": ".ghcr.io"}, None),
        ("https", "a.ghcr.io", {"NO_PROXY": "*.ghcr.io"}, None),
        ("https", "ghcr.io", {"NO_PROXY": ".ghcr.io"}, "http://tls:2"),
        ("https", "myghcr.io", {"NO_PROXY": "ghcr.io"}, "http://tls:2"),
        ("https", "ghcr.io", {"NO_PROXY": "ghcr.io:5000"}, None),
        ("https", "ghcr.io", {"NO_PROXY": "ghcr.io:443"}, "http://tls:2"),
        ("https", "10.1.2.3", {"NO_PROXY": "10.0.0.0/8"}, None),
        ("https", "11.1.2.3", {"NO_PROXY": "10.0.0.0/8"}, "http://tls:2"),
        ("https", "10.1.2.3", {"NO_PROXY": "10.1.2.3"}, None),
        ("https", "10.1.2.3", {"NO_PROXY": "10.1.2.3:5000"}, None),
        ("https", "2001:db8::1", {"NO_PROXY": "2001:db8::/32"}, None),
        ("https", "2001:db8::1", {"NO_PROXY": "[2001:db8::1]"}, None),
        ("https", "ghcr.io", {"NO_PROXY": ",, ,"}, "http://tls:2"),
    ],
)
def test_the_environment_says_which_proxy(
    scheme: str, host: str, more: dict[str, str], wanted: str | None
) -> None:
    assert proxy_for(scheme, host, 5000, {**BOTH, **more}) == wanted


def test_without_a_word_there_is_none() -> None:
    assert proxy_for("https", "ghcr.io", None, {}) is None


@pytest.mark.parametrize(("scheme", "port"), [("https", 443), ("http", 80)])
def test_the_usual_port_may_be_named_like_any_other(scheme: str, port: int) -> None:
    assert proxy_for(scheme, "ghcr.io", None, {**BOTH, "NO_PROXY": f"ghcr.io:{port}"}) is None
    assert proxy_for(scheme, "ghcr.io", None, {**BOTH, "NO_PROXY": "ghcr.io:5000"}) is not None


def test_a_registry_is_reached_through_the_proxy(registry: Started) -> None:
    with troubled(registry.host) as proxy:
        environment = {"HTTP_PROXY": f"http://ada:open%20sesame@{proxy.host}"}
        repository = opened(
            "registry.test:5000/app", session=run(environment).session, insecure=True
        )
        assert repository.find("main") is None
        assert proxy.seen[0].headers["Host"] == "registry.test:5000"
        assert proxy.seen[0].headers["Proxy-Authorization"] == "Basic YWRhOm9wZW4gc2VzYW1l"


@pytest.mark.parametrize(("insecure", "method"), [(True, "HEAD"), (None, "CONNECT")])
def test_a_registry_that_is_said_to_be_insecure_is_spoken_to_over_plain_http_wherever_it_is(
    insecure: bool | None, method: str, registry: Started
) -> None:
    with troubled(registry.host) as proxy:
        proxy.on("CONNECT", "", Say(407))
        environment = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), f"http://{proxy.host}")
        registries = {"registry.test:5000": Trust(insecure=insecure)}
        session = run(environment, registries=registries).session
        with suppress(Unreachable):
            assert opened("registry.test:5000/app", session=session).find("main") is None
        assert proxy.seen[0].method == method


def test_a_proxy_that_does_not_answer_is_named_without_its_secret() -> None:
    session = run({"HTTP_PROXY": "http://ada:sesame@127.0.0.1:1"}).session
    with pytest.raises(Unreachable, match=r"the proxy before registry\.test failed") as error:
        opened("registry.test/app", session=session, insecure=True).find("main")
    assert "sesame" not in str(error.value.as_json())
    assert "HTTPS_PROXY" in error.value.remedy


def test_a_proxy_that_lets_nobody_through_is_one_error(registry: Started) -> None:
    with troubled(registry.host) as proxy:
        proxy.on("CONNECT", "", Say(407), times=9)
        session = run({"HTTPS_PROXY": f"http://{proxy.host}"}).session
        with pytest.raises(Unreachable, match=r"the proxy before registry\.test failed"):
            opened("registry.test/app", session=session).find("main")
