"""Names and texts: pronounceable, unique, and as uneven in their words as real ones, for searches like real ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

_ONSETS: Final = ("b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "k", "l", "m", "n", "p", "pl", "qu", "r",
                  "s", "sc", "st", "t", "tr", "v", "w", "z")  # fmt: skip
_VOWELS: Final = ("a", "e", "i", "o", "u", "ai", "ea", "io", "ou")
_ENDS: Final = ("", "", "n", "r", "s", "t", "x", "ck", "ng")

# Said of half of all packages, in about the order of how often.
_COMMON: Final = (
    "python", "library", "api", "client", "data", "simple", "tools", "django", "wrapper", "package", "async", "http",
    "json", "command", "line", "framework", "testing", "plugin", "server", "web", "machine", "learning", "model",
    "parser", "interface", "utilities", "sdk", "service", "aws", "file", "config", "generator", "cli", "flask",
    "database", "text", "image", "analysis", "fast", "easy", "bindings", "pytest", "cloud", "time", "series",
)  # fmt: skip
_CLASSIFIERS: Final = (
    "Programming Language :: Python :: 3", "Development Status :: 4 - Beta", "Intended Audience :: Developers",
    "Operating System :: OS Independent", "Topic :: Internet", "Topic :: Scientific/Engineering", "Topic :: Utilities",
    "Topic :: Software Development :: Libraries", "Framework :: Django", "Framework :: Flask", "Typing :: Typed",
    "License :: OSI Approved :: MIT License", "Environment :: Console",
)  # fmt: skip
_AFFIXES: Final = ("py", "django", "flask", "pytest", "lib", "async", "data", "cli", "sdk", "tools")


class Vocabulary:
    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        rare = list(dict.fromkeys(self._word() for _ in range(30_000)))
        self._words = [*_COMMON, *rare]
        # Zipf's law, with the exponent of English.
        self._weights = [1 / (rank + 3) for rank in range(len(self._words))]
        total = 0.0
        self._cumulative = [total := total + weight for weight in self._weights]

    def names(self) -> Iterator[str]:
        """Unique however they are folded, in the spellings that authors choose."""
        seen: set[str] = set()
        while True:
            name = self._name()
            folded = name.lower().translate(_FOLD)
            if folded not in seen:
                seen.add(folded)
                yield name

    def sentence(self, least: int, most: int) -> str:
        return " ".join(self._some(self._dice.randint(least, most)))

    def author(self) -> str:
        return f"{self._word().title()} {self._word().title()}"

    def description(self) -> str:
        paragraphs = [self.sentence(20, 60).capitalize() + "." for _ in range(self._dice.randint(1, 4))]
        return f"# {self.sentence(1, 3)}\n\n" + "\n\n".join(paragraphs) + "\n"

    def classifiers(self) -> list[str]:
        return sorted(self._dice.sample(_CLASSIFIERS, self._dice.randint(0, 5)))

    def _some(self, count: int) -> list[str]:
        return self._dice.choices(self._words, cum_weights=self._cumulative, k=count)

    def _name(self) -> str:
        dice, word = self._dice, self._word()
        match dice.randrange(10):
            case 0 | 1:
                return f"{dice.choice(_AFFIXES)}-{word}"
            case 2:
                return f"{word}_{self._word()}"
            case 3:
                return f"{word}.{self._word()}"
            case 4:
                return f"{word.title()}{self._word().title()}"
            case 5 | 6:
                return f"{word}-{self._word()}"
            case _:
                return word + self._word()

    def _word(self) -> str:
        dice = self._dice
        parts = [dice.choice(_ONSETS) + dice.choice(_VOWELS) for _ in range(dice.randint(1, 3))]
        return "".join(parts) + dice.choice(_ENDS)


_FOLD: Final = str.maketrans({".": None, "_": None, "-": None, "l": "1", "i": "1", "o": "0"})
