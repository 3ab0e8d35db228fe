"""What a self-detoxifying model has answered, as chain records: its own answers are its next lessons.

Rows of ``detox generate --chain`` become records that lack scores only (chain distillation): what a model has
learnt to answer at the end of a chain it can learn to answer at once.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from detox_cli.data.chains.record import Candidate, ChainRecord
from detox_cli.data.reading import Row, text_fault

Mode = Literal["chain", "direct", "both"]
COLUMNS = ("ok", "verdict", "masked", "rephrased")


def is_answered(values: Mapping[str, object]) -> bool:
    """Whether a row is one of ``detox generate --chain``, with the steps of its chains."""
    return {"prompt", *COLUMNS} <= values.keys() and ("output" in values or "outputs" in values)


def answered_record(row: Row, mode: Mode) -> ChainRecord | str:
    """The record of a row, or why there is none.

    Samples that are no chain, or have no answer, are left out. Of the others most have to agree on the
    verdict, toxic winning a draw. A chain needs answers to one and the same rephrased text, so those to the
    commonest one are taken; with ``direct``, which writes no chain, those to all of them.
    """
    values = row.values
    if fault := text_fault(values.get("prompt")):
        return f"column 'prompt' {fault}"
    samples = samples_of(values)
    if isinstance(samples, str):
        return samples
    usable = [one for one in samples if one["ok"] is True and str(one["output"]).strip()]
    if not usable:
        return f"none of its {len(samples)} answers stands at the end of a chain"
    toxic = 2 * sum(one["verdict"] == "toxic" for one in usable) >= len(usable)
    agreed = [one for one in usable if (one["verdict"] == "toxic") == toxic]
    masked, rephrased = _commonest(agreed) if toxic and mode != "direct" else (None, None)
    if rephrased is not None:
        agreed = [one for one in agreed if (one["masked"], one["rephrased"]) == (masked, rephrased)]
    made = {name: values[name] for name in ("model", "model_fingerprint") if name in values}
    return ChainRecord(
        id=row.id,
        text=str(values["prompt"]),
        is_toxic=toxic,
        masked=masked,
        safe_text=rephrased if toxic else str(values["prompt"]),
        candidates=tuple(Candidate(text=str(one["output"])) for one in agreed),
        prov={"form": "generate --chain", **made, "answers": len(samples), "taken": len(agreed)},
    )


def samples_of(values: Mapping[str, object]) -> list[dict[str, Any]] | str:
    """The answers of a row with the steps of their chains, or what is wrong with them."""
    if "outputs" not in values:
        return [{"output": values["output"], **{name: values[name] for name in COLUMNS}}]
    listed: dict[str, Any] = {"output": values["outputs"], **{name: values[name] for name in COLUMNS}}
    if not all(isinstance(some, list) for some in listed.values()):
        return "its answers are no lists; write them as .jsonl"
    if len({len(some) for some in listed.values()}) > 1:
        return "it has not as many steps as answers"
    return [dict(zip(listed, some, strict=True)) for some in zip(*listed.values(), strict=True)]


def _commonest(samples: list[dict[str, Any]]) -> tuple[str | None, str | None]:
    """The masked and rephrased text that most samples have; of several the first one."""
    return Counter((one["masked"], one["rephrased"]) for one in samples).most_common(1)[0][0]
