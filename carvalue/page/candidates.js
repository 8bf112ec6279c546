// What the photos may show: the reader says which car it is.

import { button, h, radios, show } from "./dom.js";
import { strip } from "./capture.js";
import { noteOf, stepMeaning } from "./problems.js";
import { percent, t } from "./words.js";

const SIDES = ["front", "back"];

export const nameOf = (one) => [one.make, one.model].filter(Boolean).join(" ") || one.label;

/** Shows the candidates of an appraisal, the likeliest first. */
export function showCandidates(appraisal, ways) {
  const offered = appraisal.candidates.filter((one) => one.catalogued);
  const others = appraisal.candidates.filter((one) => !one.catalogued);
  const first = offered.filter((one) => one.suggested);
  const short = first.length > 0 ? first : offered.slice(0, 3);
  const long = offered.filter((one) => !short.includes(one));
  let chosen = appraisal.decision === "accept" || short.length === 1 ? short[0] : null;

  const problem = h("div");
  const photos = h("div");
  ways.photos().then((addresses) => photos.replaceChildren(strip(addresses)));
  const choose = (id) => {
    chosen = offered.find((one) => one.id === id);
    problem.replaceChildren();
  };
  const group = (legend, list) =>
    radios({ legend, kind: "cars", value: chosen?.id, change: choose, options: list.map((one) => ({ value: one.id, label: lineOf(one) })) });

  const form = h("form", { novalidate: true, on: { submit: (event) => {
    event.preventDefault();
    if (chosen) return ways.details(chosen);
    problem.replaceChildren(h("div", { class: "alert", role: "alert" }, h("p", { class: "alert-title" }, t("candidates.choose"))));
    form.querySelector("input")?.focus();
  } } },
    short.length > 0 && group(t("candidates.legend"), short),
    long.length > 0 && h("details", {}, h("summary", {}, t("candidates.more", { n: long.length })), group(t("candidates.legend"), long)),
    problem,
    offered.length > 0 && h("button", { class: "primary" }, t("continue")),
  );

  show(titleOf(appraisal, short), [
    photos,
    notesOf(appraisal, ways),
    form,
    others.length > 0 && h("div", { class: "card" }, h("h2", {}, t("candidates.others")), h("p", { class: "hint" }, t("candidates.others.hint")),
      h("ul", {}, others.map((one) => h("li", {}, `${nameOf(one)} – ${percent(one.confidence)}`)))),
    button(t("candidates.none"), ways.catalogue, offered.length > 0 ? "quiet" : "primary"),
    button(t("another"), ways.another, "plain"),
  ]);
}

function titleOf(appraisal, short) {
  if (short.length === 0) return t("candidates.nothing");
  if (appraisal.decision === "accept") return t("candidates.accept", { car: nameOf(short[0]) });
  return t(appraisal.decision === "retake" ? "candidates.unsure" : "candidates.ask");
}

/** Name, percent and bar of a candidate, and what each photo said. */
function lineOf(one) {
  const fill = h("span", { class: "fill" });
  fill.style.width = `${Math.min(100, Math.max(1, one.confidence))}%`;
  const said = SIDES.map((side) => {
    const confidence = one[`${side}_confidence`];
    return `${t(`photo.${side}`)}: ${confidence === null ? t("candidates.unsaid") : percent(confidence)}`;
  });
  return [
    h("span", { class: "row" }, h("strong", {}, nameOf(one)), h("span", { class: "percent" }, percent(one.confidence))),
    h("span", { class: "bar", "aria-hidden": "true" }, fill),
    h("span", { class: "hint" }, said.join(" · ")),
  ];
}

function notesOf(appraisal, ways) {
  const retake = (side) => button(t(`retake.${side}`), () => ways.retake([side]));
  const notes = [];
  if (appraisal.conflict) {
    const said = SIDES.map((side) => `${t(`photo.${side}`)}: ${firstOn(appraisal, side)}.`);
    notes.push(noteOf(t("conflict.title"), `${said.join(" ")} ${t("conflict.todo")}`, SIDES.map(retake)));
  } else if (appraisal.decision === "retake") {
    notes.push(noteOf(t("unsure.title"), t("unsure.todo"), SIDES.map(retake)));
  } else if (appraisal.agree) {
    notes.push(h("p", { class: "lead" }, t("candidates.agree")));
  }
  for (const side of SIDES) {
    const { status, code } = appraisal.steps[`${side}_categorization`];
    if (status !== "failed") continue;
    const { title, todo } = stepMeaning(code);
    notes.push(noteOf(`${t(`photo.${side}`)}: ${title}`, todo, [retake(side)]));
  }
  if (appraisal.vin_conflict) notes.push(noteOf(t("vin.title"), t("vin.todo")));
  if ((appraisal.flags ?? []).length > 0) notes.push(h("p", { class: "hint" }, t("flags.answers")));
  return notes;
}

/** The car that one photo is surest of. */
function firstOn(appraisal, side) {
  const name = `${side}_confidence`;
  const best = appraisal.candidates.filter((one) => one[name] !== null).sort((one, other) => other[name] - one[name])[0];
  return best ? `${nameOf(best)} (${percent(best[name])})` : t("candidates.unsaid");
}
