"""All files of a model in a local folder, for work on the files themselves."""

from pathlib import Path

from detox_cli.errors import Missing
from detox_cli.models.sources import WAYS_OUT, ModelSource

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
NOT_NEEDED = ("*.gguf", "*.ggml", "*.onnx", "*.h5", "*.msgpack", "*.tflite", "*.mlmodel", "original/*")


def local_folder(source: ModelSource, fetch: bool = True) -> Path:
    """Where the files of a model are; those of a Hub model are fetched, but for weights in other formats.

    Args:
        source: The model.
        fetch: Whether files may be fetched that are not here.

    Raises:
        Missing: They cannot be fetched.
    """
    if source.kind != "hub":
        return Path(source.location)
    from huggingface_hub.errors import LocalEntryNotFoundError  # folders need no client of the hub

    try:
        folder = _snapshot(source, (*NOT_NEEDED, *PICKLED), fetch)
        if not any(folder.glob("*.safetensors")):
            folder = _snapshot(source, NOT_NEEDED, fetch)
    except LocalEntryNotFoundError as error:
        raise Missing(f"the files of {source.name} cannot be fetched from here", hint=WAYS_OUT) from error
    if not any(any(folder.glob(kind)) for kind in ("*.safetensors", *PICKLED)):
        raise Missing(f"the weights of {source.name} are not here", hint=WAYS_OUT)
    return folder


def _snapshot(source: ModelSource, ignored: tuple[str, ...], fetch: bool) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            source.location,
            revision=source.revision,
            ignore_patterns=list(ignored),
            local_files_only=not fetch,
        )
    )
