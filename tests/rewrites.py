"""Six rewrites with their sources and references, and how to evaluate them."""

from detox_cli.data.writing import write_rows
from detox_cli.services.eval_rewrite.run import run
from detox_cli.settings.evaluate import EvalRewriteSettings
from tests.recorder import Recorder

ROWS = [
    # id, source, rewrite, human rewrites
    ("a", "this idea is dumb", "this idea could be better", ["I do not like this idea"]),
    ("b", "shut up already", "please be quiet", ["please be quiet", "be silent please"]),
    (
        "c",
        "what a load of rubbish they wrote",
        "what a load of rubbish they wrote",
        ["I disagree with what they wrote"],
    ),
    ("d", "you are a stupid person", "", ["you are not wise"]),
    (
        "e",
        "why would anybody do such a silly thing",
        "I cannot rewrite content that is offensive.",
        ["why do such a thing"],
    ),
    ("f", "nobody likes you , idiot", "nobody likes you", ["you are not popular"]),
]


def write(path, rows=ROWS, **columns):
    records = [{"id": i, "toxic": s, "neutral": o, "references": r} | columns for i, s, o, r in rows]
    write_rows(path, records)
    return str(path)


def evaluate(scorers, *files, progress=None, **settings):
    return run(EvalRewriteSettings(files=files, **(scorers | settings)), progress or Recorder())


def named(result, name):
    return next(scores for scores in result.systems if scores.system == name)
