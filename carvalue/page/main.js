// Begins: reads the words and what the service is, then shows what the address asks for.

import { askForKeyWith, hasKey } from "./api.js";
import { button, byId, h, say } from "./dom.js";
import { begin, goTo, sample } from "./flow.js";
import { askForKey, tryKey } from "./keys.js";
import { loadWords, t } from "./words.js";

async function about() {
  const answer = await fetch("/page/about.json");
  return answer.json();
}

function offerSamples(samples) {
  if (samples.length === 0) return;
  byId("samples").append(
    h("h2", {}, t("samples.title")),
    h("p", { class: "hint" }, t("samples.lead")),
    h("ul", { class: "chips" }, samples.map((one) => h("li", {}, button(one.name, () => sample(one), "chip")))),
  );
}

function watchTheLine() {
  const tell = () => {
    byId("offline").hidden = navigator.onLine;
    if (!navigator.onLine) say(t("offline.note"));
  };
  addEventListener("online", tell);
  addEventListener("offline", tell);
  tell();
}

function install() {
  if (!("serviceWorker" in navigator)) return;
  let address = "/page/service-worker.js";
  if (window.trustedTypes) {
    // The browser asks where addresses of scripts come from: from here, and there is only this one.
    const policy = window.trustedTypes.createPolicy("carvalue", { createScriptURL: () => "/page/service-worker.js" });
    address = policy.createScriptURL("");
  }
  navigator.serviceWorker.register(address, { scope: "/" }).catch(() => {});
}

async function main() {
  const [service] = await Promise.all([about(), loadWords()]);
  byId("mock").hidden = !service.mock;
  watchTheLine();
  let refused = hasKey();
  askForKeyWith(async () => {
    await askForKey(refused);
    refused = true;
  });
  for (const link of document.querySelectorAll("footer nav a")) {
    // The words change, what one is at stays.
    link.addEventListener("click", () => (link.href = `${link.pathname}${link.search}${location.hash}`));
  }
  byId("home").addEventListener("click", (event) => {
    event.preventDefault();
    goTo("");
  });
  byId("to-history").addEventListener("click", () => goTo("#history"));
  offerSamples(service.samples);
  if (service.needs_key && !hasKey()) await tryKey().catch(() => {});
  await begin();
  document.documentElement.dataset.ready = "true";
}

main().catch(() => (byId("broken").hidden = false));
addEventListener("load", install);
