// Ordinary work of the official JavaScript clients against a running Mangru: node ordinary.mjs http://localhost:9200
// (npm install @opensearch-project/opensearch @elastic/elasticsearch beside it, or NODE_PATH-like: run it from a folder that has them).
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const url = process.argv[2] ?? "http://localhost:9200";
const require = createRequire(pathToFileURL(`${process.cwd()}/x.mjs`));
const index = "clients-node";
const body = (answer) => answer.body ?? answer;

function* documents(count) {
  for (let n = 0; n < count; n++) {
    yield { "@timestamp": new Date(Date.UTC(2026, 10, 1) + n * 1000).toISOString(), level: n % 2 ? "WARN" : "ERROR", n, message: `line ${n} of host-${n % 4}` };
  }
}

/** One client: `form` puts a body in the form that it takes. */
async function run(name, client, form) {
  console.log(`-- ${name}`);
  assert.ok(body(await client.info()).version.number);
  await client.indices.delete({ index, ignore_unavailable: true });
  await client.indices.create(form({ index }, { mappings: { properties: { level: { type: "keyword" } } } }));
  const stats = await client.helpers.bulk({ datasource: [...documents(500)], refreshOnCompletion: true, flushBytes: 20_000, onDocument: (doc) => ({ index: { _index: index, _id: String(doc.n) } }) });
  assert.equal(stats.successful, 500);
  assert.equal(stats.failed, 0);
  const found = body(await client.search(form({ index }, { size: 2, query: { bool: { filter: [{ match: { message: "host-3" } }, { term: { level: "WARN" } }] } }, sort: [{ "@timestamp": "desc" }], aggs: { n: { max: { field: "n" } } } })));
  // "host-3" is two words: any line with "host" or "3" matches; all WARN lines do.
  assert.equal(found.hits.total.value, 250);
  assert.deepEqual(found.hits.hits.map((hit) => hit._id), ["499", "497"]);
  assert.equal(found.aggregations.n.value, 499);
  let scrolled = 0;
  for await (const page of client.helpers.scrollSearch(form({ index, size: 120 }, { query: { match_all: {} } }))) scrolled += page.documents.length;
  assert.equal(scrolled, 500);
  const searcher = client.helpers.msearch({ flushInterval: 10 });
  const many = await Promise.all([searcher.search({ index }, { query: { term: { level: "WARN" } } }), searcher.search({ index }, { query: { term: { n: 7 } } })]);
  assert.deepEqual(many.map((one) => body(one).hits.total.value), [250, 1]);
  await searcher.stop();
  await assert.rejects(client.get({ index, id: "nothing" }), (error) => error.statusCode === 404 || error.meta?.statusCode === 404);
  assert.equal(body(await client.update(form({ index, id: "7", refresh: true }, { doc: { level: "INFO" } }))).result, "updated");
  assert.equal(body(await client.get({ index, id: "7" }))._source.level, "INFO");
  await client.indices.delete({ index });
  console.log("ok");
}

const opensearch = require("@opensearch-project/opensearch");
const elastic = require("@elastic/elasticsearch");
await run("@opensearch-project/opensearch", new opensearch.Client({ node: url }), (path, content) => ({ ...path, body: content }));
await run("@elastic/elasticsearch", new elastic.Client({ node: url }), (path, content) => ({ ...path, ...content }));
