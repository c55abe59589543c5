"""Who may see a site on GitHub Pages, and who may see the repository that it is about."""

from __future__ import annotations

from tidemill.errors import Refused


def refuse_larger_audience(is_private: bool, is_site_public: bool | None) -> None:
    """Raise `Refused` where the site would show a private repository to everybody.

    Args:
        is_private: whether the repository is: an internal one is, too.
        is_site_public: whether everybody may see the site; None where there is none, or this token
            may not see it.
    """
    if not is_private:
        return
    if is_site_public is None:
        raise Refused(
            "GitHub does not say who may see the site: the repository has none on GitHub Pages, "
            "or the token may not read it",
            remedy="choose GitHub Actions below Settings, Pages, Source; and give the job the "
            "permission pages: write",
        )
    if is_site_public:
        raise Refused(
            "the repository is private, and everybody could see its site on GitHub Pages: what "
            "runs where, who asked for what, and why",
            remedy="make the site private below Settings, Pages (GitHub Enterprise Cloud has "
            "that); or, where everybody may know it, give --allow-public (input allow-public)",
        )
