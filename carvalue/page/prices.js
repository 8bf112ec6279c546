// A price, and all that it stands on.

import { h } from "./dom.js";
import { noteOf } from "./problems.js";
import { plotOf } from "./plot.js";
import { country, date, has, money, number, t } from "./words.js";

/**
 * Shows a valuation. `before` is the one that it is compared with.
 * @param {any} valuation
 * @param {any} [before]
 */
export function priceCard(valuation, before = null) {
  const price = valuation.price;
  const cash = (value) => money(value, price.currency);
  const named = (group, value) => (value && has(`${group}.${value}`) ? t(`${group}.${value}`) : null);
  const difference = before && before.price.currency === price.currency ? price.median - before.price.median : 0;
  return h("div", { class: "card price" },
    h("p", { class: "kicker" }, named("kind", price.kind) ?? t("price.kicker")),
    h("p", { class: "median-value" }, cash(price.median)),
    difference !== 0 && h("p", { class: "difference" }, t("price.difference", { value: money(difference, price.currency, true) })),
    (price.typical_low ?? null) !== null
      ? h("p", { class: "range" }, rangeOf(price))
      : h("p", { class: "range" }, t("price.norange")),
    named("certainty", price.certainty) && h("p", { class: `certainty ${price.certainty}` }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), named("certainty", price.certainty)),
    plotOf(price),
    (price.flags ?? []).map((flag) => has(`flag.${flag}`) && noteOf(t(`flag.${flag}`), t(`flag.${flag}.todo`))),
    h("p", { class: "basis" }, basisOf(valuation, price)),
    sumOf(price),
    (price.other_kinds ?? []).length > 0 && kindsOf(price),
    h("details", {}, h("summary", {}, t("price.table")), tableOf(price)));
}

function rangeOf(price) {
  const values = { low: money(price.typical_low, price.currency), high: money(price.typical_high, price.currency) };
  return price.typical_percent ? t("price.range", { ...values, n: number(price.typical_percent) }) : t("price.typical", values);
}

/** What the figures come from: how many cars, which, how new, who says so. */
function basisOf(valuation, price) {
  const count = price.comparables;
  const parts = [];
  if (count !== null) {
    const of = price.basis && has(`basis.${price.basis}`) ? t(`basis.${price.basis}`) : t("basis.any");
    parts.push(t(count === 1 ? "price.one" : "price.count", { n: number(count), of }));
  }
  if (price.as_of) parts.push(t("price.asof", { date: date(price.as_of) }));
  if (price.fetched_at) parts.push(t(price.cached ? "price.cached" : "price.fetched", { date: date(price.fetched_at) }));
  parts.push(t("price.market", { country: country(valuation.country) }), t("price.source", { source: valuation.source }));
  return parts.join(" ");
}

/** The lines that a price is made of; they add up to it. */
function sumOf(price) {
  const lines = price.adjustments;
  if (!lines) return null;
  const rows = Object.entries(lines).filter(([name, value]) => name === "base" || value !== 0);
  return h("table", { class: "sum" },
    h("caption", {}, t("sum.title")),
    h("tbody", {}, rows.map(([name, value]) =>
      h("tr", {}, h("th", { scope: "row" }, has(`sum.${name}`) ? t(`sum.${name}`) : name), h("td", {}, money(value, price.currency, name !== "base"))))),
    h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, t("sum.median")), h("td", {}, money(price.median, price.currency)))));
}

function kindsOf(price) {
  const cash = (value) => money(value, price.currency);
  return h("table", {},
    h("caption", {}, t("kinds.title")),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("kinds.kind")), h("th", { scope: "col" }, t("table.median")), h("th", { scope: "col" }, t("kinds.range")))),
    h("tbody", {}, price.other_kinds.map((one) =>
      h("tr", {}, h("th", { scope: "row" }, has(`kind.${one.kind}`) ? t(`kind.${one.kind}`) : one.kind), h("td", {}, cash(one.median)), h("td", {}, `${cash(one.min)} – ${cash(one.max)}`)))));
}

function tableOf(price) {
  const rows = ["min", "wide_low", "typical_low", "median", "mean", "typical_high", "wide_high", "max", "predicted"];
  return h("table", {},
    h("caption", { class: "unseen" }, t("price.table")),
    h("tbody", {}, rows.filter((name) => (price[name] ?? null) !== null).map((name) =>
      h("tr", {}, h("th", { scope: "row" }, t(`table.${name}`)), h("td", {}, money(price[name], price.currency))))));
}
