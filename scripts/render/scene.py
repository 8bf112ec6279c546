"""
Where a car stands, in what light, and how it is looked at.

Every choice comes from one seed, so the same shot is the same picture again.
"""

from dataclasses import dataclass
from math import atan2, cos, degrees, hypot, radians, sin
from random import Random

LIGHTS = ("noon", "low", "overcast", "dusk")
PLACES = ("lot", "street", "brick", "country")

MATERIALS = """
#declare Glass = texture { pigment { rgb <.025,.03,.034> }
  finish { ambient 0 diffuse .5 specular .6 roughness .004
           reflection { .10,.75 fresnel on } conserve_energy } }
#declare Lamp = texture { pigment { rgb <.62,.66,.70> }
  finish { ambient 0 diffuse .55 specular .9 roughness .004 reflection { .18,.6 } } }
#declare Reflector = texture { pigment { rgb <.80,.83,.86> }
  finish { ambient LampGlow*.35 diffuse .7 specular .9 roughness .01 reflection { .2,.5 } } }
#declare Bulb = texture { pigment { rgb <1,.98,.92> }
  finish { ambient .25+LampGlow*1.4 diffuse .6 specular .9 roughness .004 reflection .1 } }
#declare Housing = texture { pigment { rgb .05 }
  finish { ambient 0 diffuse .6 specular .8 roughness .006 reflection { .08,.4 } } }
#declare Red = texture { pigment { rgb <.36,.006,.01> }
  finish { ambient .03+LampGlow*.5 diffuse .7 specular .8 roughness .006 reflection { .06,.4 } } }
#declare BrightRed = texture { pigment { rgb <.85,.05,.04> }
  finish { ambient .10+LampGlow diffuse .7 specular .8 roughness .006 reflection { .06,.4 } } }
#declare Amber = texture { pigment { rgb <.95,.42,.04> }
  finish { ambient .04+LampGlow*.2 diffuse .7 specular .8 roughness .006 reflection { .06,.4 } } }
#declare Clear = texture { pigment { rgb <.82,.82,.84> }
  finish { ambient .02 diffuse .7 specular .8 roughness .006 reflection { .08,.4 } } }
#declare Chrome = texture { pigment { rgb <.62,.63,.65> }
  finish { ambient 0 diffuse .35 specular .8 roughness .01 reflection .55 metallic } }
#declare Alloy = texture { pigment { rgb <.55,.56,.58> }
  finish { ambient 0 diffuse .6 specular .5 roughness .03 reflection .14 metallic } }
#declare Steel = texture { pigment { rgb <.34,.35,.36> }
  finish { ambient 0 diffuse .6 specular .4 roughness .04 reflection .05 } }
#declare Gold = texture { pigment { rgb <.62,.42,.10> }
  finish { ambient 0 diffuse .5 specular .7 roughness .02 reflection .25 metallic } }
#declare Blue = texture { pigment { rgb <.015,.06,.26> }
  finish { ambient 0 diffuse .6 specular .8 roughness .01 reflection .12 } }
#declare Disc = texture { pigment { rgb .12 } finish { ambient 0 diffuse .5 specular .2 } }
#declare Rubber = texture { pigment { rgb .028 }
  finish { ambient 0 diffuse .7 specular .12 roughness .08 } }
#declare Plastic = texture { pigment { rgb .035 }
  finish { ambient 0 diffuse .7 specular .25 roughness .05 } }
#declare Seam = texture { pigment { rgb .015 } finish { ambient 0 diffuse .3 } }
#declare Dark = texture { pigment { rgb .010 } finish { ambient 0 diffuse .4 } }
#declare Mirror = texture { pigment { rgb .1 } finish { ambient 0 reflection .7 } }
#declare Plate = texture { pigment { rgb <.86,.86,.82> } finish { ambient .02 diffuse .75 } }
#declare PlateBar = texture { pigment { rgb <.62,.63,.66> } finish { ambient .02 diffuse .7 } }
#declare Cloth = texture { pigment { rgb <.10,.09,.085> }
  finish { ambient 0 diffuse .8 } normal { bumps .3 scale .01 } }
#declare Bars = texture { gradient y texture_map {
  [.45 Dark] [.45 Chrome] [1 Chrome] } scale .055 }
#declare DarkBars = texture { gradient y texture_map {
  [.6 Dark] [.6 Plastic] [1 Plastic] } scale .04 }
#declare Uprights = texture { gradient z texture_map {
  [.55 Dark] [.55 Chrome] [1 Chrome] } scale .06 }
#declare Honeycomb = texture { hexagon texture { Dark } texture { Plastic } texture { Dark }
  rotate x*90 rotate y*90 scale .025 }
#declare Slats = texture { gradient y texture_map { [.7 Dark] [.7 Plastic] [1 Plastic] }
  scale .09 }
"""

PAINTS = {
    "white": (0.80, 0.80, 0.78),
    "silver": (0.50, 0.52, 0.54),
    "graphite": (0.13, 0.14, 0.155),
    "black": (0.014, 0.014, 0.016),
    "red": (0.45, 0.012, 0.015),
    "blue": (0.02, 0.07, 0.30),
    "sky": (0.20, 0.38, 0.52),
    "green": (0.02, 0.13, 0.07),
    "sand": (0.48, 0.40, 0.29),
    "orange": (0.62, 0.18, 0.015),
    "yellow": (0.72, 0.50, 0.03),
    "wine": (0.16, 0.012, 0.03),
}


@dataclass(frozen=True)
class Shot:
    """One picture to be taken."""

    side: str
    seed: str
    paint: str
    light: str
    place: str
    turn: float  # degrees away from straight on
    height: float
    distance: float
    fill: float  # how much of the picture the car takes
    shift: tuple[float, float]


def shot(side: str, seed: str, index: int, *, calm: bool = False) -> Shot:
    """
    Choose a shot; consecutive indexes differ in paint, light, place and angle.

    A calm one is what somebody who wants the car recognised would take: the same
    car in the same place by day, from the front and from the back.
    """
    random = Random(f"{seed}/{side}/{index}")  # noqa: S311  (pictures, not secrets)
    turns = (0, 22, -14, 31, -26, 7, -33, 14, -6, 27, -20, 35)
    base = turns[index % len(turns)] if not calm else random.choice((-24, -18, 18, 24))
    paints, lights, places = list(PAINTS), list(LIGHTS) * 3, list(PLACES) * 3
    if calm:
        lights = [one for one in lights if one != "dusk"]
    car = Random(seed)  # noqa: S311
    for choices in (paints, lights, places):
        (car if calm else Random(f"{seed}/{side}")).shuffle(choices)  # noqa: S311
    # Shuffled alike, light and place would always come as the same pair.
    places = places[5:] + places[:5]
    return Shot(
        side=side,
        seed=f"{seed}/{side}/{index}",
        paint=paints[index % len(paints)],
        light=lights[index % len(lights)],
        place=places[index % len(places)],
        turn=base + random.uniform(-4, 4),
        height=random.uniform(1.25, 1.75) if calm else random.uniform(0.95, 1.95),
        distance=random.uniform(5.5, 7.5),
        fill=random.uniform(0.82, 0.9) if calm else random.uniform(0.78, 0.96),
        shift=(random.uniform(-0.03, 0.03), random.uniform(-0.03, 0.03)),
    )


def paint(name: str) -> str:
    red, green, blue = PAINTS[name]
    metallic = "" if name in ("white", "red", "yellow", "black") else "metallic"
    return f"""#declare Paint = texture {{
  pigment {{ rgb <{red},{green},{blue}> }}
  finish {{ ambient 0 diffuse .78 specular .35 roughness .012 {metallic}
           reflection {{ .04,.5 fresnel on }} conserve_energy }} }}
"""


def camera(shot: Shot, size: tuple[float, float, float], wide: float = 4 / 3) -> str:
    """Stand before the middle of the side, and frame the whole car."""
    length, height, width = size
    ahead = shot.side == "front"
    turn = radians(shot.turn)
    near = 0.0 if ahead else length
    away = -1 if ahead else 1
    eye = (near + away * shot.distance * cos(turn), shot.height, shot.distance * sin(turn))

    def seen(x: float, y: float, z: float, heading: float, dip: float) -> tuple[float, float]:
        dx, dy, dz = x - eye[0], y - eye[1], z - eye[2]
        deep = dx * cos(heading) + dz * sin(heading)
        right = -dx * sin(heading) + dz * cos(heading)
        return right / (deep * cos(dip) + dy * sin(dip)), (dy * cos(dip) - deep * sin(dip)) / (
            deep * cos(dip) + dy * sin(dip)
        )

    heading = atan2(-eye[2], length / 2 - eye[0])
    dip = atan2(height / 2 - eye[1], hypot(length / 2 - eye[0], eye[2]))
    reach = (1.0, 1.0)
    for _ in range(4):
        spots = [
            seen(x, y, z, heading, dip)
            for x in (0.1, length - 0.1)
            for y in (0.0, height * (0.97 if (x < 1) != ahead or size[1] > 1.7 else 0.75))
            for z in (-width / 2, width / 2)
        ]
        left, right = min(s[0] for s in spots), max(s[0] for s in spots)
        low, high = min(s[1] for s in spots), max(s[1] for s in spots)
        heading += (left + right) / 2
        dip += (low + high) / 2
        reach = (right - left, high - low)
    span = max(reach[0], reach[1] * wide * 1.05) / shot.fill
    heading += shot.shift[0] * span
    dip += shot.shift[1] * span
    target = (eye[0] + cos(heading) * cos(dip), eye[1] + sin(dip), eye[2] + sin(heading) * cos(dip))
    angle = degrees(2 * atan2(span / 2, 1))
    return (
        f"camera {{ location <{eye[0]:.3f},{eye[1]:.3f},{eye[2]:.3f}> right x*{wide:.4f} "
        f"angle {angle:.2f} look_at <{target[0]:.4f},{target[1]:.4f},{target[2]:.4f}> }}\n"
    )


def light(shot: Shot, length: float) -> str:
    """The sky, the sun and what the sky throws into the shadows."""
    random = Random(shot.seed + "light")  # noqa: S311
    ahead = -1 if shot.side == "front" else 1
    around = radians(random.uniform(20, 80) * random.choice((-1, 1)))
    up = {"noon": 55, "low": 16, "overcast": 70, "dusk": 10}[shot.light] + random.uniform(-6, 6)
    sun = (
        ahead * cos(around) * cos(radians(up)) * 100,
        sin(radians(up)) * 100,
        sin(around) * cos(radians(up)) * 100,
    )
    colour, sky, strength, fill, glow = {
        "noon": ("<1.25,1.2,1.1>", ("<.62,.74,.88>", "<.16,.33,.66>"), 1.0, 0.36, 0.0),
        "low": ("<1.4,1.0,.66>", ("<.93,.80,.66>", "<.28,.42,.66>"), 0.95, 0.30, 0.05),
        "overcast": ("<.5,.52,.55>", ("<.80,.82,.84>", "<.55,.59,.64>"), 0.55, 0.62, 0.1),
        "dusk": ("<.85,.50,.36>", ("<.85,.52,.36>", "<.08,.12,.27>"), 0.5, 0.34, 0.6),
    }[shot.light]
    cloud = {"noon": 0.5, "low": 0.45, "overcast": 0.0, "dusk": 0.35}[shot.light]
    tint = "<.85,.92,1.05>" if shot.light != "dusk" else "<.62,.62,.80>"
    middle = f"<{length / 2},0,0>"
    disc = 60 if shot.light == "overcast" else 6  # how wide the sun is: clouds spread it
    fills = "".join(
        f"light_source {{ <{x},{y},{z}> rgb {tint}*{fill * part:.3f} shadowless }}\n"
        for x, y, z, part in (
            # Low, so that they light the flanks and leave the shadow under the car alone.
            (-60, 12, 30, 0.32),
            (60, 12, -30, 0.32),
            (-30, 10, -60, 0.30),
            (30, 10, 60, 0.30),
            (0, -40, 0, 0.16),
        )
    )
    return f"""#declare LampGlow = {glow};
light_source {{ <{sun[0]:.1f},{sun[1]:.1f},{sun[2]:.1f}> rgb {colour}*{strength}
  area_light <{disc},0,0>,<0,0,{disc}>,4,4
  adaptive 1 circular orient }}
light_source {{ {middle}+<0,12,0> rgb {tint}*{fill * 1.5:.3f}
  area_light <12,0,0>,<0,0,9>,5,5 adaptive 1 }}
{fills}
sky_sphere {{
  pigment {{ gradient y color_map {{ [0 rgb {sky[0]}] [.45 rgb {sky[1]}] [1 rgb {sky[1]}*.8] }} }}
  pigment {{ bozo turbulence .7 octaves 5 omega .55 scale <.35,.12,.35>
    translate <{random.uniform(0, 9):.2f},0,{random.uniform(0, 9):.2f}>
    color_map {{ [0 rgbt <1,1,1,1>] [.5 rgbt <1,1,1,1>]
      [.85 rgb {sky[0]}*{0.7 + cloud:.2f} transmit {1 - cloud:.2f}]
      [1 rgb {sky[0]}*{0.6 + cloud:.2f} transmit {1 - cloud:.2f}] }} }}
}}
"""
