"""A registry for the images of the stand-in: what `publish-images` pushes to, and no more.

It takes and gives blobs and manifests as the OCI distribution specification 1.1 says, on loopback,
from and to anybody on this machine.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

_PATH = re.compile(r"/v2/(?P<name>[a-z0-9._/-]+?)/(?P<kind>blobs|manifests|tags)/(?P<rest>[^?]*)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST = 1 << 30  # bytes of one blob
_POLL = 0.02  # seconds until an end is noticed


class Registry:
    """A context manager; `host` is `127.0.0.1:PORT`, as references name it."""

    def __init__(self, folder: Path) -> None:
        for name in ("blobs", "manifests"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        handler = type("Handler", (_Handler,), {"folder": folder})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.host = f"127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(_POLL,), name="registry", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def do_GET(self) -> None:
        """A blob, a manifest, or the tags of a repository."""
        if self.path == "/v2/":
            return self._say(200, b"{}")
        found = _PATH.fullmatch(urlsplit(self.path).path)
        if found is None:
            return self._unknown()
        name, kind, rest = found["name"], found["kind"], found["rest"]
        if kind == "tags":
            folder = self._manifests(name)
            tags = sorted(file.name for file in folder.glob("*") if not file.name.endswith(".type"))
            body = json.dumps({"name": name, "tags": [t for t in tags if ":" not in t]}).encode()
            return self._say(200, body)
        file = self._blob(rest) if kind == "blobs" else self._manifests(name) / rest
        if ".." in rest or "/" in rest or not file.is_file():
            return self._unknown()
        content = file.read_bytes()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        type_ = "application/octet-stream"
        if kind == "manifests":
            type_ = json.loads(content).get(
                "mediaType", "application/vnd.oci.image.manifest.v1+json"
            )
        return self._say(200, content, {"Docker-Content-Digest": digest, "Content-Type": type_})

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Begin an upload; or take a blob over from another repository."""
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        name = url.path.removeprefix("/v2/").partition("/blobs/")[0]
        data = self._read()
        mounted = query.get("mount", query.get("digest", [""]))[0]
        if "digest" in query and not self._keep(mounted, data):
            return self._say(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
        if mounted and self._blob(mounted).is_file():
            where = {"Location": f"/v2/{name}/blobs/{mounted}", "Docker-Content-Digest": mounted}
            return self._say(201, b"", where)
        upload = secrets.token_hex(16)
        (self.folder / "blobs" / f"{upload}.part").write_bytes(b"")
        return self._say(202, b"", {"Location": f"/v2/{name}/blobs/uploads/{upload}"})

    def do_PATCH(self) -> None:
        """A piece of an upload."""
        part = self._part()
        if part is None:
            return self._unknown()
        with part.open("ab") as stream:
            stream.write(self._read())
            size = stream.tell()
        where = urlsplit(self.path).path
        return self._say(202, b"", {"Location": where, "Range": f"0-{max(0, size - 1)}"})

    def do_PUT(self) -> None:
        """The end of an upload, or a manifest."""
        found = _PATH.fullmatch(urlsplit(self.path).path)
        data = self._read()
        if found is None:
            return self._unknown()
        if found["kind"] == "blobs":
            part = self._part()
            digest = parse_qs(urlsplit(self.path).query).get("digest", [""])[0]
            if part is None:
                return self._unknown()
            whole = part.read_bytes() + data
            part.unlink()
            if not self._keep(digest, whole):
                return self._say(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
        else:
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            folder = self._manifests(found["name"])
            folder.mkdir(parents=True, exist_ok=True)
            for name in {digest, found["rest"]}:
                beside = folder / f"{name}.{secrets.token_hex(4)}.part"
                beside.write_bytes(data)
                beside.replace(folder / name)
        where = {"Location": urlsplit(self.path).path, "Docker-Content-Digest": digest}
        return self._say(201, b"", where)

    def _manifests(self, name: str) -> Path:
        return self.folder / "manifests" / name.replace("/", "__").replace("..", "__")

    def _blob(self, digest: str) -> Path:
        name = digest if _DIGEST.fullmatch(digest) else "none"
        return self.folder / "blobs" / name

    def _part(self) -> Path | None:
        upload = urlsplit(self.path).path.rpartition("/")[2]
        part = self.folder / "blobs" / f"{upload}.part"
        return part if re.fullmatch(r"[0-9a-f]{32}", upload) and part.is_file() else None

    def _keep(self, digest: str, data: bytes) -> bool:
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            return False
        beside = self.folder / "blobs" / f"{secrets.token_hex(16)}.new"
        beside.write_bytes(data)
        beside.replace(self._blob(digest))
        return True

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                continue
            return b"".join(pieces)
        return self.rfile.read(min(_LARGEST, int(self.headers.get("Content-Length") or 0)))

    def _unknown(self) -> None:
        self._say(404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
