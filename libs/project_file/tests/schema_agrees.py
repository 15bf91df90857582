#!/usr/bin/python3
"""Proves that config/project.schema.json and the reader of project files agree.

good/           both accept
bad/            both refuse
beyond_schema/  the schema accepts, the reader refuses: what parts of a file say together

Random changes of the good files are compared as well. Needs python3-jsonschema and python3-yaml; without them
the test fails.
"""

import argparse
import copy
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

SEED = 20250301
MUTANTS = 3000
LEAST = {"good": 12, "bad": 40, "beyond_schema": 10}

# What only the reader can refuse, by its own sentences. All else the schema has to refuse too.
BEYOND_SCHEMA = re.compile(
    r"of its own, found|duplicate field|that the component's ports or defineComponentLinks declare|"
    r"a link that a component|links without a circle|each variable once|that no other|"
    r"a duration from|an amount of memory|a number of CPUs|a command whose first word is not empty")


class ProjectLoader(yaml.SafeLoader):
    """YAML as the reader sees it: true, false, null and JSON's numbers; everything else is text."""

    yaml_implicit_resolvers = {}


JSON_INTEGER = r"-?(?:0|[1-9][0-9]*)"
ProjectLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
ProjectLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
ProjectLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(rf"^{JSON_INTEGER}$"), list("-0123456789"))
ProjectLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(rf"^{JSON_INTEGER}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"), list("-0123456789"))


def pattern_of_ecma(validator, pattern, instance, schema):
    """JSON Schema's $ is the end of the text; Python's also stands before a last newline."""
    if not validator.is_type(instance, "string"):
        return
    expression = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    if not re.search(expression, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def load(path):
    """The document, or an exception when the text is not JSON or YAML at all."""
    if path.suffix == ".json":
        return json.loads(path.read_bytes())
    return yaml.load(path.read_bytes(), Loader=ProjectLoader)


def schema_verdict(validator, path):
    try:
        document = load(path)
    except (ValueError, yaml.YAMLError) as why:
        return f"not readable: {why}"
    error = next(iter(validator.iter_errors(document)), None)
    return None if error is None else f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"


def reader_verdicts(program, paths):
    """Path -> None or the first problem."""
    out = {}
    for start in range(0, len(paths), 500):
        some = map(str, paths[start:start + 500])
        done = subprocess.run([program, *some], check=True, capture_output=True, timeout=100)
        for line in done.stdout.decode().splitlines():
            verdict, path, *problem = line.split("\t")
            out[path] = None if verdict == "ok" else " ".join(problem)
    if set(out) != set(map(str, paths)):
        raise RuntimeError("the verdict program did not answer for every file")
    return out


def check_corpus(validator, program, corpus):
    failures = []
    for kind, least in LEAST.items():
        paths = sorted(p for p in (corpus / kind).iterdir() if p.suffix in (".json", ".yaml"))
        if len(paths) < least:
            failures.append(f"{kind}: expected at least {least} files, found {len(paths)}")
        reader = reader_verdicts(program, paths)
        for path in paths:
            by_schema, by_reader = schema_verdict(validator, path), reader[str(path)]
            if (by_schema is None) != (kind != "bad"):
                failures.append(f"{kind}/{path.name}: schema says {by_schema or 'ok'}")
            if (by_reader is None) != (kind == "good"):
                failures.append(f"{kind}/{path.name}: reader says {by_reader or 'ok'}")
        print(f"{kind}: {len(paths)} files")
    return failures


def every_description(schema, failures):
    """Descriptions are the help that editors show: each field has one, its own or its target's."""
    def visit(node, path):
        if isinstance(node, dict):
            for name, field in node.get("properties", {}).items():
                target = schema["$defs"][field["$ref"].rsplit("/", 1)[1]] if "$ref" in field else {}
                if not (field.get("description") or target.get("description")):
                    failures.append(f"schema: {path}/{name} has no description")
            if node.get("type") == "object" and "additionalProperties" not in node:
                failures.append(f"schema: {path} leaves additionalProperties open")
            for key, value in node.items():
                visit(value, f"{path}/{key}")
        elif isinstance(node, list):
            for index, value in enumerate(node):
                visit(value, f"{path}/{index}")
    visit(schema, "")


SCALARS = [
    "", "x", "X", "a b", "a:1", "a/b", "A/b", "a//b", "a__b", "a___b", "a--b", "-a", "a-", "a\n", "é",
    "\u0000", "'", "/", "//", "/x", "/x y", "/x\n", "/x:y", "./x", "x:ro", "{container_id}",
    "v-{container_id}", "0", "1", "007", "08", "8888", "65535", "65536", "100", "101", "1000", "1001",
    "-1", "1.5", "1e3", "1.s", ".5s", "05s", "5s", "1.5m", "5 s", "721h", "0ms", "0s", "5sec", "6m", "5m",
    "64M", "64mb", "64MiB", "64mi", "1.5GiB", "6291456", "1p", "tcp", "http", "https", "exec",
    "connection", "kill", "keep", "SIGTERM", "TERM", "sigterm", "SIG", "SIGRTMIN+3", "RTMIN+16",
    "RTMAX-14", "RTMAX-15", "64", "32", "SIG9", "::1", "::", "1.2.3.4", "1.2.3", "256.1.1.1", "01.2.3.4",
    "::ffff:1.2.3.4", "fe80::1%lo", "1::2::3", "localhost/x", "localhost:5000/x", "host:5000/x",
    "host:/x", "host:123456/x", "a.b/c", "a..b/c", ".a/c", "-a.b/c", "root:", ":root", "root:root", "a=b",
    "=", "PATH", "io.gantryd.x", "io.gantryd", "true", "x" * 63, "x" * 64, "x" * 129, "x" * 256, 0, 1, -1,
    3, 31, 32, 33, 34, 64, 65, 80, 100, 101, 1000, 1001, 65535, 65536, 1.5, 0.5, 0.001, 0.0005, 0.01,
    0.009, 2.0, 6291455, 6291456, 2592000, 2592001, 2592000000, 2592000001, 1e300, True, False, None,
]
KEYS = [
    "$schema", "name", "repo", "tag", "command", "exec_command", "user", "instances", "ports", "kind",
    "port", "path", "id", "interval", "timeout", "rise", "fall", "grace", "bind", "value", "alias",
    "labels", "io.gantryd.x", "memory", "nonsense", "",
]


def places(node, found):
    """Every (container, key) of the document."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(items):
        found.append((node, key))
        places(value, found)
    return found


def mutate(chance, document):
    for _ in range(chance.choice([1, 1, 2])):
        all_places = places(document, [])
        if not all_places:
            return
        container, key = chance.choice(all_places)
        action = chance.randrange(8)
        if action == 0:
            del container[key]
        elif action == 1 and isinstance(container, dict):
            container[chance.choice(KEYS)] = chance.choice(SCALARS)
        elif action == 2 and isinstance(container, dict):
            container[chance.choice(KEYS)] = container.pop(key)
        elif action == 3:
            check = {"kind": "tcp", "port": 80}
            container[key] = chance.choice([[], {}, [container[key]], check, [chance.choice(SCALARS)]])
        elif action == 4:
            other, other_key = chance.choice(all_places)
            container[key] = copy.deepcopy(other[other_key])
        else:
            container[key] = chance.choice(SCALARS)


def check_mutants(validator, program, corpus):
    """The schema must never be stricter than the reader, and looser only where it cannot be otherwise."""
    chance = random.Random(SEED)
    originals = [load(p) for p in sorted((corpus / "good").iterdir()) if p.suffix in (".json", ".yaml")]
    failures, tally = [], {"ok": 0, "bad": 0, "beyond": 0}
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(MUTANTS):
            document = copy.deepcopy(chance.choice(originals))
            mutate(chance, document)
            paths.append(pathlib.Path(folder, f"{number}.json"))
            paths[-1].write_text(json.dumps(document).replace("Infinity", "1e999"), encoding="utf-8")
        reader = reader_verdicts(program, paths)
        for path in paths:
            by_schema, by_reader = schema_verdict(validator, path), reader[str(path)]
            if by_schema is None and by_reader is not None and BEYOND_SCHEMA.search(by_reader):
                tally["beyond"] += 1
            elif (by_schema is None) != (by_reader is None):
                failures.append(
                    f"mutant {path.name} of seed {SEED}: schema says {by_schema or 'ok'}; "
                    f"reader says {by_reader or 'ok'}\n    {path.read_text()[:3000]}")
            else:
                tally["ok" if by_schema is None else "bad"] += 1
    print(f"mutants: {tally}")
    if min(tally.values()) < 10:
        failures.append(f"the mutants are one-sided: {tally}")
    return failures


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--schema", type=pathlib.Path, required=True)
    options.add_argument("--corpus", type=pathlib.Path, required=True)
    options.add_argument("--verdict", required=True)
    chosen = options.parse_args()
    schema = json.loads(chosen.schema.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": pattern_of_ecma})
    validator = checker(schema, format_checker=jsonschema.FormatChecker(["ipv4", "ipv6"]))
    failures = check_corpus(validator, chosen.verdict, chosen.corpus)
    every_description(schema, failures)
    failures += check_mutants(validator, chosen.verdict, chosen.corpus)
    for failure in failures[:20]:
        print(failure, file=sys.stderr)
    if failures:
        sys.exit(f"{len(failures)} disagreements")


main()
