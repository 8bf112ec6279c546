"""
What a body wears: glass, lamps, grilles and shut lines, wheels, mirrors, plates.

Flat parts are *patches*: an outline pushed through the body, inside of which
another texture shows. They follow the surface, whatever its shape, and their
edges stay sharp at any size of picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Patch:
    """Where another texture shows: its name, and a POV-Ray shape."""

    texture: str
    shape: str


def rounded(points: Points, radius: float, steps: int = 5) -> Points:
    """The outline with its corners rounded, as far as its edges are long enough."""
    out: list[tuple[float, float]] = []
    for i, (bx, by) in enumerate(points):
        (ax, ay), (cx, cy) = points[i - 1], points[(i + 1) % len(points)]
        before, after = hypot(ax - bx, ay - by), hypot(cx - bx, cy - by)
        r, s = min(radius, before * 0.49) / before, min(radius, after * 0.49) / after
        px, py = bx + (ax - bx) * r, by + (ay - by) * r
        qx, qy = bx + (cx - bx) * s, by + (cy - by) * s
        for k in range(steps + 1):
            t = k / steps
            a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
            out.append((a * px + b * bx + c * qx, a * py + b * by + c * qy))
    return out


def _prism(points: Points, start: float, end: float, matrix: str) -> str:
    closed = [*points, points[0]]
    spots = ",".join(f"<{u:.4f},{v:.4f}>" for u, v in closed)
    return f"prism {{ {start:.3f},{end:.3f},{len(closed)},{spots} matrix <{matrix}> }}"


def along(points: Points, start: float, end: float) -> str:
    """An outline of (z, y) seen from ahead, pushed along the car, on both sides of it."""
    matrix = "0,0,1, 1,0,0, 0,1,0, 0,0,0"
    mirrored = [(-z, y) for z, y in points]
    return (
        f"union {{ {_prism(points, start, end, matrix)} {_prism(mirrored, start, end, matrix)} }}"
    )


def across(points: Points, inner: float = 0.35) -> str:
    """An outline of (x, y) seen from the side, pushed through both flanks."""
    matrix = "1,0,0, 0,0,1, 0,1,0, 0,0,0"
    return f"union {{ {_prism(points, inner, 3, matrix)} {_prism(points, -3, -inner, matrix)} }}"


def stroke(points: Points, width: float = 0.012) -> Points:
    """The outline of a line of some width."""
    left, right = [], []
    for i, (x, y) in enumerate(points):
        (ax, ay), (bx, by) = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
        long = hypot(bx - ax, by - ay) or 1
        nx, ny = -(by - ay) / long * width / 2, (bx - ax) / long * width / 2
        left.append((x + nx, y + ny))
        right.append((x - nx, y - ny))
    return [*left, *reversed(right)]


def ahead(texture: str, points: Points, depth: float = 0.5, radius: float = 0.03) -> Patch:
    """A patch on the nose, as deep as given."""
    return Patch(texture, along(rounded(points, radius), -0.3, depth))


def behind(
    texture: str, points: Points, length: float, depth: float = 0.45, radius: float = 0.03
) -> Patch:
    """A patch on the tail."""
    return Patch(texture, along(rounded(points, radius), length - depth, length + 0.4))


def flank(texture: str, points: Points, radius: float = 0.05, inner: float = 0.35) -> Patch:
    return Patch(texture, across(rounded(points, radius), inner))


def seam(points: Points, width: float = 0.012) -> Patch:
    """A shut line on both flanks."""
    return Patch("Seam", across(stroke(points, width), 0.5))


def seam_ahead(points: Points, depth: float = 0.7, width: float = 0.011) -> Patch:
    return Patch("Seam", along(stroke(points, width), -0.3, depth))


def seam_behind(points: Points, length: float, depth: float = 0.6, width: float = 0.011) -> Patch:
    return Patch("Seam", along(stroke(points, width), length - depth, length + 0.4))


def spot(texture: str, x: tuple[float, float], y: float, z: float, radius: float) -> Patch:
    """A round patch on both sides, seen along the car."""
    ends = " ".join(
        f"cylinder {{ <{x[0]},{y},{at}>,<{x[1]},{y},{at}>,{radius} }}" for at in (z, -z)
    )
    return Patch(texture, f"union {{ {ends} }}")


def lamp(z: float, y: float, radius: float, depth: float = 0.6) -> list[Patch]:
    """A round headlamp: a bright ring, a reflector and its bulb."""
    reach = (-0.3, depth)
    return [
        spot("Chrome", reach, y, z, radius),
        spot("Reflector", reach, y, z, radius * 0.86),
        spot("Bulb", reach, y, z, radius * 0.4),
    ]


def box(texture: str, a: tuple[float, float, float], b: tuple[float, float, float]) -> Patch:
    return Patch(texture, f"box {{ <{a[0]},{a[1]},{a[2]}>,<{b[0]},{b[1]},{b[2]}> }}")


def dressed(patches: Iterable[Patch]) -> str:
    """The texture of the body: every patch over the ones before it."""
    text = "#declare Skin0 = texture { Paint }\n"
    number = 0
    for number, patch in enumerate(patches, 1):
        text += (
            f"#declare Skin{number} = texture {{ object {{ {patch.shape} "
            f"texture {{ Skin{number - 1} }} texture {{ {patch.texture} }} }} }}\n"
        )
    return text + f"#declare Skin = texture {{ Skin{number} }}\n"


def wheels(
    axles: tuple[float, float], radius: float, width: float, track: float, rim: str, cap: str
) -> str:
    """Four wheels; `rim` is "<kind><number of spokes>": a(lloy), s(teel) or t(win)."""
    kind, spokes = rim[0], int(rim[1:])
    inner = radius * (0.68 if kind != "s" else 0.6)
    metal = "Alloy" if kind != "s" else "Steel"
    spoke = {
        "a": f"box {{ <-.032,0,-.02>,<.032,{inner:.3f},.02> rotate x*-5 }}",
        "t": f"union {{ box {{ <-.05,0,-.018>,<-.026,{inner:.3f},.018> }} "
        f"box {{ <.026,0,-.018>,<.05,{inner:.3f},.018> }} rotate x*-5 }}",
        "s": f"box {{ <-.06,0,-.02>,<.06,{inner:.3f},.02> rotate x*-3 }}",
    }[kind]
    arms = " ".join(f"object {{ {spoke} rotate z*{360 / spokes * i:.1f} }}" for i in range(spokes))
    half = width / 2
    wheel = f"""#declare Wheel = union {{
  difference {{
    superellipsoid {{ <1,.22> scale <{radius},{radius},{half}> }}
    cylinder {{ <0,0,-1>,<0,0,1>,{inner} }}
    texture {{ Rubber }}
  }}
  difference {{
    cylinder {{ <0,0,{-half * 0.9}>,<0,0,{half * 0.93}>,{inner + 0.008} }}
    cylinder {{ <0,0,{half * 0.35}>,<0,0,1>,{inner - 0.012} }}
    texture {{ {metal} }}
  }}
  cylinder {{ <0,0,0>,<0,0,{half * 0.4}>,{inner * 0.72} texture {{ Disc }} }}
  union {{ {arms} translate z*{half * 0.78} texture {{ {metal} }} }}
  cylinder {{ <0,0,0>,<0,0,{half * 0.9}>,{inner * 0.24} texture {{ {cap} }} }}
}}
"""
    places = " ".join(
        f"object {{ Wheel {'' if side > 0 else 'scale <1,1,-1>'} "
        f"translate <{axle},{radius},{side * (track / 2 - half)}> }}"
        for axle in axles
        for side in (1, -1)
    )
    return wheel + f"#declare Wheels = union {{ {places} }}\n"


def both_sides(shape: str) -> str:
    return f"union {{ {shape} }} union {{ {shape} scale <1,1,-1> }}"


def mirrors(x: float, y: float, z: float, size: float = 1.0, texture: str = "Paint") -> str:
    """Door mirrors; z is where the glass of the door is."""
    return both_sides(
        f"superellipsoid {{ <.5,.5> scale <{0.07 * size},{0.075 * size},{0.1 * size}> "
        f"translate <{x},{y + 0.05},{z + 0.16 * size}> texture {{ {texture} }} }} "
        f"box {{ <{x + 0.06 * size},{y - 0.005},{z + 0.075}>,"
        f"<{x + 0.073 * size},{y + 0.105 * size},{z + 0.245 * size}> texture {{ Mirror }} }} "
        f"cylinder {{ <{x + 0.02},{y - 0.03},{z - 0.08}>,<{x},{y + 0.03},{z + 0.14}>,0.022 "
        "texture { Plastic } }"
    )


def plate(x: float, y: float, wide: float = 0.30, high: float = 0.15, z: float = 0.0) -> str:
    """A licence plate with nothing on it but grey bars; nobody's number."""
    dashes = " ".join(
        f"box {{ <{x - 0.012},{y - high * 0.2},{z + wide * a}>,"
        f"<{x + 0.012},{y + high * 0.2},{z + wide * b}> texture {{ PlateBar }} }}"
        for a, b in ((-0.36, -0.06), (0.02, 0.36))
    )
    return (
        f"box {{ <{x - 0.01},{y - high / 2},{z - wide / 2}>,<{x + 0.01},{y + high / 2},"
        f"{z + wide / 2}> texture {{ Plate }} }} {dashes}"
    )


def badge(x: float, y: float, radius: float, texture: str = "Chrome", oval: float = 1.5) -> str:
    return (
        f"sphere {{ 0,1 scale <0.02,{radius},{radius * oval}> translate <{x},{y},0> "
        f"texture {{ {texture} }} }}"
    )


def handles(places: Points, z: float, texture: str = "Paint") -> str:
    return both_sides(
        " ".join(
            f"superellipsoid {{ <.6,.6> scale <.1,.018,.022> translate <{x},{y},{z}> "
            f"texture {{ {texture} }} }}"
            for x, y in places
        )
    )


def pipe(x: float, y: float, z: float, radius: float = 0.035, one: bool = False) -> str:
    """Exhaust pipes, or one."""
    shape = (
        f"difference {{ cylinder {{ <{x - 0.2},{y},{z}>,<{x},{y},{z}>,{radius} }} "
        f"cylinder {{ <{x - 0.1},{y},{z}>,<{x + 1},{y},{z}>,{radius * 0.82} }} "
        "texture { Chrome } }"
    )
    return shape if one else both_sides(shape)
