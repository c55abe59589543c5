"""Types that several threads decode to at once, from the first time on."""

import subprocess
import sys

# In a process of its own: where it fails, the process ends.
DECODING = """
import sys, threading
from typing import Annotated
import msgspec
from tidemill.words.json_types import learnt

sys.setswitchinterval(1e-6)

def decode(number):
    class Inner(msgspec.Struct):
        digest: Annotated[str, msgspec.Meta(pattern=rf"{number}x*")] | None = None
        size: int = 0

    class Outer(msgspec.Struct):
        one: Inner
        many: tuple[Inner, ...]

    together = threading.Barrier(8)

    def go():
        together.wait()
        msgspec.json.decode(b'{"one": {"size": 1}, "many": [{"size": 2}]}', type=learnt(Outer))

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

for number in range(300):
    decode(number)
print("done")
"""


def test_threads_that_decode_to_a_new_type_at_once_do_not_crash() -> None:
    done = subprocess.run([sys.executable, "-c", DECODING], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"done\n"), done.stderr
