"""Run trainings one after another with weights split by FSDP over processes on CPUs."""

import json
import sys
from pathlib import Path

from detox_cli.errors import DetoxError
from detox_cli.services.train_bart.run import run as bart
from detox_cli.services.train_cmd.run import run as cmd
from detox_cli.services.train_dpo.run import run as dpo
from detox_cli.services.train_lm.run import run as lm
from detox_cli.settings.train import BartSettings
from detox_cli.settings.train_cmd import CmdSettings
from detox_cli.settings.train_dpo import DpoSettings
from detox_cli.settings.train_lm import LmSettings
from tests.services import fsdp_on_cpus  # noqa: F401

KINDS = {
    "bart": (bart, BartSettings),
    "cmd": (cmd, CmdSettings),
    "dpo": (dpo, DpoSettings),
    "lm": (lm, LmSettings),
}
for kind, settings in json.loads(Path(sys.argv[1]).read_text()):
    run, form = KINDS[kind]
    try:
        run(form.model_validate(settings))
    except DetoxError as error:
        print(f"{kind}: {error}", file=sys.stderr)
