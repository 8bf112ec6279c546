// Says what went wrong and what to do about it, in the reader's words.

import { h } from "./dom.js";
import { has, t } from "./words.js";

/** An alert: what happened, what to do, and the buttons to do it with. */
export function alertOf({ title, todo, actions = [] }) {
  return h("div", { class: "alert", role: "alert" },
    h("p", { class: "alert-title" }, title), todo && h("p", {}, todo),
    actions.length > 0 && h("div", { class: "actions" }, actions));
}

/** A note that is no fault: what one should know. */
export function noteOf(title, text, actions = []) {
  return h("div", { class: "note" },
    h("p", { class: "alert-title" }, title), text && h("p", {}, text),
    actions.length > 0 && h("div", { class: "actions" }, actions));
}

/**
 * What a failure means: our words for the codes that we know, the service's own for others.
 * @returns {{title: string, todo: string}}
 */
export function meaningOf(error) {
  const code = error?.code ?? "internal";
  if (has(`problem.${code}`)) return { title: t(`problem.${code}`), todo: t(`todo.${code}`) };
  if (error?.title) return { title: error.title, todo: error.detail };
  return { title: t("problem.internal"), todo: t("todo.internal") };
}

/** The meaning of a step's code. */
export const stepMeaning = (code) => meaningOf({ code: code ?? "internal" });

/** The fields that the service complained of: "year", "mileage", "front". */
export const fieldsOf = (error) =>
  (error?.errors ?? []).map((one) => String(one.pointer ?? "").replace(/^(#\/|query:)/, ""));
