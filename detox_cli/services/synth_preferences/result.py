"""What ``synth preferences`` reports: how many pairs, how far apart, and why there are no more."""

from pydantic import Field

from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate


class SynthPreferencesResult(Result):
    """Pairs, and what became of everything else."""

    pairs: int = Field(description="Pairs written.")
    prompts: int = Field(description="Prompts, or rows of the file.")
    paired: int = Field(description="Prompts with a pair.")
    continuations: int = Field(description="Continuations that were looked at.")
    unusable: dict[str, int] = Field(description="Continuations left out, by reason.")
    without_pair: dict[str, int] = Field(description="Prompts without a pair, by reason.")
    repeated: int = Field(
        default=0, description="Pairs left out because the same three texts are there already."
    )
    figures: dict[str, Estimate] = Field(
        default={}, description="Means over pairs: toxicity and characters of both; prompts are drawn."
    )
    scorers: dict[str, str] = Field(description="The identity of each scorer.")
    unread: dict[str, list[str]] = Field(
        default={}, description="Languages of prompts that a scorer does not read."
    )
    unanswered: dict[str, str] = Field(
        default={}, description="Why prompts could not be continued, by their ids."
    )
    unscored: dict[str, int] = Field(default={}, description="Continuations that a scorer could not score.")
    model: dict[str, str] = Field(default={}, description="What wrote the continuations, if it is known.")
    rejects: int = Field(default=0, description="Rows that cannot be used.")
    new_tokens: int = Field(default=0, description="Tokens written, in this run and before.")
    seconds: float = Field(default=0.0, description="Wall time of this run.")

    def tables(self) -> list[Table]:
        """What became of the prompts and of the continuations, and the pairs."""
        counts: list[list[Cell]] = [
            ["pairs", self.pairs],
            ["prompts with a pair", self.paired],
            ["prompts", self.prompts],
        ]
        counts += [[f"no pair: {reason}", count] for reason, count in self.without_pair.items()]
        counts.append(["continuations", self.continuations])
        counts += [[f"left out: {reason}", count] for reason, count in self.unusable.items()]
        extra = {"pairs said before": self.repeated, "rejected rows": self.rejects}
        extra["prompts that cannot be continued"] = len(self.unanswered)
        counts += [[name, count] for name, count in extra.items() if count]
        caption = f"written by {self.model['name']}" if "name" in self.model else ""
        tables = [Table(title="Preferences", columns=["", "count"], rows=counts, caption=caption)]
        if self.figures:
            rows: list[list[Cell]] = [[name, str(one), one.n] for name, one in self.figures.items()]
            caption = "chosen by these scorers, so judge what is learnt by others: " + ", ".join(self.scorers)
            tables.append(Table(title="Pairs", columns=["", "mean", "prompts"], rows=rows, caption=caption))
        return tables

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Tune the model on the pairs."""
        model = self.model.get("name", "MODEL")
        return [f"detox train dpo {model} --data {path} -o tuned" for path in self.files[:1]]
