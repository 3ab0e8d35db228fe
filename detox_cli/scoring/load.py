"""From a scorer's name to the scorer."""

from collections.abc import Callable, Sequence
from pathlib import Path

from detox_cli.errors import BadSettings
from detox_cli.models.loading import load_classifier, load_encoder, read_config
from detox_cli.models.sources import find_model
from detox_cli.scoring.batching import BATCH_TOKENS
from detox_cli.scoring.calibration import calibrated, calibration_file, evidence_for, read_calibration
from detox_cli.scoring.classifier import pair_classifier, text_classifier
from detox_cli.scoring.combined import ensemble, shared_meaning
from detox_cli.scoring.labels import find_label, meaning_of
from detox_cli.scoring.lexicon import BUNDLED, WAYS, LexiconScorer, read_lexicon
from detox_cli.scoring.protocol import PairScorer, TextScorer
from detox_cli.scoring.similarity import CosineSimilarity, pooling_of
from detox_cli.scoring.spec import Spec, parse_spec


def load_text_scorer(
    spec: str, *, device: str = "auto", batch_tokens: int = BATCH_TOKENS, checkpoint: Path | None = None
) -> TextScorer:
    """A scorer of texts.

    ``builtin:toxicity``, ``builtin:fluency``, ``builtin:lexicon``; ``hf:MODEL#LABEL`` for a classifier on the
    hub or in a folder (``#toxic=LABEL_1`` says what a nameless label means); ``detoxify:original`` or
    ``detoxify:PATH``, each with ``#CLASS``; ``lexicon:FILE`` for 1 where a listed word stands,
    ``lexicon:FILE#share`` for the share of listed words; ``perspective#ATTRIBUTE``; ``calibrated:FILE#LANG``
    of ``detox eval calibrate``; ``mean:A,B``, ``max:A,B``, ``vote:A,B,C`` of several.

    Args:
        spec: The name.
        device: ``auto`` takes a GPU if there is one.
        batch_tokens: Padded tokens in one batch of a model.
        checkpoint: Where a published Detoxify file lies, for a name that asks for one.

    Raises:
        BadSettings: The name or its label is wrong. Missing: the model or file is not there.
    """
    name = parse_spec(spec)

    def load(inner: str) -> TextScorer:
        return load_text_scorer(inner, device=device, batch_tokens=batch_tokens, checkpoint=checkpoint)

    if name.members:
        return ensemble(name.kind, [load(member) for member in name.members])
    if _is_lexicon(name):  # builtin:lexicon too
        return _lexicon(name)
    if name.kind in WITHOUT_WEIGHTS:
        return WITHOUT_WEIGHTS[name.kind](name)
    if name.kind == "comet":
        raise BadSettings(f"'{spec}' reads references; it is for the fluency of clef2025", hint="use --fl")
    if name.kind == "calibrated":
        kept = read_calibration(name.target)
        return calibrated(kept, load(kept.scorer), name.label, str(calibration_file(name.target)))
    if name.kind == "detoxify":
        from detox_cli.scoring.detoxify import load_detoxify

        published = checkpoint if is_published(name) else None
        return load_detoxify(name, device, batch_tokens, published)
    return text_classifier(load_classifier(find_model(_model_name(name)), device), name, batch_tokens)


def load_text_scorers(
    specs: Sequence[str],
    *,
    device: str = "auto",
    batch_tokens: int = BATCH_TOKENS,
    checkpoint: Path | None = None,
) -> dict[str, TextScorer]:
    """Several scorers, by the names that they were asked for with.

    Raises:
        BadSettings: A name is wrong or given twice, or none of them asks for the published ``checkpoint``.
        Missing: A model or file is not there.
    """
    _check_together(specs, checkpoint)
    return {
        spec: load_text_scorer(spec, device=device, batch_tokens=batch_tokens, checkpoint=checkpoint)
        for spec in specs
    }


def find_text_scorers(specs: Sequence[str], checkpoint: Path | None = None) -> None:
    """See that scorers of texts can be had, with the classes that are asked for; no model is loaded.

    Raises:
        BadSettings: As ``load_text_scorers``.
        Missing: A model or file is not there.
        BadData: A file is not what its name says.
    """
    _check_together(specs, checkpoint)
    for spec in specs:
        _find_text_scorer(parse_spec(spec), checkpoint)


def find_meaning(spec: str) -> str:
    """What a high score of a scorer says, found as by `find_text_scorers`, which raises the same."""
    return _find_text_scorer(parse_spec(spec), None)


def check_ready(specs: Sequence[str]) -> None:
    """See that new texts could be scored, before they are made: that a service has its key.

    Raises:
        Missing: It has none, or this run is offline.
    """
    from detox_cli.scoring.perspective import Perspective, load_perspective

    for name in (leaf for spec in specs for leaf in leaves(spec)):
        if name.kind == "perspective" and isinstance(scorer := load_perspective(name), Perspective):
            scorer.check_ready()


def _find_text_scorer(name: Spec, checkpoint: Path | None) -> str:
    """What a high score will say, as far as names say it."""
    if name.members:
        return shared_meaning([_find_text_scorer(parse_spec(member), checkpoint) for member in name.members])
    if name.kind == "calibrated":
        kept = read_calibration(name.target)
        evidence_for(kept, name.label, str(calibration_file(name.target)))
        _find_text_scorer(parse_spec(kept.scorer), checkpoint)
        return "toxic"
    if name.kind == "detoxify":
        from detox_cli.scoring.detoxify import find_checkpoint

        find_checkpoint(name.target, checkpoint if is_published(name) else None)
        return name.meaning or meaning_of(name.label or "toxicity")
    if name.kind in ("hf", "builtin") and not _is_lexicon(name):
        source = find_model(_model_name(name))
        classes = [str(label) for _, label in sorted(read_config(source).id2label.items())]
        found = classes[find_label(classes, name.label, source.name, name.meaning)]
        return name.meaning or meaning_of(found)
    return load_text_scorer(str(name)).meaning  # it has no weights


def _check_together(specs: Sequence[str], checkpoint: Path | None) -> None:
    if twice := [spec for place, spec in enumerate(specs) if spec in specs[:place]]:
        raise BadSettings(f"scorer '{twice[0]}' is named twice", hint="name each once")
    if checkpoint is not None and not any(map(asks_for_published, specs)):
        raise BadSettings(
            "none of the scorers is a published one of Detoxify",
            where=f"--checkpoint {checkpoint}",
            hint="name detoxify:original, unbiased or multilingual, or leave it out",
        )


def asks_for_published(text: str) -> bool:
    """Whether a scorer is, or is made of, a published one of Detoxify."""
    return any(map(is_published, leaves(text)))


def leaves(text: str) -> list[Spec]:
    """The scorers that a scorer is made of, taken apart; itself if it is made of no other."""
    name = parse_spec(text)
    if name.kind == "calibrated":
        return leaves(read_calibration(name.target).scorer)
    return [leaf for member in name.members for leaf in leaves(member)] or [name]


def is_published(name: Spec) -> bool:
    """Whether a name asks for a checkpoint that Detoxify's authors have published."""
    if name.kind != "detoxify":
        return False
    from detoxify.detoxify import MODEL_URLS

    return name.target in MODEL_URLS


def load_pair_scorer(spec: str, *, device: str = "auto", batch_tokens: int = BATCH_TOKENS) -> PairScorer:
    """A scorer of (source, output): an encoder's cosine, or a pair classifier's probability of a class.

    ``builtin:similarity``; ``hf:MODEL`` or ``hf:MODEL#POOLING`` (``mean``, ``cls``, ``pooler``) for an
    encoder; ``hf:MODEL`` for a one-logit head such as BLEURT's, whose sigmoid is taken; ``hf:MODEL#LABEL``
    for one of several classes. Which of the two a model is, its own configuration says.

    Raises:
        BadSettings: The name or its label is wrong. Missing: the model is not there.
    """
    name = parse_spec(spec)
    if name.kind not in ("hf", "builtin") or _is_lexicon(name):
        raise BadSettings(f"'{spec}' does not score pairs of texts", hint="name an encoder: hf:ORG/MODEL")
    source = find_model(_model_name(name))
    if any("ForSequenceClassification" in a for a in read_config(source).architectures or []):
        return pair_classifier(load_classifier(source, device), name, batch_tokens)
    pooling = pooling_of(source, name.label)
    loaded = load_encoder(source, device, pooler=pooling == "pooler")
    return CosineSimilarity(loaded, pooling, batch_tokens)


def find_scorer(spec: str) -> None:
    """See that the model of a scorer can be had, where it has one of its own; nothing is loaded.

    Raises:
        BadSettings: The name is wrong. Missing: the model is not there.
    """
    name = parse_spec(spec)
    for member in name.members:
        find_scorer(member)
    if name.kind in ("hf", "builtin") and not _is_lexicon(name):
        find_model(_model_name(name))


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


def _perspective(name: Spec) -> TextScorer:
    from detox_cli.scoring.perspective import load_perspective

    return load_perspective(name)


WITHOUT_WEIGHTS: dict[str, Callable[[Spec], TextScorer]] = {"lexicon": _lexicon, "perspective": _perspective}
"""Kinds of scorers that need no model of ours, with what makes one from its name."""
