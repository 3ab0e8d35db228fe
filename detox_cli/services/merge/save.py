"""Everything in the folder beside the weights: configuration, tokenizer, card, recipe, manifest."""

import json
import shlex
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from detox_cli.models.checkpoint.copying import copy_file
from detox_cli.models.licence import model_licence
from detox_cli.models.merging.read_hashes import NAME as NAME_OF_HASH
from detox_cli.runs.card import Card, write_card
from detox_cli.runs.manifest import NAME, hash_weights, write_manifest
from detox_cli.services.merge.chat_template import chosen_template, write_template
from detox_cli.services.merge.opening import Models, Opened
from detox_cli.services.merge.prepared import Prepared
from detox_cli.services.merge.result import MergeResult
from detox_cli.services.merge.stacked_config import stacked_config
from detox_cli.services.merge.vocabulary import Vocabulary, write_union
from detox_cli.settings.merge import MergeSettings

RECIPE, CONFIG, CARD = "recipe.yml", "config.json", "README.md"
NOT_COPIED = frozenset(
    {NAME, CARD, RECIPE, CONFIG, ".gitattributes", "README.base.md", "mergekit_config.yml", "figures.json"}
) | {"metrics.jsonl", "sweep"}
"""What says how one model was made and measured, which is not true of another."""
OTHER_FORMS = frozenset({"vocab.json", "merges.txt", "vocab.txt", "added_tokens.json", "tokenizer.model"})
"""A vocabulary in files beside ``tokenizer.json``, which would not have added tokens."""
OF_TOKENS = OTHER_FORMS | {
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "generation_config.json",
}
SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id")
NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def write_side_files(merge: Prepared, folder: Path, settings: MergeSettings) -> None:
    """What belongs to a model beside its weights, from the model that says what there is."""
    copy_side_files(merge, folder)
    text = yaml.safe_dump(dict(merge.content), sort_keys=False, allow_unicode=True)
    (folder / RECIPE).write_text(text, encoding="utf-8")
    _write_card(merge, folder, settings, text)


def copy_side_files(merge: Prepared, folder: Path) -> None:
    """Configuration, with the type of numbers that was written, tokenizer, and what else lies there."""
    reference = merge.models.reference
    belonging, _ = reference.checkpoint.side_files()
    for path in belonging:
        if path.parts[0] not in NOT_COPIED and not (merge.vocabulary and str(path) in OF_TOKENS):
            copy_file(reference.checkpoint.folder / path, folder / path)
    config = _config(reference.checkpoint.config, set(merge.plan.types.values()))
    if merge.layers:
        config = stacked_config(config, merge)
    if merge.vocabulary is not None:
        config = _with_tokens(config, merge.vocabulary, folder)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if (choice := merge.recipe.chat_template) is not None:
        folders = [model.checkpoint.folder for model in merge.models.everyone]
        if (template := chosen_template(choice, folders)) is not None:
            write_template(template, folder)


def save_manifest(
    merge: Prepared,
    folder: Path,
    settings: MergeSettings,
    result: MergeResult,
    started: float,
    threads: int,
) -> None:
    """Write ``detox.json``, with the hashes of what was read."""
    write_manifest(
        folder,
        command="merge",
        settings=settings.model_dump(mode="json"),
        inputs=[settings.recipe] if settings.recipe else [],
        models=model_records(merge.models, threads),
        scorers={},
        metrics=result.model_dump(mode="json", exclude={"files"}),
        started=started,
        fingerprint=merge.identity,
    )


def model_records(models: Models, threads: int) -> dict[str, object]:
    """Every model with its files, for a manifest; their hashes where the models were opened for it."""
    with ThreadPoolExecutor(threads) as pool:
        records = pool.map(_record, models.everyone)
        return {str(m.named): record for m, record in zip(models.everyone, records, strict=True)}


def _record(model: Opened) -> Mapping[str, object]:
    files = {str(file): {"bytes": file.stat().st_size} | _hash(model, file) for file in model.files}
    return {"name": model.source.name, "revision": model.source.revision, "files": files}


def _hash(model: Opened, file: Path) -> dict[str, str]:
    """Of weights block by block, which were read already; of an adapter's small files as they are."""
    if model.stored.hashes is None:
        return {}
    if file.parent == model.checkpoint.folder and file.name in model.checkpoint.files:
        return {NAME_OF_HASH: model.stored.hashes.of_file(file)}
    return {"xxh3_128": hash_weights(file)}


def _config(config: Mapping[str, Any], types: set[str]) -> dict[str, Any]:
    """The configuration with the type of numbers that was written."""
    changed = dict(config)
    if len(types) == 1:
        name = NAMES[next(iter(types))]
        keys = [key for key in ("torch_dtype", "dtype") if key in changed] or ["torch_dtype"]
        changed |= dict.fromkeys(keys, name)
        inner = changed.get("text_config")
        if isinstance(inner, dict):
            changed["text_config"] = inner | {k: name for k in ("torch_dtype", "dtype") if k in inner}
    return changed


def _with_tokens(config: dict[str, Any], vocabulary: Vocabulary, folder: Path) -> dict[str, Any]:
    """Copy the tokenizer that was chosen; the configuration with its size and special tokens."""
    source, aligned = vocabulary.source.checkpoint, vocabulary.aligned
    dropped = OTHER_FORMS if aligned.added else frozenset()
    for name in sorted(OF_TOKENS - dropped):
        if (source.folder / name).is_file():
            copy_file(source.folder / name, folder / name)
    if aligned.added:
        write_union(folder, aligned)
    special = {key: source.config[key] for key in SPECIAL if key in source.config}
    inner = config.get("text_config")
    if isinstance(inner, dict):
        inner = inner | {"vocab_size": aligned.size} | {k: v for k, v in special.items() if k in inner}
        return config | {"text_config": inner}
    return config | special | {"vocab_size": aligned.size}


def _write_card(merge: Prepared, folder: Path, settings: MergeSettings, recipe: str) -> None:
    names = list(dict.fromkeys(model.source.name for model in merge.models.everyone))
    method = merge.recipe.method.name
    licences = {found for m in merge.models.everyone if (found := model_licence(m.source))}
    recipe = recipe.replace(str(Path.home()), "~")
    card = Card(
        name=settings.output.name,
        summary=f"A merge of {', '.join(map(shown_name, names))} by `{method}`. Nothing was trained.",
        licence=next(iter(licences)) if len(licences) == 1 else None,
        base_models=[shown_name(name) for name in names],
        tags=["merge", "detoxification"],
        task="text-generation",
        sections={
            "Recipe": f"```yaml\n{recipe}```\n\nIt can be read by `detox merge --recipe` and by mergekit.",
            "Licences": "" if len(licences) < 2 else f"Its parts are under {', '.join(sorted(licences))}.",
        },
        limits=("Nothing was measured: see `detox eval generation`.",),
        command=shlex.join(["detox", "merge", "--recipe", RECIPE, "-o", settings.output.name]),
    )
    write_card(folder, card)


def shown_name(name: str) -> str:
    """A folder of this machine by its own name alone."""
    return Path(name).name if Path(name).is_absolute() else name
