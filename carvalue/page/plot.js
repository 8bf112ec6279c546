// Draws how prices are spread: one axis, the typical range, the median, the mean, the raw ends.

import { h, s } from "./dom.js";
import { money, t } from "./words.js";

const HEIGHT = 104;
const MIDDLE = 44;
const AXIS = 76;
const MARGIN = 14;
/** From this ratio of the ends on a linear axis would press all prices into one corner. */
const LOGARITHMIC_FROM = 8;

/** A figure of a price; its text says the same as the drawing. */
export function plotOf(price) {
  const logarithmic = price.min > 0 && price.max / price.min > LOGARITHMIC_FROM;
  const cash = (value) => money(value, price.currency);
  const place = h("div", { class: "drawing", role: "img", "aria-label": textOf(price) });
  const draw = () => {
    const width = Math.floor(place.clientWidth);
    if (width > 0) place.replaceChildren(drawing(price, width, logarithmic));
  };
  new ResizeObserver(draw).observe(place);
  return h("figure", { class: "plot" }, place,
    h("figcaption", {},
      h("ul", { class: "legend" },
        price.typical_low !== null && line("typical", t("plot.typical", { low: cash(price.typical_low), high: cash(price.typical_high) })),
        (price.wide_low ?? null) !== null && line("wide", t("plot.wide", { low: cash(price.wide_low), high: cash(price.wide_high) })),
        line("median", t("plot.median", { value: cash(price.median) })),
        line("mean", t("plot.mean", { value: cash(price.mean) })),
        line("ends", t("plot.ends", { low: cash(price.min), high: cash(price.max) }))),
      logarithmic && h("p", { class: "hint" }, t("plot.log"))));
}

/** All that the drawing shows, in a sentence. */
function textOf(price) {
  const cash = (value) => money(value, price.currency);
  const parts = [t("plot.median", { value: cash(price.median) })];
  if (price.typical_low !== null) parts.push(t("plot.typical", { low: cash(price.typical_low), high: cash(price.typical_high) }));
  parts.push(t("plot.mean", { value: cash(price.mean) }), t("plot.ends", { low: cash(price.min), high: cash(price.max) }));
  return `${t("plot.title")}: ${parts.join("; ")}.`;
}

function line(kind, text) {
  const symbol = s("svg", { viewBox: "0 0 22 14", width: 22, height: 14, "aria-hidden": "true" });
  const marks = {
    typical: () => s("rect", { class: "typical", x: 1, y: 1, width: 20, height: 12, rx: 3 }),
    wide: () => s("rect", { class: "wide", x: 1, y: 4, width: 20, height: 6, rx: 3 }),
    median: () => s("path", { class: "median", d: "M11 0v14" }),
    mean: () => s("circle", { class: "mean", cx: 11, cy: 7, r: 5 }),
    ends: () => s("path", { class: "ends", d: "M2 3v8M2 7h18M20 3v8" }),
  };
  symbol.append(marks[kind]());
  return h("li", {}, symbol, h("span", {}, text));
}

function drawing(price, width, logarithmic) {
  const scale = logarithmic ? Math.log : (value) => value;
  const [low, high] = [scale(price.min), scale(Math.max(price.max, price.min + 1))];
  const x = (value) => MARGIN + ((scale(value) - low) / (high - low)) * (width - 2 * MARGIN);
  const bar = (kind, from, to, height) =>
    s("rect", { class: kind, x: x(from), y: MIDDLE - height / 2, width: Math.max(2, x(to) - x(from)), height, rx: 4 });
  const label = money(price.median, price.currency);
  return s("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` },
    s("path", { class: "ends", d: `M${x(price.min)} ${MIDDLE - 8}v16M${x(price.min)} ${MIDDLE}H${x(price.max)}M${x(price.max)} ${MIDDLE - 8}v16` }),
    (price.wide_low ?? null) !== null && bar("wide", price.wide_low, price.wide_high, 12),
    price.typical_low !== null && bar("typical", price.typical_low, price.typical_high, 26),
    s("circle", { class: "mean", cx: x(price.mean), cy: MIDDLE, r: 5.5 }),
    s("path", { class: "median", d: `M${x(price.median)} ${MIDDLE - 19}v38` }),
    text("value", x(price.median), 18, width, label),
    s("path", { class: "axis", d: `M${MARGIN} ${AXIS}H${width - MARGIN}` }),
    ticks(price, logarithmic, Math.max(2, Math.floor(width / 84))).map((value) => [
      s("path", { class: "axis", d: `M${x(value)} ${AXIS}v5` }),
      text("tick", x(value), AXIS + 20, width, short(value, price.currency)),
    ]));
}

/** Text in the middle above or below a place, moved in where it would be cut off. */
function text(kind, x, y, width, content) {
  const half = content.length * 4.6;
  return s("text", { class: kind, x: Math.min(width - half, Math.max(half, x)), y, "text-anchor": "middle" }, content);
}

function short(value, currency) {
  return value < 10_000 ? money(value, currency) : t("plot.thousands", { value: money(value / 1000, currency) });
}

/** Round values between the ends, so many at most, and none too close to an end to be read. */
function ticks(price, logarithmic, most) {
  const found = [];
  if (logarithmic) {
    for (let power = 10 ** Math.floor(Math.log10(price.min)); power <= price.max; power *= 10) {
      for (const one of [1, 2, 5]) found.push(power * one);
    }
  } else {
    const rough = Math.max(1, (price.max - price.min) / most);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
    for (let value = Math.ceil(price.min / step) * step; value <= price.max; value += step) found.push(value);
  }
  const inside = found.filter((one) => one >= price.min && one <= price.max);
  const every = Math.ceil(inside.length / most);
  return inside.filter((_, place) => place % every === 0);
}
