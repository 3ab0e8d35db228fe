"""Tiny real models, built on the spot: the tests use the code that users use, and no network."""

import json
import os
import signal
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from tests.errors.record.sitecustomize import watch
from tests.recorder import Recorder

NOTES = pytest.StashKey[Path]()
"""Where it is noted which calls made errors."""

os.environ.update({"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"})
# A first example imports torch, and a busy machine is no failure.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SENTENCES = (
    "The weather is lovely today and the train was on time.",
    "Please read the second page before you answer, and take your time.",
    "That was a silly and useless comment, you know nothing about it.",
    "Rewrite the sentence so that it keeps its meaning and stays polite.",
    "I cannot help with that. Here is what I would say instead: thank you.",
    "0 1 2 3 4 5 6 7 8 9 , . ; : ! ? ' ( ) - A B C D E F G H I J K L M N O P Q R S T U V W X Y Z",
)
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|user|>", "<|assistant|>", "<|system|>")
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SIZE = {"vocab_size": 400, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
ONE_LAYER_EACH = {
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 256,
    "decoder_start_token_id": 2,
}
"""The shape of the tiny BART and mBART."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--raised", type=Path, help="Note in this file which calls make errors (tests/errors).")


def pytest_configure(config: pytest.Config) -> None:
    notes = config.getoption("--raised") or Path(tempfile.mkdtemp(prefix="raised-")) / "notes.jsonl"
    config.stash[NOTES] = notes.absolute()
    watch(config.stash[NOTES])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks back at all other tests comes last."""
    items.sort(key=lambda item: item.name == "test_every_error_is_produced")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads the user's settings, writes the user's cache or colours its output."""
    for name in [name for name in os.environ if name.startswith("DETOX_") and name != "DETOX_DATA"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DETOX_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "config"))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(scope="session")
def tiny_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a byte-level BPE tokenizer of 400 words that adds its own BOS and has a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(SPECIALS), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A </s> $B", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
    fast.chat_template = CHAT_TEMPLATE
    return _save(fast, tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def tiny_causal(tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Llama of two layers and a chat template."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        **SIZE,
    )
    return _model(LlamaForCausalLM, config, tiny_tokenizer, tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def tiny_gpt2(tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random GPT-2 of two layers, which has learned positions instead of rotary ones."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=512, **SIZE)
    return _model(GPT2LMHeadModel, config, tiny_tokenizer, tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="session")
def tiny_seq2seq(tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random BART of one layer on each side."""
    from transformers import BartConfig, BartForConditionalGeneration

    config = BartConfig(forced_eos_token_id=2, **ONE_LAYER_EACH, **SIZE)
    return _model(BartForConditionalGeneration, config, tiny_tokenizer, tmp_path_factory.mktemp("bart"))


@pytest.fixture(scope="session")
def tiny_t5(tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random T5 of one layer on each side, whose positions are relative."""
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4, decoder_start_token_id=1, **SIZE
    )
    return _model(T5ForConditionalGeneration, config, tiny_tokenizer, tmp_path_factory.mktemp("t5"))


@pytest.fixture(scope="session")
def pieces() -> list[tuple[str, float]]:
    """A SentencePiece vocabulary of a few hundred pieces with their scores, without special tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([*SENTENCES, "[cannot rewrite] : detoxify {}"] * 4, trainer)
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    return [(piece, score) for piece, score in vocabulary if piece != "<unk>"]


@pytest.fixture(scope="session")
def tiny_mt5(pieces: list[tuple[str, float]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random mT5 of one layer on each side and a SentencePiece tokenizer."""
    import torch
    from transformers import MT5Config, MT5ForConditionalGeneration, T5Tokenizer

    folder = tmp_path_factory.mktemp("mt5")
    tokenizer = T5Tokenizer(vocab=[("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces], extra_ids=0)
    _save(tokenizer, folder)
    torch.manual_seed(0)
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 4}
    config = MT5Config(vocab_size=len(tokenizer), decoder_start_token_id=0, **sizes)
    return _save(MT5ForConditionalGeneration(config), folder)


@pytest.fixture(scope="session", params=["first", "50"])
def tiny_mbart(
    request: pytest.FixtureRequest, pieces: list[tuple[str, float]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a random mBART of one layer on each side: the first one's tokenizer, and mBART-50's."""
    import torch
    from transformers import MBart50Tokenizer, MBartConfig, MBartForConditionalGeneration, MBartTokenizer
    from transformers.models.mbart.tokenization_mbart import FAIRSEQ_LANGUAGE_CODES as FIRST
    from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES as SECOND

    kind, codes = (MBartTokenizer, FIRST) if request.param == "first" else (MBart50Tokenizer, SECOND)
    folder = tmp_path_factory.mktemp("mbart")
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = [*((token, 0.0) for token in specials), *pieces, *((code, 0.0) for code in codes)]
    tokenizer = kind(vocab=[*vocabulary, ("<mask>", 0.0)])
    _save(tokenizer, folder)
    torch.manual_seed(0)
    config = MBartConfig(**ONE_LAYER_EACH, **{**SIZE, "vocab_size": len(tokenizer)})
    return _save(MBartForConditionalGeneration(config), folder)


@pytest.fixture(scope="session")
def tiny_classifier(tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random BERT classifier of the labels ``neutral`` and ``toxic``, in this order."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        id2label={0: "neutral", 1: "toxic"},
        label2id={"neutral": 0, "toxic": 1},
        **SIZE,
    )
    return _model(
        BertForSequenceClassification, config, tiny_tokenizer, tmp_path_factory.mktemp("classifier")
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of development data, or a skip where it is absent."""
    folder = Path(os.environ.get("DETOX_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "paradetox").is_dir():
        pytest.skip(f"no development data at {folder} (set DETOX_DATA)")
    return folder


def _model(cls, config, tokenizer: Path, folder: Path) -> Path:
    import torch
    from transformers import AutoTokenizer

    torch.manual_seed(0)
    _save(AutoTokenizer.from_pretrained(tokenizer), folder)
    return _save(cls(config), folder)


def _save(thing, folder: Path) -> Path:
    thing.save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and both streams."""

    code: int
    out: str
    err: str


@pytest.fixture
def detox(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run ``detox`` in this process: ``detox("profile", "list", "--json").out``."""
    from detox_cli.__main__ import main
    from detox_cli.stopping import SIGNALS

    monkeypatch.setattr(os, "environ", os.environ.copy())
    handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def run(*words: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["detox", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left, warnings.catch_warnings():
            main()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        return Outcome(int(left.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def recorder() -> Recorder:
    """A listener that remembers what a service said."""
    return Recorder()
