"""Commands that put their files beside what is there keep out of the folders of models."""

import json


def test_a_folder_with_a_model_is_left_alone(tmp_path, detox):
    """What lies there was written by a training, and has a manifest of its own."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text(json.dumps({"prompt": "You are silly"}))
    for command in (("synth", "chain"), ("eval", "generation")):
        for more in ((), ("--dry-run",), ("--overwrite",)):
            words = ("builtin:lm", "--prompts", prompts, "-o", model, "--profile", "offline", *more)
            told = detox(*command, *words)
            assert told.code == 2 and "a model lies in this folder" in told.err
            assert "choose another output" in told.err
    assert [path.name for path in model.iterdir()] == ["config.json"]
