// Asks for the key of the service, where it wants one. It stays in this tab.

import { call, keepKey } from "./api.js";
import { byId, field, h, shown, turnTo } from "./dom.js";
import { alertOf, meaningOf } from "./problems.js";
import { t } from "./words.js";

/**
 * Shows the form in place of what is shown; what was entered there is there again afterwards.
 * @param {boolean} refused whether a key was sent, and not taken
 * @returns {Promise<void>} ends when a key was given
 */
export function askForKey(refused) {
  const before = shown() === "key" ? "start" : shown();
  const title = document.title;
  return new Promise((done) => {
    const input = h("input", { type: "password", autocomplete: "current-password", autocapitalize: "off", spellcheck: "false", required: true });
    const problem = h("div");
    if (refused) problem.append(alertOf(meaningOf({ code: "unauthorized" })));
    const form = h("form", { class: "card", novalidate: true, on: {
      submit: (event) => {
        event.preventDefault();
        const key = input.value.trim();
        if (!key || !/^[\x21-\x7e]+$/.test(key)) {
          problem.replaceChildren(alertOf({ title: t("key.missing"), todo: t("key.todo") }));
          input.focus();
          return;
        }
        keepKey(key);
        byId("key").replaceChildren();
        turnTo(before);
        document.title = title;
        done();
      },
    } }, problem, field(t("key.label"), input, t("key.hint")), h("button", { class: "primary" }, t("key.go")));
    byId("key").replaceChildren(h("h1", { tabindex: -1 }, t("key.title")), h("p", { class: "lead" }, t("key.lead")), form);
    turnTo("key");
  });
}

/** Finds out whether the key is good before anything is entered. */
export const tryKey = () => call("GET", "/v1/appraisals?limit=1");
