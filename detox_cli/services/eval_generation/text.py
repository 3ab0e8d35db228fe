"""The measured model's own perplexity on a text, in windows: what detoxifying costs everywhere else."""

from pathlib import Path

from detox_cli.data.bundled import is_bundled
from detox_cli.data.lines import numbered_lines
from detox_cli.data.reading import pick_column, read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.generation.encoding import context_length
from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Progress, Silent
from detox_cli.scoring.losses import Loss, window_losses, windows_of
from detox_cli.scoring.perplexity import BATCH_TOKENS, own_opening, plain_ids, window_size
from detox_cli.services.eval_generation.protocols import Protocol


def read_text(path: Path, protocol: Protocol) -> str:
    """The file as one text, as it stands or, where the protocol says so, with blank lines between its lines.

    Bundled rows are their texts with blank lines between.

    Raises:
        BadData: It cannot be read, or holds nothing.
    """
    if is_bundled(path):
        rows = read_rows(str(path), Rejects(strict=True))
        column = pick_column(rows, None, ("text",), str(path))
        return "\n\n".join(str(row.values[column]) for row in rows)
    lines = [line for _, line in numbered_lines(str(path))]
    text = "\n\n".join(line.rstrip("\n") for line in lines) if protocol.blank_lines else "".join(lines)
    if not text.strip():
        raise BadData("holds no text", where=str(path), hint="name a text file")
    return text


SILENT = Silent()


def windowed_losses(loaded: Loaded, text: str, protocol: Protocol, progress: Progress = SILENT) -> list[Loss]:
    """The loss in every window of the protocol; their sum is that of the text.

    Windows that do not overlap begin without context, as in the papers that use them.
    """
    opening = own_opening(loaded.tokenizer)
    longest = context_length(loaded.model.config) or 1024
    size = window_size(loaded, protocol.window or longest, opening)
    stride = protocol.stride or size
    ids = plain_ids(loaded.tokenizer, text)
    windows = [
        window._replace(row=row) for row, window in enumerate(windows_of(0, ids, 0, opening, size, stride))
    ]
    return window_losses(loaded, windows, len(windows), BATCH_TOKENS, progress, "reading the text")
