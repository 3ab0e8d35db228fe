"""The chat model with what was measured on the bundled instructions, for tests that choose and search."""

from dataclasses import dataclass

import numpy as np

from detox_cli.data.rejects import Rejects
from detox_cli.generation.load import load_engine
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.direction_file import Measured
from detox_cli.models.interventions import intervening
from detox_cli.models.removal import Removal
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Silent
from detox_cli.scoring.instruction_refusals import declines
from detox_cli.services.abliterate.choice.choose import Choosing, choose
from detox_cli.services.abliterate.contrast.contrasts import Contrast, Prompt
from detox_cli.services.abliterate.contrast.files import Wording
from detox_cli.services.abliterate.contrast.make import Sources, asking, make_contrast
from detox_cli.services.abliterate.measure import measure, token_ids


@dataclass
class Bench:
    """A model, a contrast of it, and what was measured."""

    engine: TransformersEngine
    contrast: Contrast
    measured: Measured

    @property
    def anatomy(self) -> Anatomy:
        return anatomy_of(self.engine.model)

    def choose(self, how: Choosing, **more):
        sides = (self.contrast.positive.val, self.contrast.negative.val)
        positive, negative = (token_ids(self.engine.reader, side) for side in sides)
        ends = self.engine.stop_tokens(chat=True)
        return choose(self.engine.model, self.anatomy, self.measured, positive, negative, ends, how, **more)

    def refused(self, removal: Removal, prompts: tuple[Prompt, ...]) -> float:
        """The share of prompts that is declined by the model with something removed."""
        with intervening(self.engine.model, self.anatomy, removal):
            answers = asking(self.engine, None, Silent())(prompts)
        return float(np.mean([declines(text) for text in answers.values()]))


def read_bench() -> Bench:
    """Ask the model, and measure."""
    engine = load_engine(find_model("builtin:chat"), device="cpu")
    wording = Wording(engine.reader.chat)
    contrast = make_contrast(Sources("refusal"), wording, asking(engine, None, Silent()), Rejects(), Silent())
    anatomy, model = anatomy_of(engine.model), engine.model
    measured = measure(model, anatomy, engine.reader, contrast, "", Silent(), positions=3)
    return Bench(engine, contrast, measured)
