"""Conversations reach the model as its template writes them, with one BOS."""

import pytest
from transformers import AutoTokenizer

from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.chat import chat_ids, read_chat_format, render_chat
from detox_cli.generation.requests import Request, Sampling, Turn
from tests.generation.conftest import engine_of

TALK = (Turn("system", "Be polite."), Turn("user", "You know nothing."), Turn("assistant", "Thank you."))
QUESTION = (*TALK, Turn("user", "Please read."))
MISTRAL_LIKE = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"
)
DROPS_SYSTEM = (
    "{{ bos_token }}{% for m in messages if m['role'] != 'system' %}[{{ m['role'] }}]"
    "{{ m['content'] }}{% endfor %}"
)


@pytest.fixture
def tokenizer(tiny_tokenizer):
    return AutoTokenizer.from_pretrained(tiny_tokenizer)


def test_there_is_one_bos_although_both_template_and_tokenizer_add_one(tokenizer):
    ids = chat_ids(tokenizer, QUESTION, read_chat_format(tokenizer))
    assert tokenizer("x").input_ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1 and ids[0] == tokenizer.bos_token_id
    whole = tokenizer.apply_chat_template(
        [{"role": t.role, "content": t.text} for t in QUESTION], add_generation_prompt=True, return_dict=False
    )
    assert ids == whole


def test_the_end_of_a_turn_is_read_off_the_template(tokenizer):
    assert read_chat_format(tokenizer).end_of_turn == tokenizer.eos_token_id
    tokenizer.chat_template = tokenizer.chat_template.replace("eos_token", "'<mask>'")
    assert read_chat_format(tokenizer).end_of_turn == tokenizer.mask_token_id


@pytest.mark.parametrize("template", [MISTRAL_LIKE, DROPS_SYSTEM], ids=["raises", "drops"])
def test_a_template_without_system_role_gets_it_in_the_first_user_turn(tokenizer, template):
    tokenizer.chat_template = template
    chat = read_chat_format(tokenizer)
    assert not chat.has_system and chat.name == "template without system role"
    text = render_chat(tokenizer, QUESTION, chat)
    assert "[user]Be polite.\n\nYou know nothing.[assistant]Thank you.[user]Please read." in text


def test_without_a_template_a_conversation_is_plain_text(tokenizer):
    tokenizer.chat_template = None
    chat = read_chat_format(tokenizer)
    wanted = "Be polite.\n\nUser: You know nothing.\nAssistant: Thank you.\nUser: Please read.\nAssistant:"
    assert render_chat(tokenizer, QUESTION, chat) == wanted
    assert chat_ids(tokenizer, QUESTION, chat) == tokenizer(wanted).input_ids
    assert chat.stop == ("\nUser:",)


@pytest.mark.parametrize(
    "turns", [(), TALK, (Turn("assistant", "x"),), (TALK[1], TALK[1])], ids=["empty", "open", "bot", "twice"]
)
def test_turns_out_of_order_are_refused(tokenizer, turns):
    with pytest.raises(BadData, match="a conversation is"):
        render_chat(tokenizer, turns, read_chat_format(tokenizer))


def test_an_encoder_decoder_takes_no_conversation(tiny_seq2seq):
    engine = engine_of(tiny_seq2seq)
    with pytest.raises(BadSettings, match="not a conversation"):
        next(engine.generate([Request("1", QUESTION, 0)], Sampling(max_new_tokens=2)))


THINKS = (
    "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}"
    "[assistant]{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
    "{% endif %}"
)
OPENS = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}[assistant]<think>\n"


@pytest.mark.parametrize("template", [THINKS, OPENS], ids=["may think", "thinks"])
def test_a_thinking_block_is_closed_before_the_answer(tokenizer, template):
    tokenizer.chat_template = template
    chat = read_chat_format(tokenizer)
    text = render_chat(tokenizer, (Turn("user", "Please read."),), chat)
    assert text == "[user]Please read.[assistant]<think>\n\n</think>\n\n"
    assert chat.name == "template, thinking closed"
