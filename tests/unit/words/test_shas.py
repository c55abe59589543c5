"""SHAs of commits, as people read them."""

from __future__ import annotations

import pytest

from tidemill.words.shas import short

SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"


def test_sha_is_cut_to_twelve_digits() -> None:
    assert short(SHA) == "7d1043473d55"


@pytest.mark.parametrize("nothing", [None, ""])
def test_text_for_what_is_not_known_stands_whole(nothing: str | None) -> None:
    assert short(nothing) == "an unknown set"
    assert short(nothing, "no commit of ours at all") == "no commit of ours at all"
