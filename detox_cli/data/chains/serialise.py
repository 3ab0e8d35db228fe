"""From a record to the two texts of a training row: what the model reads, and what it is to write."""

from dataclasses import dataclass

from detox_cli.data.chains.record import MASK, Chain, ChainRecord
from detox_cli.data.chains.template import ChainTemplate
from detox_cli.errors import BadData

CONTINUE = "make its continuations again: detox synth chain"
OTHER_FORM = "choose another form with --template, or run the stages before: detox synth chain"


@dataclass(frozen=True, slots=True)
class WrittenChain:
    """A chain as text.

    Attributes:
        id: Of its record.
        text: The prompt as it was before it was put into the form.
        prompt: What the model reads; exactly this is asked at inference.
        completion: What it is to write, with the closing delimiter, without an end-of-sequence token.
        context: The beginning of the completion up to and with the answer's mark: ``prompt + context`` is
            where the continuation starts, the ``cl_template`` of the contrastive loss.
    """

    id: str
    text: str
    prompt: str
    completion: str
    context: str

    @property
    def answer_prefix(self) -> str:
        """Everything that stands before the continuation."""
        return self.prompt + self.context


def answer_id(record: str, number: int) -> str:
    """The id of a record's chain with its answer (0), or with one of those that it should not end in."""
    return f"{record}, toxic answer {number}" if number else record


def serialise(
    record: ChainRecord, template: ChainTemplate, *, candidate: int | None = None, direct: bool = False
) -> WrittenChain:
    """Write a record in the form of a template.

    Args:
        record: Its prompt, and if it is toxic its masked and safe texts.
        template: The form.
        candidate: The continuation by its place; the record's positive one if not given. With neither, the
            chain declines to continue, if the template has a road for that.
        direct: Answer without a chain.

    Raises:
        BadData: The record is dropped or lacks what the template wants.
    """
    if record.dropped is not None:
        raise BadData(f"is left out: {record.dropped}", where=record.id, hint="leave it out")
    road = road_of(record, template, answered=candidate is not None or record.pos is not None, direct=direct)
    texts = _texts(record, candidate)
    pieces, marked = [], None
    for literal, name in template.parts(road):
        pieces.append(literal)
        if name == "continuation":
            marked = "".join(pieces)
        if name is not None:
            pieces.append(_field(name, texts[name], record, template))
    written = "".join(pieces)
    context = written if marked is None else marked[: marked.rindex(template.answer) + len(template.answer)]
    return WrittenChain(record.id, record.text, template.ask(record.text), written, context)


def with_chain(record: ChainRecord, template: ChainTemplate, *, direct: bool = False) -> ChainRecord:
    """The record with its chain written."""
    made = serialise(record, template, direct=direct)
    return record.with_(chain=Chain(template=template.id, prompt=made.prompt, completion=made.completion))


def road_of(record: ChainRecord, template: ChainTemplate, *, answered: bool, direct: bool = False) -> str:
    """The way that the chain of a record takes.

    Raises:
        BadData: The template has no such way.
    """
    if direct or set(template.roads) == {"direct"}:
        road = "direct"
    else:
        road = ("toxic" if record.toxic else "safe") + ("" if answered else "_abstain")
    if road == "direct" and not answered:
        raise BadData("has no positive continuation", where=record.id, hint=CONTINUE)
    if road not in template.roads:
        wants = "has no positive continuation" if not answered else f"the template has no road {road!r}"
        raise BadData(f"{wants} ({template.id})", where=record.id, hint=OTHER_FORM)
    return road


def _texts(record: ChainRecord, candidate: int | None) -> dict[str, str | None]:
    chosen, place = None, record.pos if candidate is None else candidate
    if place is not None:
        candidates = record.candidates or ()
        if not 0 <= place < len(candidates):
            raise BadData(f"has no continuation {place}", where=record.id, hint=CONTINUE)
        chosen = candidates[place].text
    return {"masked": record.masked, "rephrased": record.safe_text, "continuation": chosen}


def _field(name: str, text: str | None, record: ChainRecord, template: ChainTemplate) -> str:
    if text is None:
        wanted = {"masked": "masked", "rephrased": "safe_text", "continuation": "pos"}[name]
        raise BadData(f"{wanted} is missing, which {template.id} writes", where=record.id, hint=OTHER_FORM)
    pieces = _around_masks(record, text) if name == "masked" else [text]
    return template.writing.write(pieces, template.mask)


def _around_masks(record: ChainRecord, masked: str) -> list[str]:
    """What stands between the masks; a mask that is the prompt's own text is told from ours by the spans."""
    pieces, start = list[str](), 0
    for span in record.spans or ():
        if pieces and not record.text[start : span.start]:
            start = span.end  # the next span goes on where the last one ended: one mask for both
            continue
        pieces.append(record.text[start : span.start])
        start = span.end
    pieces.append(record.text[start:])
    return pieces if MASK.join(pieces) == masked else masked.split(MASK)
