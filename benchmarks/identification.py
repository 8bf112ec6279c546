"""
What it costs to read and merge two answers of 50 labels, and to load and ask the catalogue.

Run it with `python -m benchmarks.identification`. Medians; the machine may be shared, so each line
also says how many times the plainest thing one could do (parsing the answers' JSON) it costs.
"""

import json
import random
import resource
import statistics
import time
from collections.abc import Callable

from carvalue.core.answers import Answer
from carvalue.core.candidates import merge_sides
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.providers.catalog import load_catalog

TIMES = 200


def median_us(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1e6


def main() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    catalog = load_catalog()
    loaded = time.perf_counter() - begun
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    names = [
        str(model.make_model) for make in catalog.makes() for model in catalog.models(make.make_id)
    ]
    random.seed(1)
    random.shuffle(names)

    def answers_with(trim: str) -> dict[Side, tuple[Answer, ...]]:
        def answer(first: int) -> Answer:
            labels = (
                Label(f"{name}{trim}", 0.9 * 0.5**rank + 1e-4)
                for rank, name in enumerate(names[first : first + 50])
            )
            return Answer(tuple(labels), "cars")

        return {Side.front: (answer(0),), Side.back: (answer(25),)}

    answers = answers_with("")
    unheard = iter([answers_with(f" trim{number}") for number in range(TIMES)])
    sent = json.dumps(
        [
            {"name": {"en": label.text}, "confidence": label.confidence}
            for some in answers.values()
            for label in some[0].labels
        ]
    )

    plain = median_us(lambda: json.loads(sent))
    print(f"catalogue: {len(names)} models, {loaded * 1e3:.0f} ms, {grown / 1024:.0f} MB more")
    calls: dict[str, Callable[[], object]] = {
        "two answers of 50 labels, labels seen before": lambda: merge_sides(answers, catalog),
        "two answers of 50 labels, all new": lambda: merge_sides(next(unheard), catalog),
        "one look-up": lambda: catalog.find("Toyota", "Corolla"),
    }
    for what, call in calls.items():
        taken = median_us(call)
        print(f"{what}: {taken:.1f} µs, {taken / plain:.2f} x parsing their JSON")


if __name__ == "__main__":
    main()
