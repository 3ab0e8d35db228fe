"""The ways of asking for fills: what each model reads, what its answer becomes, and how the way is told."""

import json
import shutil
from pathlib import Path

import pytest

from detox_cli.data.chains.record import ChainRecord
from detox_cli.errors import BadSettings
from detox_cli.generation.load import load_engine
from detox_cli.generation.requests import Request, Sample, Sampling
from detox_cli.models.rewriting import Rewriting
from detox_cli.models.sources import find_model
from detox_cli.services.engine import find_writer
from detox_cli.services.synth_chain.fill import ORDER
from detox_cli.services.synth_chain.fillers import Instruct, Rewrite, Sentinels, find_filler
from detox_cli.services.synth_chain.filling import reason_of
from detox_cli.services.synth_chain.gates import Try, best_of
from detox_cli.settings.engine import EngineOptions

RECORD = ChainRecord.model_validate(
    {"id": "a", "text": "You silly man, STUPID one", "is_toxic": True, "masked": "You <MASK> man, <MASK> one"}
)


def said(text: str, why: str = "stop") -> Sample:
    return Sample(text, why, 9)  # type: ignore[arg-type]


def test_sentinels_stand_for_masks_and_fills_are_read_by_their_numbers():
    filler = Sentinels(tokens=5)
    assert filler.prompt(RECORD) == "You <extra_id_0> man, <extra_id_1> one"
    assert filler.limit(RECORD) == 13
    answer = "<pad> <extra_id_0> good <extra_id_1> wise <extra_id_2> and more</s>"
    assert filler.read(RECORD, said(answer)).text == "You good man, wise one"
    assert filler.read(RECORD, said("<extra_id_0> good")).fault == "nothing in the place of a mask"


def test_a_chat_model_has_to_copy_what_is_not_masked():
    filler = Instruct()
    assert [turn.role for turn in filler.prompt(RECORD)] == ["system", "user"]
    assert (
        filler.read(RECORD, said('Here is the text:\n"you kind man, wise one"')).text
        == "You kind man, wise one"
    )
    changed = filler.read(RECORD, said("Dear sir, you wise person"))
    assert (changed.fault, changed.text) == ("text beside the masks changed", "Dear sir, you wise person")
    assert changed.paraphrase, "which --accept-paraphrase takes"
    assert filler.read(RECORD, said("You <MASK> man, <mask> one")).fault == "nothing in the place of a mask"


def test_a_rewriter_sees_the_prompt_in_its_frame_and_may_decline():
    filler = Rewrite(Rewriting(prefix="detox: ", abstain_text="[cannot]"), chat=False)
    assert filler.prompt(RECORD) == "detox: You silly man, STUPID one"
    assert filler.read(RECORD, said("You good man")).text == "You good man"
    for text, why, fault in [
        ("[cannot]", "stop", "it declined"),
        ("you silly man stupid one!", "stop", "the prompt unchanged"),
        (" ", "stop", "nothing in the place of a mask"),
        ("You good man and", "length", "it did not end"),
    ]:
        assert filler.read(RECORD, said(text, why)).fault == fault
    declined = Rewrite(Rewriting(), chat=True).read(RECORD, said("I'm sorry, but I cannot help with that."))
    assert declined.fault == "it declined"


def test_the_way_is_told_by_the_model(tmp_path, tiny_causal: Path, tiny_classifier: Path, tiny_t5: Path):
    def way(model: str, mode: str = "auto") -> str:
        return find_filler(find_writer(EngineOptions(model=model)), mode, 5)[0]

    assert (way("builtin:bart"), way(str(tiny_causal)), way("builtin:bart", "rewrite")) == (
        "infill",
        "instruct",
        "rewrite",
    )
    trained = tmp_path / "rewriter"
    shutil.copytree(find_model("builtin:bart").location, trained)
    (trained / "detox.json").write_text(json.dumps({"command": "train bart"}))
    assert way(str(trained)) == "rewrite"
    with pytest.raises(BadSettings, match="has no mask to fill"):
        way(str(tiny_causal), "infill")


def test_the_most_fluent_accepted_fill_stays_and_the_furthest_gate_is_the_reason():
    tries = [
        Try("a", "toxic", tox=0.9),
        Try("b", tox=0.1, sim=0.9, ppl=80.0),
        Try("c", tox=0.4, sim=0.6, ppl=20.0),
    ]
    assert best_of(tries) == 2 and best_of(tries[:1]) is None
    faults = [Try("", "it did not end"), Try("x", "toxic"), Try("y", "text beside the masks changed")]
    assert reason_of(faults, ORDER) == "toxic"


def test_special_tokens_of_an_answer_stay_where_they_are_asked_for(tiny_t5: Path):
    engine = load_engine(find_model(str(tiny_t5)), device="cpu")
    request = [Request("a", "The weather is", seed=0, samples=30)]
    kept, plain = (
        next(iter(engine.generate(request, Sampling(12, 1.0, 1.0, specials=specials)))).samples
        for specials in (True, False)
    )
    marks = ("<s>", "<pad>", "<unk>", "<mask>", "<|user|>", "<|assistant|>", "<|system|>")
    assert any(mark in one.text for one in kept for mark in marks)
    assert not any(mark in one.text for one in plain for mark in marks)
    assert [one.tokens for one in kept] == [one.tokens for one in plain]
