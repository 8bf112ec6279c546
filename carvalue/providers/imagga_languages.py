"""
The languages of Imagga's labels. It has codes of its own, with an underscore.

https://docs.imagga.com/#multi-language-support
"""

LANGUAGES = frozenset(
    """
    ar bg bs en ca cs cy da de el es et fa fi fr he hi hr ht hu id it ja ko lt lv ms mt nl no pl
    pt ro ru sk sv sl sr_cyrl sr_latn th tr uk ur vi zh_chs zh_cht
    """.split()  # noqa: SIM905 - so many are easier to read without quotes
)
ENGLISH = "en"

# Languages that Imagga has under another code: both Norwegians, and the codes that ISO withdrew.
_OTHER_NAMES = {"nb": "no", "nn": "no", "iw": "he", "in": "id"}
_TRADITIONAL = {"hant", "tw", "hk", "mo"}
"""Chinese is written in traditional characters where one of these is said, and nothing else is."""


def imagga_language(tag: str) -> str | None:
    """
    Imagga's code for a language tag (BCP 47); None for a language that it does not have.

    Where the script is not said it is that in which the language is mostly written: zh is
    simplified, sr is Cyrillic.
    """
    language, *rest = tag[:40].lower().replace("_", "-").split("-")
    language = _OTHER_NAMES.get(language, language)
    if language == "zh":
        traditional = "hans" not in rest and not _TRADITIONAL.isdisjoint(rest)
        return "zh_cht" if traditional or "cht" in rest else "zh_chs"
    if language == "sr":
        return "sr_latn" if "latn" in rest else "sr_cyrl"
    return language if language in LANGUAGES else None
