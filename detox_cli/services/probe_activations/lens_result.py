"""What the logit lens reports."""

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.report.page import outline
from detox_cli.services.result import Cell, Table
from detox_cli.statistics.bootstrap import Estimate

FROZEN = ConfigDict(frozen=True)
SHOWN = 6


class LensPlace(BaseModel):
    """One place of the model: means over the tokens that were written; n counts prompts.

    ``_same`` is the tuned model on the same tokens.
    """

    model_config = FROZEN

    place: str = Field(description="embedding, or the number of a block.")
    mass: Estimate = Field(description="The probability of all listed words together.")
    by_chance: Estimate | None = Field(
        description="Of sets of tokens as likely after the last block: mean, 95 % of them; n sets."
    )
    p: float | None = Field(description="Share of these as far from their mean, (1 + hits) / (1 + n).")
    rank: Estimate = Field(description="Of the likeliest listed word; geometric mean.")
    first: Estimate = Field(description="Share of tokens at which a listed word is the likeliest of all.")
    settled: Estimate = Field(description="Share at which the likeliest is that of the last block already.")
    written: Estimate | None = Field(
        default=None, description="Probability of the token that was written; geometric mean."
    )
    written_rank: Estimate | None = None
    change: Estimate | None = Field(description="Of the mass, by tuning; paired.")
    change_by_chance: Estimate | None = Field(description="Of the same sets.")
    p_change: float | None
    mass_same: Estimate | None = None
    rank_same: Estimate | None = None
    first_same: Estimate | None = None
    settled_same: Estimate | None = None
    written_same: Estimate | None = None
    written_rank_same: Estimate | None = None


class TokenPlace(BaseModel):
    """One token at one place; the likeliest token after the last block comes first."""

    model_config = FROZEN

    token: str
    id: int
    place: str
    probability: Estimate
    change: Estimate | None = Field(description="By tuning, on the same tokens; paired.")


class LensResult(BaseModel):
    """The stream of every layer through the final norm and the head."""

    model_config = FROZEN

    name: str = Field(description="The list of words.")
    tokens: int = Field(description="Tokens that are followed.")
    words: int = Field(description="Words of the list that are a single token.")
    of: int = Field(description="Words and phrases of the list.")
    places: list[LensPlace]
    trajectories: list[TokenPlace]

    def tables(self) -> list[Table]:
        """The places, and the likeliest tokens through them."""
        return [self._places(), self._tokens()]

    def _places(self) -> Table:
        tuned = self.places[0].change is not None
        rows: list[list[Cell]] = []
        for one in self.places:
            row: list[Cell] = [one.place, _share(one.mass), _share(one.by_chance), one.p, _rank(one.rank)]
            if tuned:
                row += [_share(one.change, signed=True), _share(one.change_by_chance, True), one.p_change]
            rows.append([*row, f"{one.settled.mean:.1%}", _share(one.written)])
        columns = ["after", "listed words", "by chance", "p", "rank"]
        columns += ["change", "by chance", "p"] if tuned else []
        columns += ["settled", "the token written"]
        caption = (
            f"Through final norm and head, where tokens were written after {self.places[0].mass.n} prompts: "
            f"{self.tokens} tokens, which are {self.words} of {self.of} words of {self.name}.\n"
            "Probabilities in %, with 95 % intervals over prompts. "
            "By chance: sets of tokens as likely after the last block, 95 % of them. Rank: of the likeliest "
            "listed word. Settled: the likeliest token is that of the last block."
        )
        if tuned:
            caption += "\nChange: of the tuned model on the same tokens."
        return Table(title="Logit lens", columns=columns, rows=rows, caption=caption)

    def _tokens(self) -> Table:
        places = [one.place for one in self.places]
        rows: list[list[Cell]] = []
        for first in range(0, min(SHOWN, self.tokens) * len(places), len(places)):
            own = self.trajectories[first : first + len(places)]
            rows.append([outline(own[0].token), *(f"{one.probability.mean:.3%}" for one in own)])
        caption = f"{len(rows)} of {self.tokens}; trajectories.csv has all, with intervals and words whole."
        return Table(title="Likeliest listed words", columns=["token", *places], rows=rows, caption=caption)


def _share(one: Estimate | None, signed: bool = False) -> str:
    form = "+.3f" if signed else ".3f"
    if one is None:
        return "-"
    return one.written(form, 100)


def _rank(one: Estimate) -> str:
    return one.written(".0f")
