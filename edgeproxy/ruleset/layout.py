"""The canonical layout of a rule file: what `edgeproxy fmt` makes of it.

Laws of this module:
- only blanks and line ends between tokens change, never a token, a comment or their order: so the file means the same;
- lines stay lines. A block is indented by two, a list below its key too; there is one space where one belongs, at
  most one empty line, and no blank at the end of a line;
- values after keys stay in one column where those of neighbouring lines did; a comment at a line's end stays in its
  column, with its neighbours, unless the line has grown too long for it;
- what is formatted stays as it is when it is formatted again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

import yaml

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RARE_LINE_ENDS: Final = re.compile("[\x85\u2028\u2029]")
_STEP: Final = 2
_OPENING: Final = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken)
_CLOSING: Final = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
_BLOCKS: Final = (yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken)
_MARKERS: Final = (yaml.DocumentStartToken, yaml.DocumentEndToken, yaml.DirectiveToken)


@dataclass(slots=True)
class _Line:
    """A line as it will be. `value` and `comment_column` are columns in the file as it was."""

    indent: int
    text: str = ""
    key: str | None = None  # the text up to the colon, where a value follows on the same line
    value: int = -1
    comment: str = ""
    comment_column: int = -1
    kept: bool = False  # inside a text: an empty line counts


@dataclass(frozen=True, slots=True)
class _Block:
    """An open block: the column in which its entries stood, and that in which they will."""

    column: int
    indent: int
    is_list: bool
    is_implied: bool = False  # a list in the column of its key, for which there is no token


@dataclass(frozen=True, slots=True)
class _Remark:
    """A comment with a line of its own, which waits until it is clear what follows it."""

    column: int
    text: str


def formatted(text: str) -> str:
    """For a text that read_nodes finds no problem in. One with line ends that only YAML 1.1 knows is left alone."""
    if _RARE_LINE_ENDS.search(text):
        return text
    layout = _Layout(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    written = _written(layout.lines())
    return written.removesuffix("\n") if layout.ends_open else written


@dataclass(slots=True)
class _Layout:
    text: str
    ends_open: bool = False  # with a text after `|` or `>` whose last line has no end: with one it would say more
    _lines: list[_Line] = field(default_factory=list)
    _line: _Line | None = None  # the one that is being written
    _blocks: list[_Block] = field(default_factory=list)
    _flows: list[int] = field(default_factory=list)  # the indentation of what each open bracket belongs to
    _waiting: list[_Remark | None] = field(default_factory=list)  # None: an empty line
    _before: Sequence[_Block] = ()  # the blocks that were open where the waiting comments begin
    _last: yaml.Token | None = None
    _at: int = 0
    _begins_key: bool = False

    def lines(self) -> list[_Line]:
        for token in yaml.scan(self.text, Loader=_LOADER):
            self._pass(token.start_mark.index)
            self._take(token)
        self._pass(len(self.text))
        self._flush()
        return self._lines

    def _pass(self, end: int) -> None:
        """Take what stands before the next token: blanks, line ends and comments."""
        if end <= self._at:
            return
        rest, *others = self.text[self._at : end].split("\n")
        column = self._column(self._at)
        self._at = end
        if rest.strip() and self._line is not None:
            self._line.comment = rest.strip()
            self._line.comment_column = column + len(rest) - len(rest.lstrip())
        elif rest.strip():
            others = [rest, *others]
        if not others:
            return
        if self._line is not None:
            self._line = None
            self._before = tuple(self._blocks)
        for between in others[:-1] if end < len(self.text) or not others[-1].strip() else others:
            remark = between.strip()
            self._waiting.append(_Remark(len(between) - len(between.lstrip()), remark) if remark else None)

    def _column(self, at: int) -> int:
        return at - (self.text.rfind("\n", 0, at) + 1)

    def _take(self, token: yaml.Token) -> None:
        mark = token.start_mark
        if isinstance(token, _BLOCKS):
            is_list = isinstance(token, yaml.BlockSequenceStartToken)
            self._blocks.append(_Block(mark.column, self._inner(), is_list))
        elif isinstance(token, yaml.BlockEndToken):
            self._leave_implied()
            self._blocks.pop()
        elif isinstance(token, yaml.KeyToken):
            if not self._flows:
                self._leave_implied()
            self._begins_key = True
        if isinstance(token, yaml.BlockEntryToken) and self._blocks and not self._blocks[-1].is_list:
            self._blocks.append(_Block(mark.column, self._inner(), is_list=True, is_implied=True))
        source = self.text[mark.index : token.end_mark.index]
        if source:
            self._put(token, source)

    def _leave_implied(self) -> None:
        if self._blocks and self._blocks[-1].is_implied:
            self._blocks.pop()

    def _inner(self) -> int:
        """The indentation of what stands inside the innermost block."""
        return self._blocks[-1].indent + _STEP if self._blocks else 0

    def _put(self, token: yaml.Token, source: str) -> None:
        is_closing = isinstance(token, _CLOSING)
        if self._line is None:
            self._begin_line(token, is_closing=is_closing)
        if is_closing:
            self._flows.pop()
        block_text = isinstance(token, yaml.ScalarToken) and token.style in ("|", ">")
        self._append(token, source.split("\n", 1)[0].rstrip() if block_text else source)
        if isinstance(token, _OPENING):
            at_all = self._flows[-1] + _STEP if self._flows else max(self._inner() - _STEP, 0)
            self._flows.append(at_all)
        self._last, self._begins_key = token, False
        self._at = token.end_mark.index
        if block_text:
            self._put_block_text(source)

    def _begin_line(self, token: yaml.Token, *, is_closing: bool) -> None:
        if self._flows:
            indent = self._flows[-1] + (0 if is_closing else _STEP)
        elif isinstance(token, _MARKERS) or not self._blocks:
            indent = 0
        elif self._begins_key or isinstance(token, yaml.BlockEntryToken | yaml.ValueToken):
            indent = self._blocks[-1].indent
        else:
            indent = self._inner()
        self._flush()
        self._line = _Line(indent)
        self._lines.append(self._line)
        self._last = None

    def _flush(self) -> None:
        """Write the comments that waited, each in the block in whose columns it stood."""
        column = self._lines[-1].comment_column if self._lines else -1
        for remark in self._waiting:
            if remark is None:
                self._lines.append(_Line(0))
                column = -1
            elif remark.column == column:  # the comment of the line above goes on
                self._lines.append(_Line(0, comment=remark.text, comment_column=column))
            else:
                column = -1
                indent = self._flows[-1] + _STEP if self._flows else self._indent_at(remark.column)
                self._lines.append(_Line(indent, remark.text))
        self._waiting.clear()

    def _indent_at(self, column: int) -> int:
        """The indentation of a comment. Of blocks in one column it belongs to the next line's, else to the outer."""
        known: dict[int, int] = {}
        for block in (*self._blocks[-1:], *self._before, *self._blocks):
            known.setdefault(block.column, block.indent)
        return max([(each, known[each]) for each in known if each <= column], default=(0, 0))[1]

    def _append(self, token: yaml.Token, source: str) -> None:
        line = self._line
        assert line is not None
        if isinstance(self._last, yaml.ValueToken) and not self._flows and line.key is None:
            line.key, line.value = line.text, self._column(token.start_mark.index)
        first, *others = source.split("\n")
        line.text += _space(self._last, token) + first
        quoted = isinstance(token, yaml.ScalarToken) and not token.plain
        for text in others:
            line.text = _without_end(line.text, quoted=quoted)
            indent = self._flows[-1] + _STEP if self._flows else self._inner()
            line = self._line = _Line(indent, text.lstrip(" \t"), kept=True)
            self._lines.append(line)

    def _put_block_text(self, source: str) -> None:
        """The lines of a text after `|` or `>`, moved to the right or left together."""
        header, *texts = source.split("\n")
        self.ends_open = bool(texts) and texts[-1] != ""
        texts = texts if self.ends_open else texts[:-1]
        empty = 0
        while "+" not in header.split("#")[0] and len(texts) > 0 and not texts[-1].strip(" "):
            texts.pop()
            empty += 1
        shift = self._shift(header, texts)
        for text in texts:
            moved = " " * shift + text if shift > 0 else text[min(-shift, len(text) - len(text.lstrip(" "))) :]
            self._lines.append(_Line(0, moved if text.strip(" ") or shift <= 0 else moved[shift:], kept=True))
        self._line, self._before = None, tuple(self._blocks)
        self._waiting.extend([None] * empty)

    def _shift(self, header: str, texts: Sequence[str]) -> int:
        block = self._blocks[-1] if self._blocks else _Block(-_STEP, -_STEP, is_list=False)
        first = next((text for text in texts if text.strip(" ")), None)
        if first is None or re.search("[0-9]", header.split("#")[0]):
            return block.indent - block.column
        return block.indent + _STEP - (len(first) - len(first.lstrip(" ")))


def _space(before: yaml.Token | None, token: yaml.Token) -> str:
    """What stands between two tokens of a line. After a colon there is a space, whatever follows."""
    if before is None or isinstance(before, _OPENING):
        return ""
    if isinstance(before, yaml.ValueToken):
        return " "
    if isinstance(token, yaml.ValueToken):
        return "" if isinstance(before, (yaml.ScalarToken, *_CLOSING)) else " "
    return "" if isinstance(token, (yaml.FlowEntryToken, *_CLOSING)) else " "


def _without_end(text: str, *, quoted: bool) -> str:
    """A line of a text without the blanks at its end, which do not count, save one that is escaped."""
    stripped = text.rstrip(" \t")
    return text if quoted and stripped.endswith("\\") else stripped


def _written(lines: Iterable[_Line]) -> str:
    """The lines as text: in columns, and with single empty lines."""
    kept = _with_single_gaps(lines)
    for (_, column), group in groupby(filter(_is_no_remark, kept), lambda line: (line.indent, line.value)):
        if column >= 0:
            _align_values(list(group))
    for column, group in groupby(kept, lambda line: line.comment_column):
        if column >= 0:
            _align_comments(list(group), column)
    return "".join(f"{' ' * line.indent if line.text else ''}{line.text}\n" for line in kept)


def _is_no_remark(line: _Line) -> bool:
    return not (line.text.startswith("#") and not line.kept) and (bool(line.text) or not line.comment)


def _with_single_gaps(lines: Iterable[_Line]) -> list[_Line]:
    kept: list[_Line] = []
    for line in lines:
        if _counts(line) or (kept and _counts(kept[-1])):
            kept.append(line)
    while kept and not _counts(kept[-1]):
        kept.pop()
    return kept


def _counts(line: _Line) -> bool:
    return bool(line.text or line.comment) or line.kept


def _align_values(lines: Sequence[_Line]) -> None:
    most = max(len(line.key or "") for line in lines)
    for line in lines:
        key = line.key or ""
        line.text = key + " " * (most - len(key)) + line.text[len(key) :]


def _align_comments(lines: Sequence[_Line], column: int) -> None:
    column = max(column, *(line.indent + len(line.text) + _STEP for line in lines if line.text), 0)
    for line in lines:
        line.text += " " * (column - line.indent - len(line.text)) + line.comment
