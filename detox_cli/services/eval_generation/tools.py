"""What ``detox eval generation`` measures with: found, identified, and loaded when there is work."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded, load_causal, load_seq2seq, load_tokenizer, read_config
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.diversity import Split, spaces
from detox_cli.scoring.language_id import RTP_LX, LanguageIdentifier, need_identifier
from detox_cli.scoring.load import find_scorer, find_text_scorers, load_pair_scorer, load_text_scorers
from detox_cli.scoring.protocol import PairScorer, TextScorer
from detox_cli.services.eval_generation.protocols import Protocol
from detox_cli.services.eval_generation.score import Instruments
from detox_cli.settings.eval_generation import EvalGenerationSettings


@dataclass(frozen=True)
class Tools:
    """The instruments of a run.

    Attributes:
        settings: Which they are.
        protocol: Whether empty continuations count.
        scorers: Of toxicity, loaded: what they are is known only then.
        judge: Where the causal judge is.
        legacy: Where the encoder-decoder judge is.
        cutter: Where the tokenizer is that cuts texts for the legacy distinct n-grams.
        languages: Tells languages.
        similarity: Of rephrased prompts to their originals, loaded; where there are chains.
    """

    settings: EvalGenerationSettings
    protocol: Protocol
    scorers: Mapping[str, TextScorer]
    judge: ModelSource | None
    legacy: ModelSource | None
    cutter: ModelSource | None
    languages: LanguageIdentifier | None
    similarity: PairScorer | None

    @property
    def identities(self) -> dict[str, str]:
        """Everything that changes a score, by what it measures."""
        found = {f"toxicity {name}": scorer.identity for name, scorer in self.scorers.items()}
        sources = {"judge": self.judge, "legacy judge": self.legacy, "distinct n-grams": self.cutter}
        found |= {
            name: f"{source.name} {source.fingerprint}"
            for name, source in sources.items()
            if source is not None
        }
        if self.languages is not None:
            found["languages"] = self.languages.identity
        if self.similarity is not None:
            found["similarity"] = self.similarity.identity
        return found

    @property
    def decisive(self) -> list[object]:
        """Everything that changes a row of scores."""
        return [self.identities, self.protocol.counts_empty, self.settings.given_scores]

    @property
    def models(self) -> dict[str, dict[str, str]]:
        """Judges by role, for a manifest."""
        roles = {"judge": self.judge, "legacy judge": self.legacy}
        return {
            role: {"name": source.name, "fingerprint": source.fingerprint}
            for role, source in roles.items()
            if source is not None
        }

    def load(self, progress: Progress) -> Instruments:
        """Everything in memory."""
        settings = self.settings
        if self.judge is not None or self.legacy is not None:
            progress.stage("loading judges")
        return Instruments(
            self.scorers,
            _load(load_causal, self.judge, settings),
            _load(load_seq2seq, self.legacy, settings),
            self.languages,
            _splitter(self.cutter, settings),
            self.protocol.counts_empty,
            ScoreCache(on_warning=progress.warn) if settings.cache else None,
            self.similarity,
        )


def check_tools(settings: EvalGenerationSettings) -> None:
    """See that everything that measures can be had, before a model is asked for hours; nothing is loaded.

    Raises:
        BadSettings: A name is wrong, a judge is of the wrong kind, or nothing is to measure toxicity.
        Missing: A model, a file, or the extra that tells languages, is not there.
    """
    find_text_scorers(_scorers(settings), settings.checkpoint)
    _judge(settings.judge, "--judge", encoder_decoder=False)
    _judge(settings.legacy_judge, "--legacy-judge", encoder_decoder=True)
    if settings.dist_tokenizer:
        find_model(settings.dist_tokenizer)
    if settings.language_id:
        need_identifier()
    if settings.chain is not None:
        find_scorer(settings.similarity)


def find_tools(
    settings: EvalGenerationSettings, protocol: Protocol, progress: Progress, *, chained: bool = False
) -> Tools:
    """Load the scorers, that of rephrased prompts where continuations end chains, and look for the judges.

    Raises:
        BadSettings: A name is wrong, a judge is of the wrong kind, or nothing is to measure toxicity.
        Missing: A model, or the extra that tells languages, is not there.
    """
    names = _scorers(settings)
    progress.stage("loading scorers")
    return Tools(
        settings,
        protocol,
        load_text_scorers(names, device=settings.device, checkpoint=settings.checkpoint),
        _judge(settings.judge, "--judge", encoder_decoder=False),
        _judge(settings.legacy_judge, "--legacy-judge", encoder_decoder=True),
        find_model(settings.dist_tokenizer) if settings.dist_tokenizer else None,
        LanguageIdentifier({*RTP_LX, *settings.languages}) if settings.language_id else None,
        load_pair_scorer(settings.similarity, device=settings.device) if chained else None,
    )


def cut_by(tokenizer: Any, text: str) -> list[str]:
    """A text as the cross-lingual evaluation cuts it: token ids decoded one by one, no special ones."""
    special = set(tokenizer.all_special_ids)
    ids = tokenizer(text, verbose=False).input_ids
    return [str(tokenizer.decode([token])) for token in ids if token not in special]


def _scorers(settings: EvalGenerationSettings) -> list[str]:
    names = [] if settings.given_scores == "only" else list(settings.scorers)
    if not names and settings.given_scores == "no":
        raise BadSettings("no scorer is named", where="--scorers", hint="name one, such as builtin:toxicity")
    return names


def _judge(name: str | None, flag: str, *, encoder_decoder: bool) -> ModelSource | None:
    if name is None:
        return None
    source = find_model(name)
    if bool(read_config(source).is_encoder_decoder) != encoder_decoder:
        kind = "an encoder-decoder" if encoder_decoder else "a decoder-only model"
        raise BadSettings(f"{name} is not {kind}", where=flag, hint=f"name {kind}")
    return source


def _load(load: Any, source: ModelSource | None, settings: EvalGenerationSettings) -> Loaded | None:
    return None if source is None else load(source, settings.device)


def _splitter(source: ModelSource | None, settings: EvalGenerationSettings) -> Split:
    if source is None:
        return spaces
    return partial(cut_by, load_tokenizer(source, settings.trust_remote_code))
