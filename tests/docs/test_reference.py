"""The reference and the gallery leave nothing out; that they are fresh is asked in tests/completion."""

import re
from pathlib import Path

import pytest

from detox_cli.completion.gallery import gallery, read_told
from detox_cli.settings.fields import flag_of, option_name
from detox_cli.settings.layers import variable
from detox_cli.settings.profiles import read_profile
from detox_cli.settings.sections import SECTIONS, section_model
from tests.docs.pages import ROOT

CLI = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
PROFILES = sorted((ROOT / "profiles").glob("*.toml"))


@pytest.mark.parametrize("section", SECTIONS)
def test_the_reference_has_every_setting(section: str) -> None:
    part = CLI.split(f"## detox {section.replace('.', ' ').replace('_', '-')}\n")[1].split("\n## ")[0]
    assert f"`[{section}]`" in part and f"`{variable(section, '')}…`" in part
    for key, field in section_model(section).model_fields.items():
        name = option_name(key, field)
        row = f"| `{name}` | `{key}` |" if flag_of(field).positional else f"| `{name}` "
        assert row in part, key


@pytest.mark.parametrize("path", PROFILES, ids=[path.stem for path in PROFILES])
def test_the_gallery_has_every_value_of_a_profile_and_how_to_run_it(path: Path) -> None:
    part = gallery().split(f"\n## {path.stem}\n")[1].split("\n## ")[0]
    rows = [row for table in read_told(path.read_text()).parts for row in table.rows]
    assert len(rows) == sum(map(len, read_profile(path).tables.values()))
    assert all(f"| `{key}` | `" in part for key, _, _ in rows)
    assert re.search(rf"^detox .*--profile {path.stem}\b", part, re.MULTILINE) or path.stem == "default"


def test_comments_of_a_profile_go_where_they_belong() -> None:
    told = read_told(
        '# Source.\n#\n#   detox x\n[a]\nx = 1 # why\n       # and more\n# of the rest\ny = "#"\n\n'
        "# Of b.\n[b] # too\nz = []\n"
    )
    assert told.source == ["Source.", "", "  detox x"]
    assert told.parts[0].rows == [["x", "1", "why and more"], ["y", '"#"', "of the rest"]]
    assert (told.parts[1].notes, told.parts[1].rows) == (["Of b.", "too"], [["z", "[]", ""]])
