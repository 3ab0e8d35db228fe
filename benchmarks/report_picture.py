"""The picture of a report in the docs: two models measured, and their page in a browser. Needs Chromium.

``python benchmarks/report_picture.py`` runs the commands in an empty folder with bundled models, opens the
page without a screen, and writes ``docs/report.png``. Texts on the page are in outline.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs/report.png"
COMMANDS = (
    "eval generation builtin:lm --prompts builtin:openings --limit 24 --num-samples 4 --profile offline "
    "-o runs/lm",
    "eval generation builtin:chat --prompts builtin:openings --limit 24 --num-samples 4 --profile offline "
    "-o runs/chat",
    "report runs -o report.html",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1000, 1180


def main() -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("no Chromium is installed")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for line in COMMANDS:
            print(f"detox {line}", flush=True)
            words = [sys.executable, "-m", "detox_cli", *line.split(), "--quiet"]
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            subprocess.run(words, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        photograph(browser, folder / "report.html", PICTURE)
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB")


def photograph(browser: str, page: Path, picture: Path) -> None:
    """The top of the page as a browser shows it."""
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    words += [f"--user-data-dir={page.parent / 'browser'}", f"--window-size={WIDTH},{HEIGHT}"]
    subprocess.run([*words, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
