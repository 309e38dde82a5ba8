"""A workload for fleetmark's process protocol: two operations, no dependency. See docs/process-protocol.md."""
import json
import sys
import time


def read(key):
    return STORE.get(key)


def write(key):
    STORE[key] = len(STORE)


STORE = {}
OPERATIONS = {"read": read, "write": write}


def say(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


for line in sys.stdin:
    asked = json.loads(line)
    if asked["type"] == "hello":
        say(type="ready", protocol=1, operations=list(OPERATIONS))
    elif asked["type"] == "begin":
        results = []
        for operation in asked["operations"]:
            result, began = {"id": operation["id"]}, time.perf_counter_ns()
            try:
                OPERATIONS[operation["name"]](operation.get("input"))
            except Exception as problem:
                result |= {"error": "other", "message": repr(problem)}
            result["duration_ns"] = time.perf_counter_ns() - began
            results.append(result)
        say(type="done", results=results)
