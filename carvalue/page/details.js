// Year, mileage and condition of the car that it is.

import { call, patiently } from "./api.js";
import { button, field, h, newId, radios, show } from "./dom.js";
import { nameOf } from "./candidates.js";
import { alertOf, fieldsOf, meaningOf } from "./problems.js";
import { has, number, t, usesMiles } from "./words.js";

export const MOST_MILEAGE = 2_000_000;
const CONDITIONS = ["excellent", "very_good", "good", "fair", "poor"];

let known = null;

/**
 * The conditions, best first, with what each means; without that where the service cannot be asked.
 * @returns {Promise<{condition: string, label: string, meaning: string}[]>}
 */
export async function conditions() {
  if (known) return known;
  try {
    const { body } = await call("GET", "/v1/conditions");
    known = body.data;
    return known;
  } catch {
    return CONDITIONS.map((condition) => ({ condition, label: t(`condition.${condition}`), meaning: "" }));
  }
}

/** The model years of a car of the catalogue. */
export async function yearsOf(car) {
  if (car.years?.length) return car.years;
  const { body } = await call("GET", `/v1/catalog/models/${encodeURIComponent(car.model_id)}/years`);
  return body.years;
}

/** A mileage as people write it: "58,000", "58 000", "58.000"; null where it is none. */
export function mileageIn(text) {
  const digits = text.replace(/[\s.,'’\u00a0\u202f]/g, "");
  const value = /^\d{1,9}$/.test(digits) ? Number(digits) : null;
  return value !== null && value <= MOST_MILEAGE ? value : null;
}

/**
 * Asks for what a price needs. `entered` is what was entered before, `error` what did not fit then.
 */
export async function showDetails(appraisal, car, ways, entered = null, error = null) {
  const before = { ...appraisal.entered, ...entered };
  const usage = {
    mileage: before.mileage ?? "",
    unit: (before.mileage ?? null) !== null && before.mileage_unit ? before.mileage_unit : usesMiles ? "mi" : "km",
    condition: before.condition ?? null,
  };
  const hinted = before.year ?? car.year ?? null;
  const problem = h("div");
  const body = h("div", {}, h("progress", { "aria-label": t("catalogue.loading") }));
  show(nameOf(car), [h("p", { class: "lead" }, t("details.lead")), problem, body, button(t("details.wrong"), ways.candidates, "plain")]);

  let years, levels;
  try {
    [years, levels] = await Promise.all([error?.knownYears ?? patiently(() => yearsOf(car), async (s) => new Promise((done) => setTimeout(done, s * 1000))), conditions()]);
  } catch (failure) {
    const again = button(t("again"), () => showDetails(appraisal, car, ways, entered, error));
    problem.replaceChildren(alertOf({ ...meaningOf(failure), actions: [again] }));
    return;
  }

  const year = h("select", { required: true }, h("option", { value: "" }, t("details.year.choose")),
    [...years].sort((a, b) => b - a).map((one) => h("option", { value: String(one), selected: one === hinted }, String(one))));
  const mileage = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", required: true, value: usage.mileage === "" ? "" : number(usage.mileage) });
  const unit = unitChoice(usage.unit, (one) => (usage.unit = one));
  const level = conditionChoice(levels, usage.condition, (one) => (usage.condition = one));

  const form = h("form", { novalidate: true, on: { submit: (event) => {
    event.preventDefault();
    const miles = mileageIn(mileage.value);
    const wrong = [
      [year, year.value === "", "year"], [mileage, miles === null, "mileage"], [level.querySelector("input"), !usage.condition, "condition"],
    ].filter(([, bad]) => bad);
    for (const one of [year, mileage, level]) one.removeAttribute("aria-invalid");
    if (wrong.length > 0) {
      for (const [control] of wrong) (control.closest("fieldset") ?? control).setAttribute("aria-invalid", "true");
      problem.replaceChildren(alertOf({ title: t("details.problem"), todo: wrong.map(([, , name]) => t(`details.${name}.missing`)).join(" ") }));
      wrong[0][0].focus();
      return;
    }
    ways.confirm(car, {
      make_id: car.make_id, model_id: car.model_id, year: Number(year.value),
      mileage: miles, mileage_unit: usage.unit, condition: usage.condition,
    });
  } } },
    field(t("details.year"), year, car.year ? t("details.year.hint") : null),
    h("div", { class: "pair close" }, field(t("details.mileage"), mileage), unit),
    level,
    h("button", { class: "primary" }, t("details.go")));
  body.replaceChildren(form);

  if (error) {
    problem.replaceChildren(alertOf(meaningOf(error)));
    const at = { year, mileage }[fieldsOf(error)[0]];
    at?.setAttribute("aria-invalid", "true");
    at?.focus();
  }
}

export const unitChoice = (value, change) =>
  radios({ legend: t("details.unit"), kind: "switch", value, change, options: ["mi", "km"].map((one) => ({ value: one, label: t(`unit.${one}`) })) });

export function conditionChoice(levels, value, change) {
  return radios({
    legend: t("details.condition"), kind: "levels", value, change,
    options: levels.map((one) => ({ value: one.condition, label: [h("strong", {}, labelOf(one)), h("span", { class: "hint" }, one.meaning)] })),
  });
}

export const labelOf = (one) => one.label ?? (has(`condition.${one.condition}`) ? t(`condition.${one.condition}`) : one.condition);

/** A select with a label; calls `change` with what is chosen. */
export function choice(label, options, value, change) {
  const select = h("select", { id: newId(), on: { change: () => change(select.value) } },
    options.map((one) => h("option", { value: one.value, selected: one.value === value }, one.label)));
  return field(label, select);
}
