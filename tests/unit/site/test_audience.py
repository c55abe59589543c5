"""Who may see a site on GitHub Pages."""

import pytest

from tidemill.errors import Refused
from tidemill.site.audience import refuse_larger_audience


@pytest.mark.parametrize(
    ("is_private", "is_site_public"),
    [(False, True), (False, False), (False, None), (True, False)],
)
def test_a_site_with_no_larger_audience_is_let_be(
    is_private: bool, is_site_public: bool | None
) -> None:
    refuse_larger_audience(is_private, is_site_public)


def test_a_public_site_of_a_private_repository_is_refused() -> None:
    with pytest.raises(Refused, match="everybody could see its site") as caught:
        refuse_larger_audience(True, True)
    assert "allow-public" in caught.value.remedy


def test_a_site_that_nobody_knows_of_is_refused() -> None:
    with pytest.raises(Refused, match="does not say who may see the site") as caught:
        refuse_larger_audience(True, None)
    assert "pages: write" in caught.value.remedy
