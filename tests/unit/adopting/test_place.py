"""Where a repository is, as the address of its origin says."""

from __future__ import annotations

import pytest

from tidemill.adopting.place import Place


@pytest.mark.parametrize(
    "url", ["https://github.com/alice_acme/cfg-app.git", "git@github.com:alice_acme/cfg-app"]
)
def test_owner_may_be_one_whom_a_company_manages(url: str) -> None:
    assert Place(".", url, "main", is_on_github=True).repository == "alice_acme/cfg-app"
