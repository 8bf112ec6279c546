"""
What `ops/` and the documentation name exists, and what exists is named there.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from carvalue.observing.metrics import Metrics
from tests.observing.test_metrics import EVENTS, USAGE
from tests.servers import ROOT

OPS = ROOT / "ops"
OF_PROMETHEUS = {"le", "instance", "job"}
"""Labels that are not ours."""
SELECTED = re.compile(r"\b((?:carvalue|process)_\w+)(?:\{([^}]*)\})?")


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((OPS / "grafana" / "carvalue.json").read_text())
    return loaded


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((OPS / "prometheus" / "alerts.yml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def queries() -> Iterator[str]:
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for variable in dashboard()["templating"]["list"]:
        yield variable.get("definition", "")
    for rule in rules():
        yield rule["expr"]


@pytest.fixture
def known(metrics: Metrics) -> dict[str, set[str]]:
    """The labels of each series, once everything has happened that can."""
    for event, _, _ in EVENTS:
        metrics(event)
    metrics.show_usage({"imagga": USAGE})
    return {
        sample.name: set(sample.labels)
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def base(series: str) -> str:
    """The metric that a series belongs to."""
    return re.sub(r"_(bucket|count|sum)$", "", series)


def test_what_is_asked_for_exists(known: dict[str, set[str]]) -> None:
    """
    No panel stays empty, and no alert silent, because a metric or a label is misspelt.
    """
    asked = [found for query in queries() for found in SELECTED.finditer(query)]
    for found in asked:
        assert found[1] in known, found[0]
        labels = set(re.findall(r"(\w+)\s*[=!]", found[2] or ""))
        assert labels <= known[found[1]] | OF_PROMETHEUS, found[0]
    assert len(asked) > 50


def test_what_is_grouped_by_exists(known: dict[str, set[str]]) -> None:
    """
    Every label that is grouped by is one of a metric in the same query.
    """
    for query in queries():
        of_query = set[str]().union(*(known[found[1]] for found in SELECTED.finditer(query)))
        for grouped in re.findall(r"by \(([^)]*)\)", query):
            assert set(grouped.split(", ")) <= of_query | OF_PROMETHEUS, query


def test_what_exists_is_looked_at(known: dict[str, set[str]]) -> None:
    """
    No metric is kept that nobody looks at.
    """
    asked = {base(found[1]) for query in queries() for found in SELECTED.finditer(query)}
    ours = {base(series) for series in known if series.startswith("carvalue_")}

    assert ours == {name for name in asked if name.startswith("carvalue_")}


def test_what_exists_is_described(known: dict[str, set[str]]) -> None:
    """
    The documentation has a line for each metric with its labels, and for no other.
    """
    text = (ROOT / "docs" / "observability.md").read_text()
    described = {
        name: set(re.findall(r"`(\w+)`", labels))
        for name, labels in re.findall(r"^\| `(carvalue_\w+)` \|([^|]*)\|", text, re.MULTILINE)
    }
    ours = {
        base(one): labels - {"le"} for one, labels in known.items() if one.startswith("carvalue_")
    }

    assert described == ours


def test_the_recorded_exists() -> None:
    """
    What alerts read from recorded rules is recorded.
    """
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    read = {name for rule in rules() for name in re.findall(r"carvalue:[\w:]+", rule["expr"])}

    assert read == recorded


def test_alerts_say_what_to_do() -> None:
    """
    Every alert has a name of its own, says how urgent it is and what is wrong, and the
    documentation says what to do about it.
    """
    alerts = [rule for rule in rules() if "alert" in rule]
    text = (ROOT / "docs" / "observability.md").read_text()

    assert len({alert["alert"] for alert in alerts}) == len(alerts)
    for alert in alerts:
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert alert["annotations"]["summary"]
        assert f"| `{alert['alert']}` |" in text


def test_the_dashboard_fits_together() -> None:
    """
    Panels have ids of their own and do not lie on each other.
    """
    panels = dashboard()["panels"]
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) == 23
