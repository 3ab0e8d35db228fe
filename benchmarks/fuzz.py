"""A coverage-guided fuzzer on every reader: no input may end in anything but a result or one line.

    pip install atheris
    python benchmarks/fuzz.py [--seconds 30] [--reader "a rule" …] [--corpus DIR]

libFuzzer (through atheris) changes the examples of ``tests/fuzz/readers.py`` so that ever more branches of
``detox_cli`` are reached. Each reader has a process of its own. An input that ends in another error than
`DetoxError`, or that takes longer than 10 seconds, is a fault: it is kept as ``fault-*`` in the corpus, and
the exit code is 1. With ``--corpus`` what reached something new is kept, and a later call starts from it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HANG_SECONDS = 10
LONGEST_INPUT = 4096
STATE = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+)")


def main() -> int:
    options = _options()
    if options.inside is not None:
        return _fuzz(options.inside, options.corpus, options.seconds)
    from tests.fuzz.readers import READERS

    names = options.reader or [reader.name for reader in READERS]
    folder = options.corpus or Path(tempfile.mkdtemp())
    faults = 0
    print(f"{'reader':26} {'inputs':>9} {'per s':>7} {'branches':>8}  faults")
    for name in names:
        place = folder / name.replace(" ", "-")
        place.mkdir(parents=True, exist_ok=True)
        words = ["--inside", name, "--corpus", str(place), "--seconds", str(options.seconds)]
        done = subprocess.run(
            [sys.executable, __file__, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            errors="replace",
        )
        states = STATE.findall(done.stdout)
        tried, branches = states[-1] if states else ("0", "0")
        kept = sorted(path.name for path in place.glob("fault-*"))
        faults += bool(done.returncode)
        speed = int(tried) / options.seconds
        print(f"{name:26} {tried:>9} {speed:7.0f} {branches:>8}  {', '.join(kept) or '-'}", flush=True)
        if done.returncode:
            print(_reason(done.stdout), file=sys.stderr)
    return 1 if faults else 0


def _fuzz(name: str, corpus: Path, seconds: int) -> int:
    """Never returns: libFuzzer ends the process."""
    import atheris

    # The libraries first, so that only branches of this project are counted.

    for module in [found for found in sys.modules if found.startswith(("detox_cli", "tests.fuzz"))]:
        del sys.modules[module]
    with atheris.instrument_imports(include=["detox_cli"]):
        from detox_cli.errors import DetoxError
        from tests.fuzz.readers import READERS

    reader = next(one for one in READERS if one.name == name)
    for number, example in enumerate(reader.examples):
        (corpus / f"example-{number}").write_bytes(example)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)

        def once(content: bytes) -> None:
            try:
                reader.try_on(content, Path(folder))
            except DetoxError as error:
                if "\n" in str(error) or not str(error).strip():
                    raise AssertionError(f"not one line: {error!r}") from error

        flags = [f"-max_total_time={seconds}", f"-timeout={HANG_SECONDS}", f"-max_len={LONGEST_INPUT}"]
        atheris.Setup([sys.argv[0], *flags, f"-artifact_prefix={corpus}/fault-", str(corpus)], once)
        atheris.Fuzz()
    return 0


def _reason(told: str) -> str:
    """The exception of Python, or what libFuzzer says of a hang."""
    lines = [line for line in told.splitlines() if line.strip()]
    for sign, count in (("Uncaught Python exception", 25), ("ERROR: libFuzzer", 3)):
        for at, line in enumerate(lines):
            if sign in line:
                return "\n".join(lines[at : at + count])
    return "\n".join(lines[-15:])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=30, help="for each reader")
    parser.add_argument("--reader", action="append", help="only this one; may be repeated")
    parser.add_argument("--corpus", type=Path, help="folder that keeps what reached something new")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.corpus = options.corpus.absolute() if options.corpus else None
    return options


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.exit(main())
