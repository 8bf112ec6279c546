"""
The words that say what a car's body is, and no model.
"""

from collections.abc import Sequence

_CABS = {
    "regular cab": ("regular", "standard", "reg", "single"),
    "extended cab": (
        "extended", "ext", "super", "king", "club", "access", "xtra", "cab plus", "space", "quad",
    ),
    "crew cab": ("crew", "double", "dual", "mega", "max", "supercrew"),
}  # fmt: skip
_BODIES = {
    "sedan": ("sedan", "saloon", "limousine", "berlina", "4dr sedan", "4 door sedan"),
    "coupe": ("coupe", "2dr coupe", "2 door coupe"),
    "convertible": ("convertible", "conv", "cabriolet", "cabrio", "roadster", "drophead"),
    "wagon": ("wagon", "estate", "kombi", "avant", "touring wagon", "station wagon", "break"),
    "hatchback": ("hatchback", "hatch", "liftback"),
    "suv": ("suv", "crossover", "sport utility"),
    "pickup": ("pickup", "pick up", "truck", "pickup truck"),
    "van": ("van", "cargo van", "passenger van", "panel van"),
    "minivan": ("minivan", "mini van", "mpv"),
    "crew cab": ("supercrew",),
    "extended cab": ("supercab",),
}

_LONGEST = 3  # words

BODY_OF = {said: body for body, ways in _BODIES.items() for said in ways} | {
    f"{size} cab": cab for cab, sizes in _CABS.items() for size in sizes
}
"""What a body is called, by what people call it; words joined by blanks."""


_FIRST_WORDS = {said.partition(" ")[0] for said in BODY_OF}


def split_body(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The body that some words name, and the words that are left; the first body counts."""
    if _FIRST_WORDS.isdisjoint(words):
        return None, words
    body, at = None, 0
    left: list[str] = []
    while at < len(words):
        for size in range(min(_LONGEST, len(words) - at), 0, -1):
            named = BODY_OF.get(" ".join(words[at : at + size]))
            if named is not None:
                body = body or named
                at += size
                break
        else:
            left.append(words[at])
            at += 1
    return body, left
