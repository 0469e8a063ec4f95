#!/usr/bin/env python3
"""Sends the same random bulks and searches to our server and to a real Elasticsearch 7.0, and compares the answers.

    compare_elastic.py OURS THEIRS [--rounds 2000] [--seed 1]

A round is one bulk (creates, overwrites, partial updates, deletes), and then a dozen of searches: queries, sorts, pages by
search_after and scroll, aggregations, counts, and the small endpoints. Compared are ids, order where the sort determines it, totals,
scores to 1e-5, sources, highlights, aggregations (floats to 1e-9), and of errors status and type. Each new kind of difference is
shrunk, first the request and then the documents, and printed; what is known and justified stands in KNOWN with its reason.
Comparing a server with itself gives none. Exit code 1 when a difference is unexplained. Standard library only.
"""
import argparse
import collections
import copy
import http.client
import json
import math
import random
import re
import socket
import sys
import time
import urllib.parse

from elastic_cases import MAPPING, Cases

ROUNDS_PER_INDEX = 20
SEARCHES = 12
SHRINK_REQUESTS_MAX = 250
SHOWN_MAX = 60
IGNORED = {"took", "_shards", "_type", "index_uuid", "_scroll_id", "_primary_term", "_seq_no", "timed_out", "num_reduce_phases",
           # Newer than 7.0.
           "variance_population", "variance_sampling", "std_deviation_population", "std_deviation_sampling", "upper_population", "lower_population", "upper_sampling", "lower_sampling"}


class Server:
    """One kept connection to one server."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.prefix, self.connection = parts.netloc, parts.path.rstrip("/"), None

    def __call__(self, method, path, body=None, ndjson=False):
        data = None if body is None else (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
        headers = {"Content-Type": "application/x-ndjson" if ndjson else "application/json"} if data is not None else {}
        for attempt in (0, 1):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection(self.host, timeout=60)
                self.connection.request(method, self.prefix + path, data, headers)
                # A server that sends head and body apart would wait 40 ms for the acknowledgement of the first.
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                answer = self.connection.getresponse()
                raw = answer.read()
                break
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt:
                    raise
        try:
            return answer.status, json.loads(raw) if raw else None
        except ValueError:
            return answer.status, {"unreadable": raw[:200].decode(errors="replace")}


# Comparing ----------------------------------------------------------------------------------------------------------------

def close(a, b, relative):
    if a == b:
        return True
    return math.isclose(a, b, rel_tol=relative, abs_tol=1e-12)


def difference(ours, theirs, path=""):
    """The first difference as (path, ours, theirs), or None. Hits are compared as hits wherever they are."""
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return None if ours is theirs else (path, ours, theirs)
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        # What is left of two nearly equal sums has the noise of both.
        relative = 1e-5 if ".sort" in path or path.endswith(("score", ".variance", ".std_deviation", ".upper", ".lower")) else 1e-9
        if path.endswith((".variance", ".std_deviation")) and abs(ours) < 1e-4 and abs(theirs) < 1e-4:
            return None
        return None if close(ours, theirs, relative) else (path, ours, theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if "hits" in theirs and isinstance(theirs["hits"], list) and isinstance(ours.get("hits"), list):
            return hits(ours, theirs, path)
        for key in list(theirs) + [k for k in ours if k not in theirs]:
            if key in IGNORED:
                continue
            if (key in ours) != (key in theirs):
                return f"{path}.{key}", ours.get(key, "(absent)"), theirs.get(key, "(absent)")
            found = difference(ours[key], theirs[key], f"{path}.{key}")
            if found:
                return found
        return None
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return path + ".length", ours, theirs
        for i, (a, b) in enumerate(zip(ours, theirs)):
            found = difference(a, b, f"{path}[{i}]")
            if found:
                return found
        return None
    return None if ours == theirs else (path, ours, theirs)


def sort_key(hit, doc_at):
    keys = hit.get("sort")
    return hit.get("_score") if keys is None else [k for i, k in enumerate(keys) if i not in doc_at]


def name_of(hit):
    return hit.get("_index"), hit.get("_id"), json.dumps(hit.get("_nested"))


def hits(ours, theirs, path, doc_at=(), whole=None):
    """Compares two `hits` objects: keys in order, and within equal keys the same documents, whatever their order."""
    for key in ("total", "max_score"):
        found = difference(ours.get(key), theirs.get(key), f"{path}.{key}")
        if found:
            return found
    a, b = ours["hits"], theirs["hits"]
    if len(a) != len(b):
        return path + ".hits.length", [h.get("_id") for h in a], [h.get("_id") for h in b]
    by_name = {name_of(h): h for h in a}
    start = 0
    while start < len(b):
        end = start + 1
        score = lambda h: "sort" not in h
        while end < len(b) and not difference(sort_key(b[end], doc_at), sort_key(b[start], doc_at), ".score" if score(b[start]) else ""):
            end += 1
        for i in range(start, end):
            found = difference(sort_key(a[i], doc_at), sort_key(b[i], doc_at), f"{path}.hits[{i}].{'_score' if score(b[i]) else 'sort'}")
            if found:
                return found
        mine, other = {name_of(h) for h in a[start:end]}, {name_of(h) for h in b[start:end]}
        if mine != other and not (end == len(b) and whole is False) and not (start == 0 and whole is False):
            return path + ".hits.ids", sorted(x[1] or "" for x in mine - other), sorted(x[1] or "" for x in other - mine)
        start = end
    for i, hit in enumerate(b):
        mine = by_name.get(name_of(hit))
        if mine is not None:
            strip = lambda h: {k: v for k, v in h.items() if k != "sort"}
            found = difference(strip(mine), strip(hit), f"{path}.hits[{i}]")
            if found:
                return found
    return None


def error_of(body):
    error = (body or {}).get("error")
    if not isinstance(error, dict):
        return error
    # The cause is what both tell about; the frame around it (which shards) is not.
    causes = [c.get("type") for c in error.get("root_cause", [])]
    return causes[0] if causes else error.get("type")


def compare_answers(request, ours, theirs):
    """The first difference between two answers (status, body) to one request."""
    if ours[0] != theirs[0]:
        return "status", [ours[0], (ours[1] or {}).get("error") if isinstance(ours[1], dict) else ours[1]], [theirs[0], (theirs[1] or {}).get("error") if isinstance(theirs[1], dict) else None]
    if theirs[0] >= 400 and isinstance(theirs[1], dict) and "error" in theirs[1]:
        if error_of(ours[1]) != error_of(theirs[1]):
            return "error.type", ours[1].get("error"), theirs[1].get("error")
        return None
    a, b = ours[1], theirs[1]
    if not isinstance(a, dict) or not isinstance(b, dict):
        return difference(a, b, "body")
    if "hits" in b and isinstance(b["hits"], dict) and isinstance(a.get("hits"), dict):
        body = request.get("body") or {}
        sort = body.get("sort") or []
        doc_at = {i for i, key in enumerate(sort if isinstance(sort, list) else [sort]) if key == "_doc" or isinstance(key, dict) and "_doc" in key}
        n, size = len(b["hits"]["hits"]), body.get("size", 10)
        whole = n < size and not body.get("from")
        found = hits(a["hits"], b["hits"], "hits", doc_at, whole)
        if found:
            return found
        a, b = ({k: v for k, v in x.items() if k != "hits"} for x in (a, b))
    return difference(a, b, "")


# What is known ------------------------------------------------------------------------------------------------------------

def has(request, *names):
    text = json.dumps(request.get("body"))
    return any(f'"{name}"' in text for name in names)


# (reason, does it explain this difference?): of the request, the path of the difference, our value, their value.
KNOWN = [
    ("7.0 says an empty meta where filters were rewritten", lambda request, path, ours, theirs: path.endswith(".meta") and theirs == {}),
    ("which small buckets sum_other_doc_count has depends on a shard's list", lambda request, path, ours, theirs: path.endswith("sum_other_doc_count") and has(request, "min_doc_count")),
    ("7.0 drops what matches nothing before it reads the rest of the query", lambda request, path, ours, theirs: path.endswith("status") and isinstance(ours, list) and isinstance(theirs, list) and ours[0] == 400 and theirs[0] == 200 and has(request, "match_none")),
    ("not built, and told so before other faults are found", lambda request, path, ours, theirs: path == "error.type" and bool(re.search(r"adjacency_matrix|span_\w+\] queries", json.dumps(ours)))),
    ("7.0 drops score where it is not needed and cannot be told apart: min_score beside a sort", lambda request, path, ours, theirs: path.endswith("_score") and theirs is None and has(request, "min_score", "sort")),
    ("a regexp in the include, a list in the exclude: both are taken", lambda request, path, ours, theirs: "Cannot mix a regex-based" in json.dumps(theirs)),
    ("one shard knows all its terms: no doc_count_error", lambda request, path, ours, theirs: path.endswith("doc_count_error_upper_bound") and ours == 0),
    ("7.0 cannot do it: auto_date_histogram with pipelines", lambda request, path, ours, theirs: "unsupported_operation_exception" in json.dumps(theirs) and has(request, "auto_date_histogram")),
    ("7.0 rounds extended_bounds without the offset", lambda request, path, ours, theirs: "aggregations" in path and has(request, "extended_bounds") and has(request, "offset")),
    ("objects are no fields in field_caps", lambda request, path, ours, theirs: path.startswith(".fields.") and isinstance(theirs, dict) and bool(set(theirs) & {"object", "nested"})),
    ("significant_terms: Elasticsearch's background has its hidden nested documents", lambda request, path, ours, theirs: ".sig." in path),
    ("7.0 moves numbers by the time zone of a date_range", lambda request, path, ours, theirs: "aggregations" in path and has(request, "date_range") and has(request, "time_zone") and bool(re.search(r'"(from|to)": \d', json.dumps(request.get("body"))))),
    ("words that are nearly the wanted one count alike, in Elasticsearch by likeness and rarity", lambda request, path, ours, theirs: "score" in path and (has(request, "fuzzy", "fuzziness") or "~1" in json.dumps(request.get("body")))),
    ("not built: answered 400 with its name", lambda request, path, ours, theirs: path.endswith("status") and isinstance(ours, list) and ours[0] == 400 and bool(re.search(
        r"Unknown aggregation type \[(adjacency_matrix)\]|\[(span_\w+)\] queries are not supported|inside of a (group of a )?regexp", json.dumps(ours, ensure_ascii=False)))),
    ("which part of a partition a term is in is each server's own", lambda request, path, ours, theirs: has(request, "num_partitions")),
    ("7.0 interpolates percentiles by its own t-digest", lambda request, path, ours, theirs: ".values" in path and has(request, "percentiles", "percentile_ranks") or has(request, "median_absolute_deviation") and path.endswith("value")),
    ("7.0 says the type in reasons of items", lambda request, path, ours, theirs: path.endswith("error.reason") and ".items" in path),

    ("7.0 forgets to look up terms in the filters of aggregations: 500", lambda request, path, ours, theirs: "async actions are left" in json.dumps(theirs)),
]


def known(request, found):
    path, ours, theirs = found
    for reason, explains in KNOWN:
        if explains(request, path, ours, theirs):
            return reason
    return None


# Shrinking ----------------------------------------------------------------------------------------------------------------

def smaller(value):
    """Smaller variants of a JSON value, the boldest first."""
    if isinstance(value, dict) and "seq" in value:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("bool", "must", "should", "filter", "must_not", "constant_score", "dis_max", "queries", "function_score", "query", "boosting", "positive", "negative"):
                for candidate in (inner if isinstance(inner, list) else [inner]):
                    for found in queries_in(candidate):
                        yield found
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
        for key, inner in value.items():
            for found in smaller(inner):
                yield {**value, key: found}
    elif isinstance(value, list):
        for i in range(len(value)):
            yield value[:i] + value[i + 1:]
        for i, inner in enumerate(value):
            for found in smaller(inner):
                yield value[:i] + [found] + value[i + 1:]
    elif isinstance(value, str) and " " in value:
        words = value.split(" ")
        for i in range(len(words)):
            yield " ".join(words[:i] + words[i + 1:])


def queries_in(value):
    if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), dict):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            for candidate in inner if isinstance(inner, list) else [inner]:
                if isinstance(candidate, dict) and len(candidate) == 1:
                    yield candidate


def shape_of(found):
    """What stays the same while a difference is shrunk: where it is, what is missing, and of a status what both said."""
    said = str([[side[0], (side[1] or {}).get("type") if isinstance(side[1], dict) else None] for side in found[1:]]) if found[0].endswith("status") and isinstance(found[1], list) else str([error_of({"error": side}) for side in found[1:]]) if found[0] == "error.type" else ""
    return re.sub(r"\[\d+\]|\d+", "", found[0]), found[1] == "(absent)", found[2] == "(absent)", said


class Shrinker:
    def __init__(self, both):
        self.both, self.left = both, SHRINK_REQUESTS_MAX

    def differs(self, request, shape):
        self.left -= 1
        if request.get("pages") and not any(isinstance(key, dict) and "seq" in key for key in request["body"].get("sort", [])):
            return None
        try:
            found = self.both.ask(request)
        except OSError:
            return None
        return found if found and shape_of(found) == shape and not known(request, found) else None

    def request(self, request, found):
        shape, progress = shape_of(found), True
        while progress and self.left > 0 and request.get("body") is not None:
            progress = False
            for body in smaller(request["body"]):
                if self.left <= 0:
                    break
                again = self.differs({**request, "body": body}, shape)
                if again:
                    request, found, progress = {**request, "body": body}, again, True
                    break
        return request, found

    def documents(self, request, found, mapping, documents):
        """The fewest documents, put into a fresh index each time, that still show the difference; None when it needs more than that."""
        shape, self.left = shape_of(found), 40

        def differs(subset):
            self.both.fresh("shrunk", mapping)
            self.both.bulk("".join(json.dumps({"index": {"_index": "shrunk", "_id": name}}) + "\n" + json.dumps(source, ensure_ascii=False) + "\n" for name, source in subset))
            return self.differs({**request, "path": re.sub(r"^/[^/]+/", "/shrunk/", request["path"])}, shape)

        if not documents or not differs(documents):
            return None
        chunk = (len(documents) + 1) // 2
        while chunk and self.left > 0:
            at = 0
            while at < len(documents) and self.left > 0:
                less = documents[:at] + documents[at + chunk:]
                again = differs(less) if less else None
                if again:
                    documents, found = less, again
                else:
                    at += chunk
            chunk //= 2
        return documents, found


# Rounds -------------------------------------------------------------------------------------------------------------------

class Both:
    def __init__(self, ours, theirs):
        self.ours, self.theirs, self.statuses = Server(ours), Server(theirs), collections.Counter()

    def send(self, *request, **options):
        return self.ours(*request, **options), self.theirs(*request, **options)

    def fresh(self, index, mapping):
        self.send("DELETE", "/" + index)
        answers = self.send("PUT", "/" + index, {"settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1", "translog.durability": "async", "soft_deletes.enabled": False}} | ({"mappings": mapping} if mapping else {}))
        assert all(status == 200 for status, _ in answers), answers

    def bulk(self, lines):
        answers = self.send("POST", "/_bulk", lines, ndjson=True)
        # Overwritten documents count in Elasticsearch's scores until they are merged away.
        self.send("POST", "/_forcemerge?max_num_segments=1&flush=false")
        self.send("POST", "/_refresh")
        return answers

    def ask(self, request):
        """Sends one request to both and gives the first difference. A request with `pages` is asked page by page."""
        if request.get("pages"):
            return self.pages(request)
        if request["path"] == "/_msearch":
            return self.several(request)
        ours, theirs = self.send(request["method"], request["path"], request.get("body"))
        self.statuses[theirs[0]] += 1
        return compare_answers(request, ours, theirs)

    def several(self, request):
        lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for body in request["body"] for line in ({"index": request["index"]}, body))
        ours, theirs = self.send("POST", "/_msearch", lines, ndjson=True)
        for i, body in enumerate(request["body"]):
            of = lambda answer: (answer[1]["responses"][i].get("status"), answer[1]["responses"][i]) if answer[0] == 200 else answer
            found = compare_answers({"body": body}, of(ours), of(theirs))
            if found:
                return f"msearch.{found[0]}", found[1], found[2]
        return None

    def pages(self, request):
        """All pages, by search_after or scroll, each server with its own cursors: the same documents in the same order."""
        lists = []
        for server in (self.ours, self.theirs):
            body, found, pages = copy.deepcopy(request["body"]), [], 0
            path = request["path"] + ("?scroll=1m" if request["pages"] == "scroll" else "")
            status, answer = server("POST", path, body)
            while status == 200 and pages < 100 and answer["hits"]["hits"]:
                pages += 1
                found += [h["_id"] for h in answer["hits"]["hits"]]
                if request["pages"] == "scroll":
                    status, answer = server("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": answer["_scroll_id"]})
                else:
                    body["search_after"] = answer["hits"]["hits"][-1]["sort"]
                    status, answer = server("POST", path, body)
            if request["pages"] == "scroll" and status == 200:
                server("DELETE", "/_search/scroll", {"scroll_id": answer["_scroll_id"]})
            lists.append({"status": status, "error": error_of(answer) if status >= 400 else None, "pages": pages, "ids": found})
        return difference(*lists, "pages")


def requests_of(cases, rng, expression):
    """The requests of one round."""
    search = lambda body, path="_search": {"method": "POST", "path": f"/{expression}/{path}", "body": body}
    for _ in range(SEARCHES):
        roll = rng.random()
        if roll < .48:
            yield search(cases.search())
        elif roll < .85:
            yield search(cases.aggregated())
        elif roll < .91:
            sort = [s for s in cases.sort() if not (isinstance(s, dict) and ("seq" in s or "_doc" in s or "absent" in s or "message" in s)) and s not in ("seq", "message", "_score")]
            yield search({"query": cases.query(1), "size": rng.choice([1, 7, 30]) + 3, "sort": sort + [{"seq": "asc"}]}) | {"pages": rng.choice(["search_after", "scroll"])}
        elif roll < .94:
            yield search({"query": cases.query(2)}, "_count")
        elif roll < .96:
            yield {"method": "POST", "path": "/_msearch", "index": expression, "body": [cases.aggregated(), cases.search(), cases.search()]}
        else:
            yield small(cases, rng, expression)


def small(cases, rng, expression):
    index = expression.split(",")[0].replace("*", "a")
    text = cases.lucene(1)
    return rng.choice([
        {"method": "GET", "path": f"/{index}/_doc/d{rng.randint(0, 30)}"}, {"method": "GET", "path": f"/{index}/_source/d{rng.randint(0, 30)}"},
        {"method": "POST", "path": f"/{index}/_mget", "body": {"ids": ["d1", "d3", "absent"]}},
        {"method": "GET", "path": f"/{expression}/_search?" + urllib.parse.urlencode({"q": text, "size": 500, "sort": "seq:desc"}), "body": None},
        {"method": "GET", "path": f"/{expression}/_count?" + urllib.parse.urlencode({"q": text, "df": "message"})},
        {"method": "POST", "path": f"/{index}/_analyze", "body": {"text": cases.line(), "analyzer": rng.choice(["standard", "simple", "whitespace", "keyword", "stop", "cjk"])}},
        {"method": "POST", "path": f"/{index}/_analyze", "body": {"text": cases.line(), "field": rng.choice(cases.fields.text + cases.fields.keyword[:1])}},
        {"method": "GET", "path": f"/{expression}/_field_caps?fields=*e*,s*"},
    ])


class Comparison:
    def __init__(self, both, seed, shown):
        self.both, self.seed, self.shown, self.signatures = both, seed, shown, {}
        self.kinds, self.reasons, self.requests = collections.Counter(), collections.Counter(), 0

    def report(self, number, request, found, context):
        reason = known(request, found)
        if reason:
            self.reasons[reason] += 1
            return
        self.kinds[shape_of(found)[0]] += 1
        if sum(self.signatures.values()) >= self.shown:
            return
        shrinker = Shrinker(self.both)
        request, found = shrinker.request(request, found)
        signature = shape_of(found), tuple(sorted(set(re.findall(r'"(\w+)": [\[{]', json.dumps(request.get("body"))))))
        if signature in self.signatures:
            return
        self.signatures[signature] = 1
        print(f"--- round {number} (seed {self.seed}): {request['method']} {request['path']} {request.get('pages', '')}\n    {json.dumps(request.get('body'), ensure_ascii=False)}")
        self.show(found)
        if "," not in request["path"] and "*" not in request["path"] and request["path"].count("/") == 2 and not request["path"].startswith("/_"):
            index = request["path"].split("/")[1]
            _, all_of = self.both.theirs("POST", f"/{index}/_search", {"size": 5000, "sort": ["seq"]})
            less = shrinker.documents(request, found, context["mapping"], [(h["_id"], h["_source"]) for h in all_of["hits"]["hits"]]) if "hits" in all_of else None
            if less:
                print(f"    with only {len(less[0])} documents:")
                for name, source in less[0][:4]:
                    print(f"      {name}: {json.dumps(source, ensure_ascii=False)[:600]}")
                self.show(less[1])
        sys.stdout.flush()

    @staticmethod
    def show(found):
        print(f"    at     {found[0]}\n    ours   {json.dumps(found[1], ensure_ascii=False)[:500]}\n    theirs {json.dumps(found[2], ensure_ascii=False)[:500]}")

    def rounds(self, first, n):
        for number in range(first, first + n):
            epoch = number // ROUNDS_PER_INDEX
            if number == first or number % ROUNDS_PER_INDEX == 0:
                dynamic = epoch % 4 == 3
                ids = {"app-a": [], "app-b": []}
                cases = Cases(random.Random(f"{self.seed}/{epoch}"), dynamic)
                for index in ids:
                    self.both.fresh(index, None if dynamic else MAPPING)
            cases.rng = rng = random.Random(f"{self.seed}/{epoch}/{number}")
            context = {"mapping": None if dynamic else MAPPING}
            index = rng.choice(["app-a", "app-a", "app-b"])
            lines = cases.bulk(index, ids[index], rng.randint(3, 40))
            ours, theirs = self.both.bulk(lines)
            found = compare_answers({"body": lines}, ours, theirs)
            if found:
                self.report(number, {"method": "POST", "path": "/_bulk", "body": None}, found, context)
            expression = rng.choice(["app-a", "app-a", "app-a", "app-b", "app-a,app-b", "app-*"])
            for request in requests_of(cases, rng, expression):
                self.requests += 1
                found = self.both.ask(request)
                if found:
                    self.report(number, request, found, context)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the first round (a multiple of %d to repeat one)" % ROUNDS_PER_INDEX)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--shown", type=int, default=SHOWN_MAX, help="different differences to be shrunk and printed")
    options = parser.parse_args()
    both, began = Both(options.ours, options.theirs), time.monotonic()
    comparison = Comparison(both, options.seed, options.shown)
    comparison.rounds(options.first, options.rounds)
    print(f"{options.rounds} rounds, {comparison.requests} requests in {time.monotonic() - began:.0f} s; unexplained: {sum(comparison.kinds.values())}; explained: {sum(comparison.reasons.values())}; "
          f"statuses {dict(both.statuses)}")
    for kind, n in comparison.kinds.most_common():
        print(f"  unexplained {n:6} {kind}")
    for reason, n in comparison.reasons.most_common():
        print(f"  explained   {n:6} {reason}")
    sys.exit(1 if comparison.kinds else 0)


if __name__ == "__main__":
    main()
