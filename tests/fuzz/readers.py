"""The readers, each with small right examples to start from and one function from a file to what it holds.

A reader does its work or raises `DetoxError` in one line; anything else, and any hang, is a fault. Used by
the tests, which try a few thousand inputs, and by ``benchmarks/fuzz.py``, which is led by coverage.
"""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from safetensors.numpy import save

from detox_cli.data.chains.parse import parse
from detox_cli.data.chains.record import read_records
from detox_cli.data.chains.template import find_template
from detox_cli.data.marked.read import Columns, read_marked
from detox_cli.data.pairs import read_pairs
from detox_cli.data.preferences.read import read_preferences
from detox_cli.data.ratings import read_ratings
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.data.template import template_columns
from detox_cli.data.where.parse import parse_rule
from detox_cli.models.adapters import find_adapter
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.checkpoint.header import read_header
from detox_cli.models.direction_file import read_directions
from detox_cli.models.neurons.listing import read_neurons
from detox_cli.models.probes.files import read_probe
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import read_manifest
from detox_cli.scoring.calibration import FORMAT, read_calibration
from detox_cli.scoring.detoxify import find_checkpoint, read_checkpoint
from detox_cli.scoring.lexicon import read_lexicon
from detox_cli.scoring.spec import parse_spec
from detox_cli.services.eval_generation.files import read_generations
from detox_cli.services.merge.recipe import recipe_of
from detox_cli.services.probe_retrieval.parallel import read_parallel
from detox_cli.services.status.outputs import look_at
from detox_cli.services.train_cmd.published import read_published
from detox_cli.settings.merge import MergeSettings
from detox_cli.settings.profiles import read_profile

ROW = {"id": "1", "text": "good morning", "n": 1, "ok": True, "inner": {"a": [1, None]}}
PAIR = {"toxic": "a silly one", "neutral": "one"}
TRIPLE = {"prompt": "Good", "chosen": " day", "rejected": " grief"}
RTP = {
    "filename": "f",
    "begin": 0,
    "end": 9,
    "challenging": False,
    "prompt": {"text": "Good", "toxicity": 0.1},
}
RTP_LX = {"Prompt": "Bon", "Index": 3, "Locale": "fr-fr", "PromptAnnotations": {"Toxicity": [1, 2]}}
CONTINUED = {"id": "1", "prompt": "Good", "samples": [{"text": " day", "toxicity": 0.1}]}
TASK = {"label": "x", "total": 2, "done": 1, "already": 0, "started": 1.0}
CHAIN = {"schema": "detox.chain/1", "id": "1", "source": "x", "text": "good"}
CHAIN_TEXT = "# Let's detoxify step by step. # The context is non-toxic. # Generation: fine #"


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        name: What it reads.
        file: The name of the file, whose suffix decides how it is read.
        examples: Right inputs.
        read: What a command would do with the file.
    """

    name: str
    file: str
    examples: tuple[bytes, ...]
    read: Callable[[Path], Any]

    def try_on(self, content: bytes, folder: Path) -> Any:
        """Read ``content`` as a file in ``folder``."""
        path = folder / self.file
        path.write_bytes(content)
        return self.read(path)


def _json(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _parquet() -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table({"text": ["good", None], "n": [1, 2]}), target)
    return target.getvalue()


def _zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rtp_lx/RTP_LX_FR.json", _json(RTP_LX))
    return target.getvalue()


def _pickle(found: object) -> bytes:
    target = io.BytesIO()
    torch.save(found, target)
    return target.getvalue()


def _tensors(**arrays: Any) -> bytes:
    return save({name: np.asarray(array, np.float32) for name, array in arrays.items()})


def _calibration() -> bytes:
    one = {"texts": 4, "toxic": 2, "threshold": 0.5, "score": [0.0, 1.0], "probability": [0.1, 0.9]}
    document = {"format": FORMAT, "scorer": "builtin:toxicity", "identity": "x", "maps": {"all": one}}
    return json.dumps(document).encode()


def _text(use: Callable[[str], Any]) -> Callable[[Path], Any]:
    return lambda path: use(path.read_bytes().decode("utf-8", "replace"))


def _rows(path: Path) -> Any:
    return read_rows(str(path), Rejects())


def _prompts(path: Path) -> Any:
    return read_prompts(str(path), Rejects(), password="word")


def _pairs(path: Path) -> Any:
    return read_pairs(str(path), Rejects())


def _journal(path: Path) -> Any:
    with Journal(path, "f") as journal:
        return list(journal.records())


def _manifest(path: Path) -> Any:
    return read_manifest(path.parent)


def _recipe(path: Path) -> Any:
    return recipe_of(MergeSettings(recipe=path, output=path.with_name("out")))


def _index(path: Path) -> Any:
    """The index of a model in several files, beside a right configuration and one right file."""
    (path.parent / "config.json").write_text('{"model_type": "llama"}')
    (path.parent / "m.safetensors").write_bytes(_tensors(w=[1.0]))
    return open_checkpoint(path.parent)


def _adapter(path: Path) -> Any:
    (path.parent / "adapter_model.safetensors").write_bytes(_tensors(w=[1.0]))
    return find_adapter(str(path.parent))


def _chain(text: str) -> Any:
    return parse(text, find_template("cmd-v3-code"))


SAFE = _tensors(direction=[0.5, 0.25])
RECIPE = {
    "merge_method": "linear",
    "dtype": "float16",
    "models": [{"model": "a", "parameters": {"weight": 0.5}}],
}
SLICES = {"slices": [{"sources": [{"model": "a", "layer_range": [0, 2]}]}], "merge_method": "passthrough"}
JOURNAL = b'{"journal":2,"fingerprint":"f"}\n{"id":1,"#":"445df8c5"}\n'
PROFILE = b'extends = "offline"\ndescription = "x"\n[train.bart]\nseed = 1\n'

RULE = parse_rule("toxicity + 1 >= 1.5 and not (lang == 'fr' or lang is null)")
RATED = {"toxicity": 0.75, "lang": "en"}

READERS = (
    Reader("rows of JSON lines", "rows.jsonl", (_json(ROW, ROW | {"id": "2"}),), _rows),
    Reader("rows of JSON", "rows.json", (json.dumps([ROW]).encode(), _json(ROW)), _rows),
    Reader("rows of CSV", "rows.csv", (b'id,text\n1,"a ""quoted"" one\nmore"\n2,b\n',), _rows),
    Reader("rows of TSV", "rows.tsv", (b"id\ttext\n1\ta\n",), _rows),
    Reader("rows of text", "rows.txt", (b"one\ntwo\n", "\ufeffé\r\n".encode()), _rows),
    Reader("rows of Parquet", "rows.parquet", (_parquet(),), _rows),
    Reader("prompts", "prompts.jsonl", (_json(RTP), _json(RTP_LX), _json({"text": "Good"})), _prompts),
    Reader(
        "prompts by kind", "bold_prompt.json", (json.dumps({"a": {"Ann_B": ["Ann is"]}}).encode(),), _prompts
    ),
    Reader("prompts in a zip file", "rtp_lx.zip", (_zip(),), _prompts),
    Reader(
        "prompts under a rule",
        "prompts.jsonl",
        (_json(RTP | RATED), _json({"text": "Good", **RATED})),
        lambda path: read_prompts(str(path), Rejects(), rule=RULE),
    ),
    Reader("pairs", "pairs.jsonl", (_json(PAIR),), _pairs),
    Reader("pairs in a table", "pairs.tsv", (b"toxic\tneutral1\tneutral2\na\tb\t\n",), _pairs),
    Reader("preferences", "p.jsonl", (_json(TRIPLE),), lambda path: read_preferences(str(path), Rejects())),
    Reader(
        "preferences under a rule",
        "p.jsonl",
        (_json(TRIPLE | RATED),),
        lambda path: read_preferences(str(path), Rejects(), rule=RULE),
    ),
    Reader(
        "ratings",
        "ratings.jsonl",
        (_json({"text": "a", "score": 0.5}),),
        lambda path: read_ratings(path, Rejects()),
    ),
    Reader("chains", "chains.jsonl", (_json(CHAIN),), lambda path: read_records(str(path), Rejects())),
    Reader("a chain", "chain.txt", (CHAIN_TEXT.encode(),), _text(_chain)),
    Reader("a template of chains", "t.toml", (b'name = "x"\n',), lambda path: find_template(str(path))),
    Reader("a template", "t.txt", (b"Detoxify {text} in {lang}",), _text(template_columns)),
    Reader("a rule", "rule.txt", (b"toxicity >= 0.8 and not (a == 'b')",), _text(parse_rule)),
    Reader(
        "the name of a scorer", "spec.txt", (b"hf:org/model#toxic", b"lexicon:words.txt"), _text(parse_spec)
    ),
    Reader("a profile", "p.toml", (PROFILE,), read_profile),
    Reader("a recipe", "r.yml", tuple(yaml.safe_dump(one).encode() for one in (RECIPE, SLICES)), _recipe),
    Reader("a header of weights", "w.safetensors", (SAFE,), read_header),
    Reader(
        "an index of weights",
        "model.safetensors.index.json",
        (b'{"metadata": {}, "weight_map": {"w": "m.safetensors"}}',),
        _index,
    ),
    Reader("an adapter", "adapter_config.json", (b'{"peft_type": "LORA", "r": 2}',), _adapter),
    Reader("a probe", "probe.safetensors", (SAFE,), read_probe),
    Reader("a published probe", "probe.pt", (_pickle({"weight": torch.ones(1, 4)}),), read_probe),
    Reader("directions", "d.safetensors", (SAFE,), read_directions),
    Reader("neurons", "n.json", (b"[[0, 1], [2, 3]]", b'{"neurons": [[0, 1]]}'), read_neurons),
    Reader("published neurons", "n.pkl", (b"\x80\x04]\x94K\x00K\x01\x86\x94a.",), read_neurons),
    Reader(
        "texts with marks",
        "marked.jsonl",
        (
            _json({"text": "a silly one", "spans": [[2, 7]]}),
            _json({"post_tokens": ["a", "b"], "rationales": [[0, 1], [0, 1]]}),
            _json({"text": "a silly one", "spans": "[2, 3, 4]"}),
        ),
        lambda path: read_marked(str(path), Rejects(), Columns()),
    ),
    Reader(
        "continuations",
        "g.jsonl",
        (_json({"id": "1", "prompt": {"text": "Good"}, "continuations": [" day"]}), _json(CONTINUED)),
        lambda path: read_generations(str(path), Rejects()),
    ),
    Reader(
        "translated sentences",
        "t.tsv",
        (b"en\tde\ngood morning\tguten Morgen\n",),
        lambda path: read_parallel([str(path)], "en", (), None, None, Rejects()),
    ),
    Reader(
        "published chains",
        "c.jsonl",
        (_json({"cl_template": "a # b", "output": "a # b c", "cont_generation": ["c"], "label": "toxic"}),),
        lambda path: read_published(str(path), find_template("cmd-v3-code"), Rejects()),
    ),
    Reader("a calibration", "calibration.json", (_calibration(),), read_calibration),
    Reader("a list of words", "words.txt", (b"# mild\nsilly\nuseless thing\n",), read_lexicon),
    Reader(
        "a detector's checkpoint",
        "x.ckpt",
        (_pickle({"config": {"arch": {}}, "state_dict": {"w": torch.ones(1)}}),),
        lambda path: read_checkpoint(find_checkpoint(str(path))),
    ),
    Reader(
        "where work stands",
        ".out.status.json",
        (_json({"command": ["generate"], "process": 1, "started": 1.0, "updated": 2.0, "tasks": [TASK]}),),
        lambda path: look_at(path.with_name("out")),
    ),
    Reader("a manifest", "detox.json", (b'{"command": "generate"}',), _manifest),
    Reader("a journal", "j.journal", (JOURNAL,), _journal),
)
