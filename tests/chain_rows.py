"""Chains to train on, in mild words."""

from pathlib import Path

from detox_cli.data.chains.record import MASK, Candidate, ChainRecord, Span, write_records
from detox_cli.settings.train_cmd import CmdSettings

NICE = (" and we all went home.", " so he took the train.", " before you answer.", " and it was lovely.")
RUDE = (" you silly person.", " because it is useless.", " you know nothing.", " and that was silly.")


def chain_records(count: int = 24) -> list[ChainRecord]:
    """Half of them toxic; of the safe ones every second has no toxic candidate."""
    found = []
    for number in range(count):
        toxic = number % 2 == 0
        start, end = f"Comment {number} was ", " today and"
        text = f"{start}silly{end}" if toxic else f"The train {number} was on time{end}"
        span = Span(start=len(start), end=len(start) + 5)
        rude = () if number % 4 == 3 else (RUDE[number % 4], RUDE[(number + 1) % 4])
        texts = (NICE[number % 4], *rude)
        found.append(
            ChainRecord(
                id=f"row-{number}",
                text=text,
                toxicity=0.8 if toxic else 0.1,
                is_toxic=toxic,
                spans=(span,) if toxic else (),
                masked=f"{start}{MASK}{end}" if toxic else None,
                safe_text=f"{start}short{end}" if toxic else text,
                candidates=tuple(Candidate(text=one, tox=n * 0.4) for n, one in enumerate(texts)),
                pos=0,
                neg=tuple(range(1, len(texts))),
            )
        )
    return found


def write_chains(folder: Path, count: int = 24) -> Path:
    """A folder as the last stage of ``synth chain`` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_records(folder / "chains.jsonl", chain_records(count))
    return folder


def quick_cmd(data: Path, output: Path, model: Path | str, **changes: object) -> CmdSettings:
    """A training of seconds."""
    given: dict[str, object] = {
        "model": str(model),
        "data": str(data),
        "output": output,
        "epochs": 2,
        "batch_size": 4,
        "accumulate": 1,
        "learning_rate": 1e-2,
        "val_fraction": 0.2,
        "precision": "float32",
        "device": "cpu",
        "alpha": 1.0,
        "lora": "4,8,0.05",
    }
    return CmdSettings.model_validate(given | changes)
