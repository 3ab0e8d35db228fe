"""The newest value of each number that a service has measured, in words."""


class Newest:
    """Numbers by name, said together: ``training loss 0.43, validation loss 0.5 (step 120)``."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, int | None]] = {}

    def keep(self, name: str, value: float, step: int | None) -> None:
        """Take the newest value."""
        self._told[name] = (f"{name} {value:.4g}", step)

    def words(self) -> str:
        """All of them, a step once for those that stand beside each other; empty before the first."""
        told = list(self._told.values())
        steps = [step for _, step in told]
        ends = [step is not None and steps[at + 1 : at + 2] != [step] for at, step in enumerate(steps)]
        return ", ".join(
            f"{text} (step {step})" if end else text for (text, step), end in zip(told, ends, strict=True)
        )

    def forget(self) -> None:
        """Begin anew."""
        self._told.clear()
