"""Everything that decides what ``synth preferences`` writes, found before a model's weights are loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from detox_cli.data.lines import shown_name
from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.requests import Request, Sampling
from detox_cli.models.loading import load_tokenizer
from detox_cli.models.sources import find_model
from detox_cli.runs.manifest import fingerprint
from detox_cli.scoring.identity import scorer_content
from detox_cli.scoring.load import check_ready, find_text_scorers
from detox_cli.services.engine import Writer, find_writer
from detox_cli.services.eval_generation.asking import engine_options
from detox_cli.services.eval_generation.collect import Drawing, requests_for
from detox_cli.services.synth_preferences.offers import Offer, read_offers, writer_of
from detox_cli.services.synth_preferences.pairing import Limits
from detox_cli.services.synth_preferences.steered import OF_STEERING, check_method, steered
from detox_cli.settings.synth_preferences import SynthPreferencesSettings

FOR_MODELS = (
    *OF_STEERING,
    *("prompts", "text_column", "adapter", "revision"),
    *("num_samples", "max_new_tokens", "temperature", "top_p", "top_k", "prompt_tokens", "method"),
)
"""Settings that would be ignored where nothing is generated."""


@dataclass(frozen=True)
class Work:
    """What is to be done.

    Attributes:
        offers: Texts that are there already; empty where a model writes.
        prompts: What is continued.
        requests: What the model is asked.
        faults: Why prompts cannot be continued, by id.
        sampling: How tokens are chosen.
        writer: The model; ``None`` where nothing is generated.
        written_by: What is known of the model that writes, or wrote.
        limits: When two continuations are a pair.
        given: Whether what the model writes first is the chosen, and second the rejected one.
        fingerprint: Of everything that decides the output.
    """

    offers: Sequence[Offer]
    prompts: Sequence[Prompt]
    requests: Sequence[Request]
    faults: Mapping[str, str]
    sampling: Sampling
    writer: Writer | None
    written_by: Mapping[str, str]
    limits: Limits
    fingerprint: str
    given: bool = False


def prepare(settings: SynthPreferencesSettings, rejects: Rejects) -> Work:
    """Read prompts or texts, find model and scorers, and form the requests.

    Raises:
        BadData: Nothing can be read or answered.
        BadSettings: Options contradict each other, or a scorer's name is wrong.
        Missing: The model or a scorer cannot be had.
    """
    _check(settings)
    find_text_scorers(settings.scorers, settings.checkpoint)
    check_ready(settings.scorers)
    limits = Limits(
        settings.max_chosen,
        settings.min_rejected,
        settings.min_margin,
        settings.length_ratio,
        settings.pairs_per_prompt,
    )
    decisive = {
        "scorers": [scorer_content(name) for name in settings.scorers],
        "checkpoint": None if settings.checkpoint is None else str(settings.checkpoint),
        "limits": asdict(limits),
    }
    sampling = Sampling(settings.max_new_tokens, settings.temperature, settings.top_p, settings.top_k or 0)
    if settings.from_file is not None:
        return _of_texts(settings, rejects, sampling, limits, decisive)
    return _of_model(settings, rejects, sampling, limits, decisive)


def _of_texts(
    settings: SynthPreferencesSettings,
    rejects: Rejects,
    sampling: Sampling,
    limits: Limits,
    decisive: Mapping[str, Any],
) -> Work:
    offers, written_by = read_offers(settings, rejects), writer_of(str(settings.from_file))
    if any(one.messages for one in offers) and settings.output.lower().endswith((".csv", ".tsv")):
        hint = "write .jsonl or .parquet"
        raise BadSettings("conversations do not fit into the cells of a table", where="--output", hint=hint)
    whole = fingerprint(
        command="synth preferences", texts=[_content(one) for one in offers], writer=written_by, **decisive
    )
    return Work(offers, (), (), {}, sampling, None, written_by, limits, whole)


def _of_model(
    settings: SynthPreferencesSettings,
    rejects: Rejects,
    sampling: Sampling,
    limits: Limits,
    decisive: Mapping[str, Any],
) -> Work:
    writer = find_writer(engine_options(settings, settings.model))
    if writer.encoder_decoder:
        hint = "name a decoder-only model, or give its rewrites with --from"
        raise BadSettings(f"{writer.name} rewrites texts and does not continue prompts", hint=hint)
    prompts = read_prompts(
        str(settings.prompts),
        rejects,
        column=settings.text_column,
        password=settings.password,
        split=settings.split,
        languages=settings.languages,
        limit=settings.limit,
    )
    samples = settings.num_samples
    if settings.method == "pplm":
        writer, samples = steered(writer, settings), 2
    drawing = Drawing(samples, sampling, prompt_tokens=settings.prompt_tokens, seed=settings.seed)
    requests = requests_for(prompts, drawing, _tokenizer(settings))
    faults = writer.faults(requests, sampling)
    if len(faults) == len(requests):
        raise BadData(
            f"none of {len(requests)} prompts can be answered: {next(iter(faults.values()))}",
            where=shown_name(str(settings.prompts)),
            hint="correct the prompts, or choose another model",
        )
    whole = fingerprint(
        command="synth preferences",
        prompts=(asdict(replace(prompt, where="")) for prompt in prompts),
        requests=map(asdict, requests),
        sampling=asdict(sampling),
        writer=writer.decisive,
        **decisive,
    )
    answerable = [request for request in requests if request.id not in faults]
    given = settings.method == "pplm"
    return Work((), prompts, answerable, faults, sampling, writer, writer.identity, limits, whole, given)


def _check(settings: SynthPreferencesSettings) -> None:
    if settings.from_file is None:
        check_method(settings)
        if settings.model is None:
            raise BadSettings("nothing to pair", hint="name a model and --prompts, or --from FILE")
        if settings.prompts is None:
            hint = "name them with --prompts, such as --prompts rtp"
            raise BadSettings(f"{settings.model} needs prompts", hint=hint)
        return
    if settings.model is not None:
        hint = "leave one of them out: texts of a file are paired as they are"
        raise BadSettings(f"{settings.model} and --from exclude each other", hint=hint)
    if settings.from_file == "-":
        hint = "write the rows to a file"
        raise BadSettings("a stream cannot be looked at twice", where="--from", hint=hint)
    for name in FOR_MODELS:
        if getattr(settings, name) != type(settings).model_fields[name].default:
            flag = f"--{name.replace('_', '-')}"
            message = f"{flag} has no meaning for texts that are written already"
            raise BadSettings(message, hint="leave it out, or name a model in place of --from")


def _content(one: Offer) -> list[object]:
    prompt = one.texts.prompt
    texts = [prompt.id, prompt.text, prompt.lang, prompt.source, one.texts.read, *one.texts.samples]
    return [*texts, one.given, [list(message.values()) for message in one.messages], one.left_out]


def _tokenizer(settings: SynthPreferencesSettings) -> Any:
    if settings.prompt_tokens is None:
        return None
    if settings.engine == "server":
        message = "prompts of a served model cannot be cut to tokens"
        raise BadSettings(message, where="--prompt-tokens", hint="leave it out")
    return load_tokenizer(find_model(str(settings.model), settings.revision), settings.trust_remote_code)
