"""Random documents, queries, sorts and aggregations in the language of Elasticsearch 7.0, for compare_elastic.py.

Everything comes from one seeded `random.Random`, so that a round is repeated by its seed. Only what a 7.0 server without modules has
is made: `interval` for `fixed_interval`, no scripts, no composable templates. Standard library only.
"""
import datetime
import json

MESSAGES = [
    "connection refused by upstream {ip} after {n} ms", "GET /api/v1/orders/{n} HTTP/1.1 {status}", "user {word} logged in from {ip}",
    "failed to parse payload: unexpected token at position {n}", "로그인에 실패했습니다 사용자 {word}", "결제서비스에서 주문번호를 찾을 수 없습니다 {n}",
    "주문API호출실패 timeout발생 {word}", "データベース接続エラー {n} が発生しました", "数据库连接失败 请重试 {word}", "level:error code={status} order_id={n}",
    "Slow query took {n}.{status}s: select * from users where id = {n}", "it's {word}'s turn, ｅｒｒｏｒ ＦＵＬＬ width", "retry retry retry {word}",
    "disk /dev/sda{n} is 97.5% full", "c.e.payment.OrderService - cache MISS for key user:{n}", "Ünïcödé naïve café {word} ß", "cache hit cache miss cache",
    "😀 done 👍 {word}", "[WARN] http-nio-8080-exec-{n} deadline exceeded; v1.2.3", "", "   ", "-", "a b c d e f g {word}", "the quick brown fox {word} over the lazy dog",
]
WORDS = ["timeout", "Error", "warning", "cache", "database", "payment", "order", "user", "session", "token", "fox", "disk", "retry", "failed",
         "로그인", "실패", "주문", "서버", "エラー", "失败", "연결이", "HTTP", "upstream", "refused", "kafka_lag", "x-1", "naïve", "ß"]
TRACE = ("java.lang.IllegalStateException: {word} not ready\n\tat com.foo.{word}.Handler.handle(Handler.java:{n})\n"
         "\tat com.foo.Main.main(Main.java:12)\nCaused by: java.net.SocketTimeoutException: Read timed out\n\t... {n} more")
LEVELS = ["debug", "info", "warn", "error", "ERROR", "fatal"]
SERVICES = ["api", "web", "billing", "auth-service", "결제", "db_1", "Api"]
TAGS = ["a", "b", "c", "prod", "dev", "eu-west", "한국", "x y"]
IPS = ["10.0.0.1", "10.0.0.2", "10.0.1.77", "192.168.1.5", "172.16.3.4", "::1", "2001:db8::1", "255.255.255.255", "8.8.8.8"]
ZONES = ["Asia/Seoul", "America/New_York", "Australia/Lord_Howe", "+05:30", "UTC", "Europe/Berlin", "-08:00"]
HOUR = 3_600_000
DAY = 24 * HOUR
# Days on which clocks change somewhere, an ordinary one, a turn of the year, and one before the epoch's double digits.
CENTRES = ["2026-03-08T07:00:00", "2026-11-01T06:00:00", "2026-04-04T15:00:00", "2026-10-03T15:30:00", "2026-03-29T01:00:00", "2025-12-31T23:00:00",
           "2026-06-15T12:00:00", "1970-01-02T00:00:00"]

KEYWORD = {"type": "keyword"}
MAPPING = {"properties": {
    "@timestamp": {"type": "date"}, "when": {"type": "date", "format": "yyyy/MM/dd HH:mm:ss||epoch_millis"},
    "message": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 60}}}, "trace": {"type": "text"},
    "title": {"type": "text", "analyzer": "cjk"}, "level": KEYWORD, "service": KEYWORD, "tags": KEYWORD, "host": {"properties": {"name": KEYWORD, "cpu": {"type": "double"}}},
    "status": {"type": "integer"}, "bytes": {"type": "long"}, "codes": {"type": "long"}, "small": {"type": "short"}, "duration": {"type": "double"},
    "ratio": {"type": "float"}, "samples": {"type": "double"}, "ok": {"type": "boolean"}, "client": {"type": "ip"}, "seq": {"type": "long"},
    "n": {"type": "nested", "properties": {"k": KEYWORD, "v": {"type": "long"}, "t": {"type": "text"}}}}}


def iso(ms):
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


class Fields:
    """The names by kind: with the explicit mapping, or as the dynamic rules give them."""

    def __init__(self, dynamic):
        k = ".keyword" if dynamic else ""
        self.dynamic = dynamic
        self.text = ["message", "trace", "title"] + (["level", "service", "tags"] if dynamic else [])
        self.keyword = ["level" + k, "service" + k, "tags" + k, "host.name" + k, "message" + (k or ".raw")]
        self.long = ["status", "bytes", "codes", "small", "seq"]
        self.double = ["duration", "ratio", "samples", "host.cpu"]
        self.boolean = ["ok"]
        self.date = ["@timestamp"] + ([] if dynamic else ["when"])
        self.ip = [] if dynamic else ["client"]
        self.numeric = self.long + self.double
        self.all = self.text + self.keyword + self.numeric + self.boolean + self.date + self.ip


class Cases:
    def __init__(self, rng, dynamic=False):
        self.rng, self.fields = rng, Fields(dynamic)
        self.centre = int(datetime.datetime.fromisoformat(rng.choice(CENTRES)).replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)
        self.width = rng.choice([2 * HOUR, DAY, 4 * DAY, 60 * DAY, 700 * DAY])
        self.seq = 0

    # Documents ------------------------------------------------------------------------------------------------------

    def time(self):
        unit = self.rng.choice([1, 1000, 60_000, HOUR // 2, HOUR])
        return (self.centre + self.rng.randint(-self.width // 2, self.width // 2)) // unit * unit

    def line(self):
        rng = self.rng
        line = rng.choice(MESSAGES).format(ip=rng.choice(IPS), n=rng.randint(1, 30), word=rng.choice(WORDS), status=rng.choice([200, 404, 500]))
        return line + (" " + rng.choice(WORDS) if rng.random() < .3 else "")

    def document(self):
        rng, some = self.rng, lambda p=.8: self.rng.random() < p
        many = lambda one: [one() for _ in range(rng.randint(0, 4))] if some(.7) else one()
        self.seq += 1
        d = {"seq": self.seq, "@timestamp": iso(self.time()) if some() or self.fields.dynamic else self.time()}
        if some(.95):
            d["message"] = self.line() if some(.95) else [self.line(), self.line()]
        if some(.2):
            d["trace"] = TRACE.format(word=rng.choice(WORDS), n=rng.randint(1, 99))
        if some(.5):
            d["title"] = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 5)))
        for name, values in (("level", LEVELS), ("service", SERVICES)):
            if some():
                d[name] = rng.choice(values)
        if some(.6):
            d["tags"] = many(lambda: rng.choice(TAGS))
        if some(.7):
            d["host"] = {"name": "h" + str(rng.randint(1, 5))} | ({"cpu": rng.randint(0, 400) / 4 + .5} if some(.6) else {})
        self.numbers(d, some, many)
        if some(.6):
            d["ok"] = some(.5)
        if not self.fields.dynamic:
            self.explicit(d, some)
        if some(.1):
            d[rng.choice(["level", "tags", "ok", "bytes", "message"])] = None
        if some(.05):
            d["empty"] = rng.choice([[], {}, [None], None])
        return d

    def numbers(self, d, some, many):
        rng = self.rng
        if some():
            d["status"] = rng.choice([200, 200, 201, 301, 404, 500, 503])
        if some(.6):
            d["bytes"] = rng.choice([0, 1, -5, 1 << 40, 2 ** 53, rng.randint(0, 10_000)])
        if some(.4):
            d["codes"] = many(lambda: rng.randint(-3, 12))
        if some(.4):
            d["small"] = rng.randint(-300, 300)
        if some(.7):
            d["duration"] = rng.choice([0.0, rng.random() * 100, rng.randint(0, 50) / 4, 1e-3])
        if some(.4):
            d["ratio"] = rng.choice([.5, .25, 1.5, rng.randint(0, 100) / 8])
        if some(.4):
            d["samples"] = many(lambda: rng.randint(-40, 40) / 4 + .125)

    def explicit(self, d, some):
        """What only the explicit mapping takes as both do: coerced values, addresses, nested documents, other date formats."""
        rng = self.rng
        if some(.5):
            d["client"] = rng.choice(IPS) if some() else [rng.choice(IPS), rng.choice(IPS)]
        if some(.5):
            at = self.time() // 1000 * 1000
            d["when"] = iso(at)[:19].replace("-", "/").replace("T", " ") if some(.7) else at
        if some(.3):
            d["n"] = [{"k": rng.choice("abc"), "v": rng.randint(0, 9), "t": rng.choice(WORDS)} for _ in range(rng.randint(1, 3))]
        if some(.1):
            d.update(rng.choice([{"status": "404"}, {"bytes": "17"}, {"duration": "2.5"}, {"level": 7}, {"level": True}, {"ok": "true"}, {"message": 404},
                                 {"status": 3.7}, {"tags": ["a", 5, True]}, {"samples": ["1.5", 2]}, {"ok": ["true", False]}, {"host.name": "dotted"}, {"small": "12"}]))

    def bulk(self, index, ids, n):
        """`n` actions as lines; `ids` is the list of ids in use."""
        rng, lines = self.rng, []
        for _ in range(n):
            roll = rng.random()
            if roll < .75 or not ids:
                name = f"d{len(ids)}"
                ids.append(name)
                lines += [{rng.choice(["index", "create"]): {"_index": index, "_id": name}}, self.document()]
            elif roll < .80:
                lines += [{"create": {"_index": index, "_id": rng.choice(ids)}}, self.document()]
            elif roll < .86:
                lines += [{"index": {"_index": index, "_id": rng.choice(ids)}}, self.document()]
            elif roll < .95:
                part = {k: v for k, v in self.document().items() if rng.random() < .3}
                body = {"doc": part} | ({"doc_as_upsert": True} if rng.random() < .2 else {})
                lines += [{"update": {"_index": index, "_id": rng.choice(ids + ["absent"] if "doc_as_upsert" not in body else ids)}}, body]
            else:
                lines += [{"delete": {"_index": index, "_id": rng.choice(ids + ["absent"])}}]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    # Queries --------------------------------------------------------------------------------------------------------

    def words(self, most=3):
        rng = self.rng
        if rng.random() < .25:
            return self.line()
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))

    def value(self, field):
        rng, f = self.rng, self.fields
        base = field.replace(".keyword", "")
        if field in f.keyword:
            return rng.choice({"level": LEVELS, "service": SERVICES, "tags": TAGS, "host.name": ["h1", "h2", "h3"]}.get(base) or [self.line()])
        if field in f.long:
            return rng.choice([200, 404, 500, rng.randint(-5, 20), rng.randint(0, self.seq + 1), 0])
        if field in f.double:
            return rng.choice([.5, 1.5, rng.randint(0, 50) / 4, -3, 10])
        if field in f.boolean:
            return rng.choice([True, False, "true", "false"])
        if field in f.ip:
            return rng.choice(IPS)
        if field in f.date:
            return self.date(field)
        return rng.choice(WORDS)

    def date(self, field):
        at = self.time()
        if field == "when":
            return iso(at)[:19].replace("-", "/").replace("T", " ")
        return self.rng.choice([iso(at), at, iso(at)[:10], iso(at)[:16], iso(at)[:19] + "||/d", iso(at)[:10] + "||+1d/h", iso(at)[:10] + "||-1M/M"])

    def range(self):
        rng, f = self.rng, self.fields
        field = rng.choice(f.numeric + f.date * 3 + f.keyword + f.ip)
        body = {}
        low, high = self.value(field), self.value(field)
        if field in f.numeric and low > high or field in f.keyword and str(low) > str(high):
            low, high = high, low
        if rng.random() < .85:
            body[rng.choice(["gte", "gt"])] = low
        if rng.random() < .7 or not body:
            body[rng.choice(["lte", "lt"])] = high
        if field in f.date and rng.random() < .4:
            body["time_zone"] = rng.choice(ZONES[:4])
            if field == "@timestamp":
                body = {k: (v if k == "time_zone" else iso(self.time())[:19 if rng.random() < .5 else 10]) for k, v in body.items()}
        elif field == "@timestamp" and rng.random() < .2:
            body = {k: self.time() for k in body} | {"format": "epoch_millis"}
        return {"range": {field: body | self.extra()}}

    def extra(self):
        rng = self.rng
        return ({"boost": rng.choice([2, .5])} if rng.random() < .08 else {}) | ({"_name": "q" + str(rng.randint(1, 3))} if rng.random() < .05 else {})

    def query(self, depth=2):
        rng = self.rng
        kinds = LEAVES if depth == 0 or rng.random() < .55 else COMPOUNDS
        kind = rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        return getattr(self, "q_" + kind)(depth)

    def q_match_all(self, _):
        return {"match_all": self.extra()}

    def q_match_none(self, _):
        return {"match_none": {}}

    def q_range(self, _):
        return self.range()

    def q_match(self, _):
        rng, f = self.rng, self.fields
        field = rng.choice(f.text * 4 + f.all)
        if field not in f.text:
            return {"match": {field: {"query": self.value(field)} | self.extra() if rng.random() < .5 else self.value(field)}}
        body = {"query": self.words(4)} | self.extra()
        if rng.random() < .3:
            body["operator"] = rng.choice(["and", "or", "AND"])
        if rng.random() < .2:
            body["minimum_should_match"] = rng.choice([1, 2, "50%", "-1", "2<75%", "-30%", "3"])
        if rng.random() < .2:
            body["fuzziness"] = rng.choice(["AUTO", 1, 2, 0, "AUTO:3,6"])
            if rng.random() < .3:
                body["prefix_length"] = rng.randint(0, 2)
        if rng.random() < .1:
            body["zero_terms_query"] = rng.choice(["all", "none"])
        if rng.random() < .1:
            body["analyzer"] = rng.choice(["standard", "keyword", "whitespace", "simple"])
        return {"match": {field: body}}

    def q_match_phrase(self, _):
        rng = self.rng
        words = self.line().split()
        at = rng.randint(0, max(len(words) - 1, 0))
        body = {"query": " ".join(words[at:at + rng.randint(1, 4)])} | self.extra()
        if rng.random() < .4:
            body["slop"] = rng.randint(0, 4)
        return {"match_phrase": {rng.choice(self.fields.text): body}}

    def q_match_phrase_prefix(self, _):
        rng = self.rng
        words = self.line().split() or ["a"]
        at = rng.randint(0, len(words) - 1)
        last = words[at:at + rng.randint(1, 3)]
        last[-1] = last[-1][:rng.randint(1, 4)]
        body = {"query": " ".join(last)} | ({"slop": 1} if rng.random() < .2 else {}) | ({"max_expansions": 50} if rng.random() < .2 else {})
        return {"match_phrase_prefix": {rng.choice(self.fields.text): body}}

    def q_multi_match(self, _):
        rng, f = self.rng, self.fields
        kind = rng.choice(["best_fields", "most_fields", "phrase", "phrase_prefix", "cross_fields", "best_fields"])
        fields = rng.sample(f.text, rng.randint(1, 3)) + ([rng.choice(f.keyword)] if rng.random() < .3 and kind != "phrase_prefix" else [])
        if rng.random() < .2:
            fields[0] += "^2"
        body = {"query": self.words(3), "fields": fields, "type": kind}
        if rng.random() < .15:
            body["fields"] = rng.choice([["mess*", "title"], ["t*"], ["*"]])
            body["lenient"] = True
        if rng.random() < .3 and "phrase" not in kind:
            body["operator"] = rng.choice(["and", "or"])
        if rng.random() < .2 and kind in ("best_fields", "most_fields"):
            body["tie_breaker"] = .3
        if rng.random() < .15 and "phrase" not in kind:
            body["minimum_should_match"] = rng.choice(["50%", 2])
        return {"multi_match": body}

    def lucene(self, depth=2):
        rng, f = self.rng, self.fields
        if depth and rng.random() < .5:
            parts = [self.lucene(depth - 1) for _ in range(rng.randint(2, 3))]
            text = parts[0]
            for part in parts[1:]:
                text += rng.choice([" ", " AND ", " OR ", " && ", " || ", " NOT ", " AND NOT "]) + part
            return f"({text})" if rng.random() < .6 else text
        word, field, keyword = rng.choice(WORDS), rng.choice(f.text), rng.choice(f.keyword[:4])
        number, kind = rng.choice(f.numeric), rng.randint(0, 17)
        quoted = json.dumps(" ".join(self.line().replace("\\", "").replace('"', "").split()[:3]) or "x", ensure_ascii=False)
        return [word, word, f"{field}:{word}", quoted, f"{field}:{quoted}", f"{quoted}~2", f"+{word}", f"-{word}", f"{field}:{word[:3]}*", f"{word}~1",
                f"{word}^2", f"{number}:[{rng.randint(-5, 5)} TO {rng.randint(5, 600)}]", f"{number}:>={rng.randint(-5, 300)}", f"{keyword}:{rng.choice(LEVELS)}",
                f"_exists_:{rng.choice(f.all)}", f"{field}:({word} {rng.choice(WORDS)})", f"{field}:/{word[:2].lower()}.*/", f"{number}:{{{rng.randint(0, 10)} TO *}}"][kind].replace("x-1", "x\\-1") \
            if kind != 10 or rng.random() < .7 else rng.choice(["*", f"{field}:*", f"{field}:?{word[1:4].lower()}*", f"mess*:{word}", f"\\*:{word}", f"NOT {word}"])

    def q_query_string(self, _):
        rng, f = self.rng, self.fields
        body = {"query": self.lucene()}
        if rng.random() < .4:
            body["fields" if rng.random() < .5 else "default_field"] = rng.sample(f.text, 1)
            if "default_field" in body:
                body["default_field"] = body["default_field"][0]
        elif rng.random() < .2:
            body["fields"] = [f.text[0] + "^2", f.text[1]]
        if rng.random() < .3:
            body["default_operator"] = "and"
        if rng.random() < .3:
            body["analyze_wildcard"] = True
        if rng.random() < .2:
            body["lenient"] = True
        if rng.random() < .1:
            body["minimum_should_match"] = rng.choice([1, "50%"])
        if rng.random() < .08:
            body["query"] = rng.choice(["[ERROR] failed", "a AND", 'x "y', "path:/var/log/*", "a:b:c", "(", "AND", "!", "status:abc", "12:30:01", "message:", "@timestamp:2026",
                                        "status:[1 TO", "", "  ", "foo:bar", "*:*", "ok:true", "ok:maybe", "status:404", "@timestamp:[2026-01-01 TO 2026-12-31]", "@timestamp:>2026-03-01"])
        return {"query_string": body}

    def q_simple_query_string(self, _):
        rng, f = self.rng, self.fields
        word = lambda: rng.choice(WORDS)
        text = " ".join(rng.choice([word(), word(), f"+{word()}", f"-{word()}", f"| {word()}", f'"{word()} {word()}"', f"{word()[:3]}*", f"{word()}~1", f"({word()} | {word()})",
                                    '"', "(", "[ERROR]", "\\", f'"{word()} {word()}"~3']) for _ in range(rng.randint(1, 4)))
        body = {"query": text}
        if rng.random() < .6:
            body["fields"] = rng.sample(f.text, rng.randint(1, 2))
        if rng.random() < .3:
            body["default_operator"] = "and"
        if rng.random() < .1:
            body["flags"] = rng.choice(["OR|AND|PREFIX", "NONE", "ALL"])
        return {"simple_query_string": body}

    def q_term(self, _):
        rng, f = self.rng, self.fields
        field = rng.choice(f.all)
        value = self.value(field)
        if field in f.text and rng.random() < .7:
            value = value.lower()
        if field in f.ip and rng.random() < .3:
            value = rng.choice(["10.0.0.0/16", "2001:db8::/32", "0.0.0.0/0"])
        return {"term": {field: value if rng.random() < .5 else {"value": value} | self.extra()}}

    def q_terms(self, _):
        field = self.rng.choice(self.fields.all)
        return {"terms": {field: [self.value(field) for _ in range(self.rng.randint(0, 4))]}}

    def q_terms_lookup(self, _):
        return {"terms": {self.rng.choice(self.fields.keyword[:3]): {"index": "app-a", "id": "d" + str(self.rng.randint(0, 9)), "path": self.rng.choice(["level", "tags", "service"])}}}

    def q_exists(self, _):
        return {"exists": {"field": self.rng.choice(self.fields.all + ["host", "absent", "n", "n.k", "empty", "_id", "_source", "_index"][:2 + self.rng.randint(0, 3)])} | self.extra()}

    def q_ids(self, _):
        return {"ids": {"values": ["d" + str(self.rng.randint(0, 60)) for _ in range(self.rng.randint(0, 5))]}}

    def q_prefix(self, _):
        rng, f = self.rng, self.fields
        field = rng.choice(f.keyword + f.text)
        value = str(self.value(field))[:rng.randint(1, 3)]
        return {"prefix": {field: value.lower() if field in f.text else value}}

    def q_wildcard(self, _):
        rng, f = self.rng, self.fields
        field = rng.choice(f.keyword + f.text)
        value = str(self.value(field))[:6]
        value = value.lower() if field in f.text else value
        at = rng.randint(0, len(value))
        return {"wildcard": {field: rng.choice([value[:at] + "*", "*" + value[at:], value[:at] + "?" + value[at + 1:], "*", "?*", value[:1] + "*" + value[-1:]])} if rng.random() < .6
                else {field: {"value": "*" + value[at:at + 2] + "*"} | self.extra()}}

    def q_regexp(self, _):
        rng, f = self.rng, self.fields
        return {"regexp": {rng.choice(f.keyword + f.text): rng.choice(["e.*", "[a-d]+.*", "h[1-3]", "h<1-3>", "(api|web)", "t.?m.*", ".{2,4}", "a&b|~c", "warn@", "~(e.*)", "[^e].*", "로.+", "(er)+or", "@", "un.known",
                                                                     "\\p", "[0-9]{1,2}", "fox?", "(a", ".*\"x\".*"])}}

    def q_fuzzy(self, _):
        rng, f = self.rng, self.fields
        field = rng.choice(f.keyword[:3] + f.text)
        word = rng.choice(["eror", "wran", "tiemout", "cach", "fix", "bilings", "ordr", "실패했습니까", "usr", "a"])
        body = {"value": word} | ({"fuzziness": rng.choice([1, 2, "AUTO", 0])} if rng.random() < .5 else {}) | ({"prefix_length": 1} if rng.random() < .2 else {}) \
            | ({"transpositions": False} if rng.random() < .2 else {})
        return {"fuzzy": {field: body}}

    def q_span(self, _):
        rng = self.rng
        field = rng.choice(["message", "trace"])
        term = lambda: {"span_term": {field: rng.choice(WORDS + ["after", "by", "cache", "is", "at", "com", "a", "b", "c"]).lower()}}
        near = lambda: {"span_near": {"clauses": [term(), term()], "slop": rng.randint(0, 6), "in_order": rng.random() < .5}}
        either = lambda: {"span_or": {"clauses": [term(), term()]}}
        return rng.choice([term, near, near, either, lambda: {"span_first": {"match": term(), "end": rng.randint(1, 4)}}, lambda: {"span_not": {"include": either(), "exclude": term()}},
                           lambda: {"span_multi": {"match": {"prefix": {field: rng.choice(["ca", "re", "t"])}}}}, lambda: {"span_containing": {"big": near(), "little": term()}},
                           lambda: {"span_within": {"big": near(), "little": term()}}])()

    def q_intervals(self, _):
        rng = self.rng
        match = lambda: {"match": {"query": self.words(2)} | ({"max_gaps": rng.randint(0, 4)} if rng.random() < .5 else {}) | ({"ordered": True} if rng.random() < .5 else {})}
        rule = rng.choice([match, match, lambda: {"any_of": {"intervals": [match(), match()]}},
                           lambda: {"all_of": {"intervals": [match(), match()], "ordered": rng.random() < .5, "max_gaps": rng.choice([-1, 2, 5])}}])
        return {"intervals": {rng.choice(["message", "trace"]): rule()}}

    def q_bool(self, depth):
        rng, body = self.rng, {}
        for name, p in (("must", .5), ("filter", .5), ("should", .5), ("must_not", .3)):
            if rng.random() < p:
                clauses = [self.query(depth - 1) for _ in range(rng.randint(1, 3))]
                body[name] = clauses[0] if len(clauses) == 1 and rng.random() < .5 else clauses
        if "should" in body and rng.random() < .3:
            body["minimum_should_match"] = rng.choice([0, 1, 2, "50%", "-1"])
        return {"bool": body | self.extra()}

    def q_constant_score(self, depth):
        return {"constant_score": {"filter": self.query(depth - 1)} | self.extra()}

    def q_dis_max(self, depth):
        return {"dis_max": {"queries": [self.query(depth - 1) for _ in range(self.rng.randint(1, 3))]} | ({"tie_breaker": .4} if self.rng.random() < .5 else {})}

    def q_boosting(self, depth):
        return {"boosting": {"positive": self.query(depth - 1), "negative": self.query(depth - 1), "negative_boost": .3}}

    def q_nested(self, depth):
        rng = self.rng
        if self.fields.dynamic:
            return self.q_match(depth)
        inner = rng.choice([{"term": {"n.k": rng.choice("abc")}}, {"range": {"n.v": {"gte": rng.randint(0, 9)}}}, {"match": {"n.t": rng.choice(WORDS)}},
                            {"bool": {"must": [{"term": {"n.k": rng.choice("abc")}}, {"term": {"n.v": rng.randint(0, 9)}}]}}, {"exists": {"field": "n.v"}}])
        return {"nested": {"path": "n", "query": inner} | ({"score_mode": rng.choice(["avg", "max", "min", "sum", "none"])} if rng.random() < .5 else {})}

    def q_function_score(self, depth):
        rng = self.rng
        functions = [rng.choice([{"weight": 3, "filter": self.query(0)}, {"filter": self.query(0), "weight": .5},
                                 {"field_value_factor": {"field": rng.choice(["small2", "status"]), "factor": 1.5, "modifier": rng.choice(["none", "log1p", "sqrt", "square", "ln1p"]), "missing": 2}},
                                 {"gauss": {"status": {"origin": 300, "scale": 100, "offset": 10, "decay": .4}}}, {"linear": {"status": {"origin": 400, "scale": 50}}},
                                 {"exp": {"status": {"origin": 200, "scale": 90}}}]) for _ in range(rng.randint(1, 3))]
        return {"function_score": {"query": self.query(depth - 1), "functions": functions} | ({"score_mode": rng.choice(["multiply", "sum", "avg", "first", "max", "min"])} if rng.random() < .6 else {})
                | ({"boost_mode": rng.choice(["multiply", "replace", "sum", "avg", "max", "min"])} if rng.random() < .6 else {}) | ({"max_boost": 4} if rng.random() < .2 else {})
                | ({"min_score": 1} if rng.random() < .1 else {})}

    # Searches -------------------------------------------------------------------------------------------------------

    def sort(self):
        rng, f = self.rng, self.fields
        keys = []
        for _ in range(rng.randint(1, 2)):
            field = rng.choice(f.keyword[:4] + f.numeric + f.date + f.boolean + f.ip + (["absent", "message"] if rng.random() < .1 else []))
            body = {"order": rng.choice(["asc", "desc"])}
            if rng.random() < .3:
                body["missing"] = rng.choice(["_first", "_last"] + ([5] if field in f.numeric else []))
            if rng.random() < .3 and field in f.numeric:
                body["mode"] = rng.choice(["min", "max", "sum", "avg", "median"])
            if field == "absent":
                body["unmapped_type"] = rng.choice(["boolean", "long", "keyword"])
            keys.append(rng.choice([{field: body}, {field: body}, {field: body["order"]}, field]) if field != "absent" or rng.random() < .1 else {field: body})
        if rng.random() < .2:
            keys.insert(0, "_score")
        if rng.random() < .6:
            keys.append({"seq": rng.choice(["asc", "desc"])})
        elif rng.random() < .3:
            keys.append({"_doc": "desc"})
        return keys

    def search(self):
        rng, f = self.rng, self.fields
        body = {"query": self.query(rng.choice([0, 1, 2])), "size": rng.choice([500, 500, 500, 10, 3, 0])}
        if rng.random() < .4:
            body["sort"] = self.sort()
        if rng.random() < .1:
            body["from"] = rng.randint(0, 20)
        if rng.random() < .15:
            body["_source"] = rng.choice([False, "level", ["host.*", "seq"], {"includes": ["*"], "excludes": ["message", "n"]}, {"excludes": ["host"]}, ["h*"], "n.k", []])
        if rng.random() < .1:
            body["docvalue_fields"] = rng.sample(f.keyword[:4] + f.numeric + f.date[1:] + f.boolean + f.ip, 2) + [{"field": "@timestamp", "format": rng.choice(["epoch_millis", "yyyy-MM-dd", "date_time"])}]
        if rng.random() < .1:
            body["track_total_hits"] = rng.choice([True, False, 5])
        if rng.random() < .08:
            body["post_filter"] = self.query(0)
        if rng.random() < .05:
            body["min_score"] = rng.choice([.5, 1, 2])
        if rng.random() < .06:
            body["version"] = body["seq_no_primary_term"] = True
        if rng.random() < .04 and "sort" in body:
            body["track_scores"] = True
        if rng.random() < .05:
            body["collapse"] = {"field": rng.choice([f.keyword[0], f.keyword[1], "status"])}
            body.pop("from", None)
        if rng.random() < .12:
            body["highlight"] = self.highlight()
        return body

    def highlight(self):
        rng = self.rng
        body = {"fields": rng.choice([{"message": {}}, {"message": {}, "trace": {}, "title": {}}, {"*": {}}, {"mess*": {}}])}
        if rng.random() < .6:
            body["number_of_fragments"] = 0
        if rng.random() < .4:
            body["pre_tags"], body["post_tags"] = ["<b>"], ["</b>"]
        if rng.random() < .3:
            body["require_field_match"] = False
        return body

    # Aggregations ---------------------------------------------------------------------------------------------------

    def aggregations(self, depth=2):
        rng = self.rng
        return {"a" + str(i): self.aggregation(depth) for i in range(rng.randint(1, 2 if depth < 2 else 3))}

    def aggregation(self, depth):
        rng = self.rng
        if depth == 0 or rng.random() < .35:
            return self.metric()
        name = ""
        while not name or name == "composite" and depth < 2:
            name, _ = rng.choices(BUCKETS, [w for _, w in BUCKETS])[0]
        body = getattr(self, "a_" + name)()
        if rng.random() < .5 and depth > 1 or rng.random() < .3:
            body.setdefault("aggs", {}).update(self.aggregations(depth - 1))
        if "date_histogram" in body or "histogram" in body:
            self.pipelines(body)
        if rng.random() < .03:
            body["meta"] = {"k": [1]}
        return body

    def metric(self):
        rng, f = self.rng, self.fields
        numeric = rng.choice(f.numeric)
        kind = rng.choice(["min", "max", "avg", "sum", "value_count", "stats", "extended_stats", "cardinality", "percentiles", "percentile_ranks", "top_hits", "weighted_avg",
                           "median_absolute_deviation"])
        if kind == "cardinality" or kind == "value_count":
            return {kind: {"field": rng.choice(f.keyword + f.numeric + f.date + f.boolean + f.ip)}}
        if kind == "percentiles":
            return {kind: {"field": numeric} | ({"percents": [10, 50, 99.9]} if rng.random() < .5 else {}) | ({"keyed": False} if rng.random() < .3 else {})}
        if kind == "percentile_ranks":
            return {kind: {"field": numeric, "values": [0, 10.5, 300]}}
        if kind == "top_hits":
            return {kind: {"sort": [{"seq": rng.choice(["asc", "desc"])}], "size": rng.randint(1, 4), "_source": rng.choice([["seq", "level"], False])}}
        if kind == "weighted_avg":
            return {kind: {"value": {"field": "duration"}, "weight": {"field": "ratio"} | ({"missing": 2} if rng.random() < .5 else {})}}
        field = rng.choice(f.date) if kind in ("min", "max", "stats", "avg") and rng.random() < .2 else numeric
        body = {"field": field}
        if rng.random() < .15 and field == numeric:
            body["missing"] = 7
        if kind == "extended_stats" and rng.random() < .3:
            body["sigma"] = 3
        if rng.random() < .04:
            body["field"] = rng.choice(["absent", "message", f.keyword[0]])
        return {kind: body}

    def interval(self):
        rng, width = self.rng, self.width
        if width <= DAY:
            return rng.choice(["1m" if width < DAY else "5m", "15m", "30m", "1h", "hour", "90m", "1d", "12h", "40m"])
        if width <= 4 * DAY:
            return rng.choice(["1h", "30m", "day", "1d", "3h", "12h", "2d", "36h"])
        return rng.choice(["1d", "week", "1w", "month", "1M", "quarter", "1q", "year", "7d", "30d"] + (["6h"] if width < 90 * DAY else []))

    def a_date_histogram(self):
        rng, f = self.rng, self.fields
        body = {"field": rng.choice(f.date * 4 + ["absent"] * (rng.random() < .1)), "interval": self.interval()}
        if rng.random() < .7:
            body["time_zone"] = rng.choice(ZONES)
        if rng.random() < .5:
            body["min_doc_count"] = rng.choice([0, 1, 2])
        if rng.random() < .2:
            body["offset"] = rng.choice(["+1h", "-30m", "90s"])
        if rng.random() < .2:
            low = self.time()
            body["extended_bounds"] = {"min": low, "max": low + self.width // 2}
            body["min_doc_count"] = 0
            if body["field"] == "when":
                body["field"] = "@timestamp"
        if rng.random() < .2:
            body["format"] = rng.choice(["epoch_millis", "yyyy-MM-dd HH:mm", "strict_date_time", "yyyy-MM-dd'T'HH:mmXXX", "MM"])
        if rng.random() < .1:
            body["keyed"] = True
        if rng.random() < .15:
            body["order"] = rng.choice([{"_key": "desc"}, {"_count": "asc"}, {"_count": "desc"}])
        return {"date_histogram": body}

    def a_terms(self):
        rng, f = self.rng, self.fields
        field = rng.choice(f.keyword * 2 + f.numeric + f.boolean * 3 + f.date[:1] + f.ip * 2)
        body = {"field": field}
        if rng.random() < .5:
            body["size"] = rng.choice([1, 3, 5, 50, 1000])
        if rng.random() < .4:
            body["order"] = rng.choice([{"_key": "asc"}, {"_key": "desc"}, {"_count": "asc"}, [{"_count": "desc"}, {"_key": "desc"}], {"m": "desc"}, {"s.max": "asc"}])
        if rng.random() < .2:
            body["missing"] = {"ok": True, "client": "9.9.9.9", "@timestamp": self.centre}.get(field, "none" if field in f.keyword else -1)
        if rng.random() < .2:
            body["min_doc_count"] = rng.choice([0, 1, 2, 5])
        if rng.random() < .15 and field in f.keyword:
            body["include"] = rng.choice(["e.*", "[a-d].*", ["api", "error", "a"]])
            if rng.random() < .3:
                body["exclude"] = rng.choice(["er.*", ["api"]])
        elif rng.random() < .1 and field in f.long:
            body["include"] = rng.choice([[200, 404], {"partition": 1, "num_partitions": 3}])
        elif rng.random() < .05 and field in f.keyword:
            body["include"] = {"partition": 0, "num_partitions": 2}
        if rng.random() < .1:
            body["show_term_doc_count_error"] = True
        agg = {"terms": body}
        order = json.dumps(body.get("order", ""))
        if '"m"' in order:
            agg["aggs"] = {"m": {rng.choice(["max", "sum", "avg", "cardinality"]): {"field": rng.choice(f.numeric)}}}
        if "s.max" in order:
            agg["aggs"] = {"s": {"stats": {"field": rng.choice(f.numeric)}}}
        return agg

    def a_filter(self):
        return {"filter": self.query(1)}

    def a_filters(self):
        rng = self.rng
        names = [self.query(0) for _ in range(rng.randint(1, 3))]
        body = {"filters": names if rng.random() < .4 else {"f" + str(i): q for i, q in enumerate(names)}}
        if rng.random() < .4:
            body |= rng.choice([{"other_bucket": True}, {"other_bucket_key": "rest"}])
        return {"filters": body}

    def a_range(self):
        rng = self.rng
        ranges = []
        for _ in range(rng.randint(1, 4)):
            low = rng.choice([-3, 0, 1.5, 10, 200])
            ranges.append(rng.choice([{"from": low, "to": low + rng.choice([5, 100.5])}, {"to": low}, {"from": low}, {"from": low, "key": "k" + str(low)}]))
        return {"range": {"field": rng.choice(self.fields.numeric), "ranges": ranges} | ({"keyed": True} if rng.random() < .3 else {})}

    def a_date_range(self):
        rng = self.rng
        day = iso(self.time())[:10]
        body = {"field": "@timestamp", "ranges": [rng.choice([{"to": day}, {"from": day}, {"from": day + "||-1d/d", "to": day + "||+1d/d"}, {"from": self.time()}, {"from": day + "T05:00", "to": day + "T06:30:00"}]) for _ in range(rng.randint(1, 3))]}
        if rng.random() < .4:
            body["time_zone"] = rng.choice(ZONES)
        if rng.random() < .3:
            body["format"] = "yyyy-MM-dd||epoch_millis" if not any("T" in str(v) for r in body["ranges"] for v in r.values()) else "yyyy-MM-dd'T'HH:mm[:ss]||yyyy-MM-dd||epoch_millis"
        return {"date_range": body | ({"keyed": True} if rng.random() < .2 else {})}

    def a_ip_range(self):
        if self.fields.dynamic:
            return self.a_range()
        return {"ip_range": {"field": "client", "ranges": self.rng.sample([{"mask": "10.0.0.0/24"}, {"to": "10.0.0.2"}, {"from": "10.0.0.2"}, {"from": "10.0.0.0", "to": "192.168.255.255"}, {"mask": "2001:db8::/32"}], 2)}}

    def a_histogram(self):
        rng = self.rng
        body = {"field": rng.choice(["status", "codes", "small", "duration", "ratio", "samples", "host.cpu"]), "interval": rng.choice([10, 5, 50, 100, 7.5])}
        if rng.random() < .3:
            body["offset"] = rng.choice([1, 2.5])
        if rng.random() < .4:
            body["min_doc_count"] = rng.choice([0, 1, 2])
        if rng.random() < .2:
            body["extended_bounds"] = {"min": -50, "max": 250}
            body["min_doc_count"] = 0
        if rng.random() < .15:
            body["missing"] = 3
        if rng.random() < .15:
            body["keyed"] = True
        if rng.random() < .15:
            body["order"] = rng.choice([{"_key": "desc"}, {"_count": "desc"}])
        return {"histogram": body}

    def a_missing(self):
        return {"missing": {"field": self.rng.choice(self.fields.keyword + self.fields.numeric + self.fields.boolean + ["absent"])}}

    def a_nested(self):
        if self.fields.dynamic:
            return self.a_terms()
        inner = self.rng.choice([{"terms": {"field": "n.k"}}, {"stats": {"field": "n.v"}}, {"terms": {"field": "n.k"}, "aggs": {"r": {"reverse_nested": {}, "aggs": {"l": {"terms": {"field": "level"}}}}}}])
        return {"nested": {"path": "n"}, "aggs": {"i": inner}}

    def a_composite(self):
        rng, f = self.rng, self.fields
        sources = []
        for i in range(rng.randint(1, 3)):
            order = {"order": rng.choice(["asc", "desc"])} if rng.random() < .4 else {}
            missing = {"missing_bucket": True} if rng.random() < .25 else {}
            sources.append({"s" + str(i): rng.choice([{"terms": {"field": rng.choice(f.keyword[:4] + f.long + f.boolean)} | order | missing}, {"histogram": {"field": rng.choice(["status", "small"]), "interval": 50} | order},
                                                      {"date_histogram": {"field": "@timestamp", "interval": self.interval()} | order | ({"time_zone": rng.choice(ZONES)} if rng.random() < .5 else {})
                                                       | ({"format": "yyyy-MM-dd"} if rng.random() < .2 else {})}])})
        return {"composite": {"sources": sources, "size": rng.choice([3, 10, 1000])}}

    def a_significant_terms(self):
        rng, f = self.rng, self.fields
        heuristic = rng.choice([{}, {"chi_square": {}}, {"gnd": {}}, {"mutual_information": {"include_negatives": True}}, {"percentage": {}}, {"jlh": {}}])
        return {"filter": {"term": {f.keyword[0]: rng.choice(LEVELS)}}, "aggs": {"sig": {"significant_terms": {"field": rng.choice(f.keyword[1:4]), "min_doc_count": rng.choice([1, 2, 3])} | heuristic}}}

    def a_sampler(self):
        return {"sampler": {"shard_size": 100000}, "aggs": self.aggregations(0)}

    def a_adjacency_matrix(self):
        return {"adjacency_matrix": {"filters": {name: self.query(0) for name in "abc"}}}

    def a_auto_date_histogram(self):
        return {"auto_date_histogram": {"field": "@timestamp", "buckets": self.rng.choice([3, 10, 40])} | ({"time_zone": self.rng.choice(ZONES)} if self.rng.random() < .3 else {})}

    def pipelines(self, body):
        """Adds pipelines below a histogram; 7.0 asks that its empty buckets are there for most of them."""
        rng = self.rng
        if rng.random() > .35:
            return
        kind, options = next(iter(body.items()))
        options["min_doc_count"] = 0
        options.pop("order", None)
        options.pop("keyed", None)
        inner = body.setdefault("aggs", {})
        inner["m"] = {rng.choice(["sum", "max", "avg", "value_count"]): {"field": rng.choice(self.fields.double)}}
        for i in range(rng.randint(1, 2)):
            path = rng.choice(["m", "_count"])
            gap = {"gap_policy": rng.choice(["skip", "insert_zeros"])} if rng.random() < .5 else {}
            inner["p" + str(i)] = rng.choice([{"derivative": {"buckets_path": path} | gap | ({"unit": "1h"} if kind == "date_histogram" and rng.random() < .4 else {})}, {"cumulative_sum": {"buckets_path": path}},
                                              {"serial_diff": {"buckets_path": path, "lag": rng.choice([1, 2, 7])} | gap}, {"moving_avg": {"buckets_path": path, "window": 3, "model": rng.choice(["simple", "linear", "ewma"])} | gap}])
        if rng.random() < .2:
            inner["bs"] = {"bucket_sort": {"sort": [{rng.choice(["m", "_count"]): {"order": "desc"}}, {"_key": {"order": "asc"}}], "size": 5, "from": rng.randint(0, 2)}}

    def aggregated(self):
        """A search for aggregations, now and then with pipelines beside a histogram."""
        rng = self.rng
        body = {"size": 0, "aggs": self.aggregations()}
        if rng.random() < .5:
            body["query"] = self.query(1)
        if rng.random() < .2:
            histogram = self.a_date_histogram()
            histogram["date_histogram"].pop("keyed", None)
            histogram["aggs"] = {"m": {rng.choice(["sum", "avg", "max"]): {"field": rng.choice(self.fields.double)}}}
            body["aggs"]["h"] = histogram
            for i in range(rng.randint(1, 3)):
                kind = rng.choice(["avg_bucket", "max_bucket", "min_bucket", "sum_bucket", "stats_bucket", "extended_stats_bucket", "percentiles_bucket"])
                body["aggs"]["b" + str(i)] = {kind: {"buckets_path": rng.choice(["h>m", "h>_count"])}}
        if rng.random() < .05:
            body["aggs"]["g"] = {"global": {}, "aggs": self.aggregations(0)}
        return body


LEAVES = [("match_all", 3), ("match_none", 1), ("range", 8), ("match", 9), ("match_phrase", 6), ("match_phrase_prefix", 3), ("multi_match", 5), ("query_string", 10), ("simple_query_string", 5), ("term", 8),
          ("terms", 4), ("terms_lookup", 1), ("exists", 4), ("ids", 2), ("prefix", 3), ("wildcard", 3), ("regexp", 3), ("fuzzy", 2), ("span", 2), ("intervals", 2), ("nested", 2)]
COMPOUNDS = [("bool", 10), ("constant_score", 2), ("dis_max", 1), ("boosting", 1), ("function_score", 1)]
BUCKETS = [("date_histogram", 8), ("terms", 8), ("filter", 2), ("filters", 3), ("range", 3), ("date_range", 3), ("ip_range", 1), ("histogram", 4), ("missing", 1), ("nested", 2), ("composite", 4),
           ("significant_terms", 1), ("sampler", 1), ("adjacency_matrix", 1), ("auto_date_histogram", 2)]
