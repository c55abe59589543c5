"""`tidemill page`: a static site about cfg-app.git, out of Git alone. Writes to its folder only."""

from __future__ import annotations

from pathlib import Path

from tidemill.clients.git.repository import opened
from tidemill.clients.github.connecting import connected, needed
from tidemill.commands import _options
from tidemill.commands._paging import refuse_other_folder, write_page
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._results import Result
from tidemill.commands._writing import tell
from tidemill.site.audience import refuse_larger_audience

EXAMPLE = "tidemill page --repo https://github.com/acme/cfg-app --out page"

PARAMETERS = (
    Option(
        "--out",
        metavar="DIR",
        required=True,
        help="the folder to write the site to; an earlier page in it is replaced",
    ),
    _options.Repository(takes_origin=True),
    Option(
        "--for-github-pages",
        is_flag=True,
        help="write nothing where everybody would see the site on GitHub Pages, and the "
        "repository is private",
    ),
    Option(
        "--allow-public",
        is_flag=True,
        help="with --for-github-pages, let everybody see what is in a private repository",
    ),
    _options.NOW,
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Read, plan, render, write."""
    options = _options.options(arguments)
    out = Path(arguments.out)
    refuse_other_folder(out)
    if arguments.for_github_pages and not arguments.allow_public:
        pages = needed(connected(arguments.repo, tell))
        refuse_larger_audience(pages.is_private(), pages.has_public_pages())
    with opened(arguments.repo) as store:
        return write_page(store, arguments.repo, out, options)
