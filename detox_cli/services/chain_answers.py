"""Prompts in, answers out, from a model that writes a chain before it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detox_cli.data.chains.encode import check_writable
from detox_cli.data.chains.stored import FILE, stored_template
from detox_cli.data.chains.template import ChainTemplate, find_template
from detox_cli.errors import BadSettings
from detox_cli.generation.chains.asking import PUBLISHED, ChainAnswer, ChainForm
from detox_cli.generation.encoding import PromptReader, first_tokens
from detox_cli.generation.requests import Completion, Engine, Request, Sample, Sampling
from detox_cli.models.loading import load_tokenizer
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.answering import answer
from detox_cli.services.engine import Writer
from detox_cli.services.writers import LocalWriter
from detox_cli.settings.chains import ChainOptions

OWN = "cmd"
"""Stands for the form that the model itself was trained with."""
MANY = 0.5
"""Share of samples that are no chain, from which on that is told at once."""


@dataclass(frozen=True)
class ChainAnswers:
    """Answers by id, and why some prompts could not be answered, by id.

    Attributes:
        answers: For each prompt its samples, in order.
        completions: The same as an engine gives them: the answer is the text of a sample, and its tokens are
            those of all attempts.
        faults: Why prompts have no answers.
    """

    answers: dict[str, list[ChainAnswer]]
    completions: dict[str, Completion]
    faults: dict[str, str]


def form_of(settings: ChainOptions, writer: Writer, answer_tokens: int | None) -> ChainForm | None:
    """How the model is to be asked; ``None`` if it is not to be asked for chains.

    Raises:
        BadSettings: Options without ``--chain``, no template, or one that the model cannot write.
        BadData: The template cannot be read.
    """
    check_unused(settings)
    if settings.chain is None:
        return None
    template = _template(settings.chain, writer)
    if not isinstance(writer, LocalWriter):
        if settings.chain_prefill or answer_tokens is not None:
            flag = "--chain-prefill" if settings.chain_prefill else "--max-new-tokens"
            message = "this needs the model's tokenizer, which a server keeps to itself"
            raise BadSettings(message, where=flag, hint=f"leave {flag} out, or use another engine")
        return ChainForm(template, settings.chain_retries)
    if settings.chain_prefill and writer.encoder_decoder:
        raise BadSettings(
            "an encoder-decoder's chain cannot be begun for it", where="--chain-prefill", hint="leave it out"
        )
    tokenizer = load_tokenizer(writer.source, writer.options.trust_remote_code)
    check_writable(tokenizer, template)

    def shorten(text: str) -> str:
        return first_tokens(text, int(answer_tokens or 0), tokenizer)

    cut = shorten if answer_tokens is not None else None
    return ChainForm(template, settings.chain_retries, settings.chain_prefill, answer_tokens, cut)


def chain_sampling(
    settings: ChainOptions, form: ChainForm, writer: Writer, requests: Sequence[Request], own: Sampling
) -> Sampling:
    """How chains are drawn: as long as the settings say, else as the paper has it or the context allows."""
    length = settings.chain_tokens or PUBLISHED.max_new_tokens
    if settings.chain_tokens is None and isinstance(writer, LocalWriter):
        tokenizer = load_tokenizer(writer.source, writer.options.trust_remote_code)
        reader = PromptReader(tokenizer, writer.config)
        usual = sorted(len(prompt.ids) for prompt in reader.read(requests))
        longest = 0 if reader.encoder_decoder else usual[-1]
        if reader.context is not None:
            length = max(min(length, reader.context - 1 - longest), min(length, reader.context // 2))
    return replace(own, max_new_tokens=length, stop=(*own.stop, *form.template.stop))


def answer_chains(
    engine: Engine,
    form: ChainForm,
    requests: Sequence[Request],
    sampling: Sampling,
    journal: Journal | None,
    progress: Progress,
) -> ChainAnswers:
    """Ask; and ask again for the samples that are no chain, as often as the form says.

    Every attempt is a round over all prompts with such a sample, answered through the journal, so that a run
    that was stopped goes on to the same bytes. What has nothing random is asked once.

    Raises:
        BadData: None of the prompts could be answered.
    """
    first = answer(engine, requests, sampling, journal, progress, "generating")
    found = {
        name: [form.read(sample) for sample in completion.samples]
        for name, completion in first.completions.items()
    }
    asked = [request for request in requests if request.id in found]
    drawn = sampling.temperature > 0 and sampling.num_beams == 1
    for attempt in range(1, form.retries + 1 if drawn else 1):
        _try_again(engine, form, asked, sampling, journal, progress, found, attempt)
    completions = {
        name: replace(
            completion, samples=tuple(Sample(one.text, one.finish_reason, one.tokens) for one in found[name])
        )
        for name, completion in first.completions.items()
    }
    return ChainAnswers(found, completions, first.faults)


def _try_again(
    engine: Engine,
    form: ChainForm,
    requests: Sequence[Request],
    sampling: Sampling,
    journal: Journal | None,
    progress: Progress,
    found: Mapping[str, list[ChainAnswer]],
    attempt: int,
) -> None:
    """Replace the samples that are no chain by the next attempt's, where there is one."""
    open_places = {
        request.id: [place for place, one in enumerate(found[request.id]) if not one.ok]
        for request in requests
    }
    again = [
        form.again(request, attempt, len(open_places[request.id]))
        for request in requests
        if open_places[request.id]
    ]
    if not again:
        return
    count = sum(request.samples for request in again)
    progress.stage(f"{count} chains cannot be read and are drawn again (attempt {attempt} of {form.retries})")
    answers = answer(engine, again, sampling, journal, progress, "generating").completions
    for request in again:
        name = request.id.rpartition("\x1f")[0]
        completion = answers.get(request.id)
        for place, sample in zip(open_places[name], completion.samples if completion else (), strict=False):
            found[name][place] = form.read(sample).after(found[name][place])


def _template(name: str, writer: Writer) -> ChainTemplate:
    if name != OWN:
        return find_template(name)
    folders = _folders(writer) if isinstance(writer, LocalWriter) else []
    own = next((stored for folder in folders if (stored := stored_template(folder))), None)
    if own is None:
        raise BadSettings(
            f"{writer.name} does not say with which form of chains it was trained: no {FILE}",
            where="--chain",
            hint="name the form, such as --chain cmd-v3-code",
        )
    return own


def _folders(writer: LocalWriter) -> list[Path]:
    """Where a template may lie: beside the adapter, then beside the model."""
    adapter = [writer.adapter.folder] if writer.adapter is not None else []
    return [*adapter, _folder(writer.source)]


def _folder(source: ModelSource) -> Path:
    """Where the template of a model would lie; of a model on the hub it is fetched, if it has one.

    A hub that cannot be reached is another answer than that there is none, and raised as what it is.
    """
    if source.kind != "hub":
        return Path(source.location)
    from huggingface_hub import hf_hub_download  # folders need no client of the hub
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(source.location, FILE, revision=source.revision)).parent
    except LocalEntryNotFoundError:  # a kind of the next one, but only that it is not here
        raise
    except EntryNotFoundError:
        return Path(source.location)


def tell_malformed(malformed: int, samples: int, form: ChainForm, progress: Progress) -> None:
    """Warn where most samples are no chain: the model may know another form, or none."""
    if samples and malformed >= MANY * samples:
        progress.warn(
            f"{malformed} of {samples} samples are no chain of the form {form.template.id}: no answers; "
            "was the model trained with it?"
        )


def check_unused(settings: ChainOptions) -> None:
    """Refuse options about chains where none are asked for.

    Raises:
        BadSettings: There is one.
    """
    if settings.chain is not None:
        return
    for name, field in ChainOptions.model_fields.items():
        if name != "chain" and getattr(settings, name) != field.default:
            flag = f"--{name.replace('_', '-')}"
            raise BadSettings(f"{flag} has no meaning without --chain", hint="add --chain cmd")
