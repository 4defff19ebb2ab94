"""The generated rules of the cases with few and with many rules, and the traffic that both get.

Laws:
- ten shapes of path in turn, none of which takes another's paths;
- the few rules are the first of the many, the last, and those at every ninth part between, one of each shape, so
  that both rule files answer the same traffic by the same rules;
- no two of the traffic's request lines are equal: what a proxy remembers of earlier ones is of no help.
"""

from __future__ import annotations

from typing import Final

MANY: Final = tuple(range(10_000))
FEW: Final = MANY[::1111]
_PATHS_OF_A_RULE: Final = 2_000

# The rule's path, and a path it takes. `r` is the rule's number, `y` one for 20 rules that differ in an affix or an
# expression at the same point of the same path, `v` the number of the path.
_SHAPES: Final = (
    ("/project/name-{r}/", "/project/name-{r}/?v={v}"),
    ("/project/name-{r}/{{version}}/", "/project/name-{r}/{v}.0/"),
    ("/pypi/name-{r}/json", "/pypi/name-{r}/json?v={v}"),
    ("/simple/name-{r}/{{file:[a-z]+-[0-9.]+\\.whl}}", "/simple/name-{r}/name-{v}.whl"),
    ("/wheels/{{python}}/n/name-{r}/{{file}}", "/wheels/3.{v}/n/name-{r}/name.whl"),
    ("/docs/name-{r}/{{rest*}}", "/docs/name-{r}/latest/guide/{v}.html"),
    ("/{{language}}/help/topic-{r}/", "/l{v}/help/topic-{r}/"),
    ("/sdist/name-{r}/{{version}}.tar.gz", "/sdist/name-{r}/1.{v}.tar.gz"),
    ("/news/{y}/{{title}}-{r}/", "/news/{y}/title{v}-{r}/"),
    ("/tag/{y}/{{tag:[a-z]+{r}x[0-9]+}}", "/tag/{y}/t{r}x{v}"),
)


def rule_lines(numbers: tuple[int, ...]) -> str:
    """Items of a rule file's `rules`, each for the origin."""
    return "\n".join(_rule(number) for number in numbers)


def _rule(number: int) -> str:
    path, _ = _SHAPES[number % len(_SHAPES)]
    match = f"{{host: app, path: '{path.format(r=number, y=number // 200)}', methods: [GET, HEAD]}}"
    return f"  - {{name: rule-{number}, match: {match}, forward: {{backend: origin}}}}"


def _path(number: int, value: int) -> str:
    _, path = _SHAPES[number % len(_SHAPES)]
    return path.format(r=number, y=number // 200, v=value)


RULE_PATHS: Final = tuple(_path(number, value) for value in range(_PATHS_OF_A_RULE) for number in FEW)
