"""The real registries, builders and engines that tests run against.

`make components` prepares them once per machine (`__main__.py`, `parts.py`), outside the checkout
(`store.py`); `fixtures.py` offers them to tests. Nothing is installed: Debian's packages are only
unpacked, so no service of theirs starts.
"""
