"""
A smooth car body from a few outlines.

A body is where a side view, a plan and a cross-section overlap, with all edges
rounded. Outlines are signed distances on flat grids (negative inside), so that
overlap is a maximum, union a minimum, and a rounded edge costs nothing more.
The surface is then read off the grid with surface nets.

x runs from the nose to the tail, y up, z to the side. Metres.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Hollow:
    """A box cut out of the body: a cockpit or a load bed."""

    x: tuple[float, float]
    y: tuple[float, float]
    half_width: float
    rounding: float = 0.06


@dataclass(frozen=True)
class Body:
    """The outlines of one car, and where its wheels are."""

    length: float
    width: float
    side: Points  # nose bottom, over the bonnet, to the tail's bottom
    section: Points  # half: (z, y) from the sill up to the shoulder
    cabin: Points  # the glasshouse from the side, front to back; may be empty
    cabin_half: tuple[float, float]  # half widths at the belt and at the roof
    belt: float
    roof: float
    axles: tuple[float, float]
    wheel: float  # radius with the tyre
    tyre: float = 0.21
    nose: tuple[float, float] = (0.22, 0.86)  # how far it bows, and its width there
    tail: tuple[float, float] = (0.16, 0.9)
    cabin_bow: tuple[float, float] = (0.16, 0.12)
    crown: float = 0.06
    arch_gap: float = 0.045
    flare: tuple[float, float] = (0.0, 0.0)  # how far the arches stand out, front and rear
    edge: float = 0.1
    cabin_edge: float = 0.1
    blend: float = 0.03
    hollows: Sequence[Hollow] = field(default_factory=tuple)
    pods: Sequence[tuple[float, float, float, float, float, float]] = field(default_factory=tuple)
    """Ellipsoids that swell out of the body: centre x, y, z and the three radii."""


def curve(points: Points, steps: int = 6) -> Floats:
    """A centripetal Catmull-Rom curve through the points; a point given twice is a corner."""
    p = np.array([points[0], *points, points[-1]], float)
    out: list[NDArray[np.float64]] = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        t0 = 0.0
        t1 = t0 + max(float(np.hypot(*(b - a))) ** 0.5, 1e-4)
        t2 = t1 + max(float(np.hypot(*(c - b))) ** 0.5, 1e-4)
        t3 = t2 + max(float(np.hypot(*(d - c))) ** 0.5, 1e-4)
        for t in np.linspace(t1, t2, steps, endpoint=False):
            a1 = (t1 - t) / (t1 - t0) * a + (t - t0) / (t1 - t0) * b
            a2 = (t2 - t) / (t2 - t1) * b + (t - t1) / (t2 - t1) * c
            a3 = (t3 - t) / (t3 - t2) * c + (t - t2) / (t3 - t2) * d
            b1 = (t2 - t) / (t2 - t0) * a1 + (t - t0) / (t2 - t0) * a2
            b2 = (t3 - t) / (t3 - t1) * a2 + (t - t1) / (t3 - t1) * a3
            out.append((t2 - t) / (t2 - t1) * b1 + (t - t1) / (t2 - t1) * b2)
    out.append(p[-1])
    return np.array(out, np.float32)


def outline_distance(outline: Floats, u: Floats, v: Floats) -> Floats:
    """Signed distance of every (u, v) to a closed outline, as a grid."""
    pu, pv = np.meshgrid(u, v, indexing="ij")
    nearest = np.full(pu.shape, 1e9, np.float32)
    inside = np.zeros(pu.shape, bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, 0), strict=True):
        ex, ey = bx - ax, by - ay
        long = ex * ex + ey * ey
        if long < 1e-12:
            continue
        t = np.clip(((pu - ax) * ex + (pv - ay) * ey) / long, 0, 1)
        nearest = np.minimum(nearest, (pu - ax - t * ex) ** 2 + (pv - ay - t * ey) ** 2)
        if ay != by:
            inside ^= ((ay > pv) != (by > pv)) & (pu < ex * (pv - ay) / ey + ax)
    return np.where(inside, -np.sqrt(nearest), np.sqrt(nearest)).astype(np.float32)


def overlap(a: Floats, b: Floats, rounding: float) -> Floats:
    h = np.maximum(rounding - np.abs(a - b), 0) / rounding
    return np.asarray(np.maximum(a, b) + h * h * rounding / 4, np.float32)


def union(a: Floats, b: Floats, rounding: float) -> Floats:
    return -overlap(-a, -b, rounding)


def _plan(
    length: float,
    half: float,
    nose: tuple[float, float],
    tail: tuple[float, float],
    start: float = 0.0,
) -> Floats:
    """The car from above: bowed at both ends, full width between the axles."""
    t = np.linspace(0, 1, 14)
    front = [(start + nose[0] * a**2.6, half * nose[1] * a) for a in t]
    back = [(start + length - tail[0] * a**2.6, half * tail[1] * a) for a in t[::-1]]
    middle = [
        (start + nose[0] + 0.16 * length * (1 - nose[1]) * 4, half),
        (start + length - tail[0] - 0.16 * length * (1 - tail[1]) * 4, half),
    ]
    shoulder = curve([front[-1], *middle, back[0]], 10)
    upper = np.array([*front[:-1], *shoulder.tolist(), *back[1:]])
    lower = upper[::-1] * [1, -1]
    return np.concatenate([upper, lower]).astype(np.float32)


def _shifted(grid: Floats, y: Floats, z: Floats, crown: float, half: float) -> Floats:
    """The side view for every z, lowered towards the edges so that the top is crowned."""
    step = float(y[1] - y[0])
    out = np.empty((*grid.shape, len(z)), np.float32)
    for k, at in enumerate(z):
        shift = crown * min(1.0, abs(float(at)) / half) ** 2 / step
        whole = int(shift)
        index = np.arange(len(y)) + whole
        low = grid[:, np.clip(index, 0, len(y) - 1)]
        high = grid[:, np.clip(index + 1, 0, len(y) - 1)]
        out[:, :, k] = low + (high - low) * (shift - whole)
    return out


def distance(body: Body, x: Floats, y: Floats, z: Floats) -> Floats:
    """Signed distance to the body on the grid of the three axes."""
    half = body.width / 2
    side = curve(body.side)
    shape = overlap(
        _shifted(outline_distance(side, x, y), y, z, body.crown, half),
        outline_distance(_plan(body.length, half, body.nose, body.tail), x, z)[:, None, :],
        body.edge * 1.6,
    )
    rim = curve(body.section)
    section = np.concatenate([rim, rim[::-1] * [-1, 1]]).astype(np.float32)
    shape = overlap(shape, outline_distance(section, z, y).T[None], body.edge)

    if len(body.cabin):
        top = curve(body.cabin)
        first, last = float(top[:, 0].min()), float(top[:, 0].max())
        cabin = overlap(
            _shifted(outline_distance(top, x, y), y, z, 0.05, body.cabin_half[1]),
            outline_distance(
                _plan(
                    last - first,
                    body.cabin_half[0],
                    (body.cabin_bow[0], 0.9),
                    (body.cabin_bow[1], 0.88),
                    first,
                ),
                x,
                z,
            )[:, None, :],
            body.cabin_edge,
        )
        at_belt, at_roof = body.cabin_half
        sides = curve(
            [
                (at_belt, 0.2),
                (at_belt, body.belt),
                (at_belt, body.belt),
                ((at_belt + at_roof) / 2 + 0.02, (body.belt + body.roof) / 2),
                (at_roof, body.roof),
                (at_roof - 0.04, body.roof + 0.2),
            ]
        )
        sides = np.concatenate([sides, sides[::-1] * [-1, 1]]).astype(np.float32)
        cabin = overlap(cabin, outline_distance(sides, z, y).T[None], body.cabin_edge)
        shape = union(shape, cabin, body.blend)

    px, py, pz = x[:, None, None], y[None, :, None], np.abs(z)[None, None, :]
    for cx, cy, cz, rx, ry, rz in body.pods:
        ball = np.sqrt(((px - cx) / rx) ** 2 + ((py - cy) / ry) ** 2 + ((pz - cz) / rz) ** 2)
        shape = union(shape, np.asarray((ball - 1) * min(rx, ry, rz), np.float32), 0.12)
    for axle, flare in zip(body.axles, body.flare, strict=True):
        hub = np.hypot(px - axle, py - body.wheel)
        if flare:
            swell = np.maximum(hub - body.wheel - body.arch_gap - 0.1, pz - half - flare)
            swell = np.maximum(swell, half - 0.3 - pz)
            shape = union(shape, overlap(np.asarray(swell, np.float32), shape - 0.16, 0.1), 0.1)
        well = np.maximum(hub - body.wheel - body.arch_gap, half - 0.3 - pz)
        shape = overlap(shape, np.asarray(-well, np.float32), 0.025)
    for cut in body.hollows:
        box = np.maximum(np.maximum(cut.x[0] - px, px - cut.x[1]), cut.y[0] - py)
        box = np.maximum(np.maximum(box, py - cut.y[1]), pz - cut.half_width)
        shape = overlap(shape, np.asarray(-box, np.float32), cut.rounding)
    return shape


def surface(body: Body, step: float) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """
    The half of the body's surface where z is positive: points, normals, triangles.

    The grid straddles z = 0, so the half ends exactly in the middle and can be
    mirrored without a seam.
    """
    x = np.arange(-0.12, body.length + 0.12, step, dtype=np.float32)
    y = np.arange(0.05, max(body.roof, max(p[1] for p in body.side)) + 0.12, step, dtype=np.float32)
    z = np.arange(-step / 2, body.width / 2 + 0.2, step, dtype=np.float32)
    d = distance(body, x, y, z)

    corners = np.stack(
        [
            d[i : i + len(x) - 1, j : j + len(y) - 1, k : k + len(z) - 1]
            for i in (0, 1)
            for j in (0, 1)
            for k in (0, 1)
        ]
    )
    mixed = (corners < 0).any(0) & (corners >= 0).any(0)
    cell = np.argwhere(mixed)
    value = corners[:, mixed]
    offset = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)], np.float32)
    total = np.zeros((len(cell), 3), np.float32)
    count = np.zeros(len(cell), np.float32)
    for a in range(8):
        for b in range(a + 1, 8):
            if np.abs(offset[a] - offset[b]).sum() != 1:
                continue
            cross = (value[a] < 0) != (value[b] < 0)
            t = np.where(cross, value[a] / np.where(cross, value[a] - value[b], 1), 0)
            total += np.where(cross[:, None], offset[a] + t[:, None] * (offset[b] - offset[a]), 0)
            count += cross
    inner = total / count[:, None]
    points = np.stack([x[0], y[0], z[0]]) + (cell + inner) * step
    points[cell[:, 2] == 0, 2] = 0

    normals = np.zeros_like(points)
    for axis in range(3):
        slope = np.gradient(d, step, axis=axis)
        near = [slope[tuple((cell + o.astype(int)).T)] for o in offset]
        weight = [np.abs(1 - o - inner).prod(1) for o in offset]
        normals[:, axis] = np.sum(np.stack(near) * np.stack(weight), axis=0)
    normals[cell[:, 2] == 0, 2] = 0
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)

    number = np.full(mixed.shape, -1, np.int64)
    number[mixed] = np.arange(len(cell))
    faces = []
    inside = d < 0
    for axis in range(3):
        u, v = [(1, 2), (0, 2), (0, 1)][axis]
        flip = np.diff(inside.astype(np.int8), axis=axis)
        edges = np.argwhere(flip)
        edges = edges[(edges[:, u] > 0) & (edges[:, v] > 0)]
        edges = edges[(edges[:, u] < number.shape[u]) & (edges[:, v] < number.shape[v])]
        ring = []
        for du, dv in ((1, 1), (0, 1), (0, 0), (1, 0)):
            at = edges.copy()
            at[:, u] -= du
            at[:, v] -= dv
            ring.append(number[tuple(at.T)])
        quad = np.stack(ring, 1)
        faces += [quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]]
    triangles = np.concatenate(faces)
    first, second, third = (points[triangles[:, i]] for i in range(3))
    backward = (np.cross(second - first, third - first) * normals[triangles[:, 0]]).sum(1) < 0
    triangles[backward] = triangles[backward][:, [0, 2, 1]]
    return points.astype(np.float32), normals.astype(np.float32), triangles


def mesh(body: Body, step: float) -> str:
    """The whole body as a POV-Ray object named `Shell`, without a texture."""
    points, normals, triangles = surface(body, step)

    def vectors(rows: Floats) -> str:
        return ",".join(f"<{a:.4f},{b:.4f},{c:.4f}>" for a, b, c in rows)

    faces = ",".join(f"<{a},{b},{c}>" for a, b, c in triangles)
    return (
        f"#declare HalfShell = mesh2 {{ vertex_vectors {{ {len(points)},{vectors(points)} }}\n"
        f"normal_vectors {{ {len(normals)},{vectors(normals)} }}\n"
        f"face_indices {{ {len(triangles)},{faces} }} }}\n"
    )
