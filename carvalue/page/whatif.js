// What if it had been driven further, were in another condition, or of another year?

import { call, patiently } from "./api.js";
import { choice, conditions, labelOf, mileageIn, MOST_MILEAGE, unitChoice, yearsOf } from "./details.js";
import { button, field, h, say } from "./dom.js";
import { alertOf, meaningOf } from "./problems.js";
import { untilThen } from "./sending.js";
import { money, number, t } from "./words.js";

const STEP = 10_000;
const PAUSE = 600;

/**
 * Controls that ask for a new price as soon as one of them is changed; the latest change counts.
 * @param {any} appraisal with a car and a valuation
 * @param {any} ways
 * @param {{priced: (valuation: any) => void, changed: (appraisal: any) => void}} then
 */
export async function whatIfCard(appraisal, ways, then) {
  const { car, valuation } = appraisal;
  const wish = {
    mileage: valuation.mileage, mileage_unit: valuation.mileage_unit, condition: valuation.condition,
    year: car.year, trim_id: car.trim_id,
  };
  let asked = { ...wish };
  let timer = null;
  let latest = new AbortController();
  const state = h("div", { class: "trouble" });
  const trimPlace = h("div");

  const mileage = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", value: number(wish.mileage), on: {
    input: () => {
      const read = mileageIn(mileage.value);
      mileage.setAttribute("aria-invalid", String(read === null));
      if (read === null) return;
      wish.mileage = read;
      soon();
    },
  } });
  const by = (step) => () => {
    wish.mileage = Math.min(MOST_MILEAGE, Math.max(0, wish.mileage + step));
    mileage.value = number(wish.mileage);
    mileage.removeAttribute("aria-invalid");
    soon();
  };

  function soon() {
    clearTimeout(timer);
    latest.abort();
    state.replaceChildren();
    if (Object.keys(wish).every((one) => wish[one] === asked[one])) return;
    timer = setTimeout(price, PAUSE);
  }

  async function price() {
    const mine = (latest = new AbortController());
    const usage = { mileage: wish.mileage, mileage_unit: wish.mileage_unit, condition: wish.condition };
    const other = wish.year !== asked.year || wish.trim_id !== asked.trim_id;
    const now = { ...wish };
    state.replaceChildren(h("progress", { "aria-label": t("whatif.pricing") }));
    try {
      const send = other
        ? () => call("PUT", `${ways.path}/car`, { json: { make_id: car.make_id, model_id: car.model_id, year: wish.year, ...(wish.trim_id ? { trim_id: wish.trim_id } : {}), ...usage }, headers: { Prefer: "wait=20" }, signal: mine.signal })
        : () => call("POST", `${ways.path}/valuations`, { json: usage, headers: { Prefer: "wait=20" }, signal: mine.signal });
      const { body } = await patiently(send, (...args) => untilThen(state, mine.signal, ...args));
      if (mine.signal.aborted) return;
      asked = now;
      state.replaceChildren();
      if (other) return changed(body);
      say(t("whatif.priced", { price: money(body.price.median, body.price.currency) }));
      then.priced(body);
    } catch (error) {
      if (error.name === "AbortError") return;
      state.replaceChildren(alertOf({ ...meaningOf(error), actions: [button(t("again"), price)] }));
    }
  }

  function changed(body) {
    if (body.next_action === "wait" || !body.car) return ways.follow(body);
    wish.trim_id = asked.trim_id = body.car.trim_id;
    showTrims(body);
    if (body.valuation) say(t("whatif.priced", { price: money(body.valuation.price.median, body.valuation.price.currency) }));
    then.changed(body);
  }

  function showTrims({ trims, car: now }) {
    trimPlace.replaceChildren(trims.length > 1
      ? choice(t("whatif.trim"), trims.map((one) => ({ value: one.trim_id, label: one.name ?? t("whatif.plain") })), now.trim_id, (one) => {
        wish.trim_id = one;
        soon();
      })
      : "");
  }

  const levels = await conditions();
  const years = await yearsOf(car).catch(() => [car.year]);
  showTrims(appraisal);
  return [
    h("h2", { id: "whatif-title" }, t("whatif.title")),
    h("p", { class: "hint" }, t("whatif.lead")),
    h("div", { class: "pair close" },
      field(t("details.mileage"), mileage),
      unitChoice(wish.mileage_unit, (one) => {
        wish.mileage_unit = one;
        soon();
      })),
    h("div", { class: "steppers" },
      button(`− ${number(STEP)}`, by(-STEP), "quiet", { "aria-label": t("whatif.less", { n: number(STEP) }) }),
      button(`+ ${number(STEP)}`, by(STEP), "quiet", { "aria-label": t("whatif.further", { n: number(STEP) }) })),
    choice(t("details.condition"), levels.map((one) => ({ value: one.condition, label: labelOf(one) })), wish.condition, (one) => {
      wish.condition = one;
      soon();
    }),
    h("div", { class: "pair" },
      choice(t("details.year"), [...years].sort((a, b) => b - a).map((one) => ({ value: String(one), label: String(one) })), String(wish.year), (one) => {
        wish.year = Number(one);
        wish.trim_id = null;
        soon();
      }),
      trimPlace),
    state,
  ];
}
