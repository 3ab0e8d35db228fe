"""The merge methods by name; one file each."""

from detox_cli.models.merging.method import Method
from detox_cli.models.merging.methods.breadcrumbs import BREADCRUMBS, BREADCRUMBS_TIES
from detox_cli.models.merging.methods.dare import DARE_LINEAR, DARE_TIES
from detox_cli.models.merging.methods.della import DELLA, DELLA_LINEAR
from detox_cli.models.merging.methods.linear import LINEAR
from detox_cli.models.merging.methods.model_stock import MODEL_STOCK
from detox_cli.models.merging.methods.nuslerp import NUSLERP
from detox_cli.models.merging.methods.passthrough import PASSTHROUGH
from detox_cli.models.merging.methods.slerp import SLERP
from detox_cli.models.merging.methods.task_arithmetic import TASK_ARITHMETIC
from detox_cli.models.merging.methods.ties import TIES

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        LINEAR,
        TASK_ARITHMETIC,
        SLERP,
        NUSLERP,
        TIES,
        DARE_LINEAR,
        DARE_TIES,
        DELLA,
        DELLA_LINEAR,
        BREADCRUMBS,
        BREADCRUMBS_TIES,
        MODEL_STOCK,
        PASSTHROUGH,
    )
}
