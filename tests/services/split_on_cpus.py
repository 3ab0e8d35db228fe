"""Run trainings one after another with weights split by FSDP over processes on CPUs.

Accelerate gives FSDP to processes on GPUs only, although torch has it for CPUs; that is all that is changed.
"""

import json
import sys
from pathlib import Path
from typing import Any

from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType

from detox_cli.errors import DetoxError
from detox_cli.services.train_bart.run import run as bart
from detox_cli.services.train_cmd.run import run as cmd
from detox_cli.services.train_dpo.run import run as dpo
from detox_cli.services.train_lm.run import run as lm
from detox_cli.settings.train import BartSettings
from detox_cli.settings.train_cmd import CmdSettings
from detox_cli.settings.train_dpo import DpoSettings
from detox_cli.settings.train_lm import LmSettings

KINDS = {
    "bart": (bart, BartSettings),
    "cmd": (cmd, CmdSettings),
    "dpo": (dpo, DpoSettings),
    "lm": (lm, LmSettings),
}
as_it_is = AcceleratorState.__init__


def on_cpus_too(self: Any, *args: Any, fsdp_plugin: Any = None, **rest: Any) -> None:
    """As accelerate does it, then FSDP for processes on CPUs."""
    as_it_is(self, *args, fsdp_plugin=fsdp_plugin, **rest)
    if fsdp_plugin is not None and self.distributed_type is DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.FSDP
        self.fsdp_plugin = fsdp_plugin
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP


AcceleratorState.__init__ = on_cpus_too  # type: ignore[method-assign]
for kind, settings in json.loads(Path(sys.argv[1]).read_text()):
    run, form = KINDS[kind]
    try:
        run(form.model_validate(settings))
    except DetoxError as error:
        print(f"{kind}: {error}", file=sys.stderr)
