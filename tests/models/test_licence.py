"""What a model's card says about its licence, and what follows for text that the model writes."""

import pytest

from detox_cli.models.licence import licence_remark, model_licence
from detox_cli.models.sources import ModelSource


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n# A model", "apache-2.0"),
        ("---\nlicense: other\nlicense_name: llama3\n---\n", "llama3"),
        ("---\nlicense: [mit, cc0-1.0]\n---\n", "mit, cc0-1.0"),
        ("---\nlanguage: en\n---\n", None),
        ("---\nlicense: [unclosed\n---\n", None),
        ("# A model without front matter", None),
        (None, None),
    ],
)
def test_the_licence_is_read_from_the_front_matter(tmp_path, card, licence):
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert model_licence(ModelSource("m", str(tmp_path), "folder")) == licence


def test_what_has_to_be_known_about_a_licence_is_said():
    assert "not known" in str(licence_remark(None))
    assert "does not allow" in str(licence_remark("llama3"))
    assert "'Llama'" in str(licence_remark("llama3.1"))
    assert licence_remark("apache-2.0") is None
