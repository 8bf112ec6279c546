// Finds a car that the photos did not show, by make and model.

import { call, patiently } from "./api.js";
import { button, field, h, show } from "./dom.js";
import { alertOf, meaningOf } from "./problems.js";
import { untilThen } from "./sending.js";
import { number, t } from "./words.js";

const SHOWN = 12;

/** Search the catalogue: a make first, then one of its models. */
export function showCatalogue(appraisal, ways) {
  const ended = new AbortController();
  const place = h("div");
  show(t("catalogue.title"), [
    h("p", { class: "lead" }, t("catalogue.lead")),
    place,
    button(t("back"), () => ways.follow(appraisal), "plain"),
  ], () => ended.abort());

  async function load(path, then) {
    place.replaceChildren(h("progress", { "aria-label": t("catalogue.loading") }));
    try {
      const { body } = await patiently(() => call("GET", path, { signal: ended.signal }), (...args) => untilThen(place, ended.signal, ...args));
      then(body.data);
    } catch (error) {
      if (error.name === "AbortError") return;
      place.replaceChildren(alertOf({ ...meaningOf(error), actions: [button(t("again"), () => load(path, then))] }));
    }
  }

  const makes = (focused) =>
    load("/v1/catalog/makes", (all) => {
      place.replaceChildren(...finder({ label: t("catalogue.make"), all, name: (one) => one.make, take: models }));
      if (focused) place.querySelector("input").focus();
    });

  const models = (make) =>
    load(`/v1/catalog/makes/${encodeURIComponent(make.make_id)}/models`, (all) => {
      place.replaceChildren(
        h("p", { class: "row" }, h("strong", {}, make.make), button(t("catalogue.change"), () => makes(true))),
        ...finder({
          label: t("catalogue.model", { make: make.make }), all, name: (one) => one.model,
          more: (one) => (one.first_year === one.last_year ? String(one.first_year) : `${one.first_year} – ${one.last_year}`),
          take: (one) => ways.details(one),
        }),
      );
      place.querySelector("input").focus();
    });

  makes(false);
}

/** A field that narrows a list of buttons down. */
function finder({ label, all, name, take, more = () => null }) {
  const list = h("ul", { class: "found" });
  const count = h("p", { class: "hint", role: "status" });
  const input = h("input", { type: "search", autocomplete: "off", autocapitalize: "off", spellcheck: "false", on: { input: narrow } });

  function narrow() {
    const wanted = plain(input.value);
    const fit = all
      .map((one) => ({ one, at: plain(name(one)).indexOf(wanted) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => Number(a.at > 0) - Number(b.at > 0));
    count.textContent = fit.length > SHOWN ? t("catalogue.many", { n: number(fit.length), shown: number(SHOWN) }) : t("catalogue.few", { n: number(fit.length) });
    list.replaceChildren(...fit.slice(0, SHOWN).map(({ one }) =>
      h("li", {}, h("button", { type: "button", class: "row", on: { click: () => take(one) } }, h("span", {}, name(one)), h("span", { class: "hint" }, more(one))))));
  }

  narrow();
  return [field(label, input), count, list];
}

const plain = (text) => text.normalize("NFD").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
