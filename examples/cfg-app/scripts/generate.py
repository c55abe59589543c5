"""make generate: write the YAML of the sources to generated/, and remove what is not theirs."""

from contextlib import suppress

from sources import GENERATED, ROOT, stray_files, texts, write_if_changed


def main() -> None:
    files = texts()
    written = sum(write_if_changed(ROOT / path, text) for path, text in files.items())
    stray = stray_files(files)
    for path in stray:
        path.unlink()
        with suppress(OSError):  # a folder goes with its last file
            path.parent.rmdir()
            path.parent.parent.rmdir()
    print(f"{GENERATED.name}: {len(files)} files, {written} written, {len(stray)} removed")


if __name__ == "__main__":
    main()
