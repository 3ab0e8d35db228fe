"""One thing that was looked at."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["ok", "note", "broken"]
Part = Literal["software", "machine", "hub", "bundle"]


class Check(BaseModel):
    """What was found, and what to do about it.

    ``note`` is worth knowing and stops nothing by itself; with ``broken`` some command cannot work here, and
    there is advice.
    """

    model_config = ConfigDict(frozen=True)

    part: Part
    name: str
    state: State
    found: str
    advice: str = ""
