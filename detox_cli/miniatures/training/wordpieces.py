"""The tokenizer of the bundled encoders: uncased WordPiece, small enough to ship."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ALPHABET, RAREST = 300, 3


def train_wordpieces(texts: Iterable[str], size: int, max_length: int) -> PreTrainedTokenizerFast:
    """A BERT-style tokenizer of at most ``size`` pieces; ``max_length`` counts [CLS] and [SEP].

    The trainer numbers the letters that continue a word in the order of a hash table, and settles ties by
    number, so it gives another vocabulary each time. Here every letter has its number beforehand.
    """
    texts = list(texts)
    tokenizer = _tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=60))
    letters = _letters(tokenizer, texts)
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *letters, *(f"##{letter}" for letter in letters)],
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        min_frequency=RAREST,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # A new tokenizer, in which letters are pieces like others and not special tokens.
    pieces = models.WordPiece(tokenizer.get_vocab(), unk_token="[UNK]", max_input_chars_per_word=60)
    names = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    return PreTrainedTokenizerFast(
        tokenizer_object=_tokenizer(pieces),
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
        **names,
    )


def _tokenizer(model: models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", SPECIAL.index("[SEP]")), ("[CLS]", SPECIAL.index("[CLS]"))
    )
    return tokenizer


def _letters(tokenizer: Tokenizer, texts: Sequence[str]) -> list[str]:
    """The most frequent letters, in order of their code points."""
    counts = Counter("".join(tokenizer.normalizer.normalize_str("\n".join(texts)).split()))
    common = sorted(counts, key=lambda letter: (-counts[letter], letter))[:ALPHABET]
    return sorted(common)
