// Writes the types of the API: node generate.mjs openapi/carvalue.client.json carvalue.d.ts
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const [description, types] = process.argv.slice(2);
const BLOB = ts.factory.createTypeReferenceNode("Blob");
const ast = await openapiTS(pathToFileURL(resolve(description)), {
  defaultNonNullable: false, // what has a default may be left out
  transform: (schema) => (schema.format === "binary" ? BLOB : undefined), // a photo is no string
});
await writeFile(types, astToString(ast));
