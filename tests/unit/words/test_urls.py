"""Addresses of repositories, however they are written."""

import pytest

from tidemill.words.urls import host_and_path, named_by, without_credentials

SAME = (
    "https://github.com/Acme/cfg",
    "https://github.com/Acme/cfg.git/",
    "https://ada:p@ss@GitHub.com/Acme/cfg.git",
    "https://github.com:443/Acme/cfg",
    "ssh://git@github.com:22/Acme/cfg.git",
    "ssh://github.com/Acme/cfg",
    "git@github.com:Acme/cfg.git",
    "git@github.com:/Acme/cfg",
    "git://github.com/Acme/cfg.git",
)


@pytest.mark.parametrize("address", SAME)
def test_a_repository_has_one_host_and_path_however_it_is_written(address: str) -> None:
    assert host_and_path(address) == ("github.com", "Acme/cfg")
    assert named_by(address) == "github.com/acme/cfg"


@pytest.mark.parametrize(
    "address",
    ["/srv/Acme/cfg", "../cfg", "", "file:///srv/cfg", "oci://ghcr.io/acme/cfg", "work:acme/cfg"],
)
def test_what_names_no_host_is_a_path(address: str) -> None:
    assert host_and_path(address) == ("", address)


@pytest.mark.parametrize(
    ("address", "without"),
    [
        ("https://ada:secret@github.com/acme/cfg", "https://github.com/acme/cfg"),
        ("https://secret@github.com/acme/cfg", "https://github.com/acme/cfg"),
        ("https://ada:sec/ret@github.com/acme/cfg", "https://github.com/acme/cfg"),
        ("https://ada:secret@github.com/a@b/cfg", "https://github.com/a@b/cfg"),
        ("https://github.com/a@b/cfg", "https://github.com/a@b/cfg"),
        ("https://github.com:443/a@b/cfg", "https://github.com:443/a@b/cfg"),
        ("https://[::1]:8443/a@b/cfg", "https://[::1]:8443/a@b/cfg"),
        ("ssh://git@github.com/acme/cfg", "ssh://git@github.com/acme/cfg"),
        ("ssh://git:se@cret@github.com/acme/cfg", "ssh://git@github.com/acme/cfg"),
        ("ssh://ada@acme:secret@git.acme/cfg", "ssh://ada@acme@git.acme/cfg"),
        ("ssh://ada@git.acme:22/cfg", "ssh://ada@git.acme:22/cfg"),
        ("ssh://:secret@git.acme/cfg", "ssh://@git.acme/cfg"),
        ("git@github.com:acme/cfg", "git@github.com:acme/cfg"),
        ("/srv/cfg", "/srv/cfg"),
    ],
)
def test_what_is_left_of_an_address_leads_there_and_has_no_secret(
    address: str, without: str
) -> None:
    assert without_credentials(address) == without
