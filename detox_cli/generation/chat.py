"""Conversations as token ids: through the model's own template, or a documented plain format."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError

from detox_cli.errors import BadData
from detox_cli.generation.requests import Turn

PROBE = "Zq7 probe of the system role"
PLAIN_LABELS = {"user": "User", "assistant": "Assistant"}
PLAIN_STOP = "\nUser:"


@dataclass(frozen=True)
class ChatFormat:
    """How a tokenizer writes conversations; made once per tokenizer by `read_chat_format`.

    Attributes:
        has_template: Whether the tokenizer brings a chat template. Without one, conversations are plain
            text: the system text, a blank line, then lines ``User: …`` and ``Assistant: …``.
        has_system: Whether the template prints a system turn. If not, its text opens the first user turn.
        end_of_turn: The special token that the template writes after an assistant's text.
        closing: What ends the thinking that the template lets an assistant begin with. It is written after
            the prompt, so that the tokens of an answer are not spent on thoughts.
    """

    has_template: bool
    has_system: bool
    end_of_turn: int | None = None
    closing: str = ""

    @property
    def name(self) -> str:
        """For a record of what was done: ``template``, with what it lacks and ends, or ``plain``."""
        if not self.has_template:
            return "plain"
        found = "template" if self.has_system else "template without system role"
        return f"{found}, thinking closed" if self.closing else found

    @property
    def stop(self) -> tuple[str, ...]:
        """Texts that end an answer in this format; a template ends it with a token instead."""
        return () if self.has_template else (PLAIN_STOP,)


def use_template(tokenizer: Any, file: Path) -> None:
    """Write conversations by the template in a file (Jinja), in place of the model's own.

    Raises:
        BadData: The file is not there, or no template of the syntax.
    """
    try:
        tokenizer.chat_template = file.read_text(encoding="utf-8")
        _apply(tokenizer, [("user", "x")], add_generation_prompt=True)
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(
            "cannot be read as a chat template",
            where=str(file),
            hint="name a UTF-8 file with a template in Jinja",
        ) from error
    except TemplateSyntaxError as error:
        where = f"{file}:{error.lineno}"
        raise BadData(
            f"is no chat template: {error.message}", where=where, hint="correct the template there"
        ) from error
    except TemplateError as error:
        raise BadData(
            f"cannot write a user's turn: {error.message}",
            where=str(file),
            hint="correct the template, or leave --chat-template out for the model's own",
        ) from error


def read_chat_format(tokenizer: Any) -> ChatFormat:
    """Find out from the template itself, by rendering probes, what it can do."""
    if not getattr(tokenizer, "chat_template", None):
        return ChatFormat(has_template=False, has_system=True)
    return ChatFormat(True, _prints_system(tokenizer), _end_of_turn(tokenizer), _closing(tokenizer))


def render_chat(tokenizer: Any, turns: Sequence[Turn], chat: ChatFormat) -> str:
    """The text of a conversation that the assistant is to continue, special tokens written out.

    Raises:
        BadData: The turns are not (system,) user, assistant, …, user.
    """
    _check_order(turns)
    if not chat.has_template:
        return _plain(turns)
    known = turns if chat.has_system else fold_system(turns)
    return _apply(tokenizer, [(t.role, t.text) for t in known], add_generation_prompt=True) + chat.closing


def chat_ids(tokenizer: Any, turns: Sequence[Turn], chat: ChatFormat) -> list[int]:
    """Token ids of a conversation. A template writes its own special tokens, so none are added to it;
    plain text gets those of the tokenizer. Either way there is one beginning-of-sequence token at most.
    """
    text = render_chat(tokenizer, turns, chat)
    return list(tokenizer(text, add_special_tokens=not chat.has_template).input_ids)


def fold_system(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The same conversation with the system text at the head of the first user turn."""
    if turns[0].role != "system":
        return tuple(turns)
    return (Turn("user", f"{turns[0].text}\n\n{turns[1].text}"), *turns[2:])


def _check_order(turns: Sequence[Turn]) -> None:
    talk = turns[1:] if turns and turns[0].role == "system" else turns
    wanted = ["user", "assistant"] * len(talk)
    if not talk or talk[-1].role != "user" or any(t.role != w for t, w in zip(talk, wanted, strict=False)):
        order = ", ".join(t.role for t in turns) or "nothing"
        raise BadData(
            f"a conversation is (system,) user, assistant, …, user; this one is {order}",
            hint="correct the conversation",
        )


def _plain(turns: Sequence[Turn]) -> str:
    head = f"{turns[0].text}\n\n" if turns[0].role == "system" else ""
    lines = [f"{PLAIN_LABELS[t.role]}: {t.text}\n" for t in turns if t.role != "system"]
    return head + "".join(lines) + "Assistant:"


def _apply(
    tokenizer: Any, messages: list[tuple[str, str]], *, add_generation_prompt: bool, **variables: bool
) -> str:
    conversation = [{"role": role, "content": text} for role, text in messages]
    return str(
        tokenizer.apply_chat_template(
            conversation, tokenize=False, add_generation_prompt=add_generation_prompt, **variables
        )
    )


def _closing(tokenizer: Any) -> str:
    """What a template itself writes when it is told not to think, or the end of a block that it opens."""
    messages = [("user", "x")]
    try:
        usual = _apply(tokenizer, messages, add_generation_prompt=True)
        silent = _apply(tokenizer, messages, add_generation_prompt=True, enable_thinking=False)
    except Exception:  # as below
        return ""
    if silent != usual and silent.startswith(usual):
        return silent.removeprefix(usual)
    if not usual.rstrip().endswith("<think>"):
        return ""
    return ("\n" if usual.endswith("\n") else "\n\n") + "</think>\n\n"


def _prints_system(tokenizer: Any) -> bool:
    """Whether a system turn reaches the rendered text; templates without the role raise or drop it."""
    messages = [("system", PROBE), ("user", "x")]
    try:
        return PROBE in _apply(tokenizer, messages, add_generation_prompt=True)
    except Exception:  # a template may raise anything, most raise jinja2's TemplateError
        return False


def _end_of_turn(tokenizer: Any) -> int | None:
    """The special token that follows an assistant's text, seen by rendering one."""
    try:
        text = _apply(tokenizer, [("user", "x"), ("assistant", PROBE)], add_generation_prompt=False)
    except Exception:  # as above
        return None
    after = tokenizer(text.rpartition(PROBE)[2].lstrip(), add_special_tokens=False).input_ids
    return int(after[0]) if after and _is_special(tokenizer, after[0]) else None


def _is_special(tokenizer: Any, token: int) -> bool:
    added = tokenizer.added_tokens_decoder.get(token)
    return token in tokenizer.all_special_ids or (added is not None and bool(added.special))
