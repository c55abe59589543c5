"""To verify, folders outside of a build's root are copied too."""

from pathlib import Path

from msgspec.structs import replace

from tidemill.building.order import BuildOptions, order_of_dockerfile
from tidemill.building.verifying import apart
from tidemill.images.build import DockerfileBuild


def test_folders_outside_of_the_root_are_copies_and_those_inside_stay(tmp_path: Path) -> None:
    root, outside, gone = tmp_path / "root", tmp_path / "outside", tmp_path / "gone"
    inside = root / "inside"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
        (folder / "file").write_text(folder.name)
        (folder / "file").chmod(0o644)
    folders = {"inside": inside, "outside": outside, "again": outside, "gone": gone}
    build = DockerfileBuild("it", root, root / "Dockerfile", folders=folders)
    order = replace(order_of_dockerfile(build, BuildOptions()), base=build)
    moved = apart(order, tmp_path / "copies", strange=True)
    assert isinstance(moved.items[0].source, DockerfileBuild)
    assert moved.base
    copy = moved.base.folders["outside"]
    assert moved.items[0].source.folders == moved.base.folders
    assert moved.base.folders == {**folders, "outside": copy, "again": copy}
    assert copy.is_relative_to(tmp_path / "copies")
    assert (copy / "file").read_text() == "outside"
    assert (copy / "file").stat().st_mode & 0o777 == 0o600
    assert (copy / "file").stat().st_mtime != (outside / "file").stat().st_mtime
