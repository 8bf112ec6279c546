"""
The conditions that a car may be in, with what each means, in the caller's language.

The grades are those that US guides share: excellent needs nothing, poor does not drive safely.
"""

from fastapi import APIRouter, Response
from pydantic import Field

from carvalue.core.valuation import Condition
from carvalue.web.fields import OutBody, Page
from carvalue.web.languages import AcceptLanguage, offered_to
from carvalue.web.problems import problems

router = APIRouter(prefix="/v1", tags=["catalog"])

MEANINGS: dict[str, dict[Condition, tuple[str, str]]] = {
    "en": {
        Condition.excellent: (
            "Excellent",
            "Like new: no marks, no repairs due, all services on record.",
        ),
        Condition.very_good: (
            "Very good",
            "Minor marks that polish away; everything works, services on record.",
        ),
        Condition.good: (
            "Good",
            "Signs of its age: small dents or scratches, worn tyres; drives without faults.",
        ),
        Condition.fair: (
            "Fair",
            "Visible damage or rust, or a repair that is due soon; drives safely.",
        ),
        Condition.poor: (
            "Poor",
            "Serious damage or faults; needs repairs before it drives safely.",
        ),
    },
    "de": {
        Condition.excellent: (
            "Hervorragend",
            "Wie neu: keine Spuren, keine Reparatur fällig, Scheckheft lückenlos.",
        ),
        Condition.very_good: (
            "Sehr gut",
            "Kleine Spuren, die sich auspolieren lassen; alles funktioniert, Scheckheft vorhanden.",
        ),
        Condition.good: (
            "Gut",
            "Dem Alter entsprechend: kleine Dellen oder Kratzer, abgefahrene Reifen; fährt "
            "ohne Mängel.",
        ),
        Condition.fair: (
            "Mäßig",
            "Sichtbare Schäden oder Rost, oder bald fällige Reparatur; fährt sicher.",
        ),
        Condition.poor: (
            "Schlecht",
            "Schwere Schäden oder Mängel; muss repariert werden, bevor es sicher fährt.",
        ),
    },
    "es": {
        Condition.excellent: (
            "Excelente",
            "Como nuevo: sin marcas, sin reparaciones pendientes, revisiones al día.",
        ),
        Condition.very_good: (
            "Muy bueno",
            "Marcas leves que se quitan puliendo; todo funciona, revisiones documentadas.",
        ),
        Condition.good: (
            "Bueno",
            "Propio de su edad: pequeños golpes o arañazos, neumáticos gastados; circula sin "
            "averías.",
        ),
        Condition.fair: (
            "Regular",
            "Daños u óxido visibles, o una reparación próxima; circula con seguridad.",
        ),
        Condition.poor: (
            "Malo",
            "Daños o averías graves; necesita reparación para circular con seguridad.",
        ),
    },
}


class ConditionMeaning(OutBody):
    """A condition, what it is called and what it means."""

    condition: Condition
    label: str = Field(examples=["Very good"])
    meaning: str


class ConditionList(Page[ConditionMeaning]):
    """All conditions, the best first."""


@router.get("/conditions", responses=problems())
async def list_conditions(
    response: Response, accept_language: AcceptLanguage = None
) -> ConditionList:
    """List the conditions that a car may be in: English, German or Spanish."""
    language = offered_to(accept_language, tuple(MEANINGS))
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    response.headers["Cache-Control"] = "public, max-age=86400"
    data = [
        ConditionMeaning(condition=one, label=label, meaning=meaning)
        for one, (label, meaning) in MEANINGS[language].items()
    ]
    return ConditionList(data=data, next_cursor=None)
