// The article's widget for two photos, as one would build it: every photo that is uploaded is
// forwarded to the categorizer as it came, one request for each, and the answers are put together.
//
//   node server.js PORT CATEGORIZER_URL      It stops when its input ends.

import express from "express";
import multer from "multer";

const [port, url] = process.argv.slice(2);
const upload = multer({ storage: multer.memoryStorage() });
const authorization = "Basic " + Buffer.from("none:none").toString("base64");

async function categorize(photo) {
  const form = new FormData();
  form.append("image", new Blob([photo.buffer]), photo.originalname);
  const answer = await fetch(url, { method: "POST", headers: { authorization }, body: form });
  if (!answer.ok) throw new Error("The categorizer answers " + answer.status);
  return (await answer.json()).result.categories;
}

const app = express();
const photos = upload.fields([{ name: "front", maxCount: 1 }, { name: "back", maxCount: 1 }]);

app.post("/v1/appraisals", photos, async (request, response) => {
  const { front, back } = request.files ?? {};
  if (!front || !back) return response.status(422).json({ error: "two photos are needed" });
  const found = (await Promise.all([categorize(front[0]), categorize(back[0])])).flat();
  const best = new Map();
  for (const { name, confidence } of found) {
    best.set(name.en, Math.max(confidence, best.get(name.en) ?? 0));
  }
  const candidates = [...best].map(([label, confidence]) => ({ label, confidence }));
  candidates.sort((one, other) => other.confidence - one.confidence);
  response.status(201).json({ candidates });
});

app.get("/healthz", (request, response) => response.json({ status: "ok" }));

const server = app.listen(Number(port), "127.0.0.1");
process.stdin.resume().on("end", () => {
  server.close();
  server.closeAllConnections();
});
