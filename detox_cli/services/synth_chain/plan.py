"""What ``synth chain`` would cost: calls, tokens and hours of each stage, before a model is loaded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import Field

from detox_cli.data.rejects import Rejects
from detox_cli.models.loading import load_tokenizer
from detox_cli.output.progress import Progress
from detox_cli.services.engine import Writer, find_writer
from detox_cli.services.eval_generation.asking import engine_options
from detox_cli.services.result import Cell, Result, Table
from detox_cli.services.synth_chain.choosing import chosen, weigh
from detox_cli.services.synth_chain.fill import filler_options
from detox_cli.services.synth_chain.fillers import ANSWER_TOKENS, find_filler
from detox_cli.services.synth_chain.run import before_stage, prepare, records_of, stages_of
from detox_cli.services.synth_chain.spans import read_sides
from detox_cli.services.synth_chain.stage import alive
from detox_cli.services.writers import LocalWriter
from detox_cli.services.writing_time import hours_to_write, time_table
from detox_cli.settings.synth_chain import SynthChainSettings

WORD_TOKENS = 1.4
"""Tokens of a word where no tokenizer is at hand, as behind a server. Of every prompt one mask is assumed."""
Count = Callable[[Sequence[str]], int]


class Cost(Result):
    """What one kind of call costs in a stage."""

    stage: str = Field(description="The stage.")
    what: str = Field(description="What is called.")
    least: int = Field(description="Calls if all goes well: texts, or answers.")
    most: int = Field(description="Calls if everything is asked as often as it may be.")
    read: int = Field(default=0, description="Tokens of the prompts, each read once; of one round.")
    written: int = Field(default=0, description="Tokens that are written at most, in all rounds.")


class SynthChainPlan(Result):
    """The prompts and what the stages would cost."""

    toxic: int = Field(description="Toxic prompts.")
    safe: int = Field(description="Other prompts.")
    unknown: int = Field(description="Prompts of which the scorer will say what they are; counted as toxic.")
    rejects: int = Field(description="Rows that cannot be used.")
    costs: list[Cost] = Field(description="Stage by stage.")
    hours: dict[int, float] = Field(description="Hours of writing at most, by tokens per second.")

    def tables(self) -> list[Table]:
        """Prompts, and the costs."""
        names = ("toxic prompts", "safe prompts", "prompts to be scored first", "rows that cannot be used")
        counts = (self.toxic, self.safe, self.unknown, self.rejects)
        rows: list[list[Cell]] = [list(pair) for pair in zip(names, counts, strict=True)]
        costs: list[list[Cell]] = [
            [one.stage, one.what, one.least, one.most, one.read, one.written] for one in self.costs
        ]
        columns = ["stage", "calls of", "at least", "at most", "tokens read", "tokens written at most"]
        return [
            Table(title="plan", columns=["prompts", "count"], rows=rows),
            Table(title="cost", columns=columns, rows=costs),
            time_table(self.hours),
        ]

    def headline(self) -> str:
        """How many tokens would be written at most."""
        return str(sum(one.written for one in self.costs))


@dataclass(frozen=True)
class Load:
    """The prompts that come to the first stage: texts by kind."""

    toxic: list[str]
    safe: list[str]
    unknown: list[str]

    @property
    def masked(self) -> list[str]:
        """Those that may go the long way."""
        return [*self.toxic, *self.unknown]

    @property
    def all(self) -> list[str]:
        """All of them."""
        return [*self.masked, *self.safe]


def plan(settings: SynthChainSettings, progress: Progress) -> SynthChainPlan:
    """Read the prompts, find the models and count; raises what the run itself would raise at its start."""
    rejects, wanted = Rejects(strict=settings.strict), stages_of(settings)
    prepare(settings, wanted, rejects)
    rejects = Rejects(strict=settings.strict)
    load = _load(settings, wanted[0], rejects)
    makers = {"spans": _spans, "mask": _mask, "fill": _fill, "continue": _continue, "score": _score}
    costs = [cost for stage in wanted if stage in makers for cost in makers[stage](settings, load)]
    return SynthChainPlan(
        toxic=len(load.toxic),
        safe=len(load.safe),
        unknown=len(load.unknown),
        rejects=rejects.count,
        costs=[cost for cost in costs if cost.most],
        hours=hours_to_write(sum(cost.written for cost in costs)),
    )


def _load(settings: SynthChainSettings, first: str, rejects: Rejects) -> Load:
    if first != "spans":
        before = before_stage(settings, first, rejects)
        records = alive(records_of(before, settings))
        toxic = [one.text for one in records if one.toxic]
        return Load(toxic, [one.text for one in records if not one.toxic], [])
    prompts = read_sides(settings, rejects).train
    told = [None if settings.rescore else prompt.toxicity for prompt in prompts]
    weighed = [weigh(p, tox, settings.tox_threshold) for p, tox in zip(prompts, told, strict=True)]
    kept = chosen(weighed, settings)
    sides = {
        is_toxic: [o.prompt.text for o in kept if o.is_toxic is is_toxic] for is_toxic in (True, False, None)
    }
    return Load(sides[True], sides[False], sides[None][: settings.max_samples])


def _spans(settings: SynthChainSettings, load: Load) -> list[Cost]:
    scored = len(load.unknown)
    return [
        Cost(stage="spans", what=f"scorer {settings.scorer}", least=scored, most=scored),
        Cost(
            stage="spans", what=f"detector {settings.detector}", least=len(load.toxic), most=len(load.masked)
        ),
    ]


def _mask(settings: SynthChainSettings, load: Load) -> list[Cost]:
    passes, toxic = settings.mask_passes, len(load.masked)
    least = len(load.toxic) if passes else 0
    return [
        Cost(stage="mask", what=f"scorer {settings.scorer}", least=least, most=toxic * passes),
        Cost(stage="mask", what=f"detector {settings.detector}", least=0, most=toxic * max(0, passes - 1)),
    ]


def _fill(settings: SynthChainSettings, load: Load) -> list[Cost]:
    writer = find_writer(filler_options(settings))
    mode, _ = find_filler(writer, settings.fill_mode, settings.fill_tokens)
    samples = settings.num_fills if settings.fill_temperature else 1
    rounds = 1 + (settings.fill_retries if settings.fill_temperature else 0)
    most = len(load.masked) * samples * rounds
    read = _counter(writer)(load.masked)
    longest = most * (settings.fill_tokens + 2) if mode == "sentinels" else most * ANSWER_TOKENS
    if mode == "infill":
        longest = (read + len(load.masked) * settings.fill_tokens) * samples * rounds
    least = len(load.toxic) * samples
    return [
        Cost(
            stage="fill",
            what=f"filler {writer.name} ({mode})",
            least=least,
            most=most,
            read=read,
            written=longest,
        ),
        Cost(stage="fill", what=f"scorer {settings.scorer}", least=0, most=most),
        Cost(stage="fill", what=f"similarity {settings.similarity}", least=0, most=most),
    ]


def _continue(settings: SynthChainSettings, load: Load) -> list[Cost]:
    writer = find_writer(engine_options(settings, settings.model))
    samples = len(load.all) * settings.num_samples
    most = samples * (1 + settings.empty_retries)
    return [
        Cost(
            stage="continue",
            what=f"model {writer.name}",
            least=samples,
            most=most,
            read=_counter(writer)(load.all),
            written=most * settings.max_new_tokens,
        )
    ]


def _score(settings: SynthChainSettings, load: Load) -> list[Cost]:
    texts = len(load.all) * settings.num_samples
    return [Cost(stage="score", what=f"scorer {settings.scorer}", least=texts, most=texts)]


def _counter(writer: Writer) -> Count:
    """Counts the tokens of texts: by the model's tokenizer, or by their words."""
    if isinstance(writer, LocalWriter):
        tokenizer = load_tokenizer(writer.source, writer.options.trust_remote_code)
        return lambda texts: sum(map(len, tokenizer(list(texts), verbose=False).input_ids)) if texts else 0
    return lambda texts: round(sum(len(text.split()) for text in texts) * WORD_TOKENS)
