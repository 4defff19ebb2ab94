"""Whatever a secret stands in, and however it is spelled, no example has it, and no shadow is asked with it."""

from __future__ import annotations

import json
from urllib.parse import quote

from captures import SECRETS
from hypothesis import example, given
from hypothesis import strategies as st

from edgeproxy.migration.comparing.answers import Answer
from edgeproxy.migration.comparing.differences import Changed
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.scrubbing import holds_secret, scrubbed_target, scrubbed_text, scrubbed_value

NOW = 1_523_890_800.0
NAMES = st.sampled_from(["token", "access_token", "api_key", "password", "X-Amz-Signature", "session", "clientSecret"])
SHORT = st.sampled_from(
    ["sig", "key", "sid", "pwd", "jwt", "pass", "otp", "pin"]
)  # which are names of secrets by themselves alone
WORDS = st.from_regex(r"[a-z0-9]{0,12}", fullmatch=True)
PARTS = (*"ab=:;&?/%2[]{}\"' \\#,+<>", "token", "[hidden]", "%3D", "sig=", "Basic ", "://", "@", "pypi-")
TEXTS = st.lists(st.sampled_from(PARTS), max_size=25).map("".join)
PLACES = ("query", "nested", "twice", "semicolon", "fragment", "path", "user agent", "colon", "referer", "answer's header",
          "member", "list", "object", "form", "difference")  # fmt: skip


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, Example]:
    """A secret, and an exchange that had it, as it is kept."""
    secret, name, before, after = draw(st.sampled_from(SECRETS)), draw(NAMES | SHORT), draw(WORDS), draw(WORDS)
    target, headers, said, content, difference = f"/{before}", dict[str, str](), dict[str, list[str]](), "", ("a", "a")
    pair, place = f"{name}={quote(secret)}", draw(st.sampled_from(PLACES))
    match place:
        case "query":
            target += f"?a={after}&{pair}"
        case "nested":
            target += f"?next={quote(f'https://a.test/?b={after}&{pair}', safe='')}&c={after}"
        case "twice":
            target += f"?next={quote(quote(f'/{before}?{pair}', safe=''), safe='')}"
        case "semicolon":
            target += f"?a={after};{pair}"
        case "fragment":
            headers["referer"] = f"https://a.test/{after}?a=b#{pair}"
        case "path":
            target += f";{pair}/{after}"
        case "user agent":
            headers["user-agent"] = f"tool/1 ({after}; {pair})"
        case "colon":
            headers["x-note"] = f"{after} {draw(NAMES)}: {secret}"
        case "referer":
            headers["referer"] = f"https://a.test/{after}?{pair}"
        case "answer's header":
            said["x-note"] = [f"{before}, {pair}"]
        case "member":
            content = json.dumps({"a": after, name: secret})
        case "list":
            content = json.dumps({"a": after, draw(NAMES): [after, "]", secret, [after]], "b": 1})
        case "object":
            content = json.dumps({draw(NAMES): {"a": [after], "b": {"c": secret}}})
        case "form":
            content = f"a={after}&{pair}&b={before}"
        case "difference":
            difference = (f"json:/{draw(NAMES)}/3", secret)
    answer = Answer(200, said, content.encode())
    found = (Changed(difference[0], difference[0], difference[1], "b"),)
    each = {name: [value] for name, value in headers.items()}
    example = Example.of(NOW, ("GET", target, each), (Answer(200), answer), found)
    query = target.partition("?")[2]
    assert not query or holds_secret(query), "it would go to a shadow"
    assert not any(value and not holds_secret(value) for value in headers.values()), "it would go to a shadow"
    return secret, example


@given(planted())
def test_a_planted_secret_is_in_no_example(plant: tuple[str, Example]) -> None:
    secret, example = plant
    text = json.dumps(example.to_json())
    assert secret not in text
    assert quote(secret, safe="") not in text


@given(TEXTS)
@example("://sig=Basic a;@")
def test_what_was_scrubbed_stays_as_it_is(text: str) -> None:
    for scrub in (scrubbed_text, scrubbed_value, scrubbed_target):
        once = scrub(text)
        assert scrub(once) == once
    assert not holds_secret(scrubbed_value(text))
