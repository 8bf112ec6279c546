// The car, its price, what-ifs, its specs.

import { call } from "./api.js";
import { nameOf } from "./candidates.js";
import { strip } from "./capture.js";
import { button, h, show } from "./dom.js";
import { alertOf, meaningOf, noteOf, stepMeaning } from "./problems.js";
import { priceCard } from "./prices.js";
import { specsCard } from "./specs.js";
import { has, money, number, t, when } from "./words.js";
import { whatIfCard } from "./whatif.js";

/** What the list of cars says of an appraisal. */
export function nameAndPrice(appraisal) {
  const price = appraisal.valuation?.price;
  return { name: titleOf(appraisal), median: price?.median ?? null, currency: price?.currency ?? null };
}

function titleOf({ car, candidates }) {
  if (car) return `${car.make} ${car.model} ${car.year}`;
  return candidates?.[0] ? nameOf(candidates[0]) : null;
}

/** Shows an appraisal whose car is confirmed. */
export function showResult(appraisal, ways) {
  const photos = h("div");
  const head = h("div");
  const priced = h("div", { "aria-live": "off" });
  const whatIf = h("section", { class: "card", "aria-labelledby": "whatif-title", hidden: true });
  const made = h("div");
  const specs = h("div");
  ways.photos().then((addresses) => photos.replaceChildren(strip(addresses)));

  let first = appraisal.valuation;
  let valuations = first ? [first] : [];

  function showPrice(valuation) {
    if (!first) first = valuation;
    if (!valuations.some((one) => one.id === valuation.id)) valuations = [valuation, ...valuations];
    priced.replaceChildren(priceCard(valuation, first.id === valuation.id ? null : first));
    made.replaceChildren(...[madeBefore(valuations)].filter(Boolean));
  }

  function update(now) {
    if (now.valuation) showPrice(now.valuation);
    const failed = now.steps.valuation.status === "failed" || !now.valuation;
    if (failed) priced.prepend(noPrice(now, ways));
    specs.replaceChildren(specsOf(now));
    head.replaceChildren(...[trimNote(now.car)].filter(Boolean));
    document.querySelector("#view h1").textContent = titleOf(now);
  }

  show(titleOf(appraisal), [
    photos, head, priced, whatIf, made, specs,
    h("div", { class: "actions" },
      button(t("another"), ways.another, "primary"),
      appraisal.candidates?.length > 0 && button(t("details.wrong"), ways.candidates),
      removal(ways)),
  ]);
  update(appraisal);
  if (appraisal.valuation) {
    whatIfCard(appraisal, ways, { priced: showPrice, changed: update }).then((content) => {
      whatIf.append(...content);
      whatIf.hidden = false;
    });
    call("GET", `${ways.path}/valuations?limit=20`).then(({ body }) => {
      const known = new Set(valuations.map((one) => one.id));
      valuations = [...valuations, ...body.data.filter((one) => !known.has(one.id))];
      made.replaceChildren(...[madeBefore(valuations)].filter(Boolean));
    }).catch(() => {});
  }
}

function trimNote(car) {
  if (!car?.trim) return null;
  return h("p", { class: "lead" }, car.trim_assumed ? t("result.assumed", { trim: car.trim }) : car.trim);
}

function noPrice(appraisal, ways) {
  const { title, todo } = stepMeaning(appraisal.steps.valuation.code);
  const { mileage, mileage_unit, condition } = appraisal.entered;
  const again = () => ways.confirm(appraisal.car, {
    make_id: appraisal.car.make_id, model_id: appraisal.car.model_id, year: appraisal.car.year,
    ...(appraisal.car.trim_assumed || !appraisal.car.trim_id ? {} : { trim_id: appraisal.car.trim_id }),
    mileage, mileage_unit, condition,
  });
  const complete = mileage !== null && condition !== null;
  return alertOf({
    title: `${t("result.noprice")} ${title}`, todo,
    actions: [complete && button(t("again"), again), button(t("result.edit"), () => ways.details(appraisal.car))].filter(Boolean),
  });
}

function specsOf(appraisal) {
  if (appraisal.specs) return specsCard(appraisal.specs);
  const { title, todo } = stepMeaning(appraisal.steps.specs.code);
  return noteOf(`${t("result.nospecs")} ${title}`, todo);
}

/** The prices that were asked for before; none is ever changed. */
function madeBefore(valuations) {
  if (valuations.length < 2) return null;
  return h("section", { class: "card" },
    h("h2", {}, t("made.title")),
    h("ol", { class: "made" }, valuations.map((one) =>
      h("li", {},
        h("span", { class: "row" }, h("strong", {}, money(one.price.median, one.price.currency)), h("span", { class: "hint" }, when(one.created_at))),
        h("span", { class: "hint" }, usedAs(one))))));
}

function usedAs(one) {
  const condition = has(`condition.${one.condition}`) ? t(`condition.${one.condition}`) : one.condition;
  const parts = [`${number(one.mileage)} ${t(`unit.${one.mileage_unit}.short`)}`, condition];
  if (one.car) parts.unshift([one.car.year, one.car.trim].filter(Boolean).join(" "));
  return parts.join(" · ");
}

/** Deleting cannot be taken back, so it is asked once more. */
export function removal(ways) {
  const place = h("div", { class: "removal" });
  const ask = () => {
    const sure = button(t("delete.sure"), async () => {
      try {
        await ways.remove();
      } catch (error) {
        place.replaceChildren(alertOf({ ...meaningOf(error), actions: [button(t("delete.title"), ask, "danger")] }));
      }
    }, "danger");
    place.replaceChildren(h("p", { id: "delete-note" }, t("delete.note")), sure, button(t("cancel"), idle));
    sure.focus();
  };
  const idle = () => {
    place.replaceChildren(button(t("delete.title"), ask, "danger"));
  };
  idle();
  return place;
}
