"""Options that contradict each other, or the input: refused before a model is loaded."""

import json
from collections.abc import Callable

import pytest

from detox_cli.errors import ExitCode
from tests.errors.case import Case, usage

Told = Callable[[Case], None]
RECORD = {"version": 1, "id": "r1", "source": "s", "text": "a", "toxicity": 0.0, "is_toxic": False}


def chains(*forms: str) -> str:
    """Chain records, each written in a form."""
    rows = [
        RECORD | {"id": str(number), "chain": {"template": form, "prompt": "a", "completion": "b"}}
        for number, form in enumerate(forms)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


PAIRS = {"p.jsonl": '{"toxic": "a", "neutral": "b", "lang": "en"}\n'}
PROMPTS = {"p.txt": "a word\n"}
ABLITERATE = "abliterate builtin:chat -o out "
PREFERENCES = "synth preferences -o out.jsonl --scorers builtin:toxicity "
CASES = [
    usage(ABLITERATE + "--measure-only --direction d", "--direction is what --measure-only would write"),
    usage(ABLITERATE + "--adapter --tied edit", "--tied: an adapter cannot edit a head"),
    usage(ABLITERATE + "--search 9 --position -1 --layer 2", "--search: nothing is searched at a named"),
    usage(ABLITERATE + "--search 9 --mode affine", "--search: affine removal has no strengths to search"),
    usage(
        ABLITERATE + "--directions 2 --position -1 --layer 2", "--directions: at a named place there is one"
    ),
    usage(
        "generate builtin:lm p.txt --device cpu --engine server --base-url http://localhost:1/v1",
        "--device has no meaning with --engine server",
        **PROMPTS,
    ),
    usage("generate builtin:lm p.txt --chain cmd-v3-code --chat", "--chat has no meaning with --chain"),
    usage(
        "generate builtin:bart p.txt --chain cmd-v3-code --chain-prefill",
        "--chain-prefill: an encoder-decoder's chain cannot be begun",
        **PROMPTS,
    ),
    usage("eval generation builtin:lm --from g.jsonl -o out", "builtin:lm and --from exclude each other"),
    usage("eval generation --from g.jsonl --prefix x -o out", "--prefix has no meaning for continuations"),
    usage("probe intervene builtin:lm --neurons x -o out --prompts p.txt", "--neurons x: neither a file nor"),
    usage("probe intervene builtin:lm --neurons 0:1,0:1 -o out --prompts p.txt", "names a neuron twice"),
    usage("synth chain builtin:lm -o out --from fill --to mask", "--from fill comes after --to mask"),
    usage(
        "synth chain builtin:lm -o out --from fill --prompts p.txt", "stage fill reads what the one before"
    ),
    usage(
        "synth pairs p.jsonl -m builtin:chat -o o.jsonl --temperature 0 --retries 1",
        "--retries: a greedy answer does not change",
        **PAIRS,
    ),
    usage(
        "synth pairs p.jsonl -m builtin:chat -o o.jsonl --preferences q.jsonl",
        "--preferences: needs answers to compare",
        **PAIRS,
    ),
    Case(
        "synth pairs p.jsonl -m builtin:chat -o o.jsonl --lang fr",
        "sentences are left out: lang",
        files=PAIRS,
    ),
    usage(PREFERENCES + "builtin:lm --from a.jsonl", "builtin:lm and --from exclude each other"),
    usage(PREFERENCES + "--from -", "--from: a stream cannot be looked at twice"),
    usage(
        PREFERENCES + "--from a.jsonl --prompts p.txt", "--prompts has no meaning for texts that are written"
    ),
    usage(PREFERENCES + "builtin:bart --prompts p.txt", "rewrites texts and does not continue", **PROMPTS),
    usage("train cmd builtin:lm --data - -o out", "--data -: chains are not read from stdin"),
    usage(
        "train cmd builtin:lm --data d/c.jsonl -o d",
        "-o d: the chains are read from there",
        **{"d/c.jsonl": "{}"},
    ),
    usage(
        "train cmd builtin:lm --data c.jsonl -o out",
        "--data: the chains have several forms",
        **{"c.jsonl": chains("cmd-v3-code", "json")},
    ),
    usage(
        "train cmd builtin:lm --data c.jsonl -o out --seeds 1,1", "--seeds: several seeds are at least two"
    ),
    usage(
        "train bart p.jsonl --model builtin:bart -o out --seeds 3", "several seeds are at least two", **PAIRS
    ),
    usage(
        "train spans builtin:toxicity --data p.jsonl -o out --head tokens --window 3",
        "is of --head segment-cnn",
    ),
    Case("status out", "out: there is nothing, and no run was stopped there"),
    Case("status .", "no command has written this"),
    usage("generate builtin:lm p.txt --device cuda:7", "--device: the device cuda:7 is not here", **PROMPTS),
    Case("generate a/b/c p.txt", "no model folder and no hub id: a/b/c", ExitCode.MISSING, PROMPTS),
    Case("generate nobody/nothing p.txt", "nobody/nothing cannot be fetched", ExitCode.MISSING, PROMPTS),
    usage(
        "generate builtin:lm p.txt --adapter d",
        "adapter_config.json is missing in d",
        **PROMPTS,
        **{"d/x": ""},
    ),
    usage(
        "generate builtin:lm p.txt --adapter d",
        "adapter_model.safetensors is missing in d",
        **PROMPTS,
        **{"d/adapter_config.json": '{"peft_type": "LORA"}'},
    ),
    usage("generate m p.txt", "no usable weights in m: it holds no", **PROMPTS, **{"m/config.json": "{}"}),
    Case(
        "generate m p.txt",
        "m: model.safetensors.index.json names files of weights, and none is there",
        files=PROMPTS | {"m/config.json": "{}", "m/model.safetensors.index.json": "{}"},
    ),
    usage(
        "generate m p.txt",
        "m cannot be loaded",
        **PROMPTS,
        **{"m/config.json": '{"model_type": "llama"}', "m/model.safetensors": b"x"},
    ),
    usage(
        "generate builtin:lm p.txt --engine server --base-url http://me:pw@localhost:1/v1",
        "holds a login",
        **PROMPTS,
    ),
]

CMD = "train cmd builtin:lm --data c.jsonl -o out --lora none "
PARTS = [
    usage(
        ABLITERATE + "--profile offline --edit-layers 3-9", "--edit-layers: the model has blocks 0 to 3, not"
    ),
    usage(
        ABLITERATE + "--profile offline --position -1 --layer first", "--layer: first is neither a block nor"
    ),
    usage(
        ABLITERATE + "--blockwise --no-filter --position -1 --layer 1",
        "--blockwise: only residues can be verified without a model in memory",
    ),
    usage("eval rewrite p.jsonl --ray-actors 2", "--ray-actors has no meaning without a cluster", **PAIRS),
    usage(
        "eval compare r -o out",
        "FILE: one run has nothing to be compared with",
        **{"r/detox.json": '{"command": "eval generation"}'},
    ),
    usage(
        "synth chain builtin:lm -o out --prompts p.txt --judge builtin:bart --profile offline",
        "--judge: builtin:bart is an encoder-decoder",
        **PROMPTS,
    ),
    usage(
        "synth chain m -o out --prompts p.txt --profile offline --filler builtin:bart --keep-fluent 1 "
        "--engine server --base-url http://127.0.0.1:9/v1",
        "--keep-fluent: needs a model that measures perplexity",
        **PROMPTS,
    ),
    usage(CMD + "--keep-adapter", "--keep-adapter: there is no adapter"),
    usage(CMD + "--qlora nf4", "--qlora: there is no adapter"),
    Case(
        "train lm builtin:lm --data d -o out",
        "d: cannot be read as a data set: JSON parse error",
        files={"d/a.jsonl": "{"},
    ),
    Case("merge builtin:lm builtin:chat --adapter d -o out --dry-run", "d: there is no such folder"),
]


@pytest.mark.parametrize("case", [*CASES, *PARTS], ids=str)
def test_options(case: Case, told: Told) -> None:
    told(case)
