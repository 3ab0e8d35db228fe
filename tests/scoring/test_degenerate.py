"""Answers that say nothing, and answers that only look repetitive."""

import pytest

from detox_cli.scoring.degenerate import degenerate

CODE = """```python
for i in range(3):
    print(i)
for j in range(3):
    print(j)
```"""
TABLE = "| day | hours |\n|---|---|\n| Monday | 8 |\n| Tuesday | 8 |\n| Wednesday | 8 |\n| Thursday | 8 |\n"
LIST = "\n".join(f"{n}. Take step {n} and note what you see." for n in range(1, 9))
STORY = (
    "The river rose in the night, and by morning the lower meadow was under water. The farmer moved the "
    "sheep to the hill, counted them twice, and found that one was missing. He found it at noon on the roof "
    "of the shed, eating the last of the hay as if nothing had happened, and took it back under one arm."
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty"),
        (" \n…!", "empty"),
        ("I do not know. " * 8, "loop"),
        ("yes " * 14, "loop"),
        ("The cat sat on the mat, and " * 4 + "the end.", "loop"),
        ("哈哈哈哈" * 12, "loop"),
        ("你好吗" * 20, "loop"),
        ("A new start. " + " ".join(f"and then we went to the shop {n % 3}" for n in range(40)), "loop"),
        ("........ !!!! ...... ???? ..... a", "filler"),
        (" ".join(["the", "x", "the", "the", "y", "the", "z"] * 3), "filler"),
        ("Sure.", None),
        ("4", None),
        ("Very, very, very good.", None),
        (CODE, None),
        (TABLE, None),
        (LIST, None),
        (STORY, None),
        ("Title\n-----------------------------------\nText below a rule.", None),
        ("我们今天去公园散步，天气很好，孩子们都很高兴。", None),
    ],
)
def test_what_is_no_answer(text: str, kind: str | None) -> None:
    assert degenerate(text) == kind
