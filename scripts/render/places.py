"""
The places where the cars stand: a car park, a street, a brick wall, a country road.

What is behind the car matters as much as what is before it: that is what the
paint and the glass reflect.
"""

from random import Random

from .scene import Shot


def place(shot: Shot, length: float) -> str:
    random = Random(shot.seed + "place")  # noqa: S311  (pictures, not secrets)
    away = 1 if shot.side == "front" else -1
    far = length / 2 + away * (length / 2)  # the end of the car that is not looked at
    near = length / 2 - away * (length / 2)
    make = {"lot": _lot, "street": _street, "brick": _brick, "country": _country}[shot.place]
    behind_us = (
        f"union {{ {_trees(random, near - away * 22, -away, 9)} "
        f"box {{ <-9,0,-11>,<9,7,2> texture {{ Wall }} translate x*{near - away * 34} }} }}\n"
    )
    return make(random, away, far) + behind_us


def _ground(pigment: str, bumps: float, scale: float) -> str:
    return (
        f"plane {{ y,0 texture {{ pigment {{ {pigment} }} finish {{ ambient 0 diffuse .75 }} "
        f"normal {{ granite {bumps} scale {scale} }} }} }}\n"
    )


def _grey(low: float, high: float, scale: float) -> str:
    return (
        f"granite scale {scale} color_map {{ [0 rgb {low}] [.5 rgb {(low + high) / 2}] "
        f"[1 rgb {high}] }}"
    )


def _tone(random: Random) -> str:
    tones = ("<.50,.46,.40>", "<.42,.27,.20>", "<.55,.54,.52>", "<.38,.41,.44>", "<.58,.48,.33>")
    return random.choice(tones)


def _declare_wall(random: Random) -> str:
    return (
        f"#declare Wall = texture {{ pigment {{ rgb {_tone(random)} }} finish {{ ambient 0 }} }}\n"
        "#declare Pane = texture { pigment { rgb <.05,.06,.08> } "
        "finish { ambient 0 diffuse .4 reflection .25 specular .3 } }\n"
        "#declare Leaf = texture { pigment { granite scale .3 color_map { "
        "[0 rgb <.02,.05,.012>] [.6 rgb <.05,.11,.025>] [1 rgb <.12,.19,.05>] } } "
        "finish { ambient 0 diffuse .8 } normal { bumps 1.4 scale .12 } }\n"
        "#declare Bark = texture { pigment { rgb <.10,.07,.05> } finish { ambient 0 } }\n"
    )


def _trees(random: Random, x: float, away: int, number: int) -> str:
    text = ""
    for i in range(number):
        z = (i - number / 2) * 4.6 + random.uniform(-1.6, 1.6)
        at = x + away * random.uniform(0, 5)
        high = random.uniform(2.4, 5.0)
        text += f"cylinder {{ <{at:.2f},0,{z:.2f}>,<{at:.2f},{high:.2f},{z:.2f}>,.14 "
        text += "texture { Bark } }\n"
        for _ in range(6):
            r = random.uniform(0.6, 1.25)
            dx, dy, dz = (random.uniform(-1.1, 1.1) for _ in range(3))
            text += (
                f"sphere {{ 0,{r:.2f} scale <1,.85,1> translate <{at + dx:.2f},"
                f"{high + dy * 0.8:.2f},{z + dz:.2f}> texture {{ Leaf }} }}\n"
            )
    return text


def _house(random: Random, x: float, away: int, z: float, wide: float) -> str:
    """A facade with windows that recede into it."""
    high = random.choice((6.4, 9.4, 12.4))
    a, b = sorted((x, x + away * 6))
    text = f"box {{ <{a},0,{z}>,<{b},{high},{z + wide}> }}\n"
    holes = ""
    front = x - away * 0.02
    for storey in range(int(high // 3)):
        at = z + 0.9
        while at + 1.2 < z + wide:
            y = 0.9 + storey * 3.0
            c, d = sorted((front, front + away * 0.22))
            holes += (
                f"box {{ <{c - 0.05},{y},{at}>,<{d},{y + 1.55},{at + 1.1}> texture {{ Pane }} }}\n"
            )
            at += 2.1
    tone = f"texture {{ pigment {{ rgb {_tone(random)} }} finish {{ ambient 0 }} }}"
    ledge = f"box {{ <{a - 0.15},{high},{z}>,<{b + 0.15},{high + 0.3},{z + wide}> {tone} }}\n"
    return f"difference {{ {text} {holes} {tone} }} {ledge}"


def _lot(random: Random, away: int, far: float) -> str:
    lines = "".join(
        f"box {{ <-40,0,{z:.2f}>,<46,.004,{z + 0.11:.2f}> "
        "texture { pigment { granite scale .4 color_map { [0 rgb .75] [.75 rgb .68] "
        "[1 rgb .3] } } finish { ambient 0 } } }\n"
        for z in (-6.9, -4.2, -1.5, 1.4, 4.1, 6.8)
    )
    hedge = far + away * random.uniform(5, 9)
    a, b = sorted((hedge, hedge + away * 1.2))
    back = hedge + away * 7
    c, d = sorted((back, back + away * 8))
    hall = (
        f"box {{ <{c},0,-30>,<{d},{random.uniform(4, 6):.1f},26> texture {{ pigment {{ gradient z "
        f"color_map {{ [.96 rgb {_tone(random)}] [.96 rgb .2] }} scale 1.4 }} "
        "finish { ambient 0 } } }\n"
    )
    return (
        _declare_wall(random)
        + _ground(_grey(0.10, 0.24, 0.25), 0.5, 0.03)
        + lines
        + f"superellipsoid {{ <.15,.2> scale <{(b - a) / 2},.65,24> "
        f"translate <{(a + b) / 2},.5,0> texture {{ Leaf }} }}\n"
        + _trees(random, hedge + away * 3, away, 10)
        + hall
    )


def _street(random: Random, away: int, far: float) -> str:
    side = random.choice((-1, 1))
    kerb = side * random.uniform(1.35, 1.7)
    a, b = sorted((kerb, kerb + side * 60))
    text = _declare_wall(random) + _ground(_grey(0.12, 0.22, 0.3), 0.4, 0.025)
    text += (
        f"box {{ <-60,0,{a}>,<60,.13,{b}> texture {{ pigment {{ brick rgb .22, rgb .45 "
        "brick_size <.6,.3,.6> mortar .015 } finish { ambient 0 } } }\n"
    )
    text += (
        f"box {{ <-60,.131,{-30 if side > 0 else -31}>,<60,.131,-30> texture {{ Wall }} }}\n"
        f"box {{ <-60,0,{kerb - side * 5.8 - 0.06}>,<60,.004,{kerb - side * 5.8 + 0.06}> "
        "texture { pigment { rgb .7 } finish { ambient 0 } } }\n"
    )
    row = far + away * random.uniform(9, 13)
    z = -27.0 + random.uniform(-3, 0)
    while z < 26:
        wide = random.choice((6.3, 8.4, 10.5))
        text += _house(random, row + away * random.uniform(0, 0.6), away, z, wide)
        z += wide
    return text + _trees(random, row - away * 2.5, away, 4)


def _brick(random: Random, away: int, far: float) -> str:
    at = far + away * random.uniform(1.6, 3.2)
    a, b = sorted((at, at + away * 0.4))
    tones = (
        ("<.42,.16,.10>", "<.46,.43,.40>"),
        ("<.50,.47,.43>", "<.30,.29,.28>"),
        ("<.56,.44,.30>", "<.48,.46,.42>"),
    )
    stone, mortar = random.choice(tones)
    return (
        _declare_wall(random)
        + _ground(_grey(0.34, 0.50, 0.5), 0.25, 0.04)
        + "box { <-40,.0,-.012>,<40,.002,.012> texture { pigment { rgb .12 } } "
        f"translate z*{random.uniform(1.2, 1.8):.2f} }}\n"
        f"box {{ <{a},0,-40>,<{b},{random.uniform(2.8, 4.5):.2f},40> texture {{ pigment {{ brick "
        f"rgb {mortar}, rgb {stone} brick_size <.24,.085,.24> mortar .012 }} "
        "finish { ambient 0 } normal { granite .3 scale .05 } } }\n"
        + _trees(random, at + away * 3, away, 9)
    )


def _country(random: Random, away: int, far: float) -> str:
    hills = "".join(
        f"sphere {{ 0,1 scale <{random.uniform(30, 60):.0f},{random.uniform(8, 17):.0f},"
        f"{random.uniform(40, 70):.0f}> translate <{far + away * random.uniform(95, 140):.0f},-2,"
        f"{z:.0f}> texture {{ pigment {{ granite scale 30 color_map {{ [0 rgb <.13,.18,.12>] "
        "[1 rgb <.27,.30,.20>] } } finish { ambient .05 diffuse .7 } } }\n"
        for z in (-80, -20, 40, 95)
    )
    grass = (
        "granite scale .7 color_map { [0 rgb <.06,.10,.02>] [.5 rgb <.13,.17,.045>] "
        "[1 rgb <.30,.28,.11>] }"
    )
    road = (
        "box { <-70,0,-3.4>,<70,.006,3.4> texture { pigment { granite scale .3 color_map { "
        "[0 rgb <.22,.19,.15>] [1 rgb <.44,.39,.32>] } } finish { ambient 0 } "
        "normal { granite .6 scale .05 } } }\n"
    )
    return (
        _declare_wall(random)
        + _ground(grass, 0.9, 0.06)
        + road
        + hills
        + _trees(random, far + away * random.uniform(14, 24), away, 11)
    )
