// The maker's figures, in the units that the reader likes.

import { h, radios } from "./dom.js";
import { date, has, number, t, usesMiles } from "./words.js";

const FIELDS = [
  "body", "fuel", "engine_displacement_cc", "engine_cylinders", "engine_power_kw", "engine_torque_nm", "transmission",
  "drive", "city", "highway", "mixed", "co2_g_per_km", "top_speed_kph", "seconds_to_100_kph", "seats", "doors", "length_mm",
  "width_mm", "height_mm", "wheelbase_mm", "weight_kg", "fuel_capacity_l", "engine_type", "engine_position", "make_country",
];
/** [US factor, US unit, metric unit]; what is in both systems alike is not here. */
const UNITS = {
  engine_displacement_cc: [0.001, "l", "l", 0.001],
  engine_power_kw: [1.34102, "hp", "kW"],
  engine_torque_nm: [0.737562, "lb-ft", "Nm"],
  top_speed_kph: [0.621371, "mph", "km/h"],
  length_mm: [0.0393701, "in", "mm"],
  width_mm: [0.0393701, "in", "mm"],
  height_mm: [0.0393701, "in", "mm"],
  wheelbase_mm: [0.0393701, "in", "mm"],
  weight_kg: [2.20462, "lb", "kg"],
  fuel_capacity_l: [0.264172, "gal", "l"],
};
const FIXED = { co2_g_per_km: "g/km", seconds_to_100_kph: "s" };
const ECONOMY = ["city", "highway", "mixed"];

let american = usesMiles;

/** The specs as a table, with a switch between US and metric units. */
export function specsCard(specs) {
  const body = h("tbody");
  const fill = () => body.replaceChildren(...FIELDS.map((name) => rowOf(specs, name)).filter(Boolean));
  fill();
  const mended = specs.corrected ?? [];
  return h("section", { class: "card", "aria-labelledby": "specs-title" },
    h("h2", { id: "specs-title" }, t("specs.title")),
    radios({
      legend: t("specs.units"), kind: "switch", value: american ? "us" : "metric",
      change: (one) => {
        american = one === "us";
        fill();
      },
      options: ["us", "metric"].map((one) => ({ value: one, label: t(`specs.${one}`) })),
    }),
    h("table", {}, h("caption", { class: "unseen" }, t("specs.title")), body),
    mended.length > 0 && h("p", { class: "hint" }, t("specs.mended", { fields: mended.map((one) => (has(`spec.${one}`) ? t(`spec.${one}`) : one)).join(", ") })),
    h("p", { class: "hint" }, sourceOf(specs)));
}

function sourceOf(specs) {
  const others = [...new Set(Object.values(specs.field_sources ?? {}))];
  return [
    t("price.source", { source: [specs.source, ...others].join(", ") }),
    specs.source_updated_on && t("specs.updated", { date: date(specs.source_updated_on) }),
    t("specs.unknown"),
  ].filter(Boolean).join(" ");
}

function rowOf(specs, name) {
  const value = ECONOMY.includes(name) ? economy(specs.fuel_economy ?? {}, name) : valueOf(name, specs[name] ?? null);
  return value === null ? null : h("tr", {}, h("th", { scope: "row" }, t(`spec.${name}`)), h("td", {}, value));
}

function economy(figures, name) {
  const value = figures[american ? `${name}_mpg_us` : `${name}_l_per_100km`] ?? null;
  return value === null ? null : `${number(value, 1)} ${american ? "mpg" : "l/100 km"}`;
}

function valueOf(name, value) {
  if (value === null || typeof value === "string") return value;
  const [factor, us, metric, always = 1] = UNITS[name] ?? [];
  if (!us) return FIXED[name] ? `${number(value, 1)} ${FIXED[name]}` : number(value);
  const shown = american ? value * factor : value * always;
  const digits = us === "l" || us === "gal" || us === "in" || metric === "l" ? 1 : 0;
  return `${number(shown, digits)} ${american ? us : metric}`;
}
