"""Causes of differences in what is not content: attributes of entries, and how layers are kept."""

from __future__ import annotations

from tidemill.images.causes.cause import CANONICAL, Cause

ORDER_OF_ENTRIES = Cause(
    "unsorted order",
    "the entries are the same in another order, as the file system happened to list them",
    f"sort them (`tar --sort=name`), or {CANONICAL}",
)
WRITER = Cause(
    "tar writer",
    "the entries are equal, and another tool or release wrote the archive around them",
    CANONICAL,
)
COMPRESSOR = Cause(
    "compressor",
    "the same layer was compressed by another tool, another release of it, or at another level",
    CANONICAL,
)
GZIP_TIME = Cause(
    "timestamps", "gzip wrote the time of the build into its header", "compress with `gzip -n`"
)
MEDIA_TYPES = Cause(
    "media type",
    "one tool uses the names that Docker had before the OCI specification; they mean the same",
    "choose one form; with BuildKit, oci-mediatypes=true",
)
ATTESTATION = Cause(
    "attestation",
    "BuildKit adds provenance or an SBOM to the index, which has times and ids of the build",
    "build with --provenance=false --sbom=false, and attest the digest afterwards",
)
TIMESTAMPS = Cause(
    "timestamps",
    "the time of the build stands there",
    f"set SOURCE_DATE_EPOCH to a constant and rewrite-timestamp=true, or {CANONICAL}",
)
FORM = Cause(
    "canonical form",
    "two releases of Tidemill wrote them, in two canonical forms",
    "build both with one release; or take the change of the form for one change of all digests",
)
_CONSTANTS = {"1970-01-01T00:00:00Z", "1980-01-02T00:00:00Z"}  # the time in tidemill/1, and in /2
_UMASK = Cause(
    "umask",
    "only the rights of the group or of others differ, as they do under another umask",
    "set the mode in the build (`COPY --chmod`), or the umask before it",
)
_OWNER = Cause(
    "owner",
    "another user built it, or numbers of users were given out in another order",
    "set the owner in the build (`COPY --chown` with numbers, `useradd --uid`)",
)
_LABEL_OF_MACHINE = Cause(
    "machine",
    "the machine that built it marks files so (SELinux, the overlay file system)",
    CANONICAL,
)
_TIME_FIELDS = ("mtime", "tar header: mtime", "PAX header: mtime")
_TIME_RECORDS = ("mtime", "atime", "ctime", "LIBARCHIVE.creationtime")
_MARKS = ("security.selinux", "trusted.overlay.", "user.overlay.", "user.fuseoverlayfs.")
_GROUP_AND_OTHERS = 0o077


def of_attribute(field: str, left: str | None, right: str | None) -> Cause | None:
    """Why an attribute of an entry differs, both values as text."""
    if field == "mtime" and {left, right} == _CONSTANTS:
        return FORM
    record = field.removeprefix("PAX header ")
    if field in _TIME_FIELDS or (record != field and record in _TIME_RECORDS):
        return TIMESTAMPS
    if field == "mode" and left is not None and right is not None:
        changed = int(left, 8) ^ int(right, 8)
        return _UMASK if changed and not changed & ~_GROUP_AND_OTHERS else None
    if field in ("uid", "gid", "uname", "gname"):
        return _OWNER
    if field.removeprefix("xattr ").startswith(_MARKS):
        return _LABEL_OF_MACHINE
    if field.startswith(("tar header: ", "PAX header", "tar header")):
        return WRITER
    return None
