"""
The rules side by side, the decisions, and a reliability diagram, on the terminal and as a PNG.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from carvalue.core.candidates import merge_sides
from carvalue.core.catalog import Catalog
from carvalue.core.identification import Decision, Identification, MergeRule
from carvalue.evaluation.cases import Case
from carvalue.evaluation.metrics import (
    OTHER_RULES,
    Bin,
    Metrics,
    Outcome,
    intervals,
    measure,
    outcome_of,
    reliability,
)

FEWEST_TO_FIT = 300
"""Cases from which on fitted weights are better than the default ones (docs/accuracy.md)."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Cases with what was made of them, in their order."""

    cases: Sequence[Case]
    found: Sequence[Identification]
    untempered: Sequence[Identification]
    """The same with weights of 1: the plain product."""

    def outcomes(self, rule: str | None = None) -> list[Outcome]:
        """The outcomes of the cases whose car is known, by our rule or by one of the others."""
        return [
            outcome(case, one, rule)
            for case, one in zip(self.cases, self.found, strict=True)
            if case.accept is not None
        ]

    def rules(self) -> dict[str, list[Outcome]]:
        """The outcomes of every rule; ours comes first."""
        ours = self.found[0].rule if self.found else ""
        plain = replace(self, found=self.untempered)
        return {
            ours: self.outcomes(),
            "product": plain.outcomes(),
            **{name: self.outcomes(name) for name in OTHER_RULES},
        }

    def decisions(self) -> dict[Decision, tuple[int, int]]:
        """How often it was decided so, and how often the first candidate was right then."""
        counts, right = Counter[Decision](), Counter[Decision]()
        for case, one in zip(self.cases, self.found, strict=True):
            if case.accept is not None:
                counts[one.decision] += 1
                right[one.decision] += bool(one.candidates and case.is_right(one.candidates[0]))
        return {decision: (counts[decision], right[decision]) for decision in Decision}


def evaluate(cases: Sequence[Case], catalog: Catalog, rule: MergeRule) -> Evaluation:
    """Merge the answers of every case."""
    plain = replace(rule, front_weight=1.0, back_weight=1.0)
    found, untempered = (
        [merge_sides(case.answers, catalog, one) for case in cases] for one in (rule, plain)
    )
    return Evaluation(cases, found, untempered)


def merged_line(case: Case, found: Identification) -> dict[str, object]:
    """What was made of a case, confidences in percent."""
    return {
        "id": case.id,
        "candidates": [
            {"label": one.label, "confidence": one.confidence * 100} for one in found.candidates
        ],
        "years": [one.year for one in found.candidates[0].label_years] if found.candidates else [],
        "decision": found.decision.value,
        "suggestions": [one.label for one in found.candidates if one.id in found.short_list],
    }


def outcome(case: Case, found: Identification, rule: str | None = None) -> Outcome:
    """The outcome of a case whose car is known, by our rule or by one of the others."""
    candidates = list(found.candidates)
    scores = {one.id: one.confidence for one in candidates}
    if rule is not None:
        photos = len({side for one in candidates for side in one.by_side})
        score = OTHER_RULES[rule]
        scores = {one.id: score(list(one.by_side.values()), photos) for one in candidates}
        candidates.sort(key=lambda one: (-scores[one.id], one.label))
    return outcome_of(
        [scores[one.id] for one in candidates], [case.is_right(one) for one in candidates]
    )


# Shown


def summary(evaluation: Evaluation) -> dict[str, object]:
    """All figures, for machines."""
    rules = evaluation.rules()
    ours = next(iter(rules))
    return {
        "cases": len(rules[ours]),
        "rules": {name: _figures(measure(some)) for name, some in rules.items()},
        "intervals": intervals(rules[ours]),
        "decisions": {
            decision.value: {"cases": count, "right": right}
            for decision, (count, right) in evaluation.decisions().items()
        },
    }


def _figures(metrics: Metrics) -> dict[str, float]:
    return {one.name: round(getattr(metrics, one.name), 4) for one in fields(metrics)}


def show(console: Console, evaluation: Evaluation) -> None:
    """Print the rules side by side, the decisions and the reliability of ours."""
    rules = evaluation.rules()
    ours = next(iter(rules))
    names = [one.name for one in fields(Metrics)]
    table = Table("Rule", *names, title=f"{len(rules[ours])} cases whose car is known")
    for name, outcomes in rules.items():
        figures = _figures(measure(outcomes))
        table.add_row(name, *(f"{figures[metric]:.3f}" for metric in names))
    bounds = intervals(rules[ours])
    table.add_row("  95 % interval", *(f"{low:.3f}-{high:.3f}" for low, high in bounds.values()))
    console.print(table)
    console.print(_decision_table(evaluation.decisions()))
    console.print(_reliability_table(reliability(rules[ours])))


def _decision_table(decisions: Mapping[Decision, tuple[int, int]]) -> Table:
    total = sum(count for count, _ in decisions.values())
    table = Table("Decision", "Cases", "Share", "First candidate right")
    for decision, (count, right) in decisions.items():
        share = f"{right / count:.1%}" if count else "-"
        table.add_row(decision.value, str(count), f"{count / total:.1%}", share)
    return table


def _reliability_table(bins: Sequence[Bin]) -> Table:
    table = Table("Confidence", "Cases", "Right", "", title="Reliability: right against said")
    for one in bins:
        bar = "█" * round(one.right * 30)
        table.add_row(f"{one.said:.0%}", str(one.count), f"{one.right:.0%}", bar)
    return table


def draw_reliability(path: Path, bins: Sequence[Bin]) -> None:
    """Write the reliability diagram as a PNG: on the diagonal, as often right as said."""
    from PIL import Image, ImageDraw  # takes long to import, and is rarely needed

    size, edge = 480, 50
    picture = Image.new("RGB", (size + 2 * edge, size + 2 * edge), "white")
    draw = ImageDraw.Draw(picture)

    def place(x: float, y: float) -> tuple[float, float]:
        return edge + x * size, edge + (1 - y) * size

    draw.rectangle((*place(0, 1), *place(1, 0)), outline="black")
    draw.line((*place(0, 0), *place(1, 1)), fill="gray", width=2)
    most = max((one.count for one in bins), default=1)
    for one in bins:
        x, y = place(one.said, one.right)
        radius = 4 + 12 * (one.count / most) ** 0.5
        draw.line((x, y, *place(one.said, one.said)), fill="firebrick", width=2)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill="steelblue")
    for tenth in range(0, 11, 2):
        draw.text(place(tenth / 10, -0.02), f"{tenth * 10} %", fill="black")
        x, y = place(0, tenth / 10)
        draw.text((x - 40, y - 6), f"{tenth * 10} %", fill="black")
    draw.text((edge + size / 2 - 60, size + edge + 30), "confidence said", fill="black")
    draw.text((edge, edge - 20), "right (larger dot: more cases)", fill="black")
    picture.save(path, "PNG")
