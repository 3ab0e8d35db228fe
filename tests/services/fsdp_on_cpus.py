"""``detox`` with FSDP on CPUs: accelerate gives it to GPUs only, although torch has it for both.

That is all that is changed; ``accelerate launch … tests/services/fsdp_on_cpus.py train lm …`` is the command.
"""

from typing import Any

from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType

as_it_is = AcceleratorState.__init__


def on_cpus_too(self: Any, *args: Any, fsdp_plugin: Any = None, **rest: Any) -> None:
    """As accelerate does it, then FSDP for processes on CPUs."""
    as_it_is(self, *args, fsdp_plugin=fsdp_plugin, **rest)
    if fsdp_plugin is not None and self.distributed_type is DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.FSDP
        self.fsdp_plugin = fsdp_plugin
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP


AcceleratorState.__init__ = on_cpus_too  # type: ignore[method-assign]
if __name__ == "__main__":
    from detox_cli.__main__ import main

    main()
