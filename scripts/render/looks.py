"""What all cars have in common: the frame that a car's own looks are put into."""

from collections.abc import Sequence
from dataclasses import dataclass

from .parts import Patch, ahead, behind, both_sides, dressed, flank, seam, wheels
from .solid import Body, Points


@dataclass(frozen=True)
class Car:
    """One car: its shape, what shows on it, and what is mounted on it."""

    name: str
    body: Body
    patches: Sequence[Patch]
    things: str
    rim: str = "a5"
    cap: str = "Alloy"

    @property
    def size(self) -> tuple[float, float, float]:
        return self.body.length, self.body.roof, self.body.width

    def dressed(self) -> str:
        """The car as a POV-Ray object named `Car`; wants `HalfShell` and the materials."""
        body = self.body
        well = body.wheel + body.arch_gap + 0.004
        wells = " ".join(
            f"cylinder {{ <{axle},{body.wheel},-9>,<{axle},{body.wheel},9>,{well} }}"
            for axle in body.axles
        )
        under = Patch("Dark", f"union {{ {wells} box {{ <-1,-1,-9>,<9,{sill(body)},9> }} }}")
        half = body.width / 2
        shell = "object { HalfShell } object { HalfShell scale <1,1,-1> }"
        return (
            dressed([*self.patches, under])
            + wheels(
                body.axles,
                body.wheel,
                body.tyre,
                body.width + 2 * min(body.flare) - 0.02,
                self.rim,
                self.cap,
            )
            + "#declare Car = union {\n"
            f"union {{ {shell} texture {{ Skin }} no_shadow }}\n"
            # POV-Ray would ask the whole skin whether it lets light through, for every
            # ray of shadow. A plain twin that only throws shadows is four times quicker.
            f"union {{ {shell} texture {{ Dark }} no_image no_reflection }}\n"
            f"object {{ Wheels }} {self.things}\n"
            f"box {{ <{body.axles[0] - 0.2},{sill(body) - 0.06},{-half + 0.32}>,"
            f"<{body.axles[1] + 0.2},{sill(body) + 0.1},{half - 0.32}> texture {{ Dark }} }}\n}}\n"
        )


def sill(body: Body) -> float:
    return min(y for _, y in body.section) + 0.012


def screen(low: float, high: float, wide: float, narrow: float, depth: float) -> list[Patch]:
    """The windscreen with its black edge, and the wipers' shadow below it."""

    def outline(edge: float) -> Points:
        return [
            (-wide + edge, low + edge),
            (wide - edge, low + edge),
            (narrow - edge, high - edge),
            (-narrow + edge, high - edge),
        ]

    return [ahead("Seam", outline(0), depth, 0.07), ahead("Glass", outline(0.018), depth, 0.06)]


def window_behind(
    low: float, high: float, wide: float, narrow: float, length: float, depth: float
) -> list[Patch]:
    def outline(edge: float) -> Points:
        return [
            (-wide + edge, low + edge),
            (wide - edge, low + edge),
            (narrow - edge, high - edge),
            (-narrow + edge, high - edge),
        ]

    return [
        behind("Seam", outline(0), length, depth, 0.09),
        behind("Glass", outline(0.02), length, depth, 0.08),
    ]


def windows(
    outline: Points,
    pillars: Sequence[tuple[float, float]],
    trim: str = "Seam",
    radius: float = 0.06,
) -> list[Patch]:
    """The side windows; a pillar is where it starts at the belt, and how far it leans back."""
    low, high = min(y for _, y in outline), max(y for _, y in outline)
    centre = sum(x for x, _ in outline) / len(outline), (low + high) / 2
    grown = [
        (x + (0.025 if x > centre[0] else -0.025), y + (0.02 if y > centre[1] else -0.018))
        for x, y in outline
    ]
    return [
        flank(trim, grown, radius + 0.01),
        flank("Glass", outline, radius),
        *(
            flank(
                "Seam",
                [(x, low), (x + 0.07, low), (x + 0.07 + lean, high), (x + lean, high)],
                0.001,
            )
            for x, lean in pillars
        ),
    ]


def doors(edges: Sequence[tuple[float, float]], low: float, high: float) -> list[Patch]:
    """Shut lines of the doors; an edge is its x at the belt and at the sill."""
    found = [
        seam([(top, high), (top, (low + high) / 2), (bottom, low + 0.02)]) for top, bottom in edges
    ]
    return [*found, seam([(edges[0][1], low + 0.02), (edges[-1][1], low + 0.02)])]


def lump(
    texture: str,
    at: tuple[float, float, float],
    size: tuple[float, float, float],
    edge: float = 0.3,
) -> str:
    """A rounded block, given by its middle and its half sizes."""
    return (
        f"superellipsoid {{ <{edge},{edge}> scale <{size[0]},{size[1]},{size[2]}> "
        f"translate <{at[0]},{at[1]},{at[2]}> texture {{ {texture} }} }}"
    )


def seats(x: float, y: float, z: float) -> str:
    return both_sides(
        lump("Cloth", (x, y, z), (0.09, 0.34, 0.23))
        + lump("Cloth", (x + 0.03, y + 0.42, z), (0.05, 0.10, 0.12))
    )
