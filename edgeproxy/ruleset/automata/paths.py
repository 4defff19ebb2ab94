"""The languages of paths, as the checker asks for them: the parts are in the modules named here."""

from __future__ import annotations

from edgeproxy.ruleset.automata.captures import Captures, captured
from edgeproxy.ruleset.automata.images import Image, image
from edgeproxy.ruleset.automata.normal import NORMAL_PATHS
from edgeproxy.ruleset.automata.templates import path_language

__all__ = ["NORMAL_PATHS", "Captures", "Image", "captured", "image", "path_language"]
