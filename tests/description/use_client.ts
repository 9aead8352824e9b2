// The types of a stream and requests by them, used by `test_clients`.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.d.ts";

declare const process: { argv: string[] };
declare const console: { log(text: string): void };

function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

// A page may be text, too: CSV, say. What was asked for here is JSON.
function object<T>(value: T | string | undefined): T {
  if (value === undefined || typeof value === "string") throw new Error("no object");
  return value as T;
}

const api = createClient<paths>({ baseUrl: process.argv[2] });
const home: components["schemas"]["AddressInput"] = {
  street: "Main Street",
  city: { name: "Ely", at: [52.4, 0.26] },
};

const created = await api.POST("/people", {
  params: {},
  body: { name: "Joe", first: home, others: [home] },
});
const answer = created.data as components["schemas"]["PersonAnswer"];
expect(answer.data.others?.[0]?.city?.name === "Ely", "an embedded document");

const read = await api.GET("/people/{id}", { params: { path: { id: answer.data.id } } });
expect(read.response.status === 200, "read");

const found = await api.GET("/people", { params: { query: { limit: 1 } } });
const page = object(found.data);
if (!("paging" in page)) throw new Error("a JSON Feed, which was not asked for");
expect(page.data[0]?.name === "Joe" && page.paging.has_more === false, "a page");

const refused = await api.POST("/people", { params: {}, body: { name: "x".repeat(100), first: home } });
const problem = object(refused.error);
expect(problem.status === 422 && problem.errors?.[0]?.pointer === "/name", "a problem");

const removed = await api.DELETE("/people/{id}", { params: { path: { id: answer.data.id } } });
expect(removed.response.status === 204, "deleted");
console.log("done");
