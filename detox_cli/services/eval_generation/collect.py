"""Prompts in, continuations out: every prompt is read once for all its samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detox_cli.data.readers.prompt import Prompt
from detox_cli.generation.chains.asking import ChainForm
from detox_cli.generation.encoding import first_tokens
from detox_cli.generation.requests import Engine, Request, Sampling
from detox_cli.generation.seeds import row_seed
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.answering import Answers, answer
from detox_cli.services.chain_answers import ChainAnswers, answer_chains, tell_malformed
from detox_cli.services.eval_generation.generations import Generation


@dataclass(frozen=True)
class Drawing:
    """How continuations are drawn.

    Attributes:
        samples: Continuations per prompt.
        sampling: How tokens are chosen.
        prefix: Text before every prompt.
        prompt_tokens: To how many tokens prompts are cut, the prefix left out.
        seed: Each prompt derives its own from it.
    """

    samples: int
    sampling: Sampling
    prefix: str = ""
    prompt_tokens: int | None = None
    seed: int = 0


def requests_for(
    prompts: Sequence[Prompt], drawing: Drawing, tokenizer: Any = None, form: ChainForm | None = None
) -> list[Request]:
    """What is asked for each prompt, in the form of a chain if one is given.

    ``tokenizer`` is needed where prompts are cut.
    """
    texts = [prompt.text for prompt in prompts]
    if drawing.prompt_tokens is not None:
        texts = [first_tokens(text, drawing.prompt_tokens, tokenizer) for text in texts]
    ask = Request if form is None else form.request
    return [
        ask(prompt.id, drawing.prefix + text, row_seed(drawing.seed, prompt.id), drawing.samples)
        for prompt, text in zip(prompts, texts, strict=True)
    ]


def collect(
    engine: Engine,
    prompts: Sequence[Prompt],
    requests: Sequence[Request],
    sampling: Sampling,
    journal: Journal | None,
    progress: Progress,
    form: ChainForm | None = None,
) -> tuple[list[Generation], dict[str, str]]:
    """The continuations of every prompt, in order; and why some could not be answered, by id.

    Raises:
        BadData: None of the prompts could be answered.
    """
    if form is not None:
        chained = answer_chains(engine, form, requests, sampling, journal, progress)
        every = [one for some in chained.answers.values() for one in some]
        tell_malformed(sum(not one.ok for one in every), len(every), form, progress)
        return [_chained(prompt, chained) for prompt in prompts], chained.faults
    answers = answer(engine, requests, sampling, journal, progress, "generating")
    asked = {request.id: str(request.prompt) for request in requests}
    found = [_generation(prompt, asked[prompt.id], answers) for prompt in prompts]
    return found, answers.faults


def _chained(prompt: Prompt, answers: ChainAnswers) -> Generation:
    """The answers alone are the continuations; what was asked for them is no context of theirs."""
    some = answers.answers.get(prompt.id, [])
    return Generation(
        prompt,
        tuple(one.text for one in some),
        tuple(one.tokens for one in some),
        fault=answers.faults.get(prompt.id, ""),
        chains=tuple(one.steps() for one in some),
    )


def _generation(prompt: Prompt, asked: str, answers: Answers) -> Generation:
    completion = answers.completions.get(prompt.id)
    samples = completion.samples if completion is not None else ()
    return Generation(
        prompt,
        tuple(sample.text for sample in samples),
        tuple(sample.tokens for sample in samples),
        None if asked == prompt.text else asked,
        fault=answers.faults.get(prompt.id, ""),
    )
