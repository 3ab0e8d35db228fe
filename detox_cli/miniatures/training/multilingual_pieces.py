"""The tokenizer of `builtin:toxicity-multilingual`: pieces of any script, learned without knowing words."""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from detox_cli.miniatures.training.wordpieces import SPECIAL

ALPHABET, LONGEST_PIECE = 4500, 12


def train_pieces(texts: Iterable[str], size: int, max_length: int) -> PreTrainedTokenizerFast:
    """A byte-pair tokenizer of ``size`` pieces over lower-case NFKD; ``max_length`` counts [CLS] and [SEP].

    Taking letters apart leaves Korean with 70 of them and keeps an accent as a sign of its own. Runs of text
    without spaces, as in Chinese and Japanese, are cut by the pieces alone.
    """
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\s+"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated"), pre_tokenizers.Digits(True)]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        limit_alphabet=ALPHABET,
        max_token_length=LONGEST_PIECE,
        min_frequency=3,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", SPECIAL.index("[SEP]")), ("[CLS]", SPECIAL.index("[CLS]"))
    )
    names = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
        **names,
    )
