"""What ``detox eval generation`` asks of a model, found before its weights are loaded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from detox_cli.data.lines import missing_file, shown_name
from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.data.where.parse import parse_rule
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.chains.asking import ChainForm
from detox_cli.generation.requests import Request, Sampling
from detox_cli.models.loading import load_tokenizer
from detox_cli.models.sources import find_model
from detox_cli.runs.manifest import fingerprint
from detox_cli.runs.output import refuse_model
from detox_cli.services.chain_answers import chain_sampling, check_unused, form_of
from detox_cli.services.engine import Writer, find_writer
from detox_cli.services.eval_generation.collect import Drawing, requests_for
from detox_cli.services.eval_generation.protocols import PROTOCOLS, Protocol
from detox_cli.services.writers import LocalWriter
from detox_cli.settings.engine import EngineChoice, EngineOptions
from detox_cli.settings.eval_generation import EvalGenerationSettings

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
"""Of files; no model is named so."""
FOR_MODELS = (
    *("adapter", "text", "window", "stride", "kl_to", "kl_prompts", "f1", "lm_eval"),
    *("max_new_tokens", "temperature", "top_p", "prefix", "prompt_tokens", "chain"),
)
"""Settings that would be ignored where nothing is generated."""
COMPANIONS = {"kl_prompts": "kl_to", "window": "text", "stride": "text", "where": "prompts"}
"""Settings that would be ignored without another one."""


def adapted_protocol(settings: EvalGenerationSettings) -> Protocol:
    """The protocol with everything that the settings put in its place."""
    own = PROTOCOLS[settings.protocol]
    sampling = {
        name: value
        for name in ("max_new_tokens", "temperature", "top_p")
        if (value := getattr(settings, name)) is not None
    }
    names = ("threshold", "prefix", "prompt_tokens", "window", "stride")
    instead = {name: value for name in names if (value := getattr(settings, name)) is not None}
    if "threshold" in instead:
        instead["share_threshold"] = None
    return replace(
        own,
        sampling=replace(own.sampling, **sampling),
        samples=settings.num_samples or own.samples,
        **instead,
    )


@dataclass(frozen=True)
class Asked:
    """What the first stage would do, found before a model's weights are loaded.

    Attributes:
        prompts: All of them.
        requests: Those that can be answered.
        faults: Why the others cannot, by id.
        writer: The model.
        fingerprint: Of everything that decides the continuations.
        sampling: How tokens are chosen.
        form: How chains are asked for, where they are.
    """

    prompts: list[Prompt]
    requests: list[Request]
    faults: Mapping[str, str]
    writer: Writer
    fingerprint: str
    sampling: Sampling
    form: ChainForm | None = None


def source_of(settings: EvalGenerationSettings) -> str | None:
    """The file of continuations, if there is to be no generating.

    Raises:
        BadSettings: Neither a model nor a file is named, both are, a model has no prompts, or the output is a
            model's folder.
    """
    refuse_model(settings.output)
    model = settings.model
    if settings.from_file is not None:
        check_unused(settings)
        if model is not None:
            message = f"{model} and --from exclude each other"
            raise BadSettings(message, hint="name the model and --prompts, or give --from alone")
        return _for_file(settings, settings.from_file)
    check_unused(settings)
    if model is None:
        raise BadSettings("nothing to measure", hint="name a model and --prompts, or --from FILE")
    if Path(model).is_file():
        return _for_file(settings, model)
    if Path(model).suffix in SUFFIXES and not Path(model).exists():
        raise missing_file(Path(model))
    _check_companions(settings)
    if settings.prompts is None:
        raise BadSettings(f"{model} needs prompts", hint="name them with --prompts, such as --prompts rtp")
    return None


def _check_companions(settings: EvalGenerationSettings) -> None:
    """Raise ``BadSettings`` for an option that changes a figure which is not asked for."""
    for name in COMPANIONS:
        _check_companion(settings, name)
    if settings.chain is None and settings.similarity != type(settings).model_fields["similarity"].default:
        hint = "add --chain cmd; only chains rephrase prompts"
        raise BadSettings("--similarity has no meaning without --chain", hint=hint)


def _check_companion(settings: EvalGenerationSettings, name: str) -> None:
    needed = COMPANIONS[name]
    if getattr(settings, name) is not None and getattr(settings, needed) is None:
        flags = [f"--{one.replace('_', '-')}" for one in (name, needed)]
        raise BadSettings(f"{flags[0]} has no meaning without {flags[1]}", hint="give both or neither")


def _for_file(settings: EvalGenerationSettings, source: str) -> str:
    """The file, if nothing is asked for that only a model can do."""
    _check_companion(settings, "where")
    for name in FOR_MODELS:
        if getattr(settings, name) not in (None, ()):
            flag = f"--{name.replace('_', '-')}"
            message = f"{flag} has no meaning for continuations that are written already"
            raise BadSettings(message, hint="leave it out, or name a model")
    return source


def prompts_of(settings: EvalGenerationSettings, rejects: Rejects) -> list[Prompt]:
    """The prompts that the settings name."""
    return read_prompts(
        str(settings.prompts),
        rejects,
        column=settings.text_column,
        password=settings.password,
        split=settings.split,
        languages=settings.languages,
        limit=settings.limit,
        rule=parse_rule(settings.where) if settings.where is not None else None,
    )


def asked_of(settings: EvalGenerationSettings, protocol: Protocol, rejects: Rejects) -> Asked:
    """Read the prompts, find the model, and form the requests.

    Raises:
        BadSettings: A k is larger than the number of continuations.
        BadData: None of the prompts can be answered.
    """
    most = max(settings.k, default=1)
    if most > protocol.samples:
        hint = f"ask for {protocol.samples} at most, or for more continuations with --num-samples"
        raise BadSettings(f"there are to be {protocol.samples} continuations", where=f"--k {most}", hint=hint)
    writer, prompts = find_writer(engine_options(settings, settings.model)), prompts_of(settings, rejects)
    drawing = Drawing(
        protocol.samples, protocol.sampling, protocol.prefix, protocol.prompt_tokens, settings.seed
    )
    form = form_of(settings, writer, _answer_tokens(settings, protocol, writer))
    requests = requests_for(prompts, drawing, _tokenizer(writer, protocol), form)
    sampling = protocol.sampling
    if form is not None:
        sampling = chain_sampling(settings, form, writer, requests, sampling)
    faults = writer.faults(requests, sampling)
    if len(faults) == len(requests):
        raise BadData(
            f"none of {len(requests)} prompts can be answered: {next(iter(faults.values()))}",
            where=shown_name(str(settings.prompts)),
            hint="correct the prompts, or choose another model",
        )
    decisive = fingerprint(
        command="eval generation",
        prompts=(asdict(replace(prompt, where="")) for prompt in prompts),
        requests=map(asdict, requests),
        sampling=asdict(sampling),
        writer=writer.decisive,
        chain=form.decisive if form else None,
    )
    answerable = [request for request in requests if request.id not in faults]
    return Asked(prompts, answerable, faults, writer, decisive, sampling, form)


def _answer_tokens(settings: EvalGenerationSettings, protocol: Protocol, writer: Writer) -> int | None:
    """To what answers of chains are cut; a server cuts none, so there only if somebody asks for it."""
    local = isinstance(writer, LocalWriter)
    return protocol.sampling.max_new_tokens if local else settings.max_new_tokens


def engine_options(settings: EngineChoice, model: str | None) -> EngineOptions:
    """The model and what runs it."""
    values = {name: getattr(settings, name) for name in EngineChoice.model_fields}
    return EngineOptions(model=str(model), **values)


def _tokenizer(writer: Writer, protocol: Protocol) -> Any:
    if protocol.prompt_tokens is None:
        return None
    source = getattr(writer, "source", None)
    if source is None:
        hint = "leave --prompt-tokens out, or use another protocol"
        raise BadSettings(
            "prompts of a served model cannot be cut to tokens", where="--prompt-tokens", hint=hint
        )
    return load_tokenizer(find_model(source.name, source.revision))
