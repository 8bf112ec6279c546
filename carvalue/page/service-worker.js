// Keeps the page itself, so that it opens without a line; photos wait in the page until there is one.
// What the service answers is never kept here.

const KEPT = "carvalue-{{version}}";
const FILES = [
  "/", "/page/page.css", "/page/main.js", "/page/api.js", "/page/candidates.js", "/page/capture.js", "/page/catalogue.js",
  "/page/details.js", "/page/dom.js", "/page/flow.js", "/page/history.js", "/page/keep.js", "/page/keys.js", "/page/photos.js",
  "/page/plot.js", "/page/prices.js", "/page/problems.js", "/page/result.js", "/page/retake.js", "/page/sending.js",
  "/page/specs.js", "/page/whatif.js", "/page/words.js", "/page/words/en.json", "/page/words/de.json", "/page/words/es.json",
  "/page/about.json", "/page/icon.svg", "/page/manifest.webmanifest",
];

addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(FILES)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (name.startsWith("carvalue-") && name !== KEPT) await caches.delete(name);
    await clients.claim();
  };
  event.waitUntil(old());
});

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const { origin, pathname } = new URL(url);
  const ours = pathname === "/" || (pathname.startsWith("/page/") && !pathname.startsWith("/page/samples/"));
  if (method === "GET" && origin === location.origin && ours) event.respondWith(answered(event.request, pathname));
});

/** What the service has now, or without a line what was kept. */
async function answered(request, pathname) {
  const cache = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = (await cache.match(request)) ?? (await cache.match(pathname));
    if (kept) return kept;
    throw error;
  }
}
