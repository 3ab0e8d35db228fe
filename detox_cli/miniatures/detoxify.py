"""The checkpoint format of the `detoxify` package, made from a model folder."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from detox_cli.errors import BadData


def write_checkpoint(folder: Path, target: Path) -> None:
    """Write to ``target`` what `Detoxify(checkpoint=target, huggingface_config_path=folder)` loads.

    A pickled dict of plain values and tensors, so that it also loads with ``weights_only=True``. It names
    ``folder`` and therefore holds as long as the folder stays where it is.

    Raises:
        BadData: The model is not a multi-label classifier: Detoxify takes a sigmoid of every output.
    """
    config = AutoConfig.from_pretrained(folder)
    if config.num_labels > 1 and config.problem_type != "multi_label_classification":
        raise BadData(
            f"{folder}: its labels exclude each other, which Detoxify cannot express",
            hint="name a classifier of several labels at once",
        )
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    architecture: dict[str, Any] = {
        "model_type": str(folder.resolve()),
        "model_name": type(model).__name__,
        "tokenizer_name": "AutoTokenizer",
        "num_classes": config.num_labels,
    }
    classes = [config.id2label[i] for i in range(config.num_labels)]
    settings = {"arch": {"args": architecture}, "dataset": {"args": {"classes": classes}}}
    torch.save({"config": settings, "state_dict": model.state_dict()}, target)
