"""The pinned files answer what requirements*.in name, with nothing unpinned or unhashed."""

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def named_in(file: str) -> list[Requirement]:
    """Return what a .in file asks for, in its order."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def pinned_in(file: str) -> dict[str, tuple[Requirement, int]]:
    """Return the requirement and the number of hashes of each package pinned, by name."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / file).read_text(), flags=re.MULTILINE)
    pins: dict[str, tuple[Requirement, int]] = {}
    for entry in text.replace("\\\n", " ").splitlines():
        requirement = Requirement(entry.partition("--hash")[0].strip())
        pins[canonicalize_name(requirement.name)] = requirement, len(HASH.findall(entry))
    return pins


def with_extras(requirements: list[Requirement]) -> set[tuple[str, str]]:
    """Return each package's name with "", and with each of the extras asked for."""
    return {
        (canonicalize_name(requirement.name), extra)
        for requirement in requirements
        for extra in ["", *requirement.extras]
    }


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_what_is_named_is_pinned_as_named(name: str) -> None:
    pins = pinned_in(f"{name}.txt")
    for named in named_in(f"{name}.in"):
        assert len(named.specifier) == 1, f"{name}.in: pin {named.name} with =="
        pin, _ = pins[canonicalize_name(named.name)]
        assert pin.specifier == named.specifier, 'run "make requirements"'


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_what_the_named_need_is_pinned_too(name: str) -> None:
    """As far as this platform's packages say; nothing is pinned that nobody needs."""
    pins = pinned_in(f"{name}.txt")
    needed: set[tuple[str, str]] = set()
    pending = with_extras(named_in(f"{name}.in"))
    while pending:
        key, extra = pending.pop()
        needed.add((key, extra))
        assert pins[key][0].specifier.contains(importlib.metadata.version(key)), (
            f'{key} is installed in another version: run "make test", which installs what is pinned'
        )
        required = [Requirement(text) for text in importlib.metadata.requires(key) or []]
        here = [one for one in required if not one.marker or one.marker.evaluate({"extra": extra})]
        pending |= with_extras(here) - needed
    elsewhere = {key for key, (pin, _) in pins.items() if pin.marker is not None}
    assert set(pins) - elsewhere <= {key for key, _ in needed}, 'run "make requirements"'


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_each_pin_is_exact_with_hashes_from_no_address(name: str) -> None:
    for pin, hashes in pinned_in(f"{name}.txt").values():
        assert [clause.operator for clause in pin.specifier] == ["=="], pin
        assert hashes > 0, pin
    assert "://" not in (ROOT / f"{name}.txt").read_text()


def test_both_files_pin_the_same_version_of_a_package() -> None:
    runtime, tools = pinned_in("requirements.txt"), pinned_in("requirements-dev.txt")
    assert [
        key
        for key in runtime.keys() & tools.keys()
        if runtime[key][0].specifier != tools[key][0].specifier
    ] == []
