"""``train cmd --qlora``: an adapter learns beside weights in 4 bits."""

import math

import pytest

from detox_cli.services.train_cmd.run import run
from tests.chain_rows import quick_cmd, write_chains


def test_an_adapter_on_four_bits_is_folded_into_the_whole_model(tmp_path):
    pytest.importorskip("bitsandbytes")
    more = {"qlora": "nf4", "lora": "4", "learning_rate": 1e-3, "limit": 12, "epochs": 1}
    result = run(quick_cmd(write_chains(tmp_path / "chains"), tmp_path / "tuned", "builtin:lm", **more))
    assert result.contrast["first"] == pytest.approx(math.log(2), abs=0.02)
    assert result.folded is not None and result.folded.difference <= result.folded.limit
    assert "on weights in 4 bits" in (tmp_path / "tuned" / "README.md").read_text()
