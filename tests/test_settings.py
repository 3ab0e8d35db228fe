"""Where a setting comes from: command line over environment over profiles over defaults."""

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

import pytest
from pydantic import Field, PositiveInt

from detox_cli.errors import BadSettings
from detox_cli.settings import sections
from detox_cli.settings.base import Flag, Section
from detox_cli.settings.fields import cli_type, flag_of
from detox_cli.settings.profiles import load_profiles, read_profile
from detox_cli.settings.resolve import describe, resolve
from detox_cli.settings.sections import SECTIONS, section_model
from tests.conftest import Outcome

PROFILES = Path(__file__).parents[1] / "profiles"


class Bread(Section):
    """A section with every kind of value."""

    flour: Annotated[str, Flag(positional=True)] = Field(description="What it is made of.")
    loaves: PositiveInt = Field(1, description="How many.")
    hours: float = Field(1.5, gt=0, description="How long it rests.")
    oven: Literal["gas", "stone"] = Field("gas", description="Where it is baked.")
    seeds: tuple[str, ...] = Field((), description="What is in it.")
    shape: Path | None = Field(None, description="A file.")
    salted: bool = Field(True, description="Whether there is salt in it.")


@pytest.fixture(autouse=True)
def bakery(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A section ``bake.bread``, and an empty folder of profiles in the current folder."""
    module = ModuleType("detox_cli.settings.bakery")
    module.Bread = Bread  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sections.SECTIONS, "bake.bread", "bakery:Bread")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    return tmp_path / "profiles"


def bread(given: dict[str, object] | None = None, *profiles: str) -> Bread:
    return resolve("bake.bread", Bread, {"flour": "rye", **(given or {})}, profiles)


def problems(given: dict[str, object] | None = None, *profiles: str) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        bread(given, *profiles)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("typed", "environment", "second", "first", "expected"),
    [
        (5, 4, 3, 2, 5),
        (None, 4, 3, 2, 4),
        (None, None, 3, 2, 3),
        (None, None, None, 2, 2),
        (None, None, None, None, 1),
    ],
)
def test_precedence(
    typed: int | None,
    environment: int | None,
    second: int | None,
    first: int | None,
    expected: int,
    bakery: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"one": first, "two": second}.items():
        line = "" if value is None else f"loaves = {value}"
        (bakery / f"{name}.toml").write_text(f"[bake.bread]\n{line}\n")
    if environment is not None:
        monkeypatch.setenv("DETOX_BAKE__BREAD__LOAVES", str(environment))
    given = {} if typed is None else {"loaves": typed}
    assert bread(given, "one", "two").loaves == expected


def test_the_default_profile_lies_under_every_other(bakery: Path) -> None:
    (bakery / "default.toml").write_text('[bake.bread]\nloaves = 2\noven = "stone"\n')
    (bakery / "mine.toml").write_text("[bake.bread]\nloaves = 3\n")
    assert bread().loaves == 2
    assert (bread(None, "mine").loaves, bread(None, "mine").oven) == (3, "stone")


def test_the_environment_names_profiles_unless_the_command_line_does(
    bakery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bakery / "one.toml").write_text("[bake.bread]\nloaves = 2\nhours = 3\n")
    (bakery / "two.toml").write_text("[bake.bread]\nloaves = 4\n")
    monkeypatch.setenv("DETOX_PROFILE", "one, two")
    assert (bread().loaves, bread().hours) == (4, 3)
    assert bread(None, "one").loaves == 2


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("SEEDS", "oat,poppy", ("oat", "poppy")),
        ("SEEDS", '["oat, rolled"]', ("oat, rolled",)),
        ("SALTED", "false", False),
        ("HOURS", "0.25", 0.25),
        ("SHAPE", "tin.txt", Path("tin.txt")),
    ],
)
def test_the_environment_speaks_in_text(
    key: str, text: str, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DETOX_BAKE__BREAD__{key}", text)
    assert getattr(bread(), key.lower()) == expected


def test_extends_reads_the_parents_first(bakery: Path) -> None:
    (bakery / "grain.toml").write_text("[bake.bread]\nloaves = 2\nhours = 2\nseeds = ['oat']\n")
    (bakery / "heat.toml").write_text("[bake.bread]\nhours = 3\n")
    (bakery / "both.toml").write_text("extends = ['grain', 'heat']\n[bake.bread]\nseeds = ['rye']\n")
    settings = bread(None, "both")
    assert (settings.loaves, settings.hours, settings.seeds) == (2, 3, ("rye",))


def test_a_profile_may_extend_the_packaged_one_of_its_own_name(bakery: Path) -> None:
    (bakery / "offline.toml").write_text("extends = 'offline'\n[bake.bread]\nloaves = 7\n")
    assert [profile.path.parent.name for profile in load_profiles(["offline"])].count("profiles") >= 2
    assert bread(None, "offline").loaves == 7


def test_a_circle_of_profiles_ends_in_an_error(bakery: Path) -> None:
    (bakery / "hen.toml").write_text("extends = 'egg'\n")
    (bakery / "egg.toml").write_text("extends = 'hen'\n")
    assert "no profile 'hen'" in problems(None, "hen")[0]


def test_a_missing_profile_says_where_it_was_looked_for(bakery: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        bread(None, "nope")
    assert "'nope'" in str(caught.value)
    assert "looked in profiles," in str(caught.value)
    assert "offline" in str(caught.value.hint)


def test_all_problems_are_told_at_once_with_their_places(
    bakery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "# a comment\n[bake.bread]\nloafs = 2\n\nhours = -1\n[bake.bred]\noven = 'gas'\n"
    (bakery / "bad.toml").write_text(text)
    monkeypatch.setenv("DETOX_BAKE__BREAD__SALT", "yes")
    monkeypatch.setenv("DETOX_PROFIL", "bad")
    told = problems({"oven": "wood"}, "bad")
    assert [line for line in told if line.startswith("profiles/bad.toml:3: no setting 'loafs'")]
    assert [line for line in told if "did you mean 'loaves'?" in line]
    assert [line for line in told if line.startswith("profiles/bad.toml:5: hours: input should be greater")]
    assert [line for line in told if line.startswith("profiles/bad.toml:6: unknown table [bake.bred]")]
    assert [line for line in told if "did you mean 'DETOX_BAKE__BREAD__SALTED'?" in line]
    assert [line for line in told if "did you mean 'DETOX_PROFILE'?" in line]
    assert [
        line for line in told if line.startswith("--oven: input should be 'gas' or 'stone' (found 'wood')")
    ]
    assert len(told) == 6


def test_what_must_be_given_is_named_as_on_the_command_line() -> None:
    with pytest.raises(BadSettings, match="FLOUR: missing"):
        resolve("bake.bread", Bread, {})


def test_a_table_for_another_command_is_not_checked_until_it_is_used(bakery: Path) -> None:
    (bakery / "mixed.toml").write_text("[bake.bread]\nloaves = 2\n[synth.pairs]\nno_such_key = 1\n")
    assert bread(None, "mixed").loaves == 2


def test_broken_toml_names_file_and_line(bakery: Path) -> None:
    (bakery / "broken.toml").write_text("[bake.bread]\nloaves = = 2\n")
    assert problems(None, "broken")[0].startswith("profiles/broken.toml: not a TOML file")
    assert "line 2" in problems(None, "broken")[0]


def test_print_config_is_a_profile_that_gives_the_same_settings(bakery: Path) -> None:
    given = {"loaves": 3, "seeds": ['ö"\\\n\x7f', "b"], "hours": 1e-7, "shape": Path("a b")}
    (bakery / "printed.toml").write_text(describe("bake.bread", Bread, {"flour": "rye", **given}))
    assert resolve("bake.bread", Bread, {}, ["printed"]) == bread(given)


def test_print_config_says_where_every_value_comes_from(
    bakery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bakery / "mine.toml").write_text("[bake.bread]\nhours = 2\n")
    monkeypatch.setenv("DETOX_BAKE__BREAD__OVEN", "stone")
    printed = describe("bake.bread", Bread, {"loaves": 3}, ["mine"]).splitlines()
    assert printed == [
        "[bake.bread]",
        "# flour is not set",
        "loaves = 3  # command line",
        "hours = 2  # profile mine",
        'oven = "stone"  # DETOX_BAKE__BREAD__OVEN',
        "seeds = []  # default",
        "# shape is not set",
        "salted = true  # default",
    ]


def test_profile_check_finds_what_is_wrong_for_any_command(
    bakery: Path, detox: Callable[..., Outcome]
) -> None:
    (bakery / "bad.toml").write_text("[bake.bread]\nhours = 'long'\n[synth.pairs]\nlimt = 3\n")
    outcome = detox("profile", "check", "bad")
    assert outcome.code == 2
    assert "error: profiles/bad.toml:2: hours:" in outcome.err
    assert (
        "error: profiles/bad.toml:4: no setting 'limt' in [synth.pairs], did you mean 'limit'?" in outcome.err
    )


def test_profile_show_prints_a_profile(bakery: Path, detox: Callable[..., Outcome]) -> None:
    (bakery / "grain.toml").write_text("[bake.bread]\nloaves = 2\nhours = 2\n")
    (bakery / "mine.toml").write_text("extends = 'grain'\n[bake.bread]\nhours = 3\n")
    shown = detox("profile", "show", "mine").out
    assert tomllib.loads(shown) == {"bake": {"bread": {"loaves": 2, "hours": 3}}}
    assert "loaves = 2  # grain" in shown


def test_a_broken_profile_is_listed_as_such(bakery: Path, detox: Callable[..., Outcome]) -> None:
    (bakery / "broken.toml").write_text("= 1")
    listed = json.loads(detox("profile", "list", "--json").out)["descriptions"]
    assert listed["broken"] == "cannot be read, see `detox profile check broken`"
    assert listed["offline"].startswith("Only the small bundled models")


def test_profile_copy_does_not_overwrite(bakery: Path, detox: Callable[..., Outcome]) -> None:
    (bakery / "mine.toml").write_text("[bake.bread]\nloaves = 2\n")
    assert detox("profile", "copy", "mine", "other.toml").out == "other.toml\n"
    assert Path("other.toml").read_text() == "[bake.bread]\nloaves = 2\n"
    outcome = detox("profile", "copy", "mine", "other.toml")
    assert (outcome.code, outcome.err.splitlines()[0]) == (2, "error: other.toml: is there already")


def test_the_packaged_profiles_are_right(detox: Callable[..., Outcome]) -> None:
    assert detox("profile", "check").code == 0


def packaged(name: str) -> dict[str, dict[str, object]]:
    return dict(read_profile(PROFILES / f"{name}.toml").tables)


def test_the_default_profile_says_what_the_classes_say() -> None:
    for section, table in packaged("default").items():
        fields = section_model(section).model_fields
        assert table == {key: fields[key].get_default() for key in table}


def test_the_offline_profile_replaces_every_model_and_scorer() -> None:
    offline = packaged("offline")
    for section, table in offline.items():
        for name, field in section_model(section).model_fields.items():
            # There is no classifier of refusals and no judge unless one is named, and any model is measured.
            others = ("judge", "legacy_judge", "dist_tokenizer", "kl_to", "ref_model", "baseline")
            asked_for = name in ("refusal_scorer", *others)
            asked_for |= name == "model" and section in (
                "eval.generation",
                "synth.chain",
                "synth.preferences",
            )
            if flag_of(field).complete in ("model", "scorer") and not asked_for:
                names = table[name] if isinstance(table[name], list) else [table[name]]
                assert all(str(one).startswith("builtin:") for one in names), f"[{section}] {name}"
    assert packaged("default").keys() <= offline.keys()


def test_a_type_without_a_form_on_the_command_line_is_refused() -> None:
    with pytest.raises(TypeError, match="no command-line form"):
        cli_type(dict[str, int])


@pytest.mark.parametrize("section", [section for section in SECTIONS if section != "bake.bread"])
def test_every_field_of_every_section_is_described_and_has_a_form(section: str) -> None:
    for name, field in section_model(section).model_fields.items():
        assert field.description, name
        cli_type(field.annotation)
