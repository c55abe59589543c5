"""The update hook of the stand-in's repositories: asks the server whether a ref may change.

`TIDEMILL_HOOK` has the server's address and the push's name. It imports next to nothing, because it
runs for each branch of each push.
"""

import os
import socket
import sys


def main() -> int:
    """0: the ref may change. 1: it may not, and why was said."""
    address, push = os.environ["TIDEMILL_HOOK"].split(" ")
    host, port = address.split(":")
    body = " ".join([push, *sys.argv[1:4]]).encode()
    head = f"POST /_hook HTTP/1.0\r\nHost: {address}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    top, _, words = answer.partition(b"\r\n\r\n")
    if top.split(b" ")[1] == b"204":
        return 0
    if words:
        sys.stderr.write(words.decode(errors="replace") + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
