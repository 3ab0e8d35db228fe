"""A real bash, zsh or fish on a pseudo-terminal that types a line, presses Tab and runs what stands there."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from pathlib import Path

COMMANDS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "-N", "-i"],
}
# `detox` prints the words that it was given; DONE is split in the source so that an echo of it is no match.
SETUP = {
    "bash": """PS1='> '; PROMPT_COMMAND=; HISTFILE=
bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0'; bind 'set page-completions off'
bind 'set bell-style none'; bind 'set enable-bracketed-paste off'
detox() { printf '<%s>' "$@"; echo DO""NE; }
. "$DETOX_SCRIPT"; detox
""",
    "zsh": """PS1='> '; unset HISTFILE; autoload -Uz compinit; compinit -u -D; setopt nobeep; LISTMAX=9999
unsetopt auto_remove_slash list_ambiguous prompt_cr prompt_sp always_last_prompt zle_bracketed_paste
detox() { printf '<%s>' "$@"; echo DO""NE }
. "$DETOX_SCRIPT"; detox
""",
    "fish": """function fish_prompt; echo '> '; end; function fish_title; end
function detox; printf '<%s>' $argv; echo DO""NE; end
set -U fish_autosuggestion_enabled 0 >/dev/null 2>&1; . "$DETOX_SCRIPT"; detox
""",
}
ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[a-zA-Z]|\x1b\][^\x07]*\x07|\x1b[=>()][A-Z0-9]?|[\x07\r]")
SIZE = struct.pack("HHHH", 60, 200, 0, 0)


class Shell:
    """One interactive shell with the completion script loaded; close it when done."""

    def __init__(self, name: str, script: Path, folder: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            extra = {"DETOX_SCRIPT": str(script), "TERM": "xterm", "COLUMNS": "200", "LINES": "60"}
            os.execvpe(COMMANDS[name][0], COMMANDS[name], environment | extra)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, SIZE)
        self._send(SETUP[name].replace("\n", "; ").removesuffix("; ") + "\r")
        self._read_until("<>DONE")
        self._settle()

    def complete(self, line: str) -> "Outcome":
        """Type ``line``, press Tab, then Enter: the words that came out and what was shown meanwhile."""
        self._send(line + "\t\r")
        shown = self._read_until("DONE")
        shown += self._settle()
        before, _, after = shown.rpartition("DONE")
        words = re.findall(r"<([^<>]*)>", before)
        return Outcome(words, before + after)

    def close(self) -> None:
        """End the shell."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def _send(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def _settle(self, quiet: float = 0.15) -> str:
        """Read until nothing has come for ``quiet`` seconds."""
        found = ""
        while text := self._read(quiet):
            found += text
        return found

    def _read_until(self, mark: str, limit: float = 30) -> str:
        found, end = "", time.monotonic() + limit
        while mark not in found:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name} never showed {mark!r}: {found!r}")
            found += self._read(0.2)
        return found

    def _read(self, seconds: float) -> str:
        if not select.select([self.terminal], [], [], seconds)[0]:
            return ""
        return ESCAPES.sub("", os.read(self.terminal, 65536).decode("utf8", "replace"))


class Outcome:
    """What one Tab did: ``words`` of the command line after it, and the text on the screen."""

    def __init__(self, words: list[str], screen: str) -> None:
        self.words = words
        self.screen = screen

    def offers(self, *names: str) -> bool:
        """All of ``names`` stand on the screen as words of their own."""
        return all(re.search(rf"(?<![\w/:-]){re.escape(name)}(?![\w/-])", self.screen) for name in names)

    def __repr__(self) -> str:
        return f"Outcome({self.words}, {self.screen!r})"
