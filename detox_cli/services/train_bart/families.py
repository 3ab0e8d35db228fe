"""What families of encoder-decoders want to be told: languages, and the token that an answer begins with."""

from difflib import get_close_matches
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded
from detox_cli.settings.train import BartSettings

WITHOUT_FIRST_TOKEN = ("t5", "mt5", "umt5", "longt5", "switch_transformers")
"""Their decoder starts from the padding token, and the first token is text."""


def set_languages(settings: BartSettings, loaded: Loaded) -> None:
    """Tell the tokenizer of mBART, NLLB or M2M100 the languages, which it saves with the model.

    Raises:
        BadSettings: The model wants languages and has none, or the other way round, or does not know one.
    """
    tokenizer = loaded.tokenizer
    if not hasattr(tokenizer, "src_lang"):
        if settings.source_lang or settings.target_lang:
            raise BadSettings(
                f"{settings.model} has no language codes", where="--source-lang", hint="leave it out"
            )
        return
    if settings.source_lang is None:
        raise BadSettings(
            f"{settings.model} has to be told the language",
            where="--source-lang",
            hint=f"give its code, such as {_codes(tokenizer)[0]}; --target-lang is the same if not given",
        )
    target = settings.target_lang or settings.source_lang
    for flag, code in (("--source-lang", settings.source_lang), ("--target-lang", target)):
        _check_code(tokenizer, code, flag)
    tokenizer.src_lang, tokenizer.tgt_lang = settings.source_lang, target


def first_tokens(loaded: Loaded) -> dict[str, int | None]:
    """The generation settings that say what an answer begins with, as far as the family is known.

    BART: ``<s>`` is forced, without which the first tokens of bart-large are unstable. T5: nothing is. Models
    with languages: the code of the target, forced after the start (mBART-50, NLLB, M2M100: it is the first
    token of a target) or itself the start (the first mBART: it is the last one, and wraps around).
    """
    kind, tokenizer = loaded.model.config.model_type, loaded.tokenizer
    if hasattr(tokenizer, "src_lang"):
        frame = tokenizer(text_target="")["input_ids"]
        code = next(token for token in frame if token != tokenizer.eos_token_id)
        if frame[0] == code:
            return {"forced_bos_token_id": code}
        return {"forced_bos_token_id": None, "decoder_start_token_id": code}
    if kind == "bart":
        return {"forced_bos_token_id": loaded.model.config.bos_token_id}
    return {"forced_bos_token_id": None} if kind in WITHOUT_FIRST_TOKEN else {}


def _check_code(tokenizer: Any, code: str, flag: str) -> None:
    known = _codes(tokenizer)
    if code not in known:
        near = get_close_matches(code, known, n=1, cutoff=0.3)
        hint = (f"did you mean {near[0]}? " if near else "") + f"it knows {', '.join(known)}"
        raise BadSettings(f"the model has no language {code!r}", where=flag, hint=hint)


def _codes(tokenizer: Any) -> list[str]:
    """The codes that a tokenizer lists, as languages or (NLLB) as its special tokens."""
    return list(getattr(tokenizer, "lang_code_to_id", None) or map(str, tokenizer.extra_special_tokens))
