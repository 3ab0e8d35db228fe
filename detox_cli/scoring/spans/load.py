"""From a detector's name to the detector of toxic spans."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from detox_cli.errors import BadSettings
from detox_cli.models.loading import load_token_classifier, read_token_classes
from detox_cli.models.sources import find_model
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.batching import BATCH_TOKENS
from detox_cli.scoring.identity import scorer_content
from detox_cli.scoring.lexicon import BUNDLED, Lexicon, read_lexicon
from detox_cli.scoring.load import check_ready, find_meaning, load_text_scorer
from detox_cli.scoring.spans.attribution import by_scorer, check_meaning
from detox_cli.scoring.spans.detector import SpanDetector
from detox_cli.scoring.spans.lexicon import LexiconDetector
from detox_cli.scoring.spans.tagger import find_classes, token_detector

BY_SCORER = ("attribution", "words")
KINDS = ("builtin", "hf", *BY_SCORER, "lexicon", "perspective")


@dataclass(frozen=True)
class DetectorSpec:
    """A detector's name, taken apart: one of ``KINDS``, what it names, and the class of its model."""

    kind: str
    target: str
    label: str | None = None

    @property
    def is_list(self) -> bool:
        """Whether it is a list of words."""
        return self.kind == "lexicon" or (self.kind, self.target) == ("builtin", "lexicon")

    @property
    def model(self) -> str:
        """What its model is called."""
        return f"builtin:{self.target}" if self.kind == "builtin" else self.target


def parse_detector(text: str) -> DetectorSpec:
    """Take a name such as ``builtin:spans`` apart; `load_span_detector` has them all.

    Raises:
        BadSettings: The kind is unknown, nothing is named, or it is one that cannot give spans.
    """
    kind, colon, target = text.strip().partition(":")
    if kind == "perspective":
        raise BadSettings(
            "Perspective scores whole sentences, not spans",
            where=text,
            hint="write attribution:perspective, which leaves out one word after the other",
        )
    if kind not in KINDS and (text.startswith((".", "/", "~")) or Path(text).is_dir()):
        return DetectorSpec("hf", text.strip())
    if not colon or kind not in KINDS:
        near = get_close_matches(kind, KINDS, n=1)
        hint = f"did you mean {near[0]}:…?" if near else "for a model on the hub write hf:MODEL"
        raise BadSettings(f"unknown detector of spans '{text}'; the kinds are {', '.join(KINDS)}", hint=hint)
    if not target:
        raise BadSettings(f"detector '{text}' names nothing after '{kind}:'", hint="write builtin:spans")
    if kind not in ("builtin", "hf"):
        return DetectorSpec(kind, target)
    name, _, label = target.partition("#")
    return DetectorSpec(kind, name, label or None)


def load_span_detector(
    spec: str,
    *,
    threshold: float | None = None,
    whole_words: bool = True,
    device: str = "auto",
    batch_tokens: int = BATCH_TOKENS,
    cache: ScoreCache | None = None,
) -> SpanDetector:
    """A detector of toxic spans.

    ``builtin:spans``, ``hf:MODEL#LABEL`` or a folder for a model that ``detox train spans`` or anybody else
    has trained to give classes to tokens; ``lexicon:FILE`` and ``builtin:lexicon`` for listed words;
    ``attribution:SCORER`` for the words without which a scorer of texts gives less, ``words:SCORER`` for
    those that it finds toxic by themselves.

    Args:
        spec: The name.
        threshold: From which score on a piece counts; the detector's own if not given.
        whole_words: Give whole words, not parts of them. Those by a scorer always do.
        device: ``auto`` takes a GPU if there is one.
        batch_tokens: Padded tokens in one batch of a model.
        cache: Where the scores of those by a scorer are kept.

    Raises:
        BadSettings: The name or its class is wrong. Missing: the model or file is not there.
    """
    name = parse_detector(spec)
    if name.is_list:
        return LexiconDetector(_lexicon(name), whole_words)
    if name.kind in BY_SCORER:
        scorer = load_text_scorer(name.target, device=device, batch_tokens=batch_tokens)
        return by_scorer(name.kind, scorer, threshold, cache)
    loaded = load_token_classifier(find_model(name.model), device)
    return token_detector(loaded, name.label, threshold, whole_words, batch_tokens)


def find_span_detector(spec: str) -> None:
    """See that a detector can be had; no model is loaded.

    Raises:
        BadSettings, Missing: As `load_span_detector`.
    """
    name = parse_detector(spec)
    if name.is_list:
        _lexicon(name)
    elif name.kind in BY_SCORER:
        check_meaning(name.kind, find_meaning(name.target))
        check_ready([name.target])
    else:
        source = find_model(name.model)
        find_classes(read_token_classes(source), name.label, source.name)


def detector_content(spec: str) -> list[str]:
    """A detector's name, and the fingerprint of the model or the hash of the file behind it, unloaded.

    Raises:
        BadSettings: This is no detector's name. Missing: The model or file is not there.
    """
    name = parse_detector(spec)
    if name.is_list:
        return [spec, _lexicon(name).fingerprint]
    if name.kind in BY_SCORER:
        return [name.kind, *scorer_content(name.target)]
    return [spec, find_model(name.model).fingerprint]


def _lexicon(name: DetectorSpec) -> Lexicon:
    if name.kind == "builtin":
        return read_lexicon(BUNDLED, "builtin:lexicon")
    path = Path(name.target).expanduser()
    return read_lexicon(path, path.name)
