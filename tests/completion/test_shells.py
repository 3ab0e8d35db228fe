"""Tab in real shells, over a tree with every kind of value."""

import pytest

from tests.completion.shells import Shell

UNIQUE = {
    "command": ("detox mer", ["merge"]),
    "command below a command": ("detox train ba", ["train", "bart"]),
    "long flag": ("detox train bart --dt", ["train", "bart", "--dtype"]),
    "negative flag": ("detox train bart --no-l", ["train", "bart", "--no-lora"]),
    "choice after a space": ("detox train bart --dtype bf", ["train", "bart", "--dtype", "bfloat16"]),
    "choice after =": ("detox train bart --dtype=bf", ["train", "bart", "--dtype=bfloat16"]),
    "flag after an argument": ("detox train bart x.jsonl --dt", ["train", "bart", "x.jsonl", "--dtype"]),
    "choice after an argument": (
        "detox train bart x.jsonl --dtype=f",
        ["train", "bart", "x.jsonl", "--dtype=float32"],
    ),
    "profile beside the user": ("detox --profile mi", ["--profile", "mine"]),
    "profile of the user": ("detox merge --profile=la", ["merge", "--profile=lab"]),
    "packaged profile": ("detox --profile off", ["--profile", "offline"]),
    "profile file": ("detox --profile ./profiles/mi", ["--profile", "./profiles/mine.toml"]),
    "value that is also a command": ("detox --profile train tr", ["--profile", "train", "train"]),
    "short option whose value is a command": (
        "detox train bart -m lm --dt",
        ["train", "bart", "-m", "lm", "--dtype"],
    ),
    "free text that is a command": (
        "detox train bart --task lm --dt",
        ["train", "bart", "--task", "lm", "--dtype"],
    ),
    "argument that is a command's name": ("detox train bart lm --dt", ["train", "bart", "lm", "--dtype"]),
    "option with two values": (
        "detox train bart --span 1 2 --dt",
        ["train", "bart", "--span", "1", "2", "--dtype"],
    ),
    "option that was already given": (
        "detox train bart --scorer builtin:toxicity --sco",
        ["train", "bart", "--scorer", "builtin:toxicity", "--scorer"],
    ),
    "bundled model": ("detox train bart -m builtin:l", ["train", "bart", "-m", "builtin:lm"]),
    "bundled model after =": ("detox train bart --model=builtin:l", ["train", "bart", "--model=builtin:lm"]),
    "bundled model, colon still to come": ("detox train lm builtin:b", ["train", "lm", "builtin:bart"]),
    "cached model without a slash": ("detox train lm gp", ["train", "lm", "gpt2"]),
    "cached model with a slash": (
        "detox train lm facebook/bart-l",
        ["train", "lm", "facebook/bart-large-cnn"],
    ),
    "cached models up to where they differ": ("detox train lm fa", ["train", "lm", "facebook/bart-"]),
    "model folder": ("detox train lm check", ["train", "lm", "checkpoint/"]),
    "second of several models": ("detox merge gpt2 facebook/bart-b", ["merge", "gpt2", "facebook/bart-base"]),
    "scorer": (
        "detox train bart --scorer detoxify:mu",
        ["train", "bart", "--scorer", "detoxify:multilingual"],
    ),
    "scorer after =": ("detox train bart --scorer=builtin:t", ["train", "bart", "--scorer=builtin:toxicity"]),
    "scorer with a cached model": ("detox rate hf:gp", ["rate", "hf:gpt2"]),
    "scorer with a cached model after =": (
        "detox train bart --scorer=comet:facebook/bart-b",
        ["train", "bart", "--scorer=comet:facebook/bart-base"],
    ),
    "scorer with a folder": ("detox rate hf:./che", ["rate", "hf:./checkpoint/"]),
    "bundled scorer": ("detox rate builtin:le", ["rate", "builtin:lexicon"]),
    "scorer with a file": ("detox rate lexicon:pai", ["rate", "lexicon:pairs.jsonl"]),
    "scorer after = with a file": (
        "detox train bart --scorer=lexicon:pai",
        ["train", "bart", "--scorer=lexicon:pairs.jsonl"],
    ),
    "file": ("detox train bart pai", ["train", "bart", "pairs.jsonl"]),
    "file with a space": ("detox train bart tw", ["train", "bart", "two words.txt"]),
    "file of its type": ("detox train bart --recipe mi", ["train", "bart", "--recipe", "mix.yaml"]),
    "file of its type after =": ("detox train bart --recipe=mi", ["train", "bart", "--recipe=mix.yaml"]),
    "rows beside other files": ("detox train bart mi", ["train", "bart", "mix.csv"]),
    "folder on the way to a file": (
        "detox train bart --recipe che",
        ["train", "bart", "--recipe", "checkpoint/"],
    ),
    "any file where none is of its type": (
        "detox train bart --recipe wi",
        ["train", "bart", "--recipe", "wide one.md"],
    ),
    "file with a name before it": ("detox train bart en=mi", ["train", "bart", "en=mix.csv"]),
    "word beside files": ("detox train bart --prompts rt", ["train", "bart", "--prompts", "rtp"]),
    "file beside words": ("detox train bart --prompts pa", ["train", "bart", "--prompts", "pairs.jsonl"]),
    "word of a list": ("detox train bart --parts fo", ["train", "bart", "--parts", "forward"]),
    "only bundled models of its kind": (
        "detox train bart --fill builtin:",
        ["train", "bart", "--fill", "builtin:bart"],
    ),
    "only bundled scorers of its kind": (
        "detox train bart --scorer builtin:",
        ["train", "bart", "--scorer", "builtin:"],
    ),
    "folder only": ("detox train bart -o ch", ["train", "bart", "-o", "checkpoint/"]),
    "folder only, though a file fits": ("detox train bart -o pa", ["train", "bart", "-o", "pa"]),
    "choice at its place": (
        "detox rate builtin:toxicity x.csv lo",
        ["rate", "builtin:toxicity", "x.csv", "long"],
    ),
    "after --": ("detox train bart -- pai", ["train", "bart", "--", "pairs.jsonl"]),
    "no file where a command belongs": ("detox pai", ["pai"]),
    "no file for free text": ("detox train bart --task pai", ["train", "bart", "--task", "pai"]),
    "quoted": ("detox train bart --dtype 'bf", ["train", "bart", "--dtype", "bfloat16"]),
}

SEVERAL = {
    "commands": ("detox ", ["train", "merge", "rate"]),
    "commands below": ("detox train ", ["bart", "lm"]),
    "choices": ("detox train bart --dtype ", ["auto", "bfloat16", "float32"]),
    "choices after =": ("detox train bart --dtype=", ["auto", "bfloat16", "float32"]),
    "profiles": ("detox --profile ", ["default", "offline", "mine", "lab"]),
    "models": ("detox train lm ", ["builtin:lm", "builtin:bart", "gpt2", "facebook/bart-base"]),
    "flags": ("detox train bart --", ["--dtype", "--lora", "--no-lora", "--model", "--span"]),
}


@pytest.mark.parametrize("line, words", UNIQUE.values(), ids=UNIQUE.keys())
def test_one_candidate_is_completed(shell: Shell, line: str, words: list[str]) -> None:
    outcome = shell.complete(line)
    assert outcome.words == words, outcome


@pytest.mark.parametrize("line, names", SEVERAL.values(), ids=SEVERAL.keys())
def test_several_candidates_are_listed(shell: Shell, line: str, names: list[str]) -> None:
    outcome = shell.complete(line)
    assert outcome.offers(*names), outcome


def test_a_tilde_is_the_home_folder(shell: Shell) -> None:
    outcome = shell.complete("detox train bart --recipe ~/mix.y")
    assert outcome.words[-1].endswith("/mix.yaml") and "~" not in outcome.words[-1], outcome
