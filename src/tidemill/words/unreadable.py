"""What reading JSON raises for bytes that are not what they are meant to be.

msgspec lets two errors through that are not its own: for what is not UTF-8, and for what is nested
too deeply. Whoever wrote the bytes chooses which; whoever reads them has to mind all three.
"""

from __future__ import annotations

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
