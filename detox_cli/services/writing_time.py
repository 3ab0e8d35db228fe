"""What writing would cost: a dry run knows the tokens, not the machine, so hours are said at stated rates."""

from pydantic import Field

from detox_cli.output.quantities import duration
from detox_cli.services.plan import Plan
from detox_cli.services.result import Cell, Table

RATES = (100, 1_000, 10_000)
"""Tokens per second of all answers together. What a machine reaches, ``detox generate`` says when it ends."""


class WritingPlan(Plan):
    """The inputs, models and outputs, and what the model would be asked."""

    things: list[tuple[str, str, str]] = Field(default=[], description="Filled in by the dry run.")
    prompts: int = Field(description="Prompts that would be asked.")
    answers: int = Field(description="Answers if all goes well.")
    most: int = Field(description="Answers if everything is asked as often as it may be.")
    written: int = Field(description="Tokens that are written at most.")
    hours: dict[int, float] = Field(description="Hours of writing at most, by tokens per second.")
    rejects: int = Field(description="Rows that cannot be used.")

    def tables(self) -> list[Table]:
        """What is there, the counts, and the hours."""
        rows: list[list[Cell]] = [
            ["prompts", self.prompts],
            ["answers, at least", self.answers],
            ["answers, at most", self.most],
            ["tokens written, at most", self.written],
            ["rows that cannot be used", self.rejects],
        ]
        return [
            *super().tables(),
            Table(title="cost", columns=["what", "count"], rows=rows),
            time_table(self.hours),
        ]


def writing_plan(prompts: int, *, samples: int, rounds: int, longest: int, rejects: int) -> WritingPlan:
    """The plan of asking ``prompts`` for ``samples`` answers in up to ``rounds`` rounds.

    Args:
        prompts: How many there are.
        samples: Answers to each in a round.
        rounds: How often a prompt is asked at most.
        longest: Tokens of an answer at most.
        rejects: Rows that cannot be used.
    """
    answers = prompts * samples
    written = answers * rounds * longest
    return WritingPlan(
        prompts=prompts,
        answers=answers,
        most=answers * rounds,
        written=written,
        hours=hours_to_write(written),
        rejects=rejects,
    )


def hours_to_write(tokens: int) -> dict[int, float]:
    """Hours that writing so many tokens takes, by tokens per second."""
    return {rate: tokens / rate / 3600 for rate in RATES}


def time_table(hours: dict[int, float]) -> Table:
    """The hours as a person says them."""
    return Table(
        title="time",
        columns=["tokens written per second", "writing takes at most"],
        rows=[[rate, duration(3600 * value)] for rate, value in hours.items()],
        caption="Reading and scoring come on top. What rate a model reaches on a machine, a small "
        "`detox generate` says.",
    )
