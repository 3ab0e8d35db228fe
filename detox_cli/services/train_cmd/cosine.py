"""The published contrast: what the model itself writes is pulled to the positive answer among its states.

Tang et al. 2024 (CMD, EMNLP), section 3.3. Published: every text is encoded alone, the anchor is sampled from
the model at every step, states are averaged over padding too. Here states can also be those within the chain,
the anchor can be the positive answer as the chain has it, and padding does not count unless it is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from detox_cli.models.contrast import anchored_contrast, masked_mean
from detox_cli.services.train_cmd.batches import ChainRow, Ids, Layout, Text, answers_of
from detox_cli.services.train_cmd.sampling import sample
from detox_cli.services.training.lengths import pad

PUBLISHED_WIDTH = 24
"""The published number of positions that states are averaged over."""


@dataclass(frozen=True)
class Cosine:
    """The toxic contrastive loss.

    Attributes:
        layout: Of the model.
        tau: Temperature of the softmax over cosines.
        most: Negatives of a row at most.
        pool: ``mask-mean`` averages over the tokens of an answer, ``all`` over 24 positions, padding too.
        context: Whether an answer is read alone, or after the chain that leads to it.
        anchor: ``sample`` lets the model write it, ``teacher`` takes the positive answer within its chain.
        begin: The tokens that a tokenizer puts before every text.
        end: The token at which a sampled anchor ends.
        seed: Of the samples, together with the step; whatever else was drawn does not matter.
    """

    layout: Layout
    tau: float
    most: int
    pool: Literal["mask-mean", "all"]
    context: Literal["none", "prompt"]
    anchor: Literal["sample", "teacher"]
    begin: Ids
    end: int
    seed: int

    @property
    def reads_states(self) -> bool:
        """The anchor of a teacher, and a positive in context, are states of the chains themselves."""
        return self.anchor == "teacher" or self.context == "prompt"

    def collate(self, rows: Sequence[ChainRow]) -> dict[str, Any]:
        """The rows that have negatives, and their places in the batch."""
        owners = [place for place, row in enumerate(rows) if row.negatives]
        if not owners:
            return {}
        return {"rows": [rows[place] for place in owners], "owners": torch.tensor(owners)}

    def losses(
        self, model: Any, outputs: Any, batch: Mapping[str, Any], parts: Mapping[str, Any], step: int
    ) -> torch.Tensor:
        """One loss for each row of the batch, [rows]; 0 for a row without negatives."""
        rows, owners = parts["rows"], parts["owners"]
        own = self._states_of_chains(outputs, rows, owners) if self.reads_states else None
        sizes = [len(row.negatives[: self.most]) for row in rows]
        negatives = [text for row in rows for text in row.negatives[: self.most]]
        sources = [row.source for row, size in zip(rows, sizes, strict=True) for _ in range(size)]
        texts = [*negatives]
        if self.context == "none":
            texts += [row.positive for row in rows]
            sources += [row.source for row in rows]
        if self.anchor == "sample":
            texts += sample(model, self.layout, rows, self.end, 1_000_003 * self.seed + step)
            sources += [row.source for row in rows]
        states = self._read(model, texts, sources)
        groups = torch.split(states[: len(negatives)], sizes)
        rest = list(torch.split(states[len(negatives) :], len(rows)))
        positives = rest.pop(0) if self.context == "none" else own
        anchors = rest.pop(0) if self.anchor == "sample" else own
        assert anchors is not None and positives is not None
        losses = anchored_contrast(anchors, *_stacked(positives, groups), self.tau)
        return losses.new_zeros(len(batch["labels"])).index_add(0, owners, losses)

    def _states_of_chains(self, outputs: Any, rows: Sequence[ChainRow], owners: torch.Tensor) -> torch.Tensor:
        """The mean state over each positive answer within its chain, [rows with negatives, width]."""
        states = self.layout.states(outputs)[owners]
        return masked_mean(states, answers_of([row.positive for row in rows], states.shape[1]).to(states))

    def _read(self, model: Any, texts: Sequence[Text], sources: Sequence[Ids | None]) -> torch.Tensor:
        """The mean state of each answer, [texts, width]; the model reads them with a gradient."""
        if self.context == "none":
            texts = [self._alone(text) for text in texts]
            sources = [None if source is None else [self.end] for source in sources]
        device = next(model.parameters()).device
        inputs = self.layout.inputs(
            [text.ids for text in texts], sources, PUBLISHED_WIDTH if self.pool == "all" else None
        )
        outputs = model(**{name: one.to(device) for name, one in inputs.items()}, output_hidden_states=True)
        states = self.layout.states(outputs)
        if self.pool == "all":
            return states.mean(1)
        return masked_mean(states, answers_of(texts, states.shape[1]).to(states))

    def _alone(self, text: Text) -> Text:
        """The answer without its chain."""
        if self.pool == "all":
            return Text(text.answer[:PUBLISHED_WIDTH], 0, 0)
        # A decoder that reads one token behind has a state of the last token only if something follows it.
        after = [] if self.layout.decoder_start is None else [self.end]
        start = len(self.begin)
        return Text([*self.begin, *text.answer, *after], start, start + len(text.answer))


def _stacked(positives: torch.Tensor, groups: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Candidates [rows, 1 + most, width], the positive first, and which are there."""
    most = max(len(group) for group in groups)
    filled = [torch.nn.functional.pad(group, (0, 0, 0, most - len(group))) for group in groups]
    present = pad([[1] * (1 + len(group)) for group in groups], 0, 1 + most).bool().to(positives.device)
    return torch.cat([positives.unsqueeze(1), torch.stack(filled)], 1), present
