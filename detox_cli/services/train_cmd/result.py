"""What ``detox train cmd`` reports about one training."""

from pydantic import Field

from detox_cli.services.merge.result import Folded
from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table


class CmdResult(Result):
    """A model that has learnt chains."""

    rows: dict[str, int] = Field(description="Chains read, left out by reason, trained on and held out.")
    template: str = Field(description="The form of the chains.")
    parameters: dict[str, int] = Field(description="Weights that were trained, and all.")
    steps: int = Field(description="Optimizer steps until the end.")
    kept_step: int = Field(description="The step whose weights were kept.")
    chosen_at: dict[str, float] = Field(
        description="On held-out chains at that step: nats per learnt token, their perplexity, and how "
        "often the good answer was likelier than a toxic one."
    )
    contrast: dict[str, float] = Field(description="What was added to the loss, in the first and last log.")
    folded: Folded | None = Field(None, description="The folded model beside model and adapter.")

    def tables(self) -> list[Table]:
        """The held-out figures, the contrast, then the rows."""
        held: list[list[Cell]] = [[name.replace("_", " "), value] for name, value in self.chosen_at.items()]
        held += [[f"contrast, {when} logged", value] for when, value in self.contrast.items()]
        caption = f"step {self.kept_step} of {self.steps} was kept; chains of the form {self.template}"
        rows: list[list[Cell]] = [[name, count] for name, count in self.rows.items()]
        return [
            *(
                [Table(title="held-out chains", columns=["measure", "value"], rows=held, caption=caption)]
                if held
                else []
            ),
            Table(title="chains", columns=["chains", "count"], rows=rows),
        ]

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Ask it, and measure what it answers."""
        return [
            command
            for path in self.files[:1]
            for command in (
                f"detox generate {path} {rows.texts} --chain cmd",
                f"detox eval generation {path} --prompts {rows.prompts} --chain cmd -o measured",
            )
        ]
