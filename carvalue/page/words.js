// The words in the reader's language, and how numbers, money and dates are written in it.

/** @type {Record<string, string>} */
let words = {};
export const language = document.documentElement.lang;
// Of the language, as the reader's own country writes it.
const locale = (navigator.languages ?? []).find((one) => one.split("-")[0] === language) ?? language;

export async function loadWords() {
  const answer = await fetch(`/page/words/${language}.json`);
  words = await answer.json();
}

/** Whether there is such a word: codes of the service may be newer than the page. */
export const has = (name) => Object.hasOwn(words, name);

/**
 * A word, with values in the place of `{name}`.
 * @param {string} name
 * @param {Record<string, any>} [values]
 */
export function t(name, values = {}) {
  return (words[name] ?? name).replace(/\{(\w+)\}/g, (_, one) => String(values[one] ?? ""));
}

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);

/** Percent of 0 to 100; what is not nothing is never written as 0. */
export function percent(value) {
  const format = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: value < 10 ? 1 : 0 });
  return value > 0 && value < 0.1 ? `< ${format.format(0.001)}` : format.format(value / 100);
}

/** Whole units of a currency; one that the browser does not know is written as it is. */
export function money(value, currency, signed = false) {
  try {
    return new Intl.NumberFormat(locale, {
      style: "currency", currency, maximumFractionDigits: 0, signDisplay: signed ? "exceptZero" : "auto",
    }).format(value);
  } catch {
    return `${number(value)} ${currency}`;
  }
}

export function date(value, style = "long") {
  const read = new Date(value.length === 10 ? `${value}T12:00:00` : value);
  return Number.isNaN(read.getTime()) ? value : new Intl.DateTimeFormat(locale, { dateStyle: style }).format(read);
}

export const when = (value) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(value));

export function country(code) {
  try {
    return new Intl.DisplayNames([locale], { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}

export const size = (bytes) => t("size.kb", { n: number(Math.max(1, Math.round(bytes / 1000))) });

/** What people here count in: miles in these countries, kilometres elsewhere. */
export const usesMiles = /-(US|GB|LR|MM)\b/i.test(navigator.language) || navigator.language === "en";
