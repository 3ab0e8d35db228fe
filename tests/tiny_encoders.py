"""Random tiny encoders with a real tokenizer, saved as real folders: for tests of scoring."""

from pathlib import Path

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    BertTokenizer,
    RobertaConfig,
    RobertaForSequenceClassification,
)

SENTENCES = [
    "you are a stupid person and nobody likes you",
    "thank you for the kind words , see you tomorrow",
    "this idea is dumb",
    "this idea could be better",
    "what a load of rubbish they wrote about the new school building in our little town",
    "I do not agree with what they wrote about the school",
    "shut up already",
    "please be quiet",
    "the weather is fine",
    "why would anybody ever do such a silly thing to their own house ?",
]


def save_tokenizer(folder: Path, limit: int = 48) -> BertTokenizer:
    """A WordPiece tokenizer trained on ``SENTENCES``, saved to ``folder``."""
    trained = BertWordPieceTokenizer(lowercase=True)
    trained.train_from_iterator(SENTENCES, vocab_size=300, min_frequency=1)
    folder.mkdir(parents=True, exist_ok=True)
    trained.save_model(str(folder))
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=limit)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _sizes(vocabulary: int) -> dict:
    return {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 64,
    }


def save_classifier(folder: Path, labels: list[str], *, multi_label: bool = False, seed: int = 0) -> Path:
    """A random BERT classifier with these class names; weights large enough that texts differ."""
    tokenizer = save_tokenizer(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        **_sizes(len(tokenizer)),
        initializer_range=0.3,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
        problem_type="multi_label_classification" if multi_label else None,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def save_encoder(folder: Path, seed: int = 0) -> Path:
    """A random BERT encoder with a pooler."""
    tokenizer = save_tokenizer(folder)
    torch.manual_seed(seed)
    BertModel(BertConfig(**_sizes(len(tokenizer)), initializer_range=0.3)).save_pretrained(folder)
    return folder


def save_roberta(folder: Path) -> Path:
    """A random RoBERTa classifier: its positions begin after the padding id."""
    tokenizer = save_tokenizer(folder, limit=10_000)
    torch.manual_seed(0)
    config = RobertaConfig(
        **_sizes(len(tokenizer)),
        pad_token_id=tokenizer.pad_token_id,
        id2label={0: "neutral", 1: "toxic"},
        label2id={"neutral": 0, "toxic": 1},
        type_vocab_size=2,
    )
    RobertaForSequenceClassification(config).save_pretrained(folder)
    return folder


def save_detoxify(folder: Path, classes: list[str]) -> Path:
    """A random checkpoint as Detoxify's training writes it, its configuration and tokenizer beside it."""
    save_classifier(folder, classes, multi_label=True)
    state = BertForSequenceClassification.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    architecture = {
        "model_type": str(folder),
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "BertTokenizer",
        "num_classes": len(classes),
    }
    config = {"arch": {"args": architecture}, "dataset": {"args": {"classes": classes}}}
    path = folder / "tiny.ckpt"
    torch.save({"config": config, "state_dict": state}, path)
    return path
