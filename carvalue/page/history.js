// The cars that were appraised on this device.

import { call } from "./api.js";
import { button, h, show } from "./dom.js";
import { cars, dropCar } from "./keep.js";
import { removal } from "./result.js";
import { money, t, when } from "./words.js";

/**
 * Shows the list.
 * @param {{open: (id: string) => void, start: () => void}} ways
 */
export function showHistory(ways) {
  const list = h("ul", { class: "history" });
  const empty = h("p", { class: "lead" }, t("history.empty"));

  function draw() {
    const all = cars();
    empty.hidden = all.length > 0;
    list.replaceChildren(...all.map(lineOf));
  }

  function lineOf(one) {
    const remove = async () => {
      try {
        await call("DELETE", `/v1/appraisals/${one.id}`);
      } catch (error) {
        if (error.status !== 404) throw error; // it is gone already
      }
      dropCar(one.id);
      show(t("history.title"), content());
    };
    return h("li", { class: "card" },
      h("a", { class: "open", href: `#${one.id}`, on: { click: (event) => {
        event.preventDefault();
        ways.open(one.id);
      } } },
        h("span", { class: "row" }, h("strong", {}, one.name ?? t("history.unnamed")), (one.median ?? null) !== null && h("span", { class: "percent" }, money(one.median, one.currency))),
        h("span", { class: "hint" }, when(one.at))),
      removal({ remove }));
  }

  function content() {
    draw();
    return [h("p", { class: "hint" }, t("history.lead")), empty, list, button(t("another"), ways.start, "primary")];
  }

  show(t("history.title"), content());
}
