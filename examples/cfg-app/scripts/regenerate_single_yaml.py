"""make regenerate-single-yaml: Git's merge driver for generated/ (see README.md, Merging).

Arguments: the path of the YAML file that both sides changed, and the file that Git reads the
result from. Exits 1 where there is no answer; Git then reports a conflict.
"""

import sys
from pathlib import Path

from sources import resources
from yaml_text import to_yaml


def main(path: str, merge_out: str) -> None:
    documents = resources().get(path)
    if documents is None:
        sys.exit(f"{path} comes from no source: resolve jsonnet/, then run `make generate`")
    Path(merge_out).write_text(to_yaml(documents))


if __name__ == "__main__":
    main(*sys.argv[1:])
