"""Elements are found in integrations/ and in the folders an operator names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from elements import built_in, catalogue
from elements.checks import check_elements
from elements.errors import ElementNotFound
from elements.types import Setting

ELEMENT = """
from elements.types import Element, OAuth2, Setting
{more}
ELEMENT = Element(
    id={id}, key="{key}", name="A team's own", hub="general", description="",
    base_url=Setting("OWN_BASE_URL", "https://api.example.com"),
    authentication=OAuth2(
        authorization_url=Setting("OWN_AUTHORIZATION_URL", "https://example.com/authorize"),
        token_url=Setting("OWN_TOKEN_URL", "https://example.com/token"),
        revoke_url=None,
        scopes=("read",),
    ),
    resources=(), configuration=(), default_poller={poller},
)
"""


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A folder that INTEGRATIONS_DIRS names."""
    settings.INTEGRATIONS_DIRS = [str(tmp_path)]
    yield tmp_path
    built_in._load.cache_clear()


def add(
    folder: Path, name: str, *, id_: int = 7, key: str = "own", more: str = "", poller: str = "{}"
) -> Path:
    (folder / name).mkdir()
    file = folder / name / "element.py"
    file.write_text(ELEMENT.format(id=id_, key=key, more=more, poller=poller))
    return file


def test_gmail_is_found_by_key_and_by_id() -> None:
    assert catalogue.find("gmail").id == 6409
    assert catalogue.find("6409").key == "gmail"
    assert catalogue.find(6409).key == "gmail"


@pytest.mark.parametrize("key", ["nothing", "Gmail", "8153", "", "../gmail"])
def test_an_unknown_element_is_named(key: str) -> None:
    with pytest.raises(ElementNotFound, match=f"No element found with key {key}"):
        catalogue.find(key)


def test_a_team_adds_an_element_of_its_own(folder: Path) -> None:
    path = list(sys.path)
    before = {element.key for element in catalogue.all_elements()}
    built_in._load.cache_clear()
    add(folder, "own-element", more="from .words import NAME")
    (folder / "own-element" / "words.py").write_text("NAME = 'x'")
    assert {element.key for element in catalogue.all_elements()} - before == {"own"}
    assert catalogue.find(7).key == "own"
    assert sys.path == path


def test_an_element_folder_may_have_an_init_file(folder: Path) -> None:
    add(folder, "own", more="from . import NAME")
    (folder / "own" / "__init__.py").write_text("NAME = 'x'")
    assert catalogue.find("own").id == 7


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("raise ValueError('a broken line')", "a broken line"),
        ("import nothing_of_this_name", "nothing_of_this_name"),
        ("this is no python", "SyntaxError"),
        ("from .missing import X", "missing"),
    ],
)
def test_an_element_that_cannot_be_loaded_names_its_file(
    folder: Path, more: str, complaint: str
) -> None:
    file = add(folder, "own", more=more)
    with pytest.raises(catalogue.BrokenElementError) as caught:
        catalogue.all_elements()
    assert str(file) in str(caught.value)
    assert complaint in str(caught.value)
    (fault,) = check_elements()
    assert str(file) in fault.msg


def test_a_file_without_an_element_is_named(folder: Path) -> None:
    file = add(folder, "own")
    file.write_text("ELEMENT = 'gmail'")
    with pytest.raises(catalogue.BrokenElementError, match="has no ELEMENT"):
        catalogue.all_elements()


@pytest.mark.parametrize(
    ("id_", "key", "complaint"),
    [
        (7, "gmail", "the key gmail is taken by .*integrations/gmail/element.py"),
        (6409, "own", "the id 6409 is taken by .*integrations/gmail/element.py"),
        (0, "own", "the id must be a number from 1 to"),
        (7, "Own Key", "the key 'Own Key' must match"),
    ],
)
def test_keys_and_ids_are_checked(folder: Path, id_: int, key: str, complaint: str) -> None:
    add(folder, "own", id_=id_, key=key)
    with pytest.raises(catalogue.BrokenElementError, match=complaint):
        catalogue.all_elements()


def test_a_folder_that_is_not_there_is_named(settings: Settings) -> None:
    settings.INTEGRATIONS_DIRS = ["/nonexistent/elements"]
    with pytest.raises(catalogue.BrokenElementError, match="/nonexistent/elements"):
        catalogue.all_elements()


# --- addresses ---

BASE = Setting("GMAIL_API_BASE_URL", "https://gmail.googleapis.com")


def test_a_provider_lives_where_it_really_does_unless_moved(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GMAIL_API_BASE_URL", raising=False)
    assert catalogue.address(BASE) == "https://gmail.googleapis.com"
    monkeypatch.setenv("GMAIL_API_BASE_URL", "http://127.0.0.1:8025/")
    assert catalogue.address(BASE) == "http://127.0.0.1:8025"
    settings.GMAIL_API_BASE_URL = "http://127.0.0.1:9000"
    assert catalogue.address(BASE) == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    "value",
    ["gmail.example.com", "ftp://a.example", "http://", "http://[x", "https://u:p@a.example"],
)
def test_an_address_that_is_none_is_named(value: str, settings: Settings) -> None:
    settings.GMAIL_API_BASE_URL = value
    (fault,) = check_elements()
    assert "GMAIL_API_BASE_URL must be an address such as" in fault.msg


def test_what_is_built_in_passes_the_checks() -> None:
    assert check_elements() == []


def test_a_default_poller_is_checked(folder: Path) -> None:
    add(folder, "own", poller='{"x": {}}')
    (fault,) = check_elements()
    assert "own: default_poller: event.poller.configuration.x" in fault.msg
