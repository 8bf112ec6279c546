// A newcomer's whole way with the generated types: photos, car, price, another price, and gone.
// Nothing is cast: what does not fit the description does not compile.
import { openAsBlob } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./build/carvalue.js";

type Appraisal = components["schemas"]["Appraisal"];
type Problem = components["schemas"]["Problem"];

const [address = "", key = "", front = "", back = ""] = process.argv.slice(2);
const client = createClient<paths>({
  baseUrl: address,
  headers: { Authorization: `Bearer ${key}` },
});

function asForm(body: object): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) {
    form.append(name, value instanceof Blob ? value : String(value));
  }
  return form;
}

function failed(problem: Problem | undefined): never {
  throw new Error(problem ? `${problem.code}: ${problem.detail}` : "There is no answer.");
}

async function ready(appraisal: Appraisal): Promise<Appraisal> {
  while (appraisal.next_action === "wait") {
    const { data, error } = await client.GET("/v1/appraisals/{appraisal_id}", {
      params: { path: { appraisal_id: appraisal.id }, header: { prefer: "wait=20" } },
    });
    appraisal = data ?? failed(error);
  }
  return appraisal;
}

const sent = await client.POST("/v1/appraisals", {
  params: { header: { "idempotency-key": crypto.randomUUID(), prefer: "respond-async" } },
  body: { front: await openAsBlob(front), back: await openAsBlob(back), client_reference: "order-7" },
  bodySerializer: asForm,
});
const started = await ready(sent.data ?? failed(sent.error));
const path = { appraisal_id: started.id };
const best = started.candidates.find((candidate) => candidate.suggested);
if (!best?.make_id || !best.model_id) throw new Error("No car was recognised.");

const years = await client.GET("/v1/catalog/models/{model_id}/years", {
  params: { path: { model_id: best.model_id } },
});
const car = { make_id: best.make_id, model_id: best.model_id };

// A year that there is not: the problem says which there are.
const wrong = await client.PUT("/v1/appraisals/{appraisal_id}/car", {
  params: { path },
  body: { ...car, year: 1900 },
});
const refused = wrong.error ?? failed(undefined);
const known: number[] = refused.code === "unknown-year" ? (refused.known_years ?? []) : [];

const confirmed = await client.PUT("/v1/appraisals/{appraisal_id}/car", {
  params: { path },
  body: { ...car, year: 2010, mileage: 58000, mileage_unit: "mi", condition: "very_good" },
});
const valued = await ready(confirmed.data ?? failed(confirmed.error));

const again = await client.POST("/v1/appraisals/{appraisal_id}/valuations", {
  params: { path },
  body: { mileage: 150000, mileage_unit: "km", condition: "fair" },
});
const whatIf = again.data ?? failed(again.error);
const valuations = await client.GET("/v1/appraisals/{appraisal_id}/valuations", { params: { path } });
const kept = await client.GET("/v1/appraisals/{appraisal_id}/photos/{side}", {
  params: { path: { ...path, side: "front" } },
  parseAs: "blob",
});
const listed = await client.GET("/v1/appraisals", { params: { query: { status: "valued" } } });
const deleted = await client.DELETE("/v1/appraisals/{appraisal_id}", { params: { path } });
const gone = await client.GET("/v1/appraisals/{appraisal_id}", { params: { path } });

console.log(
  JSON.stringify({
    sent: sent.response.status,
    best: best.model_id,
    years: years.data?.years.includes(2010),
    refused: refused.code,
    known: known.length,
    status: valued.status,
    displacement: valued.specs?.engine_displacement_cc,
    currency: valued.valuation?.price.currency,
    median: valued.valuation?.price.median,
    what_if: whatIf.price.median,
    valuations: valuations.data?.data.length,
    photo: kept.data?.size,
    listed: listed.data?.data.map((one) => one.client_reference),
    deleted: deleted.response.status,
    gone: gone.error?.code,
  }),
);
