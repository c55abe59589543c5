"""examples/app is what its README says, and is built by the Go that our lock pins."""

import re
import tomllib
from pathlib import Path

from tidemill.building.settings import Settings, parse

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "examples" / "app"
ROWS = re.findall(r"(?m)^\| (\w+) \| (\w+) \| ([\w, ]+) \|", (APP / "README.md").read_text())


def settings() -> Settings:
    return parse((APP / "tidemill.toml").read_text())


def imported(service: str) -> set[str]:
    """The last parts of what a service imports beyond Go's own packages."""
    text = (APP / "cmd" / service / "main.go").read_text()
    return {path.rpartition("/")[2] for path in re.findall(r'"([\w-]+\.\w+/.+)"', text)}


def test_its_go_is_the_one_of_the_lock() -> None:
    with (ROOT / "sandbox" / "pyproject.toml").open("rb") as file:
        wanted = tomllib.load(file)["project"]["dependencies"]
    assert (APP / "requirements.txt").read_text().strip() in wanted


def test_its_readme_has_each_service_its_set_and_its_imports() -> None:
    services = {service.name: service.set for service in settings().services}
    assert {name: set_name for name, set_name, _ in ROWS} == services
    assert {name: set(libraries.split(", ")) for name, _, libraries in ROWS} == {
        name: imported(name) for name in services
    }


def test_every_program_is_shipped() -> None:
    programs = {folder.name for folder in (APP / "cmd").iterdir()}
    assert programs == {service.name for service in settings().services}


def test_what_is_vendored_keeps_its_licence() -> None:
    modules = re.findall(r"(?m)^# (\S+) v", (APP / "vendor" / "modules.txt").read_text())
    assert modules
    assert all((APP / "vendor" / module / "LICENSE").is_file() for module in modules)
