"""From a scorer's name to the scorer."""

from pathlib import Path

from detox_cli.errors import BadSettings
from detox_cli.models.loading import load_classifier, load_encoder, read_config
from detox_cli.models.sources import find_model
from detox_cli.scoring.batching import BATCH_TOKENS
from detox_cli.scoring.classifier import pair_classifier, text_classifier
from detox_cli.scoring.lexicon import BUNDLED, WAYS, LexiconScorer, read_lexicon
from detox_cli.scoring.protocol import PairScorer, TextScorer
from detox_cli.scoring.similarity import CosineSimilarity, pooling_of
from detox_cli.scoring.spec import Spec, parse_spec


def load_text_scorer(spec: str, *, device: str = "auto", batch_tokens: int = BATCH_TOKENS) -> TextScorer:
    """A scorer of texts.

    ``builtin:toxicity``, ``builtin:fluency``, ``builtin:lexicon``; ``hf:MODEL#LABEL`` for a classifier on the
    hub or in a folder (``#toxic=LABEL_1`` says what a nameless label means); ``detoxify:original`` or
    ``detoxify:PATH``, each with ``#CLASS``; ``lexicon:FILE`` for 1 where a listed word stands,
    ``lexicon:FILE#share`` for the share of listed words.

    Args:
        spec: The name.
        device: ``auto`` takes a GPU if there is one.
        batch_tokens: Padded tokens in one batch of a model.

    Raises:
        BadSettings: The name or its label is wrong. Missing: the model or file is not there.
    """
    name = parse_spec(spec)
    if _is_lexicon(name):
        return _lexicon(name)
    if name.kind == "comet":
        raise BadSettings(f"'{spec}' reads references; it is for the fluency of clef2025", hint="use --fl")
    if name.kind == "detoxify":
        from detox_cli.scoring.detoxify import load_detoxify

        return load_detoxify(name, device, batch_tokens)
    return text_classifier(load_classifier(find_model(_model_name(name)), device), name, batch_tokens)


def load_pair_scorer(spec: str, *, device: str = "auto", batch_tokens: int = BATCH_TOKENS) -> PairScorer:
    """A scorer of (source, output): an encoder's cosine, or a pair classifier's probability of a class.

    ``builtin:similarity``; ``hf:MODEL`` or ``hf:MODEL#POOLING`` (``mean``, ``cls``, ``pooler``) for an
    encoder; ``hf:MODEL`` for a one-logit head such as BLEURT's, whose sigmoid is taken; ``hf:MODEL#LABEL``
    for one of several classes. Which of the two a model is, its own configuration says.

    Raises:
        BadSettings: The name or its label is wrong. Missing: the model is not there.
    """
    name = parse_spec(spec)
    if name.kind in ("detoxify", "comet") or _is_lexicon(name):
        raise BadSettings(f"'{spec}' does not score pairs of texts", hint="name an encoder: hf:ORG/MODEL")
    source = find_model(_model_name(name))
    if any("ForSequenceClassification" in a for a in read_config(source).architectures or []):
        return pair_classifier(load_classifier(source, device), name, batch_tokens)
    pooling = pooling_of(source, name.label)
    loaded = load_encoder(source, device, pooler=pooling == "pooler")
    return CosineSimilarity(loaded, pooling, batch_tokens)


def _is_lexicon(name: Spec) -> bool:
    return name.kind == "lexicon" or (name.kind, name.target) == ("builtin", "lexicon")


def _model_name(name: Spec) -> str:
    return name.target if name.kind == "hf" else f"builtin:{name.target}"


def _lexicon(name: Spec) -> LexiconScorer:
    way = name.label or "any"
    if way not in WAYS:
        raise BadSettings(
            f"a word list counts {' or '.join(WAYS)}, not '{way}'", hint="write lexicon:FILE#share"
        )
    if name.kind == "builtin":
        return LexiconScorer(read_lexicon(BUNDLED, "builtin:lexicon"), way)
    path = Path(name.target).expanduser()
    return LexiconScorer(read_lexicon(path, path.name), way)
