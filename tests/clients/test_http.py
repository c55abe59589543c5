"""What a request leaves behind where its server hangs up."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from tidemill.clients.http.client import Body, Call, Http
from tidemill.clients.http.trouble import Trouble

MANY, PIECE = 64, bytes(1 << 20)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what was not read is thrown away, and the sender told


@pytest.fixture
def url() -> Iterator[str]:
    """A server that hangs up once the first bytes are there."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/blob"
        thread.join(60)


def test_a_source_that_is_not_read_to_its_end_is_closed_at_once(url: str) -> None:
    """A file of a layout: an error that is kept would hold it open."""
    seen: list[str] = []

    def pieces() -> Iterator[bytes]:
        try:
            for _ in range(MANY):
                seen.append("piece")
                yield PIECE
        finally:
            seen.append("closed")

    call = Call("PUT", url, body=Body(MANY * len(PIECE), pieces))
    with pytest.raises(Trouble) as _kept, Http({}).stream(call):
        pass
    assert 0 < seen.count("piece") < MANY
    assert seen[-1] == "closed"
