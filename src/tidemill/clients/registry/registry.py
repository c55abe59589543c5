"""A repository of a registry, over HTTP, as a place for images (distribution-spec 1.1).

Whatever comes in is checked against its size and its digest, and cut off beyond its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tidemill.clients.http.client import Answer, Body, Call, Http
from tidemill.clients.http.trouble import Trouble
from tidemill.clients.registry.access import Access, Need, Session
from tidemill.clients.registry.address import Address, parse
from tidemill.clients.registry.blobs import Upload, downloaded
from tidemill.errors import Refused, ServerRefused, TidemillError
from tidemill.images import documents, oci
from tidemill.images.oci import Descriptor
from tidemill.words.names import shown
from tidemill.words.references import is_tag

# Registries give what they have in an old form to those who do not ask for these.
ACCEPTED = (
    oci.INDEX,
    oci.MANIFEST,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# Documents are kept up to this size and number, so that a tag needs no second look.
_SMALL = 64 << 10
_REMEMBERED = 100


def registry(
    repository: str,
    *,
    push: bool = False,
    session: Session | None = None,
    insecure: bool | None = None,
) -> Registry:
    """The repository `[host[:port]/]path`.

    Args:
        push: whether it will be written to: then the right to is asked for from the start, without
            which some registries don't let one see that a repository is not there yet.
        session: what is shared with other repositories; None: nothing.
        insecure: whether to speak plain HTTP; None: as the session knows, or only to this machine.

    Raises:
        Refused: it is not the name of a repository.
    """
    session = Session(Http()) if session is None else session
    if insecure is None:
        insecure = session.is_insecure(parse(repository).host)
    address = parse(repository, insecure)
    return Registry(address, session, push=push)


class Registry:
    """One repository; it is an `ImageStore`, and its methods may be called from many threads.

    Raises, from every method:
        Unreachable: the registry did not answer, or not as one that is well, for about a minute.
        ServerRefused: it said no.
        Refused: it sent something else than its digest or size says.
    """

    def __init__(self, address: Address, session: Session, *, push: bool = False) -> None:
        self.address = address
        self._access: Access = session.access(address)
        self._push = Need(address.path, push=True)
        self._pull = self._push if push else Need(address.path)
        self._upload = Upload(self._access, self._is_there)
        # What was learnt, so that it is not asked again: which blobs are there, and which are not;
        # documents that are there, and those that were not before they were written.
        self._there: set[str] = set()
        self._lacking: set[str] = set()
        self._documents: dict[str, bytes] = {}
        self._written: set[str] = set()
        self._configs: set[str] = set()
        self._tagged: dict[str, str] = {}

    @property
    def where(self) -> str:
        return str(self.address)

    def find(self, reference: str, *, whole: bool = False) -> Descriptor | None:
        """The manifest or index of a tag or a digest; None if it is not there."""
        if (data := self._documents.get(reference)) is not None:
            return Descriptor(documents.media_type(data, reference), reference, len(data))
        try:
            found = self._found_by_reading(reference) if whole else self._found(reference)
        except Refused:
            if not whole:
                raise
            found = self._found(reference)  # whoever reads it will be told
        self._tagged[reference] = found.digest if found else ""
        return found

    def _found(self, reference: str) -> Descriptor | None:
        _check_reference(reference)
        answer = self._ask("HEAD", f"manifests/{reference}")
        if answer.status == 404:
            return None
        digest = answer.headers.get("Docker-Content-Digest", "")
        size = answer.headers.get("Content-Length", "")
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        is_whole = oci.DIGEST.fullmatch(digest) and size.isdecimal() and int(size)
        if answer.is_fine and is_whole and kind in ACCEPTED:
            if oci.DIGEST.fullmatch(reference) and digest != reference:
                raise self._access.lied(f"has another digest for {reference}: {digest}")
            return Descriptor(kind, digest, int(size))
        if answer.status == 401:
            raise self._no(answer, f"show {reference}")
        return self._found_by_reading(reference)

    def _found_by_reading(self, reference: str) -> Descriptor | None:
        """Also for registries that do not say all of it in answer to HEAD, or refuse that."""
        _check_reference(reference)
        answer = self._ask("GET", f"manifests/{reference}")
        # Some say 403 of what is not there, and others to who may write and not read. Whoever may
        # not write either is told so then.
        if answer.status == 404 or (answer.status == 403 and self._pull.push):
            return None
        if not answer.is_fine:
            raise self._no(answer, f"show {reference}")
        digest = oci.digest_of(answer.body)
        if oci.DIGEST.fullmatch(reference) and digest != reference:
            raise self._access.lied(f"has another digest for {reference}: {digest}")
        self._remember(digest, answer.body)
        return Descriptor(documents.media_type(answer.body, digest), digest, len(answer.body))

    def read(self, digest: str) -> bytes:
        """A manifest, index or config of at most 4 MiB."""
        oci.checked_digest(digest)
        known = self._documents.get(digest)
        if known is not None:
            return known
        kinds = ("blobs",) if digest in self._configs else ("manifests", "blobs")
        for kind in kinds:
            answer = self._ask("GET", f"{kind}/{digest}")
            if answer.is_fine:
                break
            if answer.status != 404:
                raise self._no(answer, f"show {digest}")
        else:
            raise self._access.absent(digest)
        if oci.digest_of(answer.body) != digest:
            raise self._access.lied(f"sent something else for {digest}")
        if kind == "manifests":
            self._remember(digest, answer.body)
        else:
            self._there.add(digest)
        return answer.body

    def has(self, blob: Descriptor) -> bool:
        """Whether a blob is there; what is known is not asked again."""
        if blob.digest not in self._there and blob.digest not in self._lacking:
            learnt = self._there if self._is_there(blob) else self._lacking
            learnt.add(blob.digest)
        return blob.digest in self._there

    def _is_there(self, blob: Descriptor) -> bool:
        oci.checked_digest(blob.digest)
        answer = self._ask("HEAD", f"blobs/{blob.digest}")
        # A place elsewhere that lets in who reads may refuse who only asks: nobody knows then.
        if answer.status in (404, 405) or not (answer.is_fine or self._access.is_own(answer.url)):
            return False
        if not answer.is_fine:
            raise self._no(answer, f"show {blob.digest}")
        size = answer.headers.get("Content-Length", "")
        if size.isdecimal() and int(size) not in (0, blob.size):
            raise self._access.lied(f"has {size} bytes for {blob.digest}, not {blob.size}")
        return True

    def pieces(self, blob: Descriptor) -> Iterator[bytes]:
        """A blob's bytes; where they break off, they are asked for from there."""
        oci.checked_digest(blob.digest)
        return downloaded(blob, self._access, self._pull)

    def put(self, blob: Descriptor, pieces: Callable[[], Iterator[bytes]]) -> None:
        self._upload.send(blob, pieces)
        self._arrived(blob)

    def borrow(self, blob: Descriptor, source: str) -> bool:
        """Mount a blob from another repository; False: it has to be sent, and that is no error."""
        lender = parse(source)
        if lender.host != self.address.host or lender.path == self.address.path:
            return False
        if is_mounted := self._upload.mount(blob, lender.path):
            self._arrived(blob)
        return is_mounted

    def _arrived(self, blob: Descriptor) -> None:
        self._there.add(blob.digest)
        self._lacking.discard(blob.digest)

    def put_manifest(self, document: Descriptor, data: bytes) -> None:
        if oci.digest_of(data) != document.digest:
            raise Refused(f"{document.digest} has other content", remedy="build the image again")
        self._write(document.digest, document, data)
        self._remember(document.digest, data)
        self._written.add(document.digest)

    def tag(self, names: Iterable[str], image: Descriptor) -> tuple[str, ...]:
        """Point tags to an image, one after another, in the order given."""
        done: list[str] = []
        begun: list[str] = []
        try:
            for name in dict.fromkeys(names):
                # What was learnt before is enough to write, and not enough to leave it. No tag has
                # been pointing to what was not there.
                known = self._tagged.pop(name, image.digest)
                if known == image.digest and image.digest not in self._written:
                    found = self.find(name)
                    if found and found.digest == image.digest:
                        continue
                data = self.read(image.digest)
                _check_reference(name)
                begun = [name]
                self._write(name, image, data)
                done.append(begun.pop())
        except TidemillError as error:
            # Only a plain no is one: where no answer came, that alone may have been lost.
            lost = [] if isinstance(error, ServerRefused) else begun
            error.written = _tags_written(done, lost) or error.written
            raise
        return tuple(done)

    def _write(self, reference: str, document: Descriptor, data: bytes) -> None:
        call = Call(
            "PUT",
            self._access.url(f"manifests/{reference}"),
            {"Content-Type": document.media_type},
            Body.of(data),
        )
        patience = self._access.patience()
        while not (answer := self._access.ask(call, self._push)).is_fine:
            error = self._no(answer, f"store the manifest {reference}")
            if _is_of_another_form(answer) and document.media_type not in oci.FROM_DOCKER:
                error.remedy = (
                    "if it knows no OCI images, give --media-types docker, or media_types = "
                    '"docker" in tidemill.toml; else see what it says'
                )
            if b"_BLOB_UNKNOWN" not in answer.body:
                raise error
            # Where others push the same blob at this moment, a registry may overlook it.
            patience.wait(Trouble(error, tries=3))
        if answer.headers.get("Docker-Content-Digest", document.digest) != document.digest:
            raise self._access.lied(f"stored the manifest {reference} with another digest")

    def _remember(self, digest: str, data: bytes) -> None:
        if len(data) <= _SMALL and len(self._documents) < _REMEMBERED:
            self._documents[digest] = data
        content = documents.parsed(data, digest)
        if isinstance(content, oci.Manifest):
            self._configs.add(content.config.digest)

    def _ask(self, method: str, path: str) -> Answer:
        accept = {"Accept": ", ".join(ACCEPTED)} if path.startswith("manifests/") else {}
        return self._access.ask(Call(method, self._access.url(path), accept), self._pull)

    def _no(self, answer: Answer, doing: str) -> TidemillError:
        need = self._push if "store" in doing else self._pull
        return self._access.refused(answer, doing, need)


def _tags_written(done: list[str], lost: list[str]) -> str:
    said = [f"the tag{'s' * (len(done) > 1)} {', '.join(done)}"] if done else []
    if lost:
        said.append(f"perhaps {'' if done else 'the tag '}{lost[0]}")
    return ", and ".join(said)


def _is_of_another_form(answer: Answer) -> bool:
    return answer.status in (400, 406, 415) and b"_BLOB_UNKNOWN" not in answer.body


def _check_reference(reference: str) -> None:
    if not oci.DIGEST.fullmatch(reference) and not is_tag(reference):
        raise Refused(
            f"{shown(reference)} is neither a tag nor a digest",
            remedy="give 1 to 128 letters, digits, '.', '_' and '-', not '.' or '-' first",
        )
