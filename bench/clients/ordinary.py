#!/usr/bin/env python3
"""Ordinary work of the official Python clients against a running Mangru (or the real thing): python3 ordinary.py http://localhost:9200

Runs with whichever of opensearch-py, elasticsearch8 and elasticsearch9 is installed; each line says what was seen, the first difference ends the run."""
import datetime
import importlib
import sys

INDEX = "clients-ordinary"
URL = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:9200"


def body(answer):
    return getattr(answer, "body", answer)


def documents(count):
    start = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
    for n in range(count):
        at = start + datetime.timedelta(seconds=n)
        yield {"@timestamp": at.isoformat(), "level": ["INFO", "WARN", "ERROR"][n % 3], "status": 200 + n % 5, "took": n / 7, "message": f"request {n} of host-{n % 4} 로그인에 {'failed' if n % 10 == 0 else 'done'}"}


def check(what, have, want):
    if have != want:
        raise SystemExit(f"FAIL {what}: have {have!r}, want {want!r}")
    print(f"ok   {what}")


def refused(call, *kinds):
    try:
        call()
    except kinds as error:
        return getattr(error, "status_code", None) or error.meta.status
    return None


def run(name, client, helpers, errors, is_opensearch):
    def args(**known):
        """The 8 and 9 clients take the body's keys as arguments; opensearch-py a body."""
        known_body = known.pop("body")
        return {**known, "body": known_body} if is_opensearch else {**known, **known_body}

    print(f"-- {name}")
    info = body(client.info())
    check("info", info["tagline"].startswith(("You Know", "The OpenSearch")), True)
    check("ping", bool(client.ping()), True)
    client.indices.delete(index=INDEX, ignore_unavailable=True)
    check("exists before", bool(client.indices.exists(index=INDEX)), False)
    mapping = {"properties": {"@timestamp": {"type": "date"}, "level": {"type": "keyword"}, "message": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "took": {"type": "double"}}}
    client.indices.create(**args(index=INDEX, body={"settings": {"number_of_shards": 1, "number_of_replicas": 0}, "mappings": mapping}))
    check("create twice", refused(lambda: client.indices.create(index=INDEX), errors.RequestError if is_opensearch else errors.BadRequestError), 400)
    check("mapping", body(client.indices.get_mapping(index=INDEX))[INDEX]["mappings"]["properties"]["level"], {"type": "keyword"})

    actions = ({"_index": INDEX, "_id": str(n), "_source": source} for n, source in enumerate(documents(1_000)))
    done, failed = helpers.bulk(client, actions, chunk_size=300, refresh=True)
    check("bulk helper", (done, failed), (1_000, []))
    results = [ok for ok, _ in helpers.streaming_bulk(client, [{"_op_type": "create", "_index": INDEX, "_id": "1", "x": 1}, {"_op_type": "create", "_index": INDEX, "_id": "new", "level": "INFO"}], raise_on_error=False)]
    check("create says conflict per item", results, [False, True])
    client.delete(index=INDEX, id="new", refresh=True)

    check("count", body(client.count(index=INDEX))["count"], 1_000)
    found = body(client.search(**args(index=INDEX, body={"size": 3, "query": {"bool": {"must": [{"match": {"message": "failed"}}], "filter": [{"range": {"@timestamp": {"gte": "2026-11-01T00:01:00Z"}}}, {"term": {"level": "ERROR"}}]}}, "sort": [{"@timestamp": "desc"}]})))
    wanted = [n for n in range(1_000) if n % 10 == 0 and n % 3 == 2 and n >= 60]
    check("search total", found["hits"]["total"], {"value": len(wanted), "relation": "eq"})
    check("newest first", [hit["_id"] for hit in found["hits"]["hits"]], [str(n) for n in wanted[::-1][:3]])
    aggs = {"levels": {"terms": {"field": "level"}, "aggs": {"took": {"avg": {"field": "took"}}}}, "minutes": {"date_histogram": {"field": "@timestamp", "fixed_interval": "5m"}}}
    found = body(client.search(**args(index=INDEX, body={"size": 0, "aggs": aggs})))["aggregations"]
    check("terms", [(b["key"], b["doc_count"]) for b in found["levels"]["buckets"]], [("INFO", 334), ("ERROR", 333), ("WARN", 333)])
    check("sub-aggregation", round(found["levels"]["buckets"][0]["took"]["value"], 6), round(sum(n / 7 for n in range(0, 1_000, 3)) / 334, 6))
    check("histogram", [b["doc_count"] for b in found["minutes"]["buckets"]], [300, 300, 300, 100])
    check("query_string", body(client.search(index=INDEX, q="message:failed AND level:WARN"))["hits"]["total"]["value"], len([n for n in range(0, 1_000, 10) if n % 3 == 1]))
    check("scan", sum(1 for _ in helpers.scan(client, index=INDEX, size=170, query={"query": {"match_all": {}}})), 1_000)

    check("get", body(client.get(index=INDEX, id="7"))["_source"]["status"], 202)
    check("get of nothing", refused(lambda: client.get(index=INDEX, id="nothing"), errors.NotFoundError), 404)
    check("exists", (bool(client.exists(index=INDEX, id="7")), bool(client.exists(index=INDEX, id="nothing"))), (True, False))
    check("update", body(client.update(**args(index=INDEX, id="7", refresh=True, body={"doc": {"status": 500}})))["result"], "updated")
    check("real-time get", body(client.get(index=INDEX, id="7"))["_version"], 2)
    check("mget", [doc["found"] for doc in body(client.mget(**args(index=INDEX, body={"ids": ["7", "nothing"]})))["docs"]], [True, False])
    check("delete", body(client.delete(index=INDEX, id="7"))["result"], "deleted")
    check("delete by query", body(client.delete_by_query(**args(index=INDEX, refresh=True, conflicts="proceed", body={"query": {"term": {"level": "WARN"}}})))["deleted"], 332)
    check("what is left", body(client.count(index=INDEX))["count"], 667)

    client.indices.put_alias(index=INDEX, name=INDEX + "-alias")
    check("alias", body(client.count(index=INDEX + "-alias"))["count"], 667)
    template = {"index_patterns": [INDEX + "-t*"], "template": {"mappings": {"properties": {"code": {"type": "keyword"}}}}}
    client.indices.put_index_template(**args(name=INDEX, body=template))
    client.index(**({"index": INDEX + "-t1", "body": {"code": 5}} if is_opensearch else {"index": INDEX + "-t1", "document": {"code": 5}}), refresh=True)
    check("template", body(client.indices.get_mapping(index=INDEX + "-t1"))[INDEX + "-t1"]["mappings"]["properties"]["code"], {"type": "keyword"})
    check("field caps", list(body(client.field_caps(index=INDEX, fields="status"))["fields"]["status"]), ["long"])
    check("health", body(client.cluster.health())["status"] in ("green", "yellow"), True)
    check("cat", any(row["index"] == INDEX for row in body(client.cat.indices(format="json"))), True)
    client.indices.delete_index_template(name=INDEX)
    client.indices.delete(index=[INDEX, INDEX + "-t1"])
    check("gone", bool(client.indices.exists(index=INDEX)), False)


def main():
    seen = 0
    for name, is_opensearch in (("opensearchpy", True), ("elasticsearch8", False), ("elasticsearch9", False), ("elasticsearch", False)):
        try:
            module = importlib.import_module(name)
        except ImportError:
            print(f"-- {name}: not installed")
            continue
        helpers = importlib.import_module(name + ".helpers")
        errors = module.exceptions if is_opensearch else module
        kind = module.OpenSearch if is_opensearch else module.Elasticsearch
        run(f"{name} {module.__versionstr__ if hasattr(module, '__versionstr__') else ''}", kind(URL), helpers, errors, is_opensearch)
        seen += 1
    if not seen:
        raise SystemExit("none of the clients is installed")


main()
