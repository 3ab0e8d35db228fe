"""Prompts that a model continues while it is looked into."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt, model_validator

from detox_cli.settings.base import Flag, Languages, Section
from detox_cli.settings.offers import SETS

WRITING = "Continuations"


class ProbePrompts(Section):
    """Prompts, and how far the model goes on after them: always with its most likely token."""

    prompts: Annotated[str | None, Flag(complete="sample", words=SETS, panel=WRITING)] = Field(
        None,
        description="Prompts: rtp or bold (from the Hub), a file of RealToxicityPrompts, RTP-LX (folder or "
        "zip too), or any file of texts; bundled openings if not given.",
    )
    text_column: Annotated[str | None, Flag(panel=WRITING)] = Field(
        None, description="Column with the prompts, where a file has no known form."
    )
    split: Annotated[str, Flag(panel=WRITING)] = Field("train", description="Split of a dataset id.")
    languages: Annotated[Languages, Flag(panel=WRITING)] = Field(
        (), description="Prompts in these languages only, such as es,zh-hans; repeatable."
    )
    limit: Annotated[PositiveInt | None, Flag(panel=WRITING)] = Field(
        None, description="Use the first N prompts of each language only."
    )
    password: Annotated[str | None, Flag(panel=WRITING)] = Field(
        None, description="Password of a zip file of prompts; kept out of everything that is written."
    )
    max_new_tokens: Annotated[PositiveInt, Flag(panel=WRITING)] = Field(
        20, description="Tokens that are written after each prompt, and looked at."
    )


class ProbeLens(ProbePrompts):
    """What was written is seen through the logit lens as well."""

    logit_lens: bool = Field(
        False,
        description="Read the stream after every block through the final norm and the head too: how likely "
        "listed words, and the written ones, are at each layer.",
    )
    lens_words: Annotated[Path | None, Flag(complete="file")] = Field(
        None,
        description="The words that the logit lens follows, one a line, as far as they are single tokens of "
        "the model; a bundled list of English insults if not given.",
    )

    @model_validator(mode="after")
    def _words_are_for_the_lens(self) -> "ProbeLens":
        if self.lens_words is not None and not self.logit_lens:
            raise ValueError("--lens-words is for the logit lens: add --logit-lens")
        return self
