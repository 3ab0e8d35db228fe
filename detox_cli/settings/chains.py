"""How a model is asked for chains: the options of every command that asks."""

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Section
from detox_cli.settings.offers import CHAINS

PANEL = "Chains"


class ChainOptions(Section):
    """Asking a model that detoxifies itself; everything here has a meaning with ``chain`` only."""

    chain: Annotated[
        str | None, Flag(complete="form", words=("cmd", *CHAINS), panel=PANEL, metavar="cmd|TEMPLATE|FILE")
    ] = Field(
        None,
        description="Ask for a self-detoxification chain and take its answer: cmd for the form that the "
        "model was trained with, the name of a bundled one (cmd-v3-code), or a .toml or .json file.",
    )
    chain_tokens: Annotated[PositiveInt | None, Flag(panel=PANEL)] = Field(
        None,
        description="Longest chain with its answer, in tokens: 512, or what the model's context leaves.",
    )
    chain_retries: Annotated[NonNegativeInt, Flag(panel=PANEL)] = Field(
        3, description="How often a chain that cannot be read is drawn anew, before there is no answer."
    )
    chain_prefill: Annotated[bool, Flag(panel=PANEL)] = Field(
        False, description="Begin every chain for the model, so that it cannot answer without one."
    )
